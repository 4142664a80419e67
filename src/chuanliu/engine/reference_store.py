"""Loads and refreshes the snapshot of reference data; listens for changes so that it is rarely stale."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import psycopg
import structlog
from psycopg import sql

from chuanliu.engine.reference import REFERENCE_CHANNEL, Reference
from chuanliu.engine.table import Table
from chuanliu.errors import Unavailable

log = structlog.get_logger()


class ReferenceStore:
    """One snapshot for a process. Every reference table has a `version` column: the version that last changed the
    row.
    """

    def __init__(self, conninfo: str, tables: Sequence[Table[Any]]) -> None:
        self._conninfo = conninfo
        self._tables = tables
        self._gate = asyncio.Lock()
        self._listener: asyncio.Task[None] | None = None
        self.current = Reference()

    async def start(self) -> None:
        """Load the first snapshot and begin to listen. Raises `Unavailable` when the database cannot be reached."""
        await self.refresh(1)
        self._listener = asyncio.create_task(self._listen(), name="reference listener")

    async def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener

    async def refresh(self, at_least: int) -> None:
        """Load what changed since the snapshot, unless it has at least this version already."""
        async with self._gate:
            if self.current.version >= at_least:
                return
            try:
                async with await psycopg.AsyncConnection.connect(self._conninfo, connect_timeout=5) as connection:
                    await self._load(connection)
            except psycopg.OperationalError as error:
                raise Unavailable(str(error)) from error

    async def _load(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        async with connection.transaction(), connection.cursor(binary=True) as cursor:
            await cursor.execute("SELECT version FROM reference_version WHERE cell = 0")
            row = await cursor.fetchone()
            version = row[0] if row else 0
            changed = []
            for table in self._tables:
                columns = sql.SQL(", ").join(_column(table, name) for name in table.columns)
                await cursor.execute(
                    sql.SQL("SELECT {} FROM {} WHERE version > %s").format(columns, sql.Identifier(table.name)),
                    [self.current.version],
                )
                changed.append((table, [table.row(*values) for values in await cursor.fetchall()]))
        self.current = self.current.with_changes(version, changed)

    async def _listen(self) -> None:
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True, connect_timeout=5)
                async with connection:
                    await connection.execute(f"LISTEN {REFERENCE_CHANNEL}")
                    await self._reload()
                    async for _ in connection.notifies():
                        await self._reload()
            except (psycopg.Error, OSError, Unavailable) as error:
                log.warning("not listening for reference data", error=str(error)[:200])
                await asyncio.sleep(0.5)

    async def _reload(self) -> None:
        async with self._gate, await psycopg.AsyncConnection.connect(self._conninfo, connect_timeout=5) as connection:
            await self._load(connection)


def _column(table: Table[Any], name: str) -> sql.Composable:
    """A column as the engine reads it: instants as microseconds."""
    kind = table.kinds[table.columns.index(name)]
    if kind.sql == "timestamptz":
        return sql.SQL("(extract(epoch from {}) * 1000000)::bigint").format(sql.Identifier(name))
    return sql.Identifier(name)
