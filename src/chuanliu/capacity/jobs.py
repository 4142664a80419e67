"""Offline jobs with deadlines: what the plan fits into slots where units would idle. Read from YAML."""

from __future__ import annotations

import msgspec
import yaml

from chuanliu.calendars import Reading, compose
from chuanliu.clock import Micros

_MEMBERS = {"name", "from", "deadline", "unit_minutes", "units_max"}


class OfflineJob(msgspec.Struct, frozen=True, kw_only=True):
    """Work of `unit_minutes` that may run in [begin, deadline), on at most `units_max` units at once."""

    name: str
    begin: Micros
    deadline: Micros
    unit_minutes: float
    units_max: float


def read_jobs(text: str) -> list[OfflineJob]:
    """The jobs of a YAML file. Raises `Invalid`: every problem with its line."""
    root = compose(text, "the list of jobs")
    if root is None:
        return []
    reading = Reading()
    members = reading.mapping(root, "the list of jobs", {"jobs"})
    listed = members.get("jobs")
    found: list[OfflineJob] = []
    if not isinstance(listed, yaml.SequenceNode):
        reading.say(listed or root, "`jobs` must be a list")
    else:
        found = [job for each in listed.value if (job := _job(reading, each)) is not None]
    names = [job.name for job in found]
    if len(set(names)) < len(names):
        reading.say(root, "two jobs have the same name")
    reading.finish()
    return found


def _job(reading: Reading, node: yaml.Node) -> OfflineJob | None:
    before = len(reading.problems)
    members = reading.mapping(node, "a job", _MEMBERS)
    for name in sorted(_MEMBERS - members.keys()) if members else ():
        reading.say(node, f"`{name}` is missing")
    if len(reading.problems) > before:
        return None
    begin, deadline = (reading.moment(members[name], name, None) for name in ("from", "deadline"))
    work = reading.number(members["unit_minutes"], "unit_minutes", above=0.0)
    most = reading.number(members["units_max"], "units_max", above=0.0)
    if not reading.text(members["name"]):
        reading.say(members["name"], "`name` must be a text")
    if len(reading.problems) == before and begin >= deadline:
        reading.say(members["deadline"], "`deadline` must be after `from`")
    if len(reading.problems) > before:
        return None
    return OfflineJob(
        name=reading.text(members["name"]), begin=begin, deadline=deadline, unit_minutes=work, units_max=most
    )
