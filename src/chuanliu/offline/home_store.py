"""The one home of offline jobs: the job whose deadline is next, chunk by chunk, as fast as online work lets it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import psycopg
import structlog

from chuanliu.clock import Micros
from chuanliu.errors import ChuanliuError
from chuanliu.offline import job_store
from chuanliu.offline.job_store import Connection, Job
from chuanliu.offline.jobs import JobState, at_risk, may_work
from chuanliu.offline.pace import LOOK_S, Pace
from chuanliu.offline.pressure_store import CpuPressure

log = structlog.get_logger()

NOTE_EVERY_S: Final = 0.5
"""How often a run writes down how far it has come, and looks whether it is to pause."""


def _now() -> Micros:
    return time.time_ns() // 1000


@dataclass
class Home:
    """Runs due jobs, one at a time, on a connection in autocommit. `stopping` is asked between chunks; `online_wait`
    tells how many seconds online requests wait, or None.

    Jobs run in the order of their deadlines, and in the windows that a plan has set aside for them. One that is due
    with an earlier deadline takes over within half a second; the other goes on behind it. A job that fails is due again
    a minute later at the soonest; others go on.
    Raises `psycopg.Error` once the connection is lost.
    """

    connection: Connection
    jobs: Sequence[Job]
    stopping: Callable[[], bool]
    pressure: CpuPressure = field(default_factory=CpuPressure)
    pace: Pace = field(default_factory=Pace)
    online_wait: Callable[[], float | None] = lambda: None
    _warned: set[tuple[str, Micros]] = field(default_factory=set)

    def run_due(self) -> int:
        """Run every job that is due. Returns how many came to their end."""
        ended = 0
        while not self.stopping() and (job := self.next_job()) is not None:
            ended += self._run(job)
        return ended

    def next_job(self) -> Job | None:
        """The job that is to work now: of those that are due and may, the one with the earliest deadline."""
        by_name = {job.name: job for job in self.jobs}
        windows, now = job_store.windows(self.connection), _now()
        for state in job_store.states(self.connection):
            is_due = state.name in by_name and not state.paused and state.due_at <= now
            if is_due and may_work(state, windows.get(state.name, []), now):
                return by_name[state.name]
        return None

    def _run(self, job: Job) -> bool:
        run = _Run(self, job)
        try:
            whole = run.to_the_end()
        except (ChuanliuError, ArithmeticError, LookupError, ValueError, psycopg.Error) as error:
            if self.connection.broken:
                raise
            log.exception("an offline job failed", job=job.name)
            job_store.end(self.connection, job, run.done, run.worked_us, f"{type(error).__name__}: {error}"[:500])
            return False
        if whole:
            job_store.end(self.connection, job, run.done, run.worked_us)
        else:
            job_store.leave(self.connection, job.name, run.done, run.worked_us)
        return whole

    def warn(self, state: JobState) -> None:
        """Say once for each run that its deadline is at risk."""
        if at_risk(state, _now()) and (state.name, state.finish_by) not in self._warned:
            self._warned.add((state.name, state.finish_by))
            log.warning("an offline job's deadline is at risk", job=state.name, done=state.done, total=state.total)


class _Run:
    """One run of one job."""

    def __init__(self, home: Home, job: Job) -> None:
        self._home = home
        self._job = job
        self._noted_at = time.perf_counter()
        self.done = 0
        self.worked_us = 0

    def to_the_end(self) -> bool:
        """False where it was paused, is another job's turn, or the home stops."""
        home, job = self._home, self._job
        home.warn(job_store.begin(home.connection, job.name, job.remaining(home.connection)))
        chunks = job.chunks(home.connection)
        while not home.stopping():
            began = time.perf_counter()
            did = next(chunks, None)
            took = time.perf_counter() - began
            self.worked_us += int(took * 1e6)
            if did is None:
                return True
            self.done += did
            if self._is_to_leave():
                return False
            self._give_way(took)
        return False

    def _is_to_leave(self) -> bool:
        now = time.perf_counter()
        if now - self._noted_at < NOTE_EVERY_S:
            return False
        self._noted_at = now
        home = self._home
        state = job_store.advance(home.connection, self._job.name, self.done, self.worked_us)
        home.warn(state)
        return home.next_job() is not self._job

    def _give_way(self, chunk_s: float) -> None:
        home = self._home
        pressure, wait_s = home.pressure.share(), home.online_wait()
        time.sleep(home.pace.pause_after(chunk_s, pressure, wait_s))
        while home.pace.must_wait(pressure, wait_s) and not home.stopping():
            time.sleep(LOOK_S)
            pressure, wait_s = home.pressure.share(), home.online_wait()
