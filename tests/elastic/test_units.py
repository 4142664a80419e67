"""One unit's life, move by move."""

from __future__ import annotations

import pytest

from chuanliu.elastic import Limits, Phase, Seen, Unit, advance, drained

LIMITS = Limits(ask_s=10, start_s=20, drain_s=30, end_s=5)


@pytest.mark.parametrize(
    ("phase", "seen", "after_s", "then", "ended", "reason"),
    [
        ("asked", "absent", 10, "asked", False, ""),
        ("asked", "absent", 10.1, "failed", True, "not there within 10 s"),
        ("asked", "starting", 1, "starting", False, ""),
        ("asked", "ready", 1, "ready", False, ""),
        ("asked", "leaving", 1, "draining", False, "told to leave by others"),
        ("starting", "starting", 20, "starting", False, ""),
        ("starting", "starting", 20.1, "failed", True, "not ready within 20 s"),
        ("starting", "ready", 30, "ready", False, ""),
        ("starting", "absent", 1, "failed", False, "ended while it started"),
        ("ready", "ready", 9999, "ready", False, ""),
        ("ready", "starting", 1, "starting", False, "serves no more"),
        ("ready", "absent", 1, "failed", False, "died"),
        ("ready", "leaving", 1, "draining", False, "told to leave by others"),
        ("draining", "ready", 30, "draining", False, ""),
        ("draining", "leaving", 30.1, "draining", True, "not drained within 30 s"),
        ("draining", "absent", 1, "gone", False, ""),
        ("failed", "leaving", 1, "failed", True, ""),
        ("failed", "absent", 1, "failed", False, ""),
        ("gone", "absent", 1, "gone", False, ""),
    ],
)
def test_moves(phase: str, seen: str, after_s: float, then: str, ended: bool, reason: str) -> None:
    unit = Unit(name="u", phase=Phase(phase), since=100.0)
    after, is_to_end = advance(unit, Seen(seen), 100.0 + after_s, LIMITS)
    assert (after.phase, is_to_end, after.reason) == (Phase(then), ended, reason)
    assert after.since == (100.0 if then == phase else 100.0 + after_s)


def test_a_unit_that_serves_no_more_has_the_time_of_a_start_to_come_back() -> None:
    unit = Unit(name="u", phase=Phase.READY, since=0.0)
    unit, _ = advance(unit, Seen.STARTING, 50.0, LIMITS)
    assert advance(unit, Seen.READY, 60.0, LIMITS)[0].phase is Phase.READY
    failed, is_to_end = advance(unit, Seen.STARTING, 71.0, LIMITS)
    assert (failed.phase, failed.reason, is_to_end) == (Phase.FAILED, "serves no more", True)


def test_who_does_not_end_is_ended_again_and_again() -> None:
    unit = Unit(name="u", phase=Phase.DRAINING, since=0.0)
    told = []
    for tenth in range(300, 500):
        unit, is_to_end = advance(unit, Seen.LEAVING, tenth / 10, LIMITS)
        if is_to_end:
            told.append(tenth / 10)
    assert told == [30.1, 35.1, 40.1, 45.1]
    gone, _ = advance(unit, Seen.ABSENT, 50.0, LIMITS)
    assert (gone.phase, gone.reason) == (Phase.GONE, "not drained within 30 s")


@pytest.mark.parametrize("phase", [Phase.DRAINING, Phase.GONE, Phase.FAILED])
def test_what_is_on_its_way_out_is_not_drained(phase: Phase) -> None:
    with pytest.raises(ValueError, match=phase.value):
        drained(Unit(name="u", phase=phase, since=0.0), 1.0)
