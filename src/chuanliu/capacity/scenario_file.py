"""Scenarios as YAML. Groups of tenants share what they declare; whatever is wrong is named with its line."""

from __future__ import annotations

import math
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import yaml

from chuanliu.calendars import Event, Quantiles, Reading, compose, event_of
from chuanliu.capacity.scenario import Member, Scenario
from chuanliu.clock import DAY, MINUTE, SECOND
from chuanliu.errors import Invalid

_MEMBERS: Final = {"name", "start", "duration_minutes", "slot_s", "unit_rate", "lag_s", "groups"}
_GROUP_MEMBERS: Final = {"name", "count", "zone", "usual_per_s", "scale", "sends_times", "late_minutes", "events"}
TENANTS_MAX: Final = 10_000
LENGTH_MAX: Final = 31 * DAY
SLOTS_MAX: Final = 100_000


def read_scenario(text: str) -> Scenario:
    """A scenario of a YAML file. Raises `Invalid`: every problem with its line."""
    root = compose(text, "the scenario")
    if root is None:
        raise Invalid("invalid_parameter", "line 1: the scenario is empty")
    reading = Reading()
    members = reading.mapping(root, "a scenario", _MEMBERS)
    for name in sorted(_MEMBERS - members.keys()) if members else ():
        reading.say(root, f"`{name}` is missing")
    reading.finish()
    numbers = {
        name: reading.number(members[name], name, above=0.0) for name in ("duration_minutes", "slot_s", "unit_rate")
    }
    numbers["lag_s"] = reading.number(members["lag_s"], "lag_s")
    start = reading.moment(members["start"], "start", None)
    if not reading.text(members["name"]):
        reading.say(members["name"], "`name` must be a text")
    found = _groups(reading, members["groups"])
    reading.finish()
    length, slot = round(numbers["duration_minutes"] * MINUTE), round(numbers["slot_s"] * SECOND)
    if length > LENGTH_MAX or not 0 < slot <= length <= slot * SLOTS_MAX:
        reading.say(members["slot_s"], f"a scenario is at most 31 days long, in 1 to {SLOTS_MAX} slots")
    if slot % (10 * SECOND) and slot > 10 * SECOND:
        reading.say(members["slot_s"], "`slot_s` must be at most 10, or a multiple of 10")
    reading.finish()
    return Scenario(
        name=reading.text(members["name"]),
        start=start,
        length=length,
        slot=slot,
        unit_rate=numbers["unit_rate"],
        lag=round(numbers["lag_s"] * SECOND),
        members=found,
    )


def _groups(reading: Reading, node: yaml.Node) -> list[Member]:
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        reading.say(node, "`groups` must be a list of at least one group")
        return []
    found: list[Member] = []
    names: set[str] = set()
    for each in node.value:
        members = reading.mapping(each, "a group", _GROUP_MEMBERS)
        name = reading.text(members.get("name"))
        if not name or name in names:
            reading.say(each, "a group must have a `name` of its own")
            continue
        names.add(name)
        found += _group(reading, each, name, members)
    if len(found) > TENANTS_MAX:
        reading.say(node, f"a scenario has at most {TENANTS_MAX} tenants")
        return []
    return found


def _group(reading: Reading, node: yaml.Node, name: str, members: dict[str, yaml.Node]) -> list[Member]:
    before = len(reading.problems)
    given = {
        key: reading.number(members[key], key)
        for key in ("count", "usual_per_s", "sends_times", "late_minutes")
        if key in members
    }
    count = given.get("count", 1.0)
    if not math.isnan(count) and not (count.is_integer() and 1 <= count <= TENANTS_MAX):
        reading.say(members["count"], f"`count` must be a whole number from 1 to {TENANTS_MAX}")
    if "usual_per_s" not in members:
        reading.say(node, "`usual_per_s` is missing")
    zone = reading.zone(members["zone"]) if "zone" in members else ZoneInfo("Asia/Shanghai")
    low, high = _scale(reading, members.get("scale"))
    events: list[Event] = []
    listed = members.get("events")
    if isinstance(listed, yaml.SequenceNode):
        events = [event for each in listed.value if (event := event_of(reading, each, name)) is not None]
    elif listed is not None:
        reading.say(listed, "`events` must be a list")
    if len(reading.problems) > before or zone is None:
        return []
    found = []
    for number in range(int(count)):
        times = low + (high - low) * (number / (count - 1) if count > 1 else 0.5)
        tenant = name if count == 1 else f"{name}-{number + 1:0{len(str(int(count)))}}"
        found.append(
            Member(
                tenant=tenant,
                group=name,
                zone=zone.key,
                usual_per_s=given["usual_per_s"] * times,
                events=[_scaled(event, tenant, times) for event in events],
                sends_times=given.get("sends_times", 1.0),
                late_minutes=given.get("late_minutes", 0.0),
            )
        )
    return found


def _scale(reading: Reading, node: yaml.Node | None) -> tuple[float, float]:
    if node is None:
        return 1.0, 1.0
    ends = reading.mapping(node, "scale", {"from", "to"})
    if len(ends) < 2:
        reading.say(node, "`scale` must have `from` and `to`")
        return 1.0, 1.0
    return reading.number(ends["from"], "scale.from", above=0.0), reading.number(ends["to"], "scale.to", above=0.0)


def _scaled(event: Event, tenant: str, times: float) -> Event:
    peak = event.peak_per_s
    return msgspec.structs.replace(
        event,
        tenant=tenant,
        name=event.name.replace(event.tenant, tenant, 1),
        peak_per_s=Quantiles(p50=peak.p50 * times, p90=peak.p90 * times, p99=peak.p99 * times),
        standby_per_s=event.standby_per_s * times,
    )
