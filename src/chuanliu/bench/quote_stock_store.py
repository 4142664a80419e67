"""Quotes by the ten thousand: copies of ones that were made, under ids of their own; and what banks are still asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import psycopg

from chuanliu.ids import first_id_at

_WORKER_OF_IDS: Final = 254
"""Not one that a process of the platform would lease soon."""

_COPY: Final = """
    INSERT INTO quote (cell, quote_id, consumer_id, merchant_id, order_id, currency, amount_minor, status, choice,
        offers, sponsors, shares, created_at, expires_at)
    SELECT q.cell, (%(first_id)s + ((n.n >> 7) << 23) + (n.n & 127)) | (q.cell::bigint << 15), q.consumer_id,
        q.merchant_id, NULL, q.currency, q.amount_minor, 'offered', NULL, q.offers, '{}', '{}', q.created_at,
        q.expires_at
    FROM generate_series(0::bigint, %(count)s - 1) AS n (n)
    JOIN unnest(%(quotes)s::bigint[]) WITH ORDINALITY AS t (quote_id, place)
        ON t.place = n.n %% cardinality(%(quotes)s::bigint[]) + 1
    JOIN quote q ON q.cell = (t.quote_id >> 15 & 255)::smallint AND q.quote_id = t.quote_id
    RETURNING quote_id, consumer_id
"""


def copy_quotes(database_url: str, quotes: Sequence[int], count: int) -> list[tuple[int, int]]:
    """So many copies of these quotes, taken in turn: id and consumer of each."""
    first_id = first_id_at(time.time_ns() // 1_000_000 - (count >> 7) - 1) | _WORKER_OF_IDS << 7
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(_COPY, {"first_id": first_id, "quotes": list(quotes), "count": count}).fetchall()
    return [(int(quote_id), int(consumer_id)) for quote_id, consumer_id in rows]


def confirmed_quotes(database_url: str) -> int:
    """How many quotes are held."""
    return _count(database_url, "SELECT count(*) FROM quote WHERE status = 'confirmed'")


def due_calls(database_url: str) -> int:
    """Calls that a bank has not answered yet."""
    return _count(database_url, "SELECT count(*) FROM bank_call WHERE status = 'due'")


def _count(database_url: str, sql: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
