"""Days for the planner to be measured on: smooth ones, and ones with steps whose declarations are honest but wide."""

from __future__ import annotations

import numpy as np

from chuanliu.capacity import Event, Quantiles, Trace
from chuanliu.clock import MINUTE, SECOND

DAY_START = 1_794_326_400 * SECOND
SPREAD = 0.4
"""Standard deviation of the logarithm of an event's peak around its median; the declared quantiles are those of it."""


def smooth(seed: int, *, tenants: int = 8, step_s: int = 60) -> Trace:
    """A day of sines with a little noise."""
    chance = np.random.default_rng(seed)
    slots = 24 * 3600 // step_s
    day = np.linspace(0, 2 * np.pi, slots, endpoint=False)
    phases = chance.uniform(0, 2 * np.pi, (tenants, 1))
    mean = chance.uniform(100, 400, (tenants, 1))
    rates = mean * (1 + 0.5 * np.sin(day + phases)) * chance.normal(1, 0.03, (tenants, slots))
    return Trace(
        tenants=[f"shop-{n}" for n in range(tenants)],
        start=DAY_START,
        step=step_s * SECOND,
        rates=np.maximum(rates, 0),
    )


def steps(
    seed: int, *, tenants: int = 12, step_s: int = 60, minutes: tuple[int, int] = (15, 60)
) -> tuple[Trace, list[Event]]:
    """A quiet day in which each tenant has one declared step at a time of its own."""
    chance = np.random.default_rng(seed)
    calm = smooth(seed, tenants=tenants, step_s=step_s)
    rates, events = calm.rates * 0.2, []
    for row, tenant in enumerate(calm.tenants):
        start = DAY_START + int(chance.integers(2 * 60, 20 * 60)) * MINUTE
        minutes_long = int(chance.integers(*minutes))
        median = float(chance.uniform(1_500, 5_000))
        peak = median * float(np.exp(SPREAD * chance.normal()))
        first, last = ((at - DAY_START) // calm.step for at in (start, start + minutes_long * MINUTE))
        rates[row, first:last] += peak * chance.normal(1, 0.05, last - first)
        events.append(
            Event(
                tenant=tenant,
                start=start,
                end=start + minutes_long * MINUTE,
                duration=minutes_long * MINUTE,
                shape="step",
                peak_per_s=Quantiles(
                    p50=median, p90=median * float(np.exp(1.2816 * SPREAD)), p99=median * float(np.exp(2.3263 * SPREAD))
                ),
            )
        )
    return Trace(tenants=calm.tenants, start=calm.start, step=calm.step, rates=np.maximum(rates, 0)), events
