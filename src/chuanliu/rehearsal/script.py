"""The script of a rehearsal: a scenario's load and plan on the clock of the run, at the scale of this installation.

Times of the run are in seconds from its start, rates in requests/s of the run. Compressing a scenario keeps its rates
and shortens its hours.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np

from chuanliu.admission import TenantSettings
from chuanliu.calendars import Event, Quantiles
from chuanliu.capacity import Floats, Plan, Scenario, Terms, load_of, make_plan, promises_of, why
from chuanliu.clock import MINUTE, SECOND, Micros
from chuanliu.errors import Invalid

PLAN_SLOT: Final = 5 * MINUTE
_UNITS_MAX: Final = 100_000
_USUAL_P90: Final = 1.1
_USUAL_P99: Final = 1.2
"""What a tenant usually sends is promised too, with a little room: the calendar has only what comes on top."""

LEASE_LAG_S: Final = 3.0
"""Gateways obey within two seconds; a promise counts from then on, and is told so much ahead."""

SECONDS_MAX: Final = 7 * 86_400


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a scenario is rehearsed, how fast, and how large. `hold_s` is in seconds of the run."""

    compress: float = 1.0
    scale: float = 1.0
    seed: int = 1
    start: Micros | None = None
    minutes: float | None = None
    hold_s: float = 0.0


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """`rates[tenant, step]` are what tenants send in steps of `step_s`; `guaranteed`, `cap` and `units` are by slot of
    `slot_s`. `holds` are stretches whose requests come together at their `at`: (from, to, at).
    """

    name: str
    start: Micros
    seconds: float
    compress: float
    scale: float
    tenants: list[str]
    groups: list[str]
    step_s: float
    rates: Floats
    slot_s: float
    guaranteed: Floats
    cap: Floats
    units: list[int]
    base_units: int
    unit_rate: float
    prices: tuple[float, float]
    reasons: list[str]
    holds: list[tuple[int, float, float, float]]

    @property
    def slots(self) -> int:
        """Of the plan."""
        return len(self.units)

    @property
    def peak_per_s(self) -> float:
        """The most that all tenants together send."""
        return float(self.rates.sum(axis=0).max())

    def slot_at(self, second: float) -> int:
        """The plan's slot of a time of the run; the first before it and the last after it."""
        return min(max(int(second / self.slot_s), 0), self.slots - 1)

    def limit_at(self, second: float) -> float:
        """What the units of the plan serve at a time: those of a slot that is about to begin are there already."""
        ahead = max(self.units[self.slot_at(second)], self.units[self.slot_at(second + LEASE_LAG_S)])
        return ahead * self.unit_rate

    def settings_at(self, second: float) -> list[TenantSettings]:
        """Each tenant's guarantee and cap at a time. A promise that is about to begin is kept already.

        A cap below what chance makes of a kept promise would break it: three deviations are always allowed.
        """
        slots = [self.slot_at(second), self.slot_at(second + LEASE_LAG_S)]
        found = []
        for row in range(len(self.tenants)):
            guarantee = float(self.guaranteed[row, slots].max())
            least = guarantee + 3 * math.sqrt(guarantee) + 1
            cap = max(float(self.cap[row, slots].max()), least)
            found.append(TenantSettings(guarantee_per_s=guarantee, burst_per_s=cap))
        return found

    def promised(self, row: int, second: int) -> float:
        """Requests that a tenant was promised within a second: by the least that was told in the time of a lease."""
        slots = [self.slot_at(second - LEASE_LAG_S), self.slot_at(second), self.slot_at(second + 1)]
        return float(self.guaranteed[row, slots].min())

    def moment(self, second: float) -> Micros:
        """The scenario's time at a time of the run."""
        return self.start + round(second * self.compress * SECOND)

    def unit_minutes(self) -> float:
        """Unit-minutes of the part that is rehearsed, in the scenario's time."""
        return sum(self.units) * self.slot_s * self.compress / 60

    def cost(self) -> float:
        """In prices of one unit and slot: base units, and elastic ones at theirs."""
        base, elastic = self.prices
        return sum(self.base_units * base + (units - self.base_units) * elastic for units in self.units)


def make_script(scenario: Scenario, part: Part) -> Script:
    """What is sent and what is planned. Raises `Invalid` for a part outside the scenario, or a run longer than a week;
    `Refused(promises_conflict)` as `make_plan`.
    """
    if not (math.isfinite(part.compress) and part.compress > 0 and math.isfinite(part.scale) and part.scale > 0):
        raise Invalid("invalid_parameter", "compress and scale must be numbers above 0", field="compress")
    first, last = _bounds(scenario, part)
    seconds = (last - first) * scenario.slot / SECOND / part.compress
    if not 1 <= seconds <= SECONDS_MAX:
        raise Invalid("invalid_parameter", "a rehearsal lasts from a second to a week", field="compress")
    load = load_of(scenario, part.seed)
    start = scenario.start + first * scenario.slot
    planned, terms, plan_start = _planned(scenario)
    begin = (start - plan_start) // PLAN_SLOT
    slots = -(-(start + (last - first) * scenario.slot - plan_start) // PLAN_SLOT) - begin
    order = [planned.tenants.index(tenant) for tenant in load.tenants]
    window = slice(begin, begin + slots)
    guaranteed = planned.guaranteed[order][:, window] * part.scale
    groups = {member.tenant: member.group for member in scenario.members}
    return Script(
        name=scenario.name,
        start=plan_start + begin * PLAN_SLOT,
        seconds=seconds,
        compress=part.compress,
        scale=part.scale,
        tenants=load.tenants,
        groups=[groups[tenant] for tenant in load.tenants],
        step_s=scenario.slot / SECOND / part.compress,
        rates=load.rates[:, first:last] * part.scale,
        slot_s=PLAN_SLOT / SECOND / part.compress,
        guaranteed=guaranteed,
        cap=guaranteed + planned.burst[order][:, window] * part.scale,
        units=[planned.units(slot) for slot in range(begin, begin + slots)],
        base_units=planned.base_units,
        unit_rate=scenario.unit_rate * part.scale,
        prices=(terms.base_price, terms.elastic_price),
        reasons=[_reason(planned, terms, slot) for slot in range(begin, begin + slots)],
        holds=_holds(scenario, load.tenants, part, start, seconds),
    )


def _bounds(scenario: Scenario, part: Part) -> tuple[int, int]:
    """Steps of the scenario's load, from and to. The part begins on a slot of the plan."""
    every = max(PLAN_SLOT // scenario.slot, 1)
    count = -(-scenario.length // scenario.slot)
    first = 0
    if part.start is not None:
        if not scenario.start <= part.start < scenario.start + scenario.length:
            raise Invalid("invalid_parameter", "the part begins outside of the scenario", field="from")
        first = (part.start - scenario.start) // scenario.slot // every * every
    last = count
    if part.minutes is not None:
        if not (math.isfinite(part.minutes) and part.minutes > 0):
            raise Invalid("invalid_parameter", "minutes must be a number above 0", field="minutes")
        last = min(first + max(round(part.minutes * MINUTE / scenario.slot), 1), count)
    return first, last


def _planned(scenario: Scenario) -> tuple[Plan, Terms, Micros]:
    events = [*scenario.events, *(_usual(scenario, each.tenant, each.usual_per_s) for each in scenario.members)]
    slots = -(-scenario.length // PLAN_SLOT)
    terms = Terms(unit_rate=scenario.unit_rate, units_max=_UNITS_MAX, run_slots_min=2)
    return make_plan(*promises_of(events, scenario.start, PLAN_SLOT, slots), terms), terms, scenario.start


def _usual(scenario: Scenario, tenant: str, per_s: float) -> Event:
    return Event(
        tenant=tenant,
        start=scenario.start,
        end=scenario.start + scenario.length,
        shape="step",
        duration=scenario.length,
        peak_per_s=Quantiles(p50=per_s, p90=per_s * _USUAL_P90, p99=per_s * _USUAL_P99),
        name=f"{tenant} as usual",
    )


def _reason(plan: Plan, terms: Terms, slot: int) -> str:
    """Why the units of a slot, and who has most of it."""
    largest = int(np.argmax(plan.guaranteed[:, slot]))
    sentences = why(plan, terms, plan.tenants[largest], slot)
    return " ".join([*sentences[1:3], f"The largest is that of {plan.tenants[largest]}."])


def _holds(
    scenario: Scenario, tenants: list[str], part: Part, start: Micros, seconds: float
) -> list[tuple[int, float, float, float]]:
    """People wait for the clock: what falls around the start of a step or a pulse comes when it strikes."""
    if part.hold_s <= 0:
        return []
    found = []
    for event in scenario.events:
        if event.shape == "ramp":
            continue
        for begin, _ in event.spans():
            at = (begin - start) / SECOND / part.compress
            if 0 <= at < seconds:
                found.append((tenants.index(event.tenant), at - part.hold_s, at + part.hold_s, at))
    return found
