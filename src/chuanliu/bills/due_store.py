"""Which lines a day has something to do with: a statement that is due and was not looked at on that day, or a card
that was asked and whose answer has not reached the line.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, NamedTuple

import psycopg

from chuanliu.clock import date_of, day_number

LOOKED_BACK: Final = timedelta(days=400)


class DueLine(NamedTuple):
    """A line to collect from."""

    consumer_id: int
    instrument_id: int


async def due_lines(connection: psycopg.AsyncConnection[Any], day: int, limit: int) -> list[DueLine]:
    """Up to `limit` lines with a statement that is due by the day (yyyymmdd) and that were not collected on it yet, and
    behind them those with a charge that is open: a bank that is silent keeps nobody else waiting.
    """
    cursor = await connection.execute(
        "SELECT consumer_id, instrument_id FROM ("
        "SELECT DISTINCT s.consumer_id, s.instrument_id, 0 AS place FROM statement s"
        " LEFT JOIN line_standing l ON l.cell = s.cell AND l.instrument_id = s.instrument_id"
        " WHERE s.due_minor > 0 AND s.due_on BETWEEN %s AND %s AND coalesce(l.collected_on, 0) < %s"
        " AND NOT EXISTS (SELECT FROM bill_charge c WHERE c.cell = s.cell AND c.instrument_id = s.instrument_id"
        " AND c.status IN ('due', 'asked'))"
        " UNION ALL SELECT consumer_id, instrument_id, 1 FROM bill_charge WHERE status IN ('due', 'asked')"
        ") AS found ORDER BY place LIMIT %s",
        [day_number(date_of(day) - LOOKED_BACK), day, day, limit],
    )
    return [DueLine(*row) for row in await cursor.fetchall()]
