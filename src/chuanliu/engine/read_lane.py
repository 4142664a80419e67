"""The read lane: queries in batches on one snapshot of the database, without a single lock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from chuanliu.engine import statements
from chuanliu.engine.command import AnyQuery, Context
from chuanliu.engine.connection import ConnectionLost, DatabaseError, PipelineConnection
from chuanliu.engine.discovery import Discovery
from chuanliu.engine.intake import Envelope, Intake, LaneLimits
from chuanliu.engine.kept_connection import KeptConnection
from chuanliu.engine.loading import Batching, Loader
from chuanliu.engine.reference import ReferenceSource
from chuanliu.engine.rows import Seen
from chuanliu.errors import ChuanliuError, Unavailable

log = structlog.get_logger()


def _no_ids(_cell: int) -> int:
    raise ValueError("a query makes no ids")


class ReadLane:
    """Answers queries in batches on one connection. `start` it once; `close` drains it."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[PipelineConnection]],
        reference: ReferenceSource,
        limits: LaneLimits,
        batching: Batching,
    ) -> None:
        self._intake = Intake(Envelope, limits)
        self._connection = KeptConnection(connect)
        self._reference = reference
        self._batching = batching

    @property
    def wait_s(self) -> float:
        """How long the query that comes next has waited."""
        return self._intake.wait_s

    def start(self) -> None:
        """Begin to answer."""
        self._intake.start(self._settle, name="read lane")

    def ask(self, query: AnyQuery) -> asyncio.Future[Any]:
        """Queue a query. Raises `Busy` when the queue is full and `Unavailable` when the lane is closing."""
        return self._intake.submit(query)

    async def close(self, within_s: float = 10.0) -> None:
        """Answer what was accepted, then end. What cannot be answered in time gets `Unavailable`."""
        await self._intake.close(within_s)
        await self._connection.drop()

    async def _settle(self, batch: list[Envelope]) -> None:
        while batch:
            try:
                await self._attempt(batch)
                return
            except Exception as error:
                if not _is_away(error):
                    await self._connection.roll_back()
                    await self._split(batch, error)
                    return
                await self._connection.drop()
                log.warning("database not available for queries", error=str(error)[:200])
                batch = self._intake.tell_late(batch)
                if batch:
                    await asyncio.sleep(0.05)

    async def _split(self, batch: list[Envelope], error: Exception) -> None:
        """Halve until the query that cannot be answered stands alone."""
        if len(batch) == 1:
            query = repr(batch[0].asked)[:500]
            log.error("a query could not be answered", error=str(error), query=query, exc_info=error)
            batch[0].fail(ChuanliuError("internal"))
            return
        middle = len(batch) // 2
        await self._settle(batch[:middle])
        await self._settle(batch[middle:])

    async def _attempt(self, batch: list[Envelope]) -> None:
        connection = await self._connection.get()
        await connection.renew_plans()
        loader = Loader(connection, self._batching)
        discovery = Discovery(batch, self._reference.current)
        version, now = await discovery.begin(connection, loader, statements.BEGIN_READ)
        await discovery.finish(loader)
        await connection.run([(statements.COMMIT, ())])
        if version > discovery.reference.version:
            await self._reference.refresh(version)
        context = Context(now=now, reference=self._reference.current, new_id=_no_ids)
        for envelope in batch:
            error = discovery.failed.get(envelope)
            if error is None:
                _answer(envelope, discovery.seen, context)
            else:
                envelope.fail(error)


def _answer(envelope: Envelope, seen: Seen, context: Context) -> None:
    """What a query raises is its answer and nobody else's."""
    try:
        envelope.tell(envelope.asked.answer(seen, context))
    except ChuanliuError as error:
        envelope.fail(error)
    except Exception:
        log.exception("a query raised", query=repr(envelope.asked)[:500])
        envelope.fail(ChuanliuError("internal"))


def _is_away(error: Exception) -> bool:
    """Whether the database is away, rather than one of the queries at fault."""
    if isinstance(error, DatabaseError):
        return error.sqlstate[:2] in ("08", "25", "40", "53", "55", "57")
    return isinstance(error, ConnectionLost | Unavailable)
