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
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from chuanliu.engine import statements
from chuanliu.engine.command import AnyCommand, Context
from chuanliu.engine.connection import Call, ConnectionLost, DatabaseError, PipelineConnection
from chuanliu.engine.kinds import BIGINT
from chuanliu.engine.loading import Batching, Loader
from chuanliu.engine.reference import REFERENCE_CHANNEL, REFERENCE_VERSION, Reference
from chuanliu.engine.rows import Keys, Need, Rows, Seen
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
    """A command under way, with whom to answer.

    `numbers` are the ids that it has drawn: a batch that runs again makes the same ids, so that what a command asked
    for under a neighbour's new id is still there.
    """

    command: AnyCommand
    answer: asyncio.Future[Any]
    accepted_at: float
    extra: Keys | None = None
    needs: int = 0
    requeues: int = 0
    numbers: list[int] = field(default_factory=list)


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
        self._numbers: list[int] = []
        self._drawn = 0
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
                # Who was put back waits for a lock only when nobody else waits for the lane.
                await self._settle(batch, skip_locked=bool(self._queue and batch and batch[0].requeues))
            except asyncio.CancelledError:
                for envelope in batch:
                    _fail(envelope, Unavailable("shutting down"))
                raise
            except Exception:
                log.exception("a batch failed in an unforeseen way", commands=len(batch))
                for envelope in batch:
                    _fail(envelope, ChuanliuError("internal"))

    def _take_batch(self) -> list[Envelope]:
        """What runs next. Commands that were put back run apart from new ones, which they would hold up."""
        batch: list[Envelope] = []
        weight = 0
        queue = self._queue
        while queue and len(batch) < self._limits.batch and weight < self._limits.rows:
            if batch and bool(queue[0].requeues) != bool(batch[0].requeues):
                break
            envelope = queue.popleft()
            if not envelope.answer.done():
                batch.append(envelope)
                weight += getattr(envelope.command, "weight", 10)
        return batch

    async def _settle(self, batch: list[Envelope], *, skip_locked: bool = False) -> None:
        """Run a batch until every command in it has its answer or is back in the queue."""
        reruns = 0
        while batch:
            try:
                attempt = await self._attempt(batch, skip_locked=skip_locked)
            except DatabaseError as error:
                await self._roll_back()
                family = error.sqlstate[:2]
                if error.sqlstate == "55P03":
                    self.counters.skips += 1
                    if skip_locked:
                        await self._set_apart(batch)
                        return
                    skip_locked = True
                elif (error.sqlstate == "23505" or family == "40") and reruns < _RERUNS_MAX:
                    self.counters.reruns += 1
                    reruns += 1
                elif family in ("08", "53", "57"):
                    batch = await self._wait_for_database(batch, error)
                else:
                    await self._split(batch, error)
                    return
            except (ConnectionLost, Unavailable) as error:
                batch = await self._wait_for_database(batch, error)
            except Exception as error:
                await self._roll_back()
                await self._split(batch, error)
                return
            else:
                _tell(attempt)
                self._put_back(attempt.held)
                batch = attempt.needy
                skip_locked = False

    async def _split(self, batch: list[Envelope], error: Exception) -> None:
        if len(batch) == 1:
            log.error(
                "a command could not be carried out",
                error=str(error),
                command=repr(batch[0].command)[:500],
                exc_info=None if isinstance(error, DatabaseError) else error,
            )
            _fail(batch[0], ChuanliuError("internal"))
            return
        self.counters.splits += 1
        middle = len(batch) // 2
        await self._settle(batch[:middle])
        await self._settle(batch[middle:])

    async def _set_apart(self, batch: list[Envelope]) -> None:
        """A lock that skipping does not get round: somebody is writing the same unique key and does not finish.

        Halve until the command that meets it stands alone, and put that one back.
        """
        if len(batch) == 1:
            self._put_back(batch)
            return
        self.counters.splits += 1
        middle = len(batch) // 2
        await self._settle(batch[:middle], skip_locked=True)
        await self._settle(batch[middle:], skip_locked=True)

    def _put_back(self, held: list[Envelope]) -> None:
        """Commands whose rows somebody else holds wait for a later batch, for as long as they have patience."""
        now = asyncio.get_running_loop().time()
        for envelope in held:
            if now - envelope.accepted_at > self._limits.patience_s:
                _fail(envelope, Busy("a row that this needs stayed locked; try again"))
            else:
                envelope.requeues += 1
                self._queue.append(envelope)

    async def _wait_for_database(self, batch: list[Envelope], error: Exception) -> list[Envelope]:
        """Back off while the database is away, and return who still waits.

        Commands that run out of patience are told; their rows were not written.
        """
        await self._drop_connection()
        self.counters.reconnects += 1
        left = self._tell_impatient(batch)
        log.warning(
            "database not available", error=str(error)[:200], commands=len(batch), given_up=len(batch) - len(left)
        )
        await asyncio.sleep(0.05 if len(left) == len(batch) else 0.5)
        return left

    def _tell_impatient(self, batch: Iterable[Envelope]) -> list[Envelope]:
        """Answer `Unavailable` to those who have waited too long, and return the others."""
        now = asyncio.get_running_loop().time()
        for envelope in batch:
            if now - envelope.accepted_at > self._limits.patience_s:
                _fail(envelope, Unavailable())
        return [envelope for envelope in batch if not envelope.answer.done()]

    # one attempt

    async def _attempt(self, batch: list[Envelope], *, skip_locked: bool) -> _Attempt:
        connection = await self._connected()
        await connection.renew_plans()
        loader = Loader(connection, self._batching)
        seen = Seen()
        keys = Keys()
        reference = self._reference.current

        failed: dict[Envelope, ChuanliuError] = {}

        def discover(seen: Seen, keys: Keys) -> None:
            for envelope in batch:
                if envelope in failed:
                    continue
                try:
                    envelope.command.discover(seen, keys, reference)
                except ChuanliuError as error:
                    failed[envelope] = error
                except Exception:
                    log.exception("a discover raised", command=repr(envelope.command)[:500])
                    failed[envelope] = ChuanliuError("internal")
                if envelope.extra is not None:
                    keys.merge(envelope.extra)

        discover(seen, keys)
        looks, asks = loader.look_calls(keys, seen)
        results = await connection.run([(statements.BEGIN, ()), (statements.CLOCK, ()), *looks])
        ((version, now),) = connection.rows(results[1], statements.CLOCK)
        if version > reference.version:
            await self._roll_back()
            await self._reference.refresh(version)
            return _Attempt(needy=batch)
        loader.take_looks(seen, asks, results[2:])
        if looks:
            discover(seen, keys)
        await loader.discover(discover, seen, keys)
        rows, held = await loader.lock_and_read(keys, seen, skip_locked=skip_locked)
        self._ids.advance(now // 1000)
        context = Context(now=now, reference=reference, new_id=self._new_id)
        attempt = self._decide(batch, rows, context, failed, held, seen)
        if attempt.needy:
            await self._roll_back()
            return _Attempt(needy=batch)
        await self._write(connection, rows, batch, attempt)
        return attempt

    def _new_id(self, cell: int) -> int:
        if self._drawn == len(self._numbers):
            self._numbers.append(self._ids.next())
        number = self._numbers[self._drawn]
        self._drawn += 1
        return with_cell(number, cell)

    def _decide(
        self,
        batch: list[Envelope],
        rows: Rows,
        context: Context,
        failed: dict[Envelope, ChuanliuError],
        held: set[tuple[Table[Any], Key]],
        seen: Seen,
    ) -> _Attempt:
        attempt = _Attempt()
        for envelope in batch:
            if failed and envelope in failed:
                attempt.outcomes.append((envelope, None, failed[envelope]))
                continue
            if held and self._is_held(envelope, held, seen, context.reference):
                attempt.held.append(envelope)
                continue
            self._numbers = envelope.numbers
            self._drawn = 0
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

    async def _write(
        self, connection: PipelineConnection, rows: Rows, batch: list[Envelope], attempt: _Attempt
    ) -> None:
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
        except DatabaseError:
            raise
        except Exception:
            if not await self._committed(marker, batch):
                raise

    async def _committed(self, marker: int, batch: list[Envelope]) -> bool:
        """After a connection broke during COMMIT: did the batch take effect?

        Writing the same marker settles it: the insert waits for the old transaction if that still lives, then either
        finds its row (committed) or takes its place (it never can be). Who cannot wait that long is told `Unavailable`:
        ask for the outcome.
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
                self._tell_impatient(self._queue)
                if not self._tell_impatient(batch) and self._closing:
                    return False  # nobody is left to be told
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


def _tell(attempt: _Attempt) -> None:
    for envelope, outcome, error in attempt.outcomes:
        if error is not None:
            _fail(envelope, error)
        elif not envelope.answer.done():
            envelope.answer.set_result(outcome)


def _fail(envelope: Envelope, error: ChuanliuError) -> None:
    if not envelope.answer.done():
        envelope.answer.set_exception(error)
