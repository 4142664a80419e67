"""Account statements: numbered entries with running balances, complete up to the fold mark."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg
from psycopg.rows import class_row

from chuanliu.clock import Micros
from chuanliu.ids import CELLS, SHADOW_OFFSET, account_cell, is_shadow


class StatementLine(msgspec.Struct, frozen=True):
    """One entry with what its transfer says. `amount_minor` is positive for a credit."""

    seq: int
    transfer_id: int
    posted_at: Micros
    kind: str
    subject_id: int
    counter_account_id: int
    amount_minor: int
    balance_minor: int


class Statement(msgspec.Struct, frozen=True):
    """`balance_minor` includes what is not folded yet, `unfolded_minor` of it; lines end at `folded_seq`."""

    account_id: int
    balance_minor: int
    held_minor: int
    unfolded_minor: int
    folded_seq: int
    lines: list[StatementLine]


_ACCOUNT = """
    SELECT a.balance_minor, a.held_minor, a.entry_count,
        (SELECT coalesce(sum(d.amount_minor), 0)::bigint FROM delta d
         WHERE d.cell = ANY (%(writers)s) AND d.account_id = a.account_id)
    FROM account a WHERE a.cell = %(cell)s AND a.account_id = %(account)s
"""
_LINES = """
    SELECT e.seq, e.transfer_id, (extract(epoch FROM t.posted_at) * 1000000)::bigint AS posted_at, t.kind, t.subject_id,
        CASE WHEN e.amount_minor > 0 THEN t.debit_account_id ELSE t.credit_account_id END AS counter_account_id,
        e.amount_minor, e.balance_minor
    FROM entry e
    JOIN transfer t ON t.transfer_id = e.transfer_id AND t.cell = (e.transfer_id >> 15 & 255)::smallint
    WHERE e.cell = %(cell)s AND e.account_id = %(account)s AND e.seq > %(after)s
    ORDER BY e.seq LIMIT %(limit)s
"""


async def read_statement(
    connection: psycopg.AsyncConnection[Any], account_id: int, *, after_seq: int = 0, limit: int = 100
) -> Statement | None:
    """Up to `limit` lines behind `after_seq`, and the balance, in one snapshot. None where there is no such account."""
    cell = account_cell(account_id)
    first = SHADOW_OFFSET if is_shadow(cell) else 0
    values = {
        "cell": cell,
        "account": account_id,
        "after": after_seq,
        "limit": limit,
        "writers": list(range(first, first + CELLS)),
    }
    async with connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        account = await (await connection.execute(_ACCOUNT, values)).fetchone()
        if account is None:
            return None
        async with connection.cursor(row_factory=class_row(StatementLine)) as cursor:
            await cursor.execute(_LINES, values)
            lines = await cursor.fetchall()
    balance, held, folded_seq, unfolded = account
    return Statement(account_id, balance + unfolded, held, unfolded, folded_seq, lines)
