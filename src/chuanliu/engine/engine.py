"""The engine of one process: lanes, read lane, reference data, ids. The only writer of the database."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from chuanliu.engine.command import Command, Query
from chuanliu.engine.connection import PipelineConnection
from chuanliu.engine.intake import LaneLimits
from chuanliu.engine.lane import Lane, LaneCounters
from chuanliu.engine.loading import Batching
from chuanliu.engine.read_lane import ReadLane
from chuanliu.engine.reference import Reference
from chuanliu.engine.reference_store import ReferenceStore
from chuanliu.engine.table import Table
from chuanliu.engine.worker_lease_store import WorkerLeaseStore
from chuanliu.errors import Busy, ChuanliuError, Unavailable
from chuanliu.ids import IdSource

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class EngineSettings:
    """`lanes` is one or two a process. `per_cell` is the switch for a cluster: one statement per cell of a batch."""

    conninfo: str
    lanes: int = 1
    per_cell: bool = False
    limits: LaneLimits = field(default_factory=LaneLimits)
    synchronous_commit: str = "on"


class Engine:
    """`submit` commands, `ask` queries. Made by `runtime`, one a process; `start` before use, `close` drains."""

    def __init__(self, settings: EngineSettings, reference_tables: Sequence[Table[Any]]) -> None:
        self._settings = settings
        self._reference = ReferenceStore(settings.conninfo, reference_tables)
        self._leases = WorkerLeaseStore(settings.conninfo, f"{os.getpid()}-{secrets.token_hex(4)}")
        self._lanes: list[Lane] = []
        self._read_lane: ReadLane | None = None
        self._ids: IdSource | None = None
        self._turn = 0

    async def start(self) -> None:
        """Lease a worker number, load reference data, start the lanes. Raises `Unavailable` without a database."""
        self._ids = await self._leases.start()
        await self._reference.start()
        batching = Batching(per_cell=self._settings.per_cell)
        limits = self._settings.limits
        count = self._settings.lanes
        for index in range(count):
            lane = Lane(self._connect, self._ids, self._reference, limits, batching, (index, count))
            lane.start()
            self._lanes.append(lane)
        self._read_lane = ReadLane(self._connect, self._reference, limits, batching)
        self._read_lane.start()

    @property
    def reference(self) -> Reference:
        """The present snapshot of reference data."""
        return self._reference.current

    @property
    def ids(self) -> IdSource:
        """The source of ids of this process. Raises `Unavailable` before `start`."""
        if self._ids is None:
            raise Unavailable("the engine is not running")
        return self._ids

    @property
    def waiting(self) -> int:
        """Commands that wait for a lane."""
        return sum(lane.waiting for lane in self._lanes)

    @property
    def wait_s(self) -> float:
        """The longest wait of what comes next in any lane, in seconds; 0 where nothing waits."""
        lanes = [lane.wait_s for lane in self._lanes]
        return max([*lanes, self._read_lane.wait_s if self._read_lane is not None else 0.0])

    @property
    def counters(self) -> list[LaneCounters]:
        """What each lane did."""
        return [lane.counters for lane in self._lanes]

    def submit(self, command: Command[Outcome]) -> asyncio.Future[Outcome]:
        """Queue a command; the future gets its outcome after the commit, or a `ChuanliuError`.

        Raises `Busy` at once when the queue is full.
        """
        lanes = self._lanes
        if len(lanes) == 1:
            return lanes[0].submit(command)
        if not lanes:
            raise Unavailable("the engine is not running")
        affinity = command.affinity
        if affinity is None:
            affinity = self._turn = self._turn + 1
        return lanes[affinity % len(lanes)].submit(command)

    async def submit_all(self, commands: Sequence[Command[Outcome]]) -> list[Outcome | ChuanliuError]:
        """Submit many commands and return a result for each: its outcome, or why it was refused.

        They are independent of each other: one refusal leaves its neighbours alone. Raises `Busy` when a lane's queue
        has no room for all of them; then none was taken.
        """
        if any(lane.waiting + len(commands) > self._settings.limits.queue for lane in self._lanes):
            raise Busy
        futures = [self.submit(command) for command in commands]
        results: list[Outcome | ChuanliuError] = []
        for future in futures:
            try:
                results.append(await future)
            except ChuanliuError as error:
                results.append(error)
        return results

    def ask(self, query: Query[Outcome]) -> asyncio.Future[Outcome]:
        """Queue a query; the future gets its answer, or a `ChuanliuError`. Raises `Busy` at once when the queue is
        full.
        """
        if self._read_lane is None:
            raise Unavailable("the engine is not running")
        return self._read_lane.ask(query)

    async def close(self) -> None:
        """Accept nothing more, answer what was accepted, release the worker number."""
        await asyncio.gather(*(lane.close() for lane in self._lanes))
        if self._read_lane is not None:
            await self._read_lane.close()
        await self._reference.close()
        await self._leases.close()

    async def _connect(self) -> PipelineConnection:
        return await PipelineConnection.open(
            self._settings.conninfo,
            settings={
                "lock_timeout": str(self._settings.limits.lock_timeout_ms),
                "statement_timeout": "15000",
                "idle_in_transaction_session_timeout": "15000",
                "synchronous_commit": self._settings.synchronous_commit,
                "plan_cache_mode": "force_generic_plan",
                "enable_hashjoin": "off",
                "enable_mergejoin": "off",
                "enable_seqscan": "off",
                "enable_bitmapscan": "off",
                "jit": "off",
            },
        )
