"""Calendars: what is read, what is refused, what falls together."""

from __future__ import annotations

import json

import pytest

from chuanliu.calendars import overlaps_of, read_calendar
from chuanliu.clock import MINUTE, iso_text
from chuanliu.errors import Invalid

STEP = """\
events:
  - tenant: north
    start: 2026-11-11T20:00:00+08:00
    duration_minutes: 60
    shape: step
    peak_per_s: {p50: 100, p90: 150, p99: 300}
"""
SOUTH = """\
  - tenant: south
    start: 2026-11-11 20:30:00
    zone: Asia/Shanghai
    duration_minutes: 60
    shape: pulse
    every_minutes: 20
    peak_per_s: {p50: 10, p90: 15, p99: 30}
  - tenant: host
    window: {from: "2026-11-11T19:00:00+08:00", to: "2026-11-12T00:00:00+08:00"}
    duration_minutes: 10
    shape: pulse
    standby_per_s: 40
    peak_per_s: {p50: 50, p90: 60, p99: 70}
"""


def test_events_of_known_and_unknown_time() -> None:
    north, south, host = read_calendar(STEP + SOUTH)
    assert (iso_text(north.start), north.end - north.start) == ("2026-11-11T12:00:00.000Z", 60 * MINUTE)
    assert iso_text(south.start) == "2026-11-11T12:30:00.000Z"
    assert [(end - begin) // MINUTE for begin, end in south.spans()] == [10, 10, 10]
    assert host.unknown_time and host.spans() == [] and host.standby_per_s == 40


def test_overlaps_and_conflicts() -> None:
    found = overlaps_of(read_calendar(STEP + SOUTH))
    assert not any(one.is_conflict for one in found)
    assert max(one.sum_p50_per_s for one in found) == 160
    twice = overlaps_of(read_calendar(STEP + STEP.removeprefix("events:\n")))
    assert [(one.is_conflict, one.sum_p99_per_s) for one in twice] == [(True, 600)]
    assert overlaps_of([]) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("events: 3", "line 1: `events` must be a list"),
        ("event: []", "line 1: `event` is not known"),
        (STEP.replace("+08:00", ""), "line 3: `start` has no zone"),
        (STEP.replace("step", "wave"), "line 5: `shape` must be one of step, ramp, pulse"),
        (STEP.replace("p90: 150", "p90: 500"), "line 6: p50, p90 and p99 must ascend"),
        (STEP.replace("p99: 300", "p99: many"), "line 6: `peak_per_s.p99` must be a number"),
        (STEP.replace("60", "0"), "line 4: `duration_minutes` must be a number, above 0"),
        (STEP.replace("    shape: step\n", "    shape: step\n    shape: step\n"), "line 6: `shape` is given twice"),
        (STEP + "  - [", "line 7"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read_calendar(text)


@pytest.mark.parametrize("text", ['{"\\ud8cc": 1}', '{"events": [{"tenant": "\\udfff"}]}', '"a\\ud83c"'])
def test_half_of_a_surrogate_pair_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_calendar("# a comment\n" + text)
    assert refused.value.message == "line 2: half of a surrogate pair"


def test_a_whole_surrogate_pair_in_json_is_a_character() -> None:
    event = json.dumps({"events": [{"tenant": "🎉", "start": "2026-11-11T20:00:00+08:00", "duration_minutes": 1,
                                    "peak_per_s": {"p50": 1, "p90": 2, "p99": 3}}]})  # fmt: skip
    assert "\\ud83c" in event
    (found,) = read_calendar(event)
    assert found.tenant == "🎉"
