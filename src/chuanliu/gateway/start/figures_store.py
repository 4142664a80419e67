"""Live figures from the database: exact, and cheap however much is stored.

Transfers and deliveries are only ever added, under ids that carry the time. What is older than a minute can no longer
change, for no transaction lives that long: it is counted once and kept. Every question counts only what came since.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any, Final

import psycopg
from psycopg_pool import AsyncConnectionPool

from chuanliu.ids import CELLS, first_id_at
from chuanliu.money import currency
from chuanliu.web import LiveFigures

_CACHED_S: Final = 1.0
_BUCKET_MILLIS: Final = 5_000
_SETTLED_BUCKETS: Final = 12
_BUCKETS: Final = 48
_RATE_BUCKETS: Final = 2
_BACKLOG_MAX: Final = 100_000
_REAL_CELLS: Final = list(range(CELLS))
_ID_MAX: Final = 2**63 - 1
_TIME_SHIFT: Final = 23

_MOVED: Final = """
    SELECT (transfer_id >> %(shift)s) / %(millis)s AS bucket, kind, count(*), sum(amount_minor)::bigint
    FROM transfer
    WHERE cell = ANY (%(cells)s) AND transfer_id >= %(first)s AND transfer_id < %(end)s
        AND kind IN ('payment', 'refund') AND debit_account_id & 1023 = %(currency)s
    GROUP BY 1, 2
"""
_MADE: Final = """
    SELECT count(*) FROM delivery
    WHERE cell = ANY (%(cells)s) AND delivery_id >= %(first)s AND delivery_id < %(end)s
"""
_WAITING: Final = """
    SELECT (SELECT count(*) FROM (SELECT FROM delivery WHERE status = 'due' LIMIT %(most)s) d),
        (SELECT count(*) FROM (SELECT FROM delta LIMIT %(most)s) f),
        (SELECT count(*) FROM (SELECT FROM outbox LIMIT %(most)s) o)
"""


class FigureReader:
    """One process's figures; any number of processes show the same ones. Amounts in other currencies are left out."""

    def __init__(self, reads: AsyncConnectionPool[Any], currency_code: str = "CNY") -> None:
        self._reads = reads
        self._currency = currency_code
        self._lock = asyncio.Lock()
        self._figures = LiveFigures(currency=currency_code)
        self._read_at = -_CACHED_S
        self._settled = _Count()
        self._settled_until = 0

    async def read(self) -> LiveFigures:
        """The figures of this second."""
        async with self._lock:
            if time.monotonic() - self._read_at >= _CACHED_S:
                async with self._reads.connection() as connection:
                    self._figures = await self._count(connection, time.time_ns() // 1_000_000)
                self._read_at = time.monotonic()
        return self._figures

    async def _count(self, connection: psycopg.AsyncConnection[Any], now_millis: int) -> LiveFigures:
        present = (first_id_at(now_millis) >> _TIME_SHIFT) // _BUCKET_MILLIS
        # The bound lies on a border of buckets, so that no bucket is counted in two parts.
        settled_bucket = present - _SETTLED_BUCKETS
        settled_until = settled_bucket * _BUCKET_MILLIS << _TIME_SHIFT
        if settled_until > self._settled_until:
            self._settled.add(await self._read_range(connection, self._settled_until, settled_until))
            self._settled.forget_before(present - _BUCKETS)
            self._settled_until = settled_until
        fresh = await self._read_range(connection, self._settled_until, _ID_MAX)
        row = await (await connection.execute(_WAITING, {"most": _BACKLOG_MAX})).fetchone()
        due, deltas, outbox = row if row is not None else (0, 0, 0)
        history = tuple(
            (self._settled.buckets[number] + fresh.buckets[number]) / (_BUCKET_MILLIS / 1000)
            for number in range(present - _BUCKETS, present)
        )
        return LiveFigures(
            payments_per_second=sum(history[-_RATE_BUCKETS:]) / _RATE_BUCKETS,
            history=history,
            paid_count=self._settled.paid + fresh.paid,
            paid_minor=self._settled.paid_minor + fresh.paid_minor,
            currency=self._currency,
            refund_count=self._settled.refunds + fresh.refunds,
            notification_count=max(0, self._settled.deliveries + fresh.deliveries - due),
            folder_backlog=deltas,
            dispatcher_backlog=outbox,
        )

    async def _read_range(self, connection: psycopg.AsyncConnection[Any], first: int, end: int) -> _Count:
        values = {
            "cells": _REAL_CELLS,
            "first": first,
            "end": end,
            "currency": currency(self._currency).numeric,
            "shift": _TIME_SHIFT,
            "millis": _BUCKET_MILLIS,
        }
        count = _Count()
        for bucket, kind, number, minor in await (await connection.execute(_MOVED, values)).fetchall():
            if kind == "refund":
                count.refunds += number
            else:
                count.paid += number
                count.paid_minor += minor
                count.buckets[bucket] += number
        made = await (await connection.execute(_MADE, values)).fetchone()
        count.deliveries = made[0] if made is not None else 0
        return count


class _Count:
    """What was counted in a range of ids. `buckets` are payments by time."""

    def __init__(self) -> None:
        self.paid = self.paid_minor = self.refunds = self.deliveries = 0
        self.buckets: Counter[int] = Counter()

    def add(self, other: _Count) -> None:
        """Take in the count of another range."""
        self.paid += other.paid
        self.paid_minor += other.paid_minor
        self.refunds += other.refunds
        self.deliveries += other.deliveries
        self.buckets.update(other.buckets)

    def forget_before(self, bucket: int) -> None:
        """Drop buckets that no drawing needs any more."""
        for number in [number for number in self.buckets if number < bucket]:
            del self.buckets[number]
