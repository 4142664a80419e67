"""The read lane: queries in batches on one snapshot of the database, without a single lock."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import structlog

from chuanliu.engine import statements
from chuanliu.engine.command import AnyQuery, Context
from chuanliu.engine.connection import ConnectionLost, DatabaseError, PipelineConnection
from chuanliu.engine.lane import LaneLimits, ReferenceSource
from chuanliu.engine.loading import Batching, Loader
from chuanliu.engine.rows import Keys, Seen
from chuanliu.errors import Busy, ChuanliuError, Unavailable

log = structlog.get_logger()

_Waiting = tuple[AnyQuery, "asyncio.Future[Any]", float]


def _no_ids(_cell: int) -> int:
    raise ValueError("a query makes no ids")


class ReadLane:
    """Answers queries. Same shape as `Lane`: one connection, one bounded queue, no timer."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[PipelineConnection]],
        reference: ReferenceSource,
        limits: LaneLimits,
        batching: Batching,
    ) -> None:
        self._connect = connect
        self._reference = reference
        self._limits = limits
        self._batching = batching
        self._queue: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._closing = False
        self._connection: PipelineConnection | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Queries in the queue."""
        return len(self._queue)

    def start(self) -> None:
        """Begin to answer."""
        self._task = asyncio.create_task(self._run(), name="read lane")

    def ask(self, query: AnyQuery) -> asyncio.Future[Any]:
        """Queue a query. Raises `Busy` when the queue is full and `Unavailable` when the lane is closing."""
        if self._closing:
            raise Unavailable("shutting down")
        if len(self._queue) >= self._limits.queue:
            raise Busy
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._queue.append((query, answer, loop.time()))
        self._arrived.set()
        return answer

    async def close(self, within_s: float = 10.0) -> None:
        """Answer what was accepted, then end."""
        self._closing = True
        self._arrived.set()
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=within_s)
            if not done:
                self._task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._task
        _fail_all(self._queue, Unavailable("shutting down"))
        await self._drop_connection()

    async def _run(self) -> None:
        while True:
            if not self._queue:
                if self._closing:
                    return
                self._arrived.clear()
                await self._arrived.wait()
                continue
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._limits.batch))]
            await self._settle(batch)

    async def _settle(self, batch: list[_Waiting]) -> None:
        while True:
            try:
                await self._answer(batch)
                return
            except Exception as error:
                if not _is_away(error):
                    await self._roll_back()
                    await self._split(batch, error)
                    return
                await self._drop_connection()
                log.warning("database not available for queries", error=str(error)[:200])
                now = asyncio.get_running_loop().time()
                late = [waiting for waiting in batch if now - waiting[2] > self._limits.patience_s]
                _fail_all(late, Unavailable())
                batch = [waiting for waiting in batch if not waiting[1].done()]
                if not batch:
                    return
                await asyncio.sleep(0.05)

    async def _split(self, batch: list[_Waiting], error: Exception) -> None:
        """Halve until the query that cannot be answered stands alone."""
        if len(batch) == 1:
            query = repr(batch[0][0])[:500]
            log.error("a query could not be answered", error=str(error), query=query, exc_info=error)
            _fail_all(batch, ChuanliuError("internal"))
            return
        middle = len(batch) // 2
        await self._settle(batch[:middle])
        await self._settle(batch[middle:])

    async def _answer(self, batch: list[_Waiting]) -> None:
        if self._connection is None:
            self._connection = await self._connect()
        connection = self._connection
        await connection.renew_plans()
        loader = Loader(connection, self._batching)
        seen = Seen()
        keys = Keys()
        reference = self._reference.current

        def discover(seen: Seen, keys: Keys) -> None:
            for query, answer, _ in batch:
                if not answer.done():
                    _guard(query, answer, partial(query.discover, seen, keys, reference))

        discover(seen, keys)
        looks, asks = loader.look_calls(keys, seen)
        results = await connection.run([(statements.BEGIN_READ, ()), (statements.CLOCK, ()), *looks])
        ((version, now),) = connection.rows(results[1], statements.CLOCK)
        loader.take_looks(seen, asks, results[2:])
        if looks:
            discover(seen, keys)
        await loader.discover(discover, seen, keys)
        await connection.run([(statements.COMMIT, ())])
        if version > reference.version:
            await self._reference.refresh(version)
        context = Context(now=now, reference=self._reference.current, new_id=_no_ids)
        for query, answer, _ in batch:
            if not answer.done():
                _guard(query, answer, partial(_tell, query, answer, seen, context))

    async def _roll_back(self) -> None:
        if self._connection is not None:
            try:
                await self._connection.run([(statements.ROLLBACK, ())])
            except (ConnectionLost, DatabaseError):
                await self._drop_connection()

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                await connection.close()


def _tell(query: AnyQuery, answer: asyncio.Future[Any], seen: Seen, context: Context) -> None:
    answer.set_result(query.answer(seen, context))


def _guard(query: AnyQuery, answer: asyncio.Future[Any], step: Callable[[], None]) -> None:
    """Take a step of one query; what it raises is its answer and nobody else's."""
    try:
        step()
    except ChuanliuError as error:
        answer.set_exception(error)
    except Exception:
        log.exception("a query raised", query=repr(query)[:500])
        answer.set_exception(ChuanliuError("internal"))


def _is_away(error: Exception) -> bool:
    """Whether the database is away, rather than one of the queries at fault."""
    if isinstance(error, DatabaseError):
        return error.sqlstate[:2] in ("08", "25", "40", "53", "55", "57")
    return isinstance(error, ConnectionLost | Unavailable)


def _fail_all(waiting: Any, error: ChuanliuError) -> None:
    for _, answer, _ in waiting:
        if not answer.done():
            answer.set_exception(error)
