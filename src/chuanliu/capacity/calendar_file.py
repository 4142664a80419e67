"""Calendars as YAML: `events:`, a list. Whatever is wrong is named with its line; nothing is guessed."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any, Final, cast, get_args
from zoneinfo import ZoneInfo

import yaml

from chuanliu.capacity.calendar import SHAPES, Event, Quantiles, Shape
from chuanliu.clock import DAY, MINUTE, Micros, from_datetime
from chuanliu.errors import Invalid

FILE_LENGTH_MAX: Final = 8 * 1024 * 1024
EVENT_DAYS_MAX: Final = 366
_MEMBERS: Final = {
    "tenant", "name", "start", "zone", "duration_minutes", "shape", "peak_per_s", "multiplies", "window",
    "standby_per_s", "every_minutes",
}  # fmt: skip


def read_calendar(text: str) -> list[Event]:
    """The events of a YAML file. Raises `Invalid`: every problem with its line."""
    if len(text) > FILE_LENGTH_MAX:
        raise Invalid("invalid_parameter", f"the calendar is longer than {FILE_LENGTH_MAX} characters")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Invalid("invalid_parameter", f"line {line}: {error.problem or 'not YAML'}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Invalid("invalid_parameter", f"not YAML: {error}") from None
    if root is None:
        return []
    reading = _Reading()
    members = reading.mapping(root, "the calendar", {"events"})
    events: list[Event] = []
    node = members.get("events")
    if node is None:
        reading.say(root, "`events` is missing")
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            event = reading.event(each)
            if event is not None:
                events.append(event)
    elif not (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
        reading.say(node, "`events` must be a list")
    if reading.problems:
        raise Invalid("invalid_parameter", "; ".join(reading.problems[:50]))
    return events


class _Reading:
    """One pass over a document; problems gather."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def say(self, node: yaml.Node, what: str) -> None:
        self.problems.append(f"line {node.start_mark.line + 1}: {what}")

    def mapping(self, node: yaml.Node, what: str, known: set[str]) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self.say(node, f"{what} must be a mapping")
            return {}
        members: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name not in known:
                self.say(key, f"`{name}` is not known; {what} has {', '.join(sorted(known))}")
            elif name in members:
                self.say(key, f"`{name}` is given twice")
            else:
                members[name] = value
        return members

    def text(self, node: yaml.Node | None) -> str:
        return node.value.strip() if isinstance(node, yaml.ScalarNode) else ""

    def number(self, node: yaml.Node, name: str, *, above: float = -1.0) -> float:
        try:
            value = float(self.text(node).replace("_", ""))
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < 0 or value <= above or value > 1e12:
            least = "above 0" if above >= 0 else "0 or more"
            self.say(node, f"`{name}` must be a number, {least}")
            return math.nan
        return value

    def moment(self, node: yaml.Node, name: str, zone: ZoneInfo | None) -> Micros:
        text = self.text(node)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.say(node, f"`{name}` must be a time in ISO 8601, such as 2026-11-11T20:00:00+08:00")
            return 0
        if moment.tzinfo is None:
            if zone is None:
                self.say(node, f"`{name}` has no zone: write an offset, or add `zone: Asia/Shanghai`")
                return 0
            moment = moment.replace(tzinfo=zone)
        return from_datetime(moment)

    def quantiles(self, node: yaml.Node) -> Quantiles | None:
        before = len(self.problems)
        members = self.mapping(node, "peak_per_s", {"p50", "p90", "p99"})
        for name in ("p50", "p90", "p99"):
            if name not in members and len(self.problems) == before:
                self.say(node, f"`peak_per_s.{name}` is missing")
        found = {name: self.number(value, f"peak_per_s.{name}") for name, value in members.items()}
        if len(self.problems) > before:
            return None
        if not found["p50"] <= found["p90"] <= found["p99"]:
            self.say(node, "p50, p90 and p99 must ascend")
            return None
        return Quantiles(**found)

    def event(self, node: yaml.Node) -> Event | None:
        before = len(self.problems)
        members = self.mapping(node, "an event", _MEMBERS)
        if not members:
            return None
        for name in ("tenant", "duration_minutes", "peak_per_s"):
            if name not in members:
                self.say(node, f"`{name}` is missing")
        if ("start" in members) == ("window" in members):
            self.say(node, "either `start`, or `window` of an unknown time, must be given")
        if len(self.problems) > before:
            return None
        if not self.text(members["tenant"]):
            self.say(members["tenant"], "`tenant` must be a text")
        shape = self.text(members["shape"]).lower() if "shape" in members else "step"
        if re.fullmatch(r"pulse[ _-]?trains?|pulses", shape):
            shape = "pulse"
        if shape not in get_args(Shape):
            self.say(members["shape"], f"`shape` must be one of {', '.join(SHAPES)}")
        peak = self.quantiles(members["peak_per_s"])
        minutes = self.number(members["duration_minutes"], "duration_minutes", above=0.0)
        if minutes > EVENT_DAYS_MAX * 24 * 60:
            self.say(members["duration_minutes"], f"an event is at most {EVENT_DAYS_MAX} days long")
        every = self.number(members["every_minutes"], "every_minutes", above=0.0) if "every_minutes" in members else 0.0
        standby = self.number(members["standby_per_s"], "standby_per_s") if "standby_per_s" in members else None
        start, end = self._when(members)
        if len(self.problems) > before or peak is None:
            return None
        duration = max(round(minutes * MINUTE), 1)
        unknown = "window" in members
        if every and (unknown or shape != "pulse" or "window" in members):
            self.say(members["every_minutes"], "`every_minutes` is for a pulse train, whose `shape` is pulse")
            return None
        known: dict[str, Any] = {"start": start, "end": end if unknown else start + duration}
        if every:
            # A train fills `duration_minutes`; each pulse takes half of its period.
            known |= {"every": round(every * MINUTE)}
            duration = max(round(every * MINUTE) // 2, 1)
        return Event(
            tenant=self.text(members["tenant"]),
            shape=cast("Shape", shape),
            peak_per_s=peak,
            duration=duration,
            unknown_time=unknown,
            standby_per_s=(peak.p50 if standby is None else standby) if unknown else 0.0,
            multiplies=self.text(members.get("multiplies")) or None,
            name=self.text(members.get("name")) or f"{self.text(members['tenant'])} {shape}",
            **known,
        )

    def _when(self, members: dict[str, yaml.Node]) -> tuple[Micros, Micros]:
        zone = None
        if "zone" in members:
            try:
                zone = ZoneInfo(self.text(members["zone"]))
            except (ValueError, OSError):
                self.say(members["zone"], "`zone` must be a name such as Asia/Shanghai")
                return 0, 0
        if "start" in members:
            return self.moment(members["start"], "start", zone), 0
        ends = self.mapping(members["window"], "window", {"from", "to"})
        if len(ends) < 2:
            self.say(members["window"], "`window` must have `from` and `to`")
            return 0, 0
        start, end = self.moment(ends["from"], "window.from", zone), self.moment(ends["to"], "window.to", zone)
        if not start < end <= start + EVENT_DAYS_MAX * DAY:
            self.say(members["window"], "`to` must be after `from`")
        return start, end
