"""Scenarios: who takes part in a great day, what each declares, and what each then sends, made from a seed.

A scenario is what a rehearsal drives and what `bench capacity` replays. Rates are requests/s.
"""

from __future__ import annotations

import math
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from chuanliu.calendars import Event
from chuanliu.capacity.event_course import averaged, plateau_course, step_course
from chuanliu.capacity.trace import Floats, Trace
from chuanliu.capacity.uncertainty import uncertain
from chuanliu.clock import HOUR, MINUTE, Micros, to_datetime

EVENING: Final = 20.5
"""The local hour of most usual traffic; least is twelve hours apart."""
QUIET_SHARE: Final = 0.3
"""Of the usual rate, at the quietest hour."""
NOISE: Final = 0.05


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant of a scenario. `usual_per_s` is its rate outside of events at its busiest hour in its own `zone`;
    `sends_times` is what it sends of what it declares; its events start up to `late_minutes` early or late.
    """

    tenant: str
    group: str
    zone: str
    usual_per_s: float
    events: list[Event] = []
    sends_times: float = 1.0
    late_minutes: float = 0.0


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """`start` and `length` bound it; `slot` is the step of its load. A unit serves `unit_rate` and starts `lag` after
    it is asked for.
    """

    name: str
    start: Micros
    length: Micros
    slot: Micros
    unit_rate: float
    lag: Micros
    members: list[Member]

    @property
    def events(self) -> list[Event]:
        """What all of its tenants declare: the calendar that the planner sees."""
        return [event for member in self.members for event in member.events]


def load_of(scenario: Scenario, seed: int) -> Trace:
    """What the tenants send: the same for the same seed, and for each tenant whoever else takes part.

    Peaks are drawn from the declared quantiles (log-normal), pulses of unknown time from their windows.
    """
    slots = -(-scenario.length // scenario.slot)
    rates = np.zeros((len(scenario.members), slots))
    members = sorted(scenario.members, key=lambda each: each.tenant)
    for row, member in enumerate(members):
        chance = np.random.default_rng([seed, *member.tenant.encode()])
        rates[row] = _usual(member, scenario, slots)
        for event in member.events:
            rates[row] += _happening(event, member, scenario, slots, chance)
        rates[row] *= np.maximum(chance.normal(1, NOISE, slots), 0)
    return Trace(tenants=[each.tenant for each in members], start=scenario.start, step=scenario.slot, rates=rates)


def _usual(member: Member, scenario: Scenario, slots: int) -> Floats:
    there = to_datetime(scenario.start, ZoneInfo(member.zone))
    begin = there.hour + there.minute / 60
    hours = begin + np.arange(slots) * (scenario.slot / HOUR)
    wave = (1 + np.cos((hours - EVENING) * math.pi / 12)) / 2
    return np.asarray(member.usual_per_s * (QUIET_SHARE + (1 - QUIET_SHARE) * wave))


def _happening(event: Event, member: Member, scenario: Scenario, slots: int, chance: np.random.Generator) -> Floats:
    expected = uncertain(event.peak_per_s)
    sigma = expected.sigma
    peak = expected.mean * math.exp(sigma * chance.normal() - sigma**2 / 2) * member.sends_times
    if event.unknown_time:
        begin, length = round(chance.uniform(event.start, max(event.end - event.duration, event.start))), event.duration
    else:
        begin = event.start + round(chance.uniform(-member.late_minutes, member.late_minutes) * MINUTE)
        length = event.end - event.start
    course = plateau_course if event.shape == "ramp" else step_course
    return peak * averaged(
        course, begin, length, start=scenario.start, step=scenario.slot, slots=slots, every=event.every
    )
