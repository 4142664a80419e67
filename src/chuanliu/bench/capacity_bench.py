"""`bench capacity`: time of a plan, and what the planner's policy costs beside the others on days made by chance."""

from __future__ import annotations

import time
from importlib.resources import files
from statistics import median
from typing import Any, Final

import numpy as np

from chuanliu.bench.capacity_days import DAY_START, KINDS, Kind, day_of, smooth, steps
from chuanliu.bench.machine import Machine
from chuanliu.bench.report import CLEAN, Report, checked
from chuanliu.capacity import LAG, Terms, Work, evaluate, load_of, make_plan, promises_of, read_scenario
from chuanliu.clock import MINUTE

TENANTS: Final = 200
SLOTS: Final = 288
SLOTS_S: Final = (30, 60, 300, 600)
"""Lengths of slots, in seconds, in which days of each kind are replayed."""
_SLOT: Final = 5 * MINUTE
_UNIT_RATE: Final = 100.0
_UNITS_MAX: Final = 100_000
_JOBS: Final = 20


def bench_capacity(days: int, machine: Machine | None = None) -> Report:
    """Plans of 200 tenants × 288 slots, one for each of `days`, in `p50_ms`; then `days` with steps and as many smooth
    ones, each replayed under all policies. A plan that breaks a promise is a flaw.
    """
    audit, times_ms = CLEAN, []
    for seed in range(days):
        _, events = steps(seed, tenants=TENANTS)
        terms = Terms(unit_rate=_UNIT_RATE, units_max=_UNITS_MAX, run_slots_min=3)
        work = [
            Work(name=f"job-{n}", first=8 * n, last=8 * n + 100, amount=300.0 + 10 * n, units_max=20.0)
            for n in range(_JOBS)
        ]
        began = time.perf_counter()
        tenants, promised = promises_of(events, DAY_START, _SLOT, SLOTS)
        plan = make_plan(tenants, promised, terms, work)
        times_ms.append((time.perf_counter() - began) * 1000)
        served = (plan.base_units + np.array(plan.elastic_units)) * _UNIT_RATE
        if (served < promised.sum(axis=0) + plan.offline.sum(axis=0) * _UNIT_RATE - 1e-3).any():
            audit = f"the plan of day {seed} serves less than it promises"
    return checked(
        Report(
            name="capacity",
            per_second=None,
            yardstick_per_second=None,
            ratio=None,
            p50_ms=round(median(times_ms), 1),
            p99_ms=round(max(times_ms), 1),
            audit=audit,
            seconds=round(sum(times_ms) / 1000, 2),
            extras={
                "plan": {
                    "tenants": TENANTS,
                    "slots": SLOTS,
                    "jobs": _JOBS,
                    "latency": "of one plan; p99_ms is the longest",
                },
                "steps": _compared([steps(seed) for seed in range(days)]),
                "smooth": _compared([(smooth(seed), []) for seed in range(days)]),
                "double_eleven": _scenario(days),
                "worst_by_kind": {name: _worst(kind, days) for name, kind in KINDS.items()},
            },
            machine=machine,
        )
    )


def _compared(days: list[tuple[Any, Any]]) -> dict[str, Any]:
    """Sums over the days: the plan's units and requests over capacity, as shares of reactive's and static's."""
    found = [evaluate(trace, events, lag=LAG, unit_rate=_UNIT_RATE) for trace, events in days]
    units = {
        name: sum(getattr(one, name).unit_minutes for one in found) for name in ("static", "reactive", "plan", "oracle")
    }
    over = {name: median(getattr(one, name).over_share for one in found) for name in ("reactive", "plan")}
    return {
        "days": len(days),
        "units_over_reactive": round(units["plan"] / units["reactive"], 3),
        "units_over_static": round(units["plan"] / units["static"], 3),
        "oracle_over_reactive": round(units["oracle"] / units["reactive"], 3),
        "over_share_plan": over["plan"],
        "over_share_reactive": over["reactive"],
    }


def _scenario(days: int) -> dict[str, Any]:
    """The shipped scenario with as many seeds: the largest ratios, and pulses of unknown time apart."""
    text = (files("chuanliu.capacity") / "scenarios" / "double-eleven.yaml").read_text(encoding="utf-8")
    scenario = read_scenario(text)
    found = [
        evaluate(load_of(scenario, seed), scenario.events, lag=scenario.lag, unit_rate=scenario.unit_rate)
        for seed in range(days)
    ]
    apart = {name: [getattr(one, name).over_share_apart for one in found] for name in ("plan", "reactive")}
    return {
        "tenants": len(scenario.members),
        "seeds": days,
        "units_over_reactive": round(max(one.plan.unit_minutes / one.reactive.unit_minutes for one in found), 3),
        "units_over_static": round(max(one.plan.unit_minutes / one.static.unit_minutes for one in found), 3),
        "over_share": {name: max(one.otherwise for one in shares) for name, shares in apart.items()},
        "over_share_of_unknown_time": {name: max(one.unknown_time for one in shares) for name, shares in apart.items()},
    }


def _worst(kind: Kind, days: int) -> dict[str, Any]:
    """Of the days of a kind in slots of each length: the largest ratios of plan to reactive, and where they were."""
    units: list[tuple[float, str]] = []
    over: list[tuple[float, str]] = []
    for slot_s in SLOTS_S:
        for seed in range(days):
            trace, events = day_of(kind, seed, step_s=slot_s)
            found = evaluate(trace, events, lag=LAG, unit_rate=_UNIT_RATE)
            where = f"seed {seed}, slots of {slot_s} s"
            units.append((found.plan.unit_minutes / found.reactive.unit_minutes, where))
            over.append((found.plan.over_share / max(found.reactive.over_share, 1e-9), where))
    return {
        "units_over_reactive": round(max(units)[0], 3),
        "units_worst": max(units)[1],
        "over_of_reactive": round(max(over)[0], 3),
        "over_worst": max(over)[1],
    }
