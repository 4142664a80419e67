"""A plan from the calendar: units, tenants' shares and offline windows for each slot, by a mixed-integer program.

Rates are requests/s. Units are decided for the pool; what a tenant is guaranteed is its promise, and what units leave
over is lent in proportion to it, after the offline jobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import coo_array, csr_array, diags, eye_array, hstack

from chuanliu.calendars import Event
from chuanliu.capacity.conflicts import irreducible_conflict
from chuanliu.capacity.jobs import OfflineJob
from chuanliu.capacity.trace import Floats
from chuanliu.clock import MINUTE, Micros
from chuanliu.errors import Refused

Promise = Literal["p50", "p90", "p99"]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Prices are per unit and slot; a base unit runs all the time, an elastic one at least `run_slots_min` slots.

    In the first `lag_slots` no more than the `running` units can be there, because others have yet to start; with
    `lag_slots` 0 there is no such limit.
    """

    unit_rate: float
    units_max: int
    base_price: float = 1.0
    elastic_price: float = 1.25
    run_slots_min: int = 1
    lag_slots: int = 0
    running: int = 0


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A job in slots: `amount` in units × slots, to be done in [first, last), on at most `units_max` units at once."""

    name: str
    first: int
    last: int
    amount: float
    units_max: float


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`guaranteed[tenant, slot]` and `burst[tenant, slot]` in requests/s; with `offline[job, slot]` in units, their sum
    is what the units serve, or less in a slot where nobody was promised anything.
    """

    tenants: list[str]
    base_units: int
    elastic_units: list[int]
    guaranteed: Floats
    burst: Floats
    jobs: list[str]
    offline: Floats

    def units(self, slot: int) -> int:
        """All units of a slot."""
        return self.base_units + self.elastic_units[slot]


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


def work_of(jobs: Sequence[OfflineJob], start: Micros, step: Micros, slots: int) -> list[Work]:
    """Jobs in whole slots of their windows that are within the plan; what lies outside of it is not for this plan."""
    found = []
    for job in jobs:
        first, last = max(-(-(job.begin - start) // step), 0), min((job.deadline - start) // step, slots)
        if job.deadline > start and job.begin < start + step * slots:
            amount = job.unit_minutes * MINUTE / step
            found.append(Work(name=job.name, first=first, last=last, amount=amount, units_max=job.units_max))
    return found


def _add(row: Floats, span: tuple[Micros, Micros], step: Micros, rate: float) -> None:
    row[max(span[0] // step, 0) : max(-(-span[1] // step), 0)] += rate


def make_plan(tenants: list[str], promised: Floats, terms: Terms, work: Sequence[Work] = ()) -> Plan:
    """The cheapest units, to within 0.2 %, that keep all promises and deadlines.

    Raises `Refused(promises_conflict)` with a smallest set of promises and jobs that conflict: without any one of
    them the rest could be kept.
    """
    total = promised.sum(axis=0)
    if not _is_kept(total, work, terms):
        raise Refused("promises_conflict", _conflict(tenants, promised, work, terms))
    base, elastic, offline = _units(total, work, terms)
    spare = (base + elastic - offline.sum(axis=0)) * terms.unit_rate - total
    spare = np.where(total > 0, np.maximum(spare, 0.0), 0.0)
    burst = promised * np.divide(spare, total, out=np.zeros_like(total), where=total > 0)
    return Plan(
        tenants=tenants,
        base_units=base,
        elastic_units=[int(n) for n in elastic],
        guaranteed=promised,
        burst=burst,
        jobs=[each.name for each in work],
        offline=offline,
    )


def _most(slots: int, terms: Terms) -> Floats:
    most = np.full(slots, float(terms.units_max))
    if terms.lag_slots > 0:
        most[: terms.lag_slots] = min(terms.running, terms.units_max)
    return most


def _is_kept(total: Floats, work: Sequence[Work], terms: Terms) -> bool:
    """Whether units could be enough at all: they may always run on, so only the limits of each slot count."""
    left = _most(total.size, terms) - total / terms.unit_rate
    if left.size and left.min() < -1e-9 * max(terms.units_max, 1):
        return False
    work = [each for each in work if each.amount > 0]
    if not work:
        return True
    columns, owners, bounds = _columns(work)
    if not columns.size:
        return False
    count = columns.size
    fits = csr_array((np.ones(count), (columns, np.arange(count))), shape=(total.size, count))
    done = csr_array((np.ones(count), (owners, np.arange(count))), shape=(len(work), count))
    amounts = np.array([each.amount for each in work])
    found = linprog(
        np.zeros(count),
        A_ub=fits,
        b_ub=np.maximum(left, 0.0),
        A_eq=done,
        b_eq=amounts,
        bounds=np.column_stack([np.zeros(count), bounds]),
    )
    return bool(found.status == 0)


def _columns(work: Sequence[Work]) -> tuple[Floats, Floats, Floats]:
    """For each job and slot of its window: the slot, the job, the most units."""
    pairs = [(slot, at, each.units_max) for at, each in enumerate(work) for slot in range(each.first, each.last)]
    slots, owners, most = zip(*pairs, strict=True) if pairs else ((), (), ())
    return np.array(slots, dtype=np.int64), np.array(owners, dtype=np.int64), np.array(most, dtype=float)


def _conflict(tenants: list[str], promised: Floats, work: Sequence[Work], terms: Terms) -> str:
    """Large promises are taken first, then jobs, so that few and large ones are named."""
    stretches = sorted(_stretches(promised), key=lambda each: -float(promised[each[0], each[1] : each[2]].max()))
    items: list[tuple[int, int, int] | Work] = [*stretches, *sorted(work, key=lambda each: -each.amount)]

    def is_kept(chosen: Sequence[tuple[int, int, int] | Work]) -> bool:
        total = np.zeros(promised.shape[1])
        for each in chosen:
            if not isinstance(each, Work):
                total[each[1] : each[2]] += promised[each[0], each[1] : each[2]]
        return _is_kept(total, [each for each in chosen if isinstance(each, Work)], terms)

    named = []
    early = False
    for each in irreducible_conflict(items, is_kept):
        if isinstance(each, Work):
            named.append(f"job {each.name} ({each.amount:g} unit-slots in slots {each.first} to {each.last - 1})")
        else:
            early = early or each[1] < terms.lag_slots
            named.append(f"{tenants[each[0]]} ({promised[each[0], each[1] : each[2]].max():g}/s)")
    running = f", {terms.running} of them before others could start" if early and terms.lag_slots else ""
    serve = terms.units_max * terms.unit_rate
    return f"{terms.units_max} units serve {serve:g}/s{running}; together these promises are more: {', '.join(named)}"


def _stretches(promised: Floats) -> list[tuple[int, int, int]]:
    """(tenant, first, last) of every stretch of slots in which a tenant is promised the same, more than nothing."""
    found = []
    for row, rates in enumerate(promised):
        edges = np.flatnonzero(np.diff(rates)) + 1
        for first, last in zip([0, *edges], [*edges, rates.size], strict=True):
            if last > first and rates[first] > 0:
                found.append((row, int(first), int(last)))
    return found


def _units(total: Floats, work: Sequence[Work], terms: Terms) -> tuple[int, Floats, Floats]:
    """Base units, elastic units by slot, and units of each job by slot."""
    slots = total.size
    offline = np.zeros((len(work), slots))
    if slots == 0:
        return 0, total, offline
    needed = np.ceil(total / terms.unit_rate * (1 - 1e-12))
    # Columns: the base, elastic units of each slot, units started in each slot, units of each job in each of its slots.
    columns, owners, most_of_job = _columns(work)
    count = columns.size
    one, none = eye_array(slots), 0 * eye_array(slots)
    jobs = coo_array((np.ones(count), (columns, np.arange(count))), shape=(slots, count))
    nothing = coo_array((slots, count))
    base = np.ones((slots, 1))
    run = min(max(terms.run_slots_min, 1), slots)
    running = diags([np.ones(slots - k) for k in range(run)], [-k for k in range(run)], shape=(slots, slots))
    rise = one - eye_array(slots, k=-1)
    constraints = [
        LinearConstraint(hstack([base, one, none, nothing]), needed, _most(slots, terms)),
        LinearConstraint(hstack([0 * base, rise, -one, nothing]), -np.inf, 0),
        LinearConstraint(hstack([0 * base, one, -running, nothing]), 0, np.inf),
    ]
    if count:
        done = coo_array((np.ones(count), (owners, np.arange(count))), shape=(len(work), count))
        amounts = np.array([each.amount for each in work])
        constraints += [
            LinearConstraint(hstack([base, one, none, -jobs]), total / terms.unit_rate, np.inf),
            LinearConstraint(hstack([coo_array((len(work), 1 + 2 * slots)), done]), amounts, amounts),
        ]
    # A start costs next to nothing, so that none is counted in vain; a job rather runs early.
    price = np.concatenate(
        [[terms.base_price * slots], np.full(slots, terms.elastic_price), np.full(slots, 1e-6), columns * 1e-7]
    )
    integrality = np.concatenate([np.ones(2 * slots + 1), np.zeros(count)])
    bounds = Bounds(0, np.concatenate([np.full(2 * slots + 1, np.inf), most_of_job]))
    options = {"time_limit": 60.0, "mip_rel_gap": 2e-3}
    found = milp(price, constraints=constraints, integrality=integrality, bounds=bounds, options=options)
    if found.x is None:
        raise Refused("promises_conflict", "no units keep these promises with their least time to run")
    whole = np.rint(found.x[: slots + 1])
    offline[owners, columns] = np.maximum(found.x[2 * slots + 1 :], 0.0)
    return int(whole[0]), whole[1:], offline


def why(plan: Plan, terms: Terms, tenant: str, slot: int) -> list[str]:
    """Sentences that explain a tenant's figures in a slot. `tenant` is one of the plan's."""
    row = plan.tenants.index(tenant)
    kept, lent = float(plan.guaranteed[row, slot]), float(plan.burst[row, slot])
    units = plan.units(slot)
    serve = units * terms.unit_rate
    found = [
        f"{tenant} is guaranteed {kept:g} requests/s: that is what its events of this time were promised.",
        f"{units} units run, {plan.base_units} of them all the time; they serve {serve:g} requests/s.",
        f"All promises together are {float(plan.guaranteed[:, slot].sum()):g} requests/s.",
    ]
    needed = int(np.ceil(float(plan.guaranteed[:, slot].sum()) / terms.unit_rate * (1 - 1e-12)))
    offline = {
        name: float(plan.offline[at, slot]) for at, name in enumerate(plan.jobs) if plan.offline[at, slot] > 1e-6
    }
    if offline:
        named = ", ".join(f"{name} {units_of:.3g}" for name, units_of in offline.items())
        found.append(f"Offline jobs have units meanwhile: {named}.")
    elif units > needed and plan.elastic_units[slot] > 0:
        found.append(f"Promises need {needed} units; an elastic one runs at least {terms.run_slots_min} slots.")
    first = slot
    while first > 0 and plan.units(first - 1) >= units:
        first -= 1
    if first > 0 and terms.lag_slots:
        found.append(f"So many run since slot {first}; they are asked for {terms.lag_slots} slots before.")
    found.append(
        f"{tenant} is capped at {kept + lent:g} requests/s: what is left over is shared by promise, {lent:g} to it."
    )
    return found
