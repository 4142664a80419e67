"""Calendars as iCalendar (RFC 5545), in and out: VEVENTs whose peaks stand in properties of our own.

X-CHUANLIU-TENANT, X-CHUANLIU-SHAPE, X-CHUANLIU-PEAK-PER-S (`100,150,300`: p50, p90, p99), X-CHUANLIU-EVERY-MINUTES; for
a pulse of unknown time, which may come from DTSTART to DTEND, X-CHUANLIU-PULSE-MINUTES and X-CHUANLIU-STANDBY-PER-S.
Rules of recurrence are refused: each event must stand for itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from chuanliu.calendars.events import PULSES_MAX, SHAPES, Event, Quantiles
from chuanliu.clock import MINUTE, SECOND, Micros, from_datetime, to_datetime
from chuanliu.errors import Invalid

LINE_OCTETS_MAX: Final = 75
_DURATION: Final = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_RECURRENCE: Final = {"RRULE", "RDATE", "EXDATE"}


class _Property(msgspec.Struct, frozen=True):
    line: int
    name: str
    parameters: dict[str, str]
    value: str


def write_icalendar(events: Sequence[Event], now: Micros) -> str:
    """An iCalendar of events; times in UTC, `now` as its time stamp."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//chuanliu//capacity//EN"]
    for number, event in enumerate(events):
        peak = event.peak_per_s
        lines += [
            "BEGIN:VEVENT",
            f"UID:{number}-{event.start}-{_escaped(event.tenant)}@chuanliu",
            f"DTSTAMP:{_stamp(now)}",
            f"DTSTART:{_stamp(event.start)}",
            f"DTEND:{_stamp(event.end)}",
            f"SUMMARY:{_escaped(event.name)}",
            f"X-CHUANLIU-TENANT:{_escaped(event.tenant)}",
            f"X-CHUANLIU-SHAPE:{event.shape}",
            f"X-CHUANLIU-PEAK-PER-S:{peak.p50!r},{peak.p90!r},{peak.p99!r}",
        ]
        if event.every:
            lines.append(f"X-CHUANLIU-EVERY-MINUTES:{event.every / MINUTE!r}")
        if event.unknown_time:
            lines.append(f"X-CHUANLIU-PULSE-MINUTES:{event.duration / MINUTE!r}")
            lines.append(f"X-CHUANLIU-STANDBY-PER-S:{event.standby_per_s!r}")
        if event.multiplies:
            lines.append(f"X-CHUANLIU-MULTIPLIES:{_escaped(event.multiplies)}")
        lines.append("END:VEVENT")
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


def read_icalendar(text: str) -> list[Event]:
    """The events that carry a peak; other VEVENTs are somebody's appointments. Raises `Invalid` with the line."""
    events: list[Event] = []
    inside: dict[str, _Property] | None = None
    nested = 0
    properties = list(_properties(text))
    if not properties or (properties[0].name, properties[0].value.upper()) != ("BEGIN", "VCALENDAR"):
        raise _wrong(1, "an iCalendar begins with BEGIN:VCALENDAR")
    for each in properties:
        marks = (each.name, each.value.upper())
        if marks == ("BEGIN", "VEVENT"):
            inside, nested = {}, 0
        elif inside is None:
            continue
        elif marks == ("END", "VEVENT"):
            if "X-CHUANLIU-PEAK-PER-S" in inside:
                events.append(_event(inside, each.line))
            inside = None
        elif each.name in {"BEGIN", "END"}:
            nested += 1 if each.name == "BEGIN" else -1
        elif nested == 0:
            inside[each.name] = each
    if inside is not None:
        raise _wrong(properties[-1].line, "END:VEVENT is missing")
    return events


def _wrong(line: int, what: str) -> Invalid:
    return Invalid("invalid_parameter", f"line {line}: {what}")


def _properties(text: str) -> Iterator[_Property]:
    """Content lines, unfolded, with the line on which each begins."""
    unfolded: list[tuple[int, str]] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if line[:1] in {" ", "\t"} and unfolded:
            unfolded[-1] = (unfolded[-1][0], unfolded[-1][1] + line[1:])
        elif line.strip():
            unfolded.append((number, line))
    for number, line in unfolded:
        found = re.fullmatch(r'([A-Za-z0-9-]+)((?:;[^:;="]+=(?:"[^"]*"|[^;:"]*))*):(.*)', line)
        if found is None:
            raise _wrong(number, "not a line of an iCalendar")
        parameters = re.findall(r';([^=;]+)=(?:"([^"]*)"|([^;:"]*))', found[2])
        yield _Property(
            number, found[1].upper(), {name.upper(): quoted or plain for name, quoted, plain in parameters}, found[3]
        )


def _event(found: dict[str, _Property], line: int) -> Event:
    for name in ("DTSTART", "X-CHUANLIU-TENANT"):
        if name not in found:
            raise _wrong(line, f"the event has no {name}")
    for name in sorted(_RECURRENCE & found.keys()):
        raise _wrong(found[name].line, f"{name} is not read: each event must stand for itself")
    start = _moment(found["DTSTART"])
    end = _moment(found["DTEND"]) if "DTEND" in found else start + _duration(found.get("DURATION"), line)
    if end <= start:
        raise _wrong(line, "the event ends before it starts")
    peak = found["X-CHUANLIU-PEAK-PER-S"]
    rates = [_number(part, peak.line) for part in peak.value.split(",")]
    if len(rates) != 3 or rates != sorted(rates):
        raise _wrong(peak.line, "three rates that ascend are expected: p50,p90,p99")
    shape = found["X-CHUANLIU-SHAPE"].value.lower() if "X-CHUANLIU-SHAPE" in found else "step"
    if shape not in SHAPES:
        raise _wrong(found["X-CHUANLIU-SHAPE"].line, f"the shape must be one of {', '.join(SHAPES)}")
    every, pulse = (_minutes(found.get(f"X-CHUANLIU-{name}-MINUTES")) for name in ("EVERY", "PULSE"))
    standby = found.get("X-CHUANLIU-STANDBY-PER-S")
    tenant = _plain(found["X-CHUANLIU-TENANT"].value)
    if not tenant or (pulse and every) or ((pulse or every) and shape != "pulse"):
        raise _wrong(line, "an event needs a tenant, and only a pulse has minutes of pulses, of one kind")
    if every and end - start > every * PULSES_MAX:
        raise _wrong(line, f"a train has at most {PULSES_MAX} pulses")
    return Event(
        tenant=tenant,
        name=_plain(found["SUMMARY"].value) if "SUMMARY" in found else f"{tenant} {shape}",
        start=start,
        end=end,
        duration=pulse or (max(every // 2, 1) if every else end - start),
        every=every,
        unknown_time=pulse > 0,
        standby_per_s=(rates[0] if standby is None else _number(standby.value, standby.line)) if pulse else 0.0,
        shape=shape,  # type: ignore[arg-type]
        multiplies=_plain(found["X-CHUANLIU-MULTIPLIES"].value) if "X-CHUANLIU-MULTIPLIES" in found else None,
        peak_per_s=Quantiles(p50=rates[0], p90=rates[1], p99=rates[2]),
    )


def _number(text: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1e12:
        raise _wrong(line, f"{text[:40]!r} is no number of 0 or more")
    return value


def _minutes(found: _Property | None) -> Micros:
    return 0 if found is None else round(_number(found.value, found.line) * MINUTE)


def _moment(found: _Property) -> Micros:
    zone = found.parameters.get("TZID")
    try:
        if found.value.endswith("Z"):
            return from_datetime(datetime.strptime(found.value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))
        if zone is None:
            raise _wrong(found.line, f"{found.name} has no zone: TZID, or a time that ends with Z, is needed")
        return from_datetime(datetime.strptime(found.value, "%Y%m%dT%H%M%S").replace(tzinfo=ZoneInfo(zone)))
    except (ValueError, OSError, KeyError):
        raise _wrong(found.line, f"{found.name} is no time in a zone that is known") from None


def _duration(found: _Property | None, line: int) -> Micros:
    parts = None if found is None else _DURATION.fullmatch(found.value)
    if parts is None:
        raise _wrong(found.line if found else line, "DTEND, or a DURATION such as PT1H30M, is needed")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return ((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * SECOND


def _stamp(at: Micros) -> str:
    return to_datetime(at).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    return re.sub(r"([\\;,])", r"\\\1", text).replace("\r", "").replace("\n", "\\n")


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], text).strip()


def _folded(line: str) -> str:
    """At most 75 octets a line, and no character torn apart."""
    pieces: list[str] = []
    piece = ""
    for character in line:
        if len((piece + character).encode()) > LINE_OCTETS_MAX - (1 if pieces else 0):
            pieces.append(piece)
            piece = ""
        piece += character
    return "\r\n ".join([*pieces, piece])
