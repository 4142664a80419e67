"""A lane: one connection, one queue. While a batch commits, the next one gathers, so there is no timer anywhere.

A lone command is not delayed, and a storm makes large batches. What can go wrong is told apart by SQLSTATE:

* unique violation and class 40: run the batch again from the load;
* lock time-out: load again skipping locked rows, and put back the commands whose rows are held;
* classes 22 and 23 and what is not foreseen: halve the batch until the culprit stands alone, which then gets
  `internal`;
* 08, 53, 57: the database's trouble, not a command's: wait and run again, never split.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from chuanliu.engine import statements
from chuanliu.engine.command import AnyCommand, Context
from chuanliu.engine.connection import Call, ConnectionLost, DatabaseError, PipelineConnection
from chuanliu.engine.kinds import BIGINT
from chuanliu.engine.loading import Batching, Loader
from chuanliu.engine.reference import REFERENCE_CHANNEL, REFERENCE_VERSION, Reference
from chuanliu.engine.rows import Keys, Need, Seen
from chuanliu.engine.statements import Statement
from chuanliu.engine.table import Key, Table
from chuanliu.engine.writing import write_calls
from chuanliu.errors import Busy, ChuanliuError, Unavailable
from chuanliu.ids import IdSource, with_cell

log = structlog.get_logger()

_MARK = Statement("mark", "INSERT INTO batch_marker (batch_id) SELECT * FROM unnest($1::bigint[])", (BIGINT,))
_FENCE = Statement(
    "fence", "INSERT INTO batch_marker (batch_id) SELECT * FROM unnest($1::bigint[]) ON CONFLICT DO NOTHING", (BIGINT,)
)
_NOTIFY = Statement("notify_reference", f"SELECT pg_notify('{REFERENCE_CHANNEL}', '')")

_RERUNS_MAX = 20
_NEEDS_MAX = 8


@dataclass(frozen=True)
class LaneLimits:
    """`queue` commands may wait, `batch` run together, or fewer when their `weight` sums to more than `rows`."""

    queue: int = 8192
    batch: int = 1024
    rows: int = 20_000
    patience_s: float = 5.0
    lock_timeout_ms: int = 300


@dataclass(eq=False)
class Envelope:
    """A command under way, with whom to answer."""

    command: AnyCommand
    answer: asyncio.Future[Any]
    accepted_at: float
    extra: Keys | None = None
    needs: int = 0
    requeues: int = 0


@dataclass
class LaneCounters:
    """What a lane did since it started."""

    batches: int = 0
    commands: int = 0
    reruns: int = 0
    splits: int = 0
    skips: int = 0
    reconnects: int = 0
    needs: int = 0
    fenced: int = 0
    largest_batch: int = 0


class ReferenceSource(Protocol):
    """What a lane needs of reference data."""

    @property
    def current(self) -> Reference:
        """The snapshot."""

    async def refresh(self, at_least: int) -> None:
        """Load until the snapshot has at least this version."""


@dataclass
class _Attempt:
    """One try at a batch: what was decided, before anybody is told."""

    outcomes: list[tuple[Envelope, Any, ChuanliuError | None]] = field(default_factory=list)
    needy: list[Envelope] = field(default_factory=list)
    held: list[Envelope] = field(default_factory=list)


class _StaleReference(Exception):
    def __init__(self, version: int) -> None:
        self.version = version


class Lane:
    """Runs commands in batches on one connection. `start` it once; `close` drains it."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[PipelineConnection]],
        ids: IdSource,
        reference: ReferenceSource,
        limits: LaneLimits,
        batching: Batching,
    ) -> None:
        self._connect = connect
        self._ids = ids
        self._reference = reference
        self._limits = limits
        self._batching = batching
        self._queue: deque[Envelope] = deque()
        self._arrived = asyncio.Event()
        self._closing = False
        self._connection: PipelineConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self.counters = LaneCounters()

    @property
    def waiting(self) -> int:
        """Commands in the queue."""
        return len(self._queue)

    def start(self) -> None:
        """Begin to run batches."""
        self._task = asyncio.create_task(self._run(), name="lane")

    def submit(self, command: AnyCommand) -> asyncio.Future[Any]:
        """Queue a command. Raises `Busy` when the queue is full and `Unavailable` when the lane is closing."""
        if self._closing:
            raise Unavailable("shutting down")
        if len(self._queue) >= self._limits.queue:
            raise Busy
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._queue.append(Envelope(command, answer, loop.time()))
        self._arrived.set()
        return answer

    async def close(self, within_s: float = 20.0) -> None:
        """Take no more, answer what was accepted, and end. What cannot be answered in time gets `Unavailable`."""
        self._closing = True
        self._arrived.set()
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=within_s)
            if not done:
                self._task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._task
        for envelope in self._queue:
            _fail(envelope, Unavailable("shutting down"))
        self._queue.clear()
        if self._connection is not None:
            await self._connection.close()

    async def _run(self) -> None:
        while True:
            if not self._queue:
                if self._closing:
                    return
                self._arrived.clear()
                await self._arrived.wait()
                continue
            batch = self._take_batch()
            self.counters.batches += 1
            self.counters.commands += len(batch)
            self.counters.largest_batch = max(self.counters.largest_batch, len(batch))
            try:
                await self._settle(batch)
            except asyncio.CancelledError:
                for envelope in batch:
                    _fail(envelope, Unavailable("shutting down"))
                raise
            except Exception:
                log.exception("a batch failed in an unforeseen way", commands=len(batch))
                for envelope in batch:
                    _fail(envelope, ChuanliuError("internal"))

    def _take_batch(self) -> list[Envelope]:
        batch: list[Envelope] = []
        weight = 0
        queue = self._queue
        while queue and len(batch) < self._limits.batch and weight < self._limits.rows:
            envelope = queue.popleft()
            if not envelope.answer.done():
                batch.append(envelope)
                weight += getattr(envelope.command, "weight", 10)
        return batch

    async def _settle(self, batch: list[Envelope]) -> None:
        """Run a batch until every command in it has its answer or is back in the queue."""
        skip_locked = False
        reruns = 0
        while batch:
            try:
                attempt = await self._attempt(batch, skip_locked=skip_locked)
            except _StaleReference as stale:
                await self._reference.refresh(stale.version)
                continue
            except DatabaseError as error:
                await self._roll_back()
                family = error.sqlstate[:2]
                if error.sqlstate == "55P03":
                    self.counters.skips += 1
                    skip_locked = True
                    continue
                if (error.sqlstate == "23505" or family == "40") and reruns < _RERUNS_MAX:
                    self.counters.reruns += 1
                    reruns += 1
                    continue
                if family in ("08", "53", "57"):
                    await self._wait_for_database(batch, error)
                    batch = [envelope for envelope in batch if not envelope.answer.done()]
                    continue
                await self._split(batch, error)
                return
            except ConnectionLost as error:
                await self._wait_for_database(batch, error)
                batch = [envelope for envelope in batch if not envelope.answer.done()]
                continue
            for envelope, outcome, error_outcome in attempt.outcomes:
                if error_outcome is not None:
                    _fail(envelope, error_outcome)
                elif not envelope.answer.done():
                    envelope.answer.set_result(outcome)
            self._put_back(attempt.held)
            batch = attempt.needy
            skip_locked = False

    async def _split(self, batch: list[Envelope], error: DatabaseError) -> None:
        if len(batch) == 1:
            log.error(
                "a command's rows were refused by the database", error=str(error), command=repr(batch[0].command)[:500]
            )
            _fail(batch[0], ChuanliuError("internal"))
            return
        self.counters.splits += 1
        middle = len(batch) // 2
        await self._settle(batch[:middle])
        await self._settle(batch[middle:])

    def _put_back(self, held: list[Envelope]) -> None:
        """Commands whose rows somebody else holds wait for a later batch, for as long as they have patience."""
        now = asyncio.get_running_loop().time()
        for envelope in held:
            if now - envelope.accepted_at > self._limits.patience_s:
                _fail(envelope, Busy("a row that this needs stayed locked; try again"))
            else:
                envelope.requeues += 1
                self._queue.append(envelope)

    async def _wait_for_database(self, batch: list[Envelope], error: Exception) -> None:
        """Back off while the database is away. Commands that run out of patience are told; their rows were not
        written.
        """
        await self._drop_connection()
        self.counters.reconnects += 1
        now = asyncio.get_running_loop().time()
        waited = False
        for envelope in batch:
            if now - envelope.accepted_at > self._limits.patience_s:
                _fail(envelope, Unavailable())
                waited = True
        log.warning("database not available", error=str(error)[:200], commands=len(batch), given_up=waited)
        await asyncio.sleep(0.05 if not waited else 0.5)

    # one attempt

    async def _attempt(self, batch: list[Envelope], *, skip_locked: bool) -> _Attempt:
        connection = await self._connected()
        loader = Loader(connection, self._batching)
        seen = Seen()
        keys = Keys()
        reference = self._reference.current

        def discover(seen: Seen, keys: Keys) -> None:
            for envelope in batch:
                envelope.command.discover(seen, keys, reference)
                if envelope.extra is not None:
                    keys.merge(envelope.extra)

        discover(seen, keys)
        looks, asks = loader.look_calls(keys, seen)
        results = await connection.run([(statements.BEGIN, ()), (statements.CLOCK, ()), *looks])
        ((version, now),) = connection.rows(results[1], statements.CLOCK)
        if version > reference.version:
            await self._roll_back()
            raise _StaleReference(version)
        loader.take_looks(seen, asks, results[2:])
        if looks:
            discover(seen, keys)
        await loader.discover(discover, seen, keys)
        rows, held = await loader.lock_and_read(keys, seen, skip_locked=skip_locked)
        self._ids.advance(now // 1000)
        context = Context(now=now, reference=reference, new_id=self._new_id)
        attempt = self._decide(batch, rows, context, held, seen)
        if attempt.needy:
            await self._roll_back()
            return _Attempt(needy=batch)
        await self._write(connection, rows, attempt)
        return attempt

    def _new_id(self, cell: int) -> int:
        return with_cell(self._ids.next(), cell)

    def _decide(
        self, batch: list[Envelope], rows: Any, context: Context, held: set[tuple[Table[Any], Key]], seen: Seen
    ) -> _Attempt:
        attempt = _Attempt()
        for envelope in batch:
            if held and self._is_held(envelope, held, seen, context.reference):
                attempt.held.append(envelope)
                continue
            try:
                outcome = envelope.command.decide(rows, context)
            except Need as need:
                rows.undo()
                self.counters.needs += 1
                envelope.needs += 1
                if envelope.needs > _NEEDS_MAX:
                    log.error("a command keeps asking for more rows", command=repr(envelope.command)[:500])
                    attempt.outcomes.append((envelope, None, ChuanliuError("internal")))
                    continue
                envelope.extra = envelope.extra or Keys()
                envelope.extra.merge(need.keys)
                attempt.needy.append(envelope)
            except ChuanliuError as error:
                rows.undo()
                attempt.outcomes.append((envelope, None, error))
            except Exception:
                rows.undo()
                log.exception("a decide raised", command=repr(envelope.command)[:500])
                attempt.outcomes.append((envelope, None, ChuanliuError("internal")))
            else:
                rows.keep()
                attempt.outcomes.append((envelope, outcome, None))
        return attempt

    @staticmethod
    def _is_held(envelope: Envelope, held: set[tuple[Table[Any], Key]], seen: Seen, reference: Reference) -> bool:
        keys = Keys()
        envelope.command.discover(seen, keys, reference)
        if envelope.extra is not None:
            keys.merge(envelope.extra)
        if not held.isdisjoint(keys.locks):
            return True
        return any(
            (index.table, index.table.key_of(row)) in held
            for index, value in keys.look_indexes
            for row in seen.by_index.get((index, value), ())
        )

    async def _write(self, connection: PipelineConnection, rows: Any, attempt: _Attempt) -> None:
        changes = rows.changes()
        if not changes:
            await connection.run([(statements.ROLLBACK, ())])
            return
        marker = self._ids.next()
        calls: list[Call] = write_calls(changes, self._batching)
        if REFERENCE_VERSION in changes.updates:
            calls.append((_NOTIFY, ()))
        calls.append((_MARK, (BIGINT.encode((marker,)),)))
        calls.append((statements.COMMIT, ()))
        try:
            await connection.run(calls)
        except ConnectionLost:
            if not await self._committed(marker):
                raise

    async def _committed(self, marker: int) -> bool:
        """After a connection broke during COMMIT: did the batch take effect?

        Writing the same marker settles it: the insert waits for the old transaction if that still lives, then either
        finds its row (committed) or takes its place (it never can be).
        """
        self.counters.fenced += 1
        pause = 0.05
        while True:
            await self._drop_connection()
            try:
                connection = await self._connected()
                results = await connection.run([(_FENCE, (BIGINT.encode((marker,)),))])
            except (ConnectionLost, DatabaseError) as error:
                log.warning("waiting to learn whether a batch was committed", error=str(error)[:200])
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)
                continue
            return results[0].command_tuples == 0

    async def _connected(self) -> PipelineConnection:
        if self._connection is None:
            self._connection = await self._connect()
        return self._connection

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                await connection.close()

    async def _roll_back(self) -> None:
        if self._connection is None:
            return
        try:
            await self._connection.run([(statements.ROLLBACK, ())])
        except (ConnectionLost, DatabaseError):
            await self._drop_connection()


def _fail(envelope: Envelope, error: ChuanliuError) -> None:
    if not envelope.answer.done():
        envelope.answer.set_exception(error)
