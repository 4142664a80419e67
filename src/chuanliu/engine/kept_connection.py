"""The one connection of a lane: opened when it is needed, dropped when it breaks."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

from chuanliu.engine import statements
from chuanliu.engine.connection import ConnectionLost, DatabaseError, PipelineConnection


class KeptConnection:
    """Keeps a connection between batches. Not for concurrent use."""

    def __init__(self, connect: Callable[[], Awaitable[PipelineConnection]]) -> None:
        self._connect = connect
        self._connection: PipelineConnection | None = None

    async def get(self) -> PipelineConnection:
        """The open connection, or a new one. Raises `ConnectionLost` when there is none to be had."""
        if self._connection is None:
            self._connection = await self._connect()
        return self._connection

    async def drop(self) -> None:
        """Close it, whatever its state."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                await connection.close()

    async def roll_back(self) -> None:
        """End the transaction without effect; a connection on which that fails is dropped."""
        if self._connection is None:
            return
        try:
            await self._connection.run([(statements.ROLLBACK, ())])
        except (ConnectionLost, DatabaseError):
            await self.drop()
