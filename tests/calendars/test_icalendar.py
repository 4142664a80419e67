"""iCalendar: what is written reads back, what others write is read, mistakes have their lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from calendars.test_calendar import SOUTH, STEP
from chuanliu.calendars import Event, Quantiles, read_calendar, read_icalendar, write_icalendar
from chuanliu.cli import app
from chuanliu.clock import MINUTE, SECOND, iso_text
from chuanliu.errors import Invalid

FOREIGN = """\
BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
SUMMARY:Lunch
DTSTART:20261111T040000Z
RRULE:FREQ=DAILY
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID="Asia/Tokyo":20261111T200000
DURATION:PT1H30M
SUMMARY:Opening\\, a very long
  name
X-CHUANLIU-TENANT:tokyo
X-CHUANLIU-PEAK-PER-S:100,150,300
BEGIN:VALARM
DURATION:PT5M
END:VALARM
END:VEVENT
END:VCALENDAR
"""


def test_a_calendar_survives_the_way_out_and_in() -> None:
    events = read_calendar(STEP + SOUTH)
    assert read_icalendar(write_icalendar(events, 0)) == events


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=120))
def test_any_name_survives_and_no_line_is_too_long(name: str) -> None:
    event = Event(
        tenant=name, name=name, start=0, end=MINUTE, duration=MINUTE, shape="step",
        peak_per_s=Quantiles(p50=0.1, p90=1.0, p99=7.0),
    )  # fmt: skip
    text = write_icalendar([event], SECOND)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert read_icalendar(text) == [event]


def test_what_others_write_is_read_and_their_appointments_left_alone() -> None:
    (event,) = read_icalendar(FOREIGN)
    assert (event.tenant, event.name, event.shape) == ("tokyo", "Opening, a very long name", "step")
    assert iso_text(event.start) == "2026-11-11T11:00:00.000Z" and event.end - event.start == 90 * MINUTE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: an iCalendar begins"),
        (FOREIGN.replace("VERSION:2.0", "what"), "line 2: not a line"),
        (FOREIGN.replace("Asia/Tokyo", "Mars/Base"), "line 9: DTSTART is no time in a zone"),
        (FOREIGN.replace(';TZID="Asia/Tokyo"', ""), "line 9: DTSTART has no zone"),
        (FOREIGN.replace("PT1H30M", "90"), "line 10: DTEND, or a DURATION"),
        (FOREIGN.replace("150", "500"), "line 14: three rates that ascend"),
        (FOREIGN.replace("DURATION:PT1H30M", "DURATION:PT1H\nRRULE:FREQ=DAILY"), "line 11: RRULE is not read"),
        (FOREIGN.split("END:VEVENT\nEND", maxsplit=1)[0], "line 17: END:VEVENT is missing"),
    ],
)
def test_mistakes_have_their_lines(text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read_icalendar(text)


def test_commands_read_ics_files_and_write_them(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(STEP + SOUTH)
    written = CliRunner().invoke(app, ["capacity", "export", "--calendar", str(tmp_path / "c.yaml")])
    (tmp_path / "c.ics").write_text(written.stdout)
    shown = [
        CliRunner().invoke(app, ["capacity", "conflicts", "--calendar", str(tmp_path / name), "--json"]).stdout
        for name in ("c.yaml", "c.ics")
    ]
    assert shown[0] == shown[1] and "north" in shown[0]
