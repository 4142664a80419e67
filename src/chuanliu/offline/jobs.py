"""How it stands with an offline job, and whether it will be done in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from chuanliu.clock import MINUTE, SECOND, Micros

CHUNK_S: Final = 0.05
"""No chunk is to hold its locks, or a CPU, for longer."""


class JobState(NamedTuple):
    """How it stands with a job. Instants in microseconds; `finish_by` is the deadline of the run that is due or under
    way, `total` and `done` count the run's own unit.
    """

    name: str
    status: str
    paused: bool
    due_at: Micros
    finish_by: Micros
    started_at: Micros | None
    finished_at: Micros | None
    done: int
    total: int
    worked_us: int
    problem: str


class Span(NamedTuple):
    """A time that a plan has set aside for a job, [begin, end)."""

    begin: Micros
    end: Micros


_RATE_AFTER_S: Final = 5.0


def expected_end(state: JobState, now: Micros) -> Micros | None:
    """When a run will be done at the speed it has had so far, pauses included. None before that can be told."""
    if state.started_at is None or state.done <= 0 or now - state.started_at < _RATE_AFTER_S * SECOND:
        return None
    left = max(0, state.total - state.done)
    return now + left * (now - state.started_at) // state.done


def at_risk(state: JobState, now: Micros) -> bool:
    """Whether the deadline is missed, or will be at the speed so far; said at the latest a minute before it."""
    if state.status == "idle" and state.due_at > now:
        return False
    end = expected_end(state, now)
    return (now if end is None else end) + MINUTE > state.finish_by


def may_work(state: JobState, windows: Sequence[Span], now: Micros) -> bool:
    """Whether a job is to work now: in its windows, without any to come at all times. Outside of them it works when its
    deadline is at risk, or comes before the next window does.
    """
    coming = [one for one in windows if one.end > now]
    if not coming or any(one.begin <= now for one in coming):
        return True
    return at_risk(state, now) or min(one.begin for one in coming) >= state.finish_by
