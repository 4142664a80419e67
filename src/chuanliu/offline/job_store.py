"""Offline jobs, and one row for each, where operators and the home of the jobs meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Protocol

import psycopg
from psycopg.rows import class_row

from chuanliu.clock import Micros, to_datetime
from chuanliu.errors import NotFound
from chuanliu.offline.jobs import JobState, Span

Connection = psycopg.Connection[Any]

_MICROS: Final = "(extract(epoch FROM {0}) * 1000000)::bigint AS {0}"
_INSTANTS: Final = ", ".join(_MICROS.format(name) for name in ("due_at", "finish_by", "started_at", "finished_at"))
_SELECT: Final = f"SELECT name, status, paused, {_INSTANTS}, done, total, worked_us, problem FROM offline_job"  # noqa: S608
_ENROL: Final = """
    INSERT INTO offline_job (name, due_at, finish_by)
    VALUES (%(name)s, now(), now() + make_interval(secs => %(within_s)s)) ON CONFLICT (name) DO NOTHING
"""
_BEGIN: Final = """
    UPDATE offline_job SET status = 'running', problem = '', done = 0, total = %(total)s, worked_us = 0,
        started_at = clock_timestamp(), finished_at = NULL
    WHERE name = %(name)s
"""
_ADVANCE: Final = "UPDATE offline_job SET done = %(done)s, worked_us = %(worked_us)s WHERE name = %(name)s"
_END: Final = """
    UPDATE offline_job SET status = %(status)s, problem = %(problem)s, done = %(done)s, worked_us = %(worked_us)s,
        total = CASE WHEN %(status)s = 'idle' THEN %(done)s ELSE greatest(total, %(done)s) END,
        finished_at = clock_timestamp(),
        due_at = greatest(due_at + make_interval(secs => %(every_s)s), clock_timestamp() + %(pause)s),
        finish_by = greatest(due_at + make_interval(secs => %(every_s)s), clock_timestamp() + %(pause)s)
            + make_interval(secs => %(within_s)s)
    WHERE name = %(name)s
"""
_LEAVE: Final = """
    UPDATE offline_job SET status = 'idle', done = %(done)s, worked_us = %(worked_us)s WHERE name = %(name)s
"""
_WINDOWS: Final = """
    SELECT name, (extract(epoch FROM begins_at) * 1000000)::bigint, (extract(epoch FROM ends_at) * 1000000)::bigint
    FROM offline_window WHERE ends_at > now() ORDER BY name, begins_at
"""
_SET_WINDOW: Final = "INSERT INTO offline_window (name, begins_at, ends_at) VALUES (%s, %s, %s)"
_ASK: Final = {
    "pause": "UPDATE offline_job SET paused = true WHERE name = %s",
    "resume": "UPDATE offline_job SET paused = false WHERE name = %s",
    "run": "UPDATE offline_job SET paused = false, due_at = least(due_at, now()) WHERE name = %s",
}

_RETRY_S: Final = 60
"""After a failure a job is due again this much later at the soonest."""


class Job(Protocol):
    """Work of one kind. It knows from its own tables how far it has come, so it may be killed between any two chunks.

    It is due `every` after it was last begun, and is to be done `within` of being due.
    """

    @property
    def name(self) -> str:
        """As operators call it."""

    @property
    def every(self) -> Micros:
        """From one run to the next."""

    @property
    def within(self) -> Micros:
        """From being due to being done."""

    def remaining(self, connection: Connection) -> int:
        """How much there is to do, in the job's own unit."""

    def chunks(self, connection: Connection) -> Iterator[int]:
        """Do it. Gives how much each chunk has done, once that is committed; ends when nothing is left."""


def enrol(connection: Connection, jobs: Iterable[Job]) -> None:
    """Make a row for each job that has none; it is due at once. A run that a dead process left is idle again."""
    for job in jobs:
        connection.execute(_ENROL, {"name": job.name, "within_s": job.within / 1e6})
    connection.execute("UPDATE offline_job SET status = 'idle' WHERE status = 'running'")


def states(connection: Connection) -> list[JobState]:
    """All jobs, the earliest deadline first."""
    with connection.cursor(row_factory=class_row(JobState)) as cursor:
        return cursor.execute(_SELECT + " ORDER BY finish_by, name").fetchall()


def state(connection: Connection, name: str) -> JobState:
    """One job. Raises `NotFound(job_not_found)`."""
    with connection.cursor(row_factory=class_row(JobState)) as cursor:
        found = cursor.execute(_SELECT + " WHERE name = %s", [name]).fetchone()
    if found is None:
        raise NotFound("job_not_found")
    return found


def ask(connection: Connection, name: str, what: str) -> JobState:
    """An operator's wish: `pause`, `resume`, or `run` (now). Raises `NotFound(job_not_found)`."""
    connection.execute(_ASK[what], [name])
    return state(connection, name)


def windows(connection: Connection) -> dict[str, list[Span]]:
    """What is left of the windows that plans have set aside, by job."""
    found: dict[str, list[Span]] = {}
    for name, begins_at, ends_at in connection.execute(_WINDOWS).fetchall():
        found.setdefault(name, []).append(Span(begins_at, ends_at))
    return found


def set_windows(connection: Connection, by_job: Mapping[str, Sequence[Span]]) -> None:
    """Put windows in place of the former ones of these jobs. Raises `NotFound(job_not_found)`."""
    with connection.transaction():
        for name, spans in by_job.items():
            state(connection, name)
            connection.execute("DELETE FROM offline_window WHERE name = %s", [name])
            for one in spans:
                connection.execute(_SET_WINDOW, [name, to_datetime(one.begin), to_datetime(one.end)])


def begin(connection: Connection, name: str, total: int) -> JobState:
    """A run begins."""
    connection.execute(_BEGIN, {"name": name, "total": total})
    return state(connection, name)


def advance(connection: Connection, name: str, done: int, worked_us: Micros) -> JobState:
    """A run has come so far."""
    connection.execute(_ADVANCE, {"name": name, "done": done, "worked_us": worked_us})
    return state(connection, name)


def end(connection: Connection, job: Job, done: int, worked_us: Micros, problem: str = "") -> JobState:
    """A run is over: done, or failed with a problem. The job is due again after its interval."""
    values: dict[str, Any] = {
        "name": job.name,
        "status": "failed" if problem else "idle",
        "problem": problem,
        "done": done,
        "worked_us": worked_us,
        "every_s": job.every / 1e6,
        "within_s": job.within / 1e6,
        "pause": timedelta(seconds=_RETRY_S if problem else 0),
    }
    connection.execute(_END, values)
    return state(connection, job.name)


def leave(connection: Connection, name: str, done: int, worked_us: Micros) -> None:
    """A run stops before its end, because the process does: it stays due."""
    connection.execute(_LEAVE, {"name": name, "done": done, "worked_us": worked_us})
