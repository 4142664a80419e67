"""A plan from the calendar: units and tenants' shares for each slot, by a mixed-integer program over sums of promises.

Rates are requests/s. Units are decided for the pool; what a tenant is guaranteed is its promise, and what units leave
over is lent in proportion to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import diags, eye_array, hstack

from chuanliu.capacity.calendar import Event
from chuanliu.capacity.trace import Floats
from chuanliu.clock import Micros
from chuanliu.errors import Refused

Promise = Literal["p50", "p90", "p99"]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Prices are per unit and slot; a base unit runs all the time, an elastic one at least `run_slots_min` slots."""

    unit_rate: float
    units_max: int
    base_price: float = 1.0
    elastic_price: float = 1.25
    run_slots_min: int = 1


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`guaranteed[tenant, slot]` and `burst[tenant, slot]` in requests/s; their sum over tenants is the units' rate, or
    0 in a slot where nobody was promised anything.
    """

    tenants: list[str]
    base_units: int
    elastic_units: list[int]
    guaranteed: Floats
    burst: Floats


def promises_of(
    events: Sequence[Event], start: Micros, step: Micros, slots: int, quantile: Promise = "p99"
) -> tuple[list[str], Floats]:
    """Tenants, and the sum of their events' peaks at that quantile in each slot which the event touches."""
    tenants = sorted({event.tenant for event in events})
    promised = np.zeros((len(tenants), slots))
    for event in events:
        row = tenants.index(event.tenant)
        peak = float(getattr(event.peak_per_s, quantile))
        if event.unknown_time:
            _add(promised[row], (event.start - start, event.end - start), step, event.standby_per_s)
        for begin, end in event.spans():
            _add(promised[row], (begin - start, end - start), step, peak)
    return tenants, promised


def _add(row: Floats, span: tuple[Micros, Micros], step: Micros, rate: float) -> None:
    row[max(span[0] // step, 0) : max(-(-span[1] // step), 0)] += rate


def make_plan(tenants: list[str], promised: Floats, terms: Terms) -> Plan:
    """The cheapest units that keep all promises. Raises `Refused(promises_conflict)` with the fewest that conflict."""
    total = promised.sum(axis=0)
    needed = np.ceil(total / terms.unit_rate * (1 - 1e-12))
    if needed.size and needed.max() > terms.units_max:
        raise Refused("promises_conflict", _conflict(tenants, promised[:, int(needed.argmax())], terms))
    base, elastic = _units(needed, terms)
    rate = (base + elastic) * terms.unit_rate
    spare = np.where(total > 0, np.maximum(rate - total, 0.0), 0.0)
    burst = promised * np.divide(spare, total, out=np.zeros_like(total), where=total > 0)
    return Plan(
        tenants=tenants, base_units=base, elastic_units=[int(n) for n in elastic], guaranteed=promised, burst=burst
    )


def _conflict(tenants: list[str], promised: Floats, terms: Terms) -> str:
    """Taken largest first, the first that no longer fit are a smallest set that conflicts."""
    order = np.argsort(-promised, kind="stable")
    sums = np.cumsum(promised[order])
    fits = terms.units_max * terms.unit_rate
    count = int(np.searchsorted(sums, fits * (1 + 1e-12), side="right")) + 1
    named = ", ".join(f"{tenants[at]} ({promised[at]:g}/s)" for at in order[:count])
    return f"{terms.units_max} units serve {fits:g}/s; together these promises are more: {named}"


def _units(needed: Floats, terms: Terms) -> tuple[int, Floats]:
    slots = needed.size
    if slots == 0:
        return 0, needed
    # Columns: the base, elastic units of each slot, units started in each slot.
    one, none = eye_array(slots), 0 * eye_array(slots)
    base = np.ones((slots, 1))
    run = min(max(terms.run_slots_min, 1), slots)
    running = diags([np.ones(slots - k) for k in range(run)], [-k for k in range(run)], shape=(slots, slots))
    rise = one - eye_array(slots, k=-1)
    constraints = [
        LinearConstraint(hstack([base, one, none]), needed, float(terms.units_max)),
        LinearConstraint(hstack([0 * base, rise, -one]), -np.inf, 0),
        LinearConstraint(hstack([0 * base, one, -running]), 0, np.inf),
    ]
    # A start costs next to nothing, so that none is counted in vain.
    price = np.concatenate([[terms.base_price * slots], np.full(slots, terms.elastic_price), np.full(slots, 1e-6)])
    found = milp(price, constraints=constraints, integrality=np.ones(2 * slots + 1), bounds=Bounds(0, np.inf))
    if found.x is None:
        raise Refused("promises_conflict", "no units keep these promises with their least time to run")
    whole = np.rint(found.x)
    return int(whole[0]), whole[1 : slots + 1]


def why(plan: Plan, terms: Terms, tenant: str, slot: int) -> list[str]:
    """Sentences that explain a tenant's figures in a slot. `tenant` is one of the plan's."""
    row = plan.tenants.index(tenant)
    kept, lent = float(plan.guaranteed[row, slot]), float(plan.burst[row, slot])
    units = plan.base_units + plan.elastic_units[slot]
    serve = units * terms.unit_rate
    return [
        f"{tenant} is guaranteed {kept:g} requests/s: that is what its events of this time were promised.",
        f"{units} units run, {plan.base_units} of them all the time; they serve {serve:g} requests/s.",
        f"All promises together are {float(plan.guaranteed[:, slot].sum()):g} requests/s.",
        f"{tenant} is capped at {kept + lent:g} requests/s: what is left over is shared by promise, {lent:g} to it.",
    ]
