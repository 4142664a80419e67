"""Calendars as YAML: `events:`, a list. Whatever is wrong is named with its line; nothing is guessed."""

from __future__ import annotations

import re
from typing import Any, Final, cast

import yaml

from chuanliu.calendars.events import PULSES_MAX, SHAPES, Event, Shape
from chuanliu.calendars.line_numbered import EVENT_DAYS_MAX, Reading, compose
from chuanliu.clock import MINUTE

_MEMBERS: Final = {
    "tenant", "name", "start", "zone", "duration_minutes", "shape", "peak_per_s", "multiplies", "window",
    "standby_per_s", "every_minutes",
}  # fmt: skip


def read_calendar(text: str) -> list[Event]:
    """The events of a YAML file. Raises `Invalid`: every problem with its line."""
    root = compose(text, "the calendar")
    if root is None:
        return []
    reading = Reading()
    members = reading.mapping(root, "the calendar", {"events"})
    events: list[Event] = []
    node = members.get("events")
    if node is None:
        reading.say(root, "`events` is missing")
    elif isinstance(node, yaml.SequenceNode):
        events = [event for each in node.value if (event := event_of(reading, each)) is not None]
    elif not (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
        reading.say(node, "`events` must be a list")
    reading.finish()
    return events


def event_of(reading: Reading, node: yaml.Node, tenant: str = "") -> Event | None:
    """One event; of `tenant` when that is given, else of the one that the event names. `None` with problems noted."""
    before = len(reading.problems)
    members = reading.mapping(node, "an event", _MEMBERS - {"tenant"} if tenant else _MEMBERS)
    if not members:
        return None
    for name in ("tenant", "duration_minutes", "peak_per_s"):
        if name not in members and not (name == "tenant" and tenant):
            reading.say(node, f"`{name}` is missing")
    if ("start" in members) == ("window" in members):
        reading.say(node, "either `start`, or `window` of an unknown time, must be given")
    if len(reading.problems) > before:
        return None
    if not tenant and not reading.text(members["tenant"]):
        reading.say(members["tenant"], "`tenant` must be a text")
    shape = _shape_of(reading, members.get("shape"))
    peak = reading.quantiles(members["peak_per_s"])
    minutes = reading.number(members["duration_minutes"], "duration_minutes", above=0.0)
    if minutes > EVENT_DAYS_MAX * 24 * 60:
        reading.say(members["duration_minutes"], f"an event is at most {EVENT_DAYS_MAX} days long")
    every = reading.number(members["every_minutes"], "every_minutes", above=0.0) if "every_minutes" in members else 0.0
    standby = reading.number(members["standby_per_s"], "standby_per_s") if "standby_per_s" in members else None
    start, end = reading.span(members)
    if len(reading.problems) > before or peak is None:
        return None
    duration = max(round(minutes * MINUTE), 1)
    unknown = "window" in members
    if every and (unknown or shape != "pulse" or "window" in members):
        reading.say(members["every_minutes"], "`every_minutes` is for a pulse train, whose `shape` is pulse")
        return None
    known: dict[str, Any] = {"start": start, "end": end if unknown else start + duration}
    if every and minutes > every * PULSES_MAX:
        reading.say(members["every_minutes"], f"a train has at most {PULSES_MAX} pulses")
        return None
    if every:
        # A train fills `duration_minutes`; each pulse takes half of its period.
        known |= {"every": round(every * MINUTE)}
        duration = max(round(every * MINUTE) // 2, 1)
    whose = tenant or reading.text(members["tenant"])
    return Event(
        tenant=whose,
        shape=shape,
        peak_per_s=peak,
        duration=duration,
        unknown_time=unknown,
        standby_per_s=(peak.p50 if standby is None else standby) if unknown else 0.0,
        multiplies=reading.text(members.get("multiplies")) or None,
        name=reading.text(members.get("name")) or f"{whose} {shape}",
        **known,
    )


def _shape_of(reading: Reading, node: yaml.Node | None) -> Shape:
    shape = "step" if node is None else reading.text(node).lower()
    if re.fullmatch(r"pulse[ _-]?trains?|pulses", shape):
        shape = "pulse"
    if node is not None and shape not in SHAPES:
        reading.say(node, f"`shape` must be one of {', '.join(SHAPES)}")
    return cast("Shape", shape)
