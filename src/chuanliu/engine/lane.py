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
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from chuanliu.engine import statements
from chuanliu.engine.command import AnyCommand
from chuanliu.engine.connection import Call, ConnectionLost, DatabaseError, PipelineConnection
from chuanliu.engine.deciding import CommandEnvelope, Decided, decide
from chuanliu.engine.discovery import Discovery
from chuanliu.engine.intake import Intake, LaneLimits
from chuanliu.engine.kept_connection import KeptConnection
from chuanliu.engine.kinds import BIGINT
from chuanliu.engine.loading import Batching, Loader
from chuanliu.engine.reference import REFERENCE_CHANNEL, REFERENCE_VERSION, ReferenceSource
from chuanliu.engine.rows import Rows
from chuanliu.engine.statements import Statement
from chuanliu.engine.writing import write_calls
from chuanliu.errors import Busy, ChuanliuError, Unavailable
from chuanliu.ids import IdSource

log = structlog.get_logger()

_MARK = Statement("mark", "INSERT INTO batch_marker (batch_id) SELECT * FROM unnest($1::bigint[])", (BIGINT,))
_FENCE = Statement(
    "fence", "INSERT INTO batch_marker (batch_id) SELECT * FROM unnest($1::bigint[]) ON CONFLICT DO NOTHING", (BIGINT,)
)
_NOTIFY = Statement("notify_reference", f"SELECT pg_notify('{REFERENCE_CHANNEL}', '')")

_RERUNS_MAX = 20


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


class Lane:
    """Runs commands in batches on one connection. `start` it once; `close` drains it."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[PipelineConnection]],
        ids: IdSource,
        reference: ReferenceSource,
        limits: LaneLimits,
        batching: Batching,
        place: tuple[int, int] = (0, 1),
    ) -> None:
        self._place = place
        self._intake = Intake(CommandEnvelope, limits)
        self._connection = KeptConnection(connect)
        self._ids = ids
        self._reference = reference
        self._batching = batching
        self.counters = LaneCounters()

    @property
    def waiting(self) -> int:
        """Commands in the queue."""
        return len(self._intake)

    @property
    def wait_s(self) -> float:
        """How long the command that comes next has waited."""
        return self._intake.wait_s

    def start(self) -> None:
        """Begin to run batches."""
        self._intake.start(self._run, name="lane")

    def submit(self, command: AnyCommand) -> asyncio.Future[Any]:
        """Queue a command. Raises `Busy` when the queue is full and `Unavailable` when the lane is closing."""
        return self._intake.submit(command)

    async def close(self, within_s: float = 20.0) -> None:
        """Take no more, answer what was accepted, and end. What cannot be answered in time gets `Unavailable`."""
        await self._intake.close(within_s)
        await self._connection.drop()

    async def _run(self, batch: list[CommandEnvelope]) -> None:
        self.counters.batches += 1
        self.counters.commands += len(batch)
        self.counters.largest_batch = max(self.counters.largest_batch, len(batch))
        # Who was put back waits for a lock only when nobody else waits for the lane.
        await self._settle(batch, skip_locked=bool(self.waiting and batch and batch[0].requeues))

    async def _settle(self, batch: list[CommandEnvelope], *, skip_locked: bool = False) -> None:
        """Run a batch until every command in it has its answer or is back in the queue."""
        reruns = 0
        while batch:
            try:
                decided = await self._attempt(batch, skip_locked=skip_locked)
            except DatabaseError as error:
                await self._connection.roll_back()
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
                await self._connection.roll_back()
                await self._split(batch, error)
                return
            else:
                decided.tell()
                self._put_back(decided.held)
                batch = decided.needy
                skip_locked = False

    async def _split(self, batch: list[CommandEnvelope], error: Exception) -> None:
        if len(batch) == 1:
            log.error(
                "a command could not be carried out",
                error=str(error),
                command=repr(batch[0].asked)[:500],
                exc_info=None if isinstance(error, DatabaseError) else error,
            )
            batch[0].fail(ChuanliuError("internal"))
            return
        self.counters.splits += 1
        middle = len(batch) // 2
        await self._settle(batch[:middle])
        await self._settle(batch[middle:])

    async def _set_apart(self, batch: list[CommandEnvelope]) -> None:
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

    def _put_back(self, held: list[CommandEnvelope]) -> None:
        """Commands whose rows somebody else holds wait for a later batch, for as long as they have patience."""
        for envelope in held:
            if self._intake.is_late(envelope):
                envelope.fail(Busy("a row that this needs stayed locked; try again"))
            else:
                self._intake.put_back(envelope)

    async def _wait_for_database(self, batch: list[CommandEnvelope], error: Exception) -> list[CommandEnvelope]:
        """Back off while the database is away, and return who still waits.

        Commands that run out of patience are told; their rows were not written.
        """
        await self._connection.drop()
        self.counters.reconnects += 1
        left = self._intake.tell_late(batch)
        log.warning(
            "database not available", error=str(error)[:200], commands=len(batch), given_up=len(batch) - len(left)
        )
        await asyncio.sleep(0.05 if len(left) == len(batch) else 0.5)
        return left

    async def _attempt(self, batch: list[CommandEnvelope], *, skip_locked: bool) -> Decided:
        connection = await self._connection.get()
        await connection.renew_plans()
        loader = Loader(connection, self._batching)
        index, lanes = self._place
        discovery = Discovery(batch, self._reference.current, self._ids.worker * lanes + index)
        version, now = await discovery.begin(connection, loader, statements.BEGIN)
        if version > discovery.reference.version:
            await self._connection.roll_back()
            await self._reference.refresh(version)
            return Decided(needy=batch)
        await discovery.finish(loader)
        rows, held = await loader.lock_and_read(discovery.keys, discovery.seen, skip_locked=skip_locked)
        self._ids.advance(now // 1000)
        decided = decide(batch, discovery, rows, held, self._ids, now)
        self.counters.needs += decided.needs
        if decided.needy:
            await self._connection.roll_back()
            return Decided(needy=batch)
        await self._write(connection, rows, batch)
        return decided

    async def _write(self, connection: PipelineConnection, rows: Rows, batch: list[CommandEnvelope]) -> None:
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

    async def _committed(self, marker: int, batch: list[CommandEnvelope]) -> bool:
        """After a connection broke during COMMIT: did the batch take effect?

        Writing the same marker settles it: the insert waits for the old transaction if that still lives, then either
        finds its row (committed) or takes its place (it never can be). Who cannot wait that long is told `Unavailable`:
        ask for the outcome.
        """
        self.counters.fenced += 1
        pause = 0.05
        while True:
            await self._connection.drop()
            try:
                connection = await self._connection.get()
                results = await connection.run([(_FENCE, (BIGINT.encode((marker,)),))])
            except (ConnectionLost, DatabaseError) as error:
                log.warning("waiting to learn whether a batch was committed", error=str(error)[:200])
                self._intake.tell_late_in_queue()
                if not self._intake.tell_late(batch) and self._intake.closing:
                    return False  # nobody is left to be told
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)
                continue
            return results[0].command_tuples == 0
