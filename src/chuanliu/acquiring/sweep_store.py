"""Calls to banks that are due: completions, refunds, reversals on record, and authorisations whose answer was lost."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import psycopg

from chuanliu.engine import OldRows

# Each lender's own: however much waits for a bank that does not answer, it stands in nobody else's way.
_DUE = """
    SELECT l.lender_id, c.call_id
    FROM lender l
    CROSS JOIN LATERAL (
        SELECT b.call_id, row_number() OVER (ORDER BY b.due_at) AS place FROM bank_call b
        WHERE b.lender_id = l.lender_id AND b.status = 'due' AND b.due_at <= now()
        ORDER BY b.due_at LIMIT %(of_lender)s
    ) c
    ORDER BY c.place
"""
_DUE_QUOTES = """
    SELECT quote_id FROM quote WHERE status = 'confirmed' AND expires_at <= now() ORDER BY expires_at LIMIT %(limit)s
"""
OLD_QUOTES: Final = OldRows(
    "quote", ("cell", "quote_id"), "status <> 'confirmed' AND expires_at < now() - interval '1 day'"
)
"""Quotes that nobody can use any more, a day after their time."""

_WAITING = """
    SELECT l.code, count(*), greatest(extract(epoch FROM now() - min(b.due_at)), 0)::float8
    FROM bank_call b JOIN lender l ON l.lender_id = b.lender_id
    WHERE b.status = 'due' GROUP BY l.code ORDER BY l.code
"""
_HELD = "SELECT count(*) FROM quote WHERE status = 'confirmed'"


class WaitingCalls(NamedTuple):
    """Calls that a lender has not answered yet, and for how many seconds the first of them has been due."""

    lender: str
    calls: int
    overdue_seconds: float


async def waiting_calls(connection: psycopg.AsyncConnection[Any]) -> list[WaitingCalls]:
    """Of each lender that has any."""
    return [WaitingCalls(*row) for row in await (await connection.execute(_WAITING)).fetchall()]


async def held_quotes(connection: psycopg.AsyncConnection[Any]) -> int:
    """Confirmed quotes: they hold shares of sponsors' budgets."""
    row = await (await connection.execute(_HELD)).fetchone()
    return int(row[0]) if row else 0


async def due_calls(connection: psycopg.AsyncConnection[Any], of_lender: int) -> list[tuple[int, int]]:
    """Due calls with their lenders, so many of each lender at the most: of each the longest due first, in turn."""
    return list(await (await connection.execute(_DUE, {"of_lender": of_lender})).fetchall())


async def due_quotes(connection: psycopg.AsyncConnection[Any], limit: int) -> list[int]:
    """Confirmed quotes whose time is over."""
    return [quote_id for (quote_id,) in await (await connection.execute(_DUE_QUOTES, {"limit": limit})).fetchall()]
