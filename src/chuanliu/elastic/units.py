"""One unit's life, as a table of moves: asked, starting, ready, draining, gone or failed. No clock here.

| state | seen | next |
|---|---|---|
| asked | starting, ready | starting, ready |
| asked | absent, for longer than `ask_s` | failed, and ended |
| starting | ready | ready |
| starting | absent | failed: it ended |
| starting | starting, for longer than `start_s` | failed, and ended |
| ready | starting | starting: it serves no more, and has `start_s` to come back |
| ready | leaving | draining: somebody else told it to |
| ready | absent | failed: it died |
| draining | absent | gone |
| draining | anything, for longer than `drain_s` | draining, and ended |
| failed | anything | failed, and ended, every `end_s` until it is absent |
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class Phase(StrEnum):
    """Where a unit is in its life."""

    ASKED = "asked"
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    GONE = "gone"
    FAILED = "failed"


class Seen(StrEnum):
    """What a provider sees of a unit."""

    ABSENT = "absent"
    STARTING = "starting"
    READY = "ready"
    LEAVING = "leaving"


COMING: Final = frozenset({Phase.ASKED, Phase.STARTING})
ALIVE: Final = COMING | {Phase.READY}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Time-outs in seconds; see the table above."""

    ask_s: float = 30.0
    start_s: float = 90.0
    drain_s: float = 40.0
    end_s: float = 10.0


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit in `phase` since an instant, in seconds of a clock that only goes on. `ended_at` is when it was last told
    to end at once; `reason` says why it is not as it should be.
    """

    name: str
    phase: Phase
    since: float
    ended_at: float | None = None
    reason: str = ""


def advance(unit: Unit, seen: Seen, now: float, limits: Limits) -> tuple[Unit, bool]:
    """The unit after a look at it, and whether it is to be ended at once."""
    phase, passed = unit.phase, now - unit.since
    if phase is Phase.GONE:
        return unit, False
    if phase is Phase.FAILED:
        return _ended(unit, now, limits, seen is not Seen.ABSENT)
    if phase is Phase.DRAINING:
        if seen is Seen.ABSENT:
            return _moved(unit, Phase.GONE, now, unit.reason), False
        ended, now_at_last = _ended(unit, now, limits, passed > limits.drain_s)
        if now_at_last and not unit.reason:
            ended = msgspec.structs.replace(ended, reason=f"not drained within {limits.drain_s:g} s")
        return ended, now_at_last
    if seen is Seen.LEAVING:
        return _moved(unit, Phase.DRAINING, now, "told to leave by others"), False
    if seen is Seen.READY:
        return (unit if phase is Phase.READY else _moved(unit, Phase.READY, now)), False
    if seen is Seen.STARTING:
        return _while_starting(unit, passed, now, limits)
    return _while_absent(unit, passed, now, limits)


def _while_starting(unit: Unit, passed: float, now: float, limits: Limits) -> tuple[Unit, bool]:
    if unit.phase is not Phase.STARTING:
        return _moved(unit, Phase.STARTING, now, "serves no more" if unit.phase is Phase.READY else ""), False
    if passed <= limits.start_s:
        return unit, False
    return _failed(unit, now, unit.reason or f"not ready within {limits.start_s:g} s")


def _while_absent(unit: Unit, passed: float, now: float, limits: Limits) -> tuple[Unit, bool]:
    if unit.phase is Phase.ASKED:
        if passed <= limits.ask_s:
            return unit, False
        return _failed(unit, now, f"not there within {limits.ask_s:g} s")
    reason = "died" if unit.phase is Phase.READY else "ended while it started"
    return _moved(unit, Phase.FAILED, now, reason), False


def _failed(unit: Unit, now: float, reason: str) -> tuple[Unit, bool]:
    failed = _moved(unit, Phase.FAILED, now, reason)
    return msgspec.structs.replace(failed, ended_at=now), True


def _ended(unit: Unit, now: float, limits: Limits, is_due: bool) -> tuple[Unit, bool]:
    if not is_due or (unit.ended_at is not None and now - unit.ended_at < limits.end_s):
        return unit, False
    return msgspec.structs.replace(unit, ended_at=now), True


def _moved(unit: Unit, phase: Phase, now: float, reason: str = "") -> Unit:
    return Unit(name=unit.name, phase=phase, since=now, reason=reason)


def drained(unit: Unit, now: float, reason: str = "") -> Unit:
    """The unit once it is told to leave. Raises `ValueError` for one that is on its way out already."""
    if unit.phase not in ALIVE:
        raise ValueError(f"a unit that is {unit.phase} cannot be drained")
    return _moved(unit, Phase.DRAINING, now, reason)
