"""Erasing all that the assistant keeps of a consumer. Ledger, bills and plans are not its own and stay."""

from __future__ import annotations

from typing import Any, Final

import psycopg

from chuanliu.ids import cell_of_party

TABLES: Final = ("assistant_profile", "reminder")
"""Every table of the assistant; each has `cell` and `consumer_id`."""

_ERASE: Final = {table: f"DELETE FROM {table} WHERE cell = %s AND consumer_id = %s" for table in TABLES}  # noqa: S608


async def erase(connection: psycopg.AsyncConnection[Any], consumer_id: int) -> int:
    """Delete it in one transaction. Returns how many rows there were; doing it again finds none."""
    async with connection.transaction():
        gone = 0
        for statement in _ERASE.values():
            cursor = await connection.execute(statement, [cell_of_party(consumer_id), consumer_id])
            gone += cursor.rowcount
    return gone
