"""Days for the planner to be measured on: smooth ones, and ones with declared events of many kinds.

Declarations are honest but wide: a peak is drawn from the log-normal distribution whose quantiles are declared.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from chuanliu.calendars import Event, Quantiles
from chuanliu.capacity import Course, Trace, averaged, hill_course, plateau_course, ramp_course, step_course
from chuanliu.clock import MINUTE, SECOND, Micros

DAY_START = 1_794_326_400 * SECOND
SPREAD = 0.4
"""Standard deviation of the logarithm of an event's peak around its median; the declared quantiles are those of it."""
_DAY_MINUTES: Final = 24 * 60


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """How the days of a kind are made. `minutes` is the range of an event's length, `late_minutes` the most by which it
    starts early or late, `hours` the range of hours in which events start, `base` the mean rate outside of events.
    With `pulse_minutes` an event is on for half of each such period; the calendar says so unless `hides_period`.
    """

    shape: str = "step"
    course: Course = step_course
    tenants: int = 12
    each: int = 1
    minutes: tuple[int, int] = (15, 60)
    late_minutes: int = 0
    spread: float = SPREAD
    hours: tuple[int, int] = (2, 20)
    base: float = 50.0
    noise: float = 0.05
    pulse_minutes: int = 0
    hides_period: bool = False
    is_aligned: bool = True


KINDS: Final[dict[str, Kind]] = {
    "steps": Kind(),
    "steps of any second": Kind(is_aligned=False),
    "steps early or late": Kind(late_minutes=5),
    "steps very wide": Kind(spread=0.8),
    "steps short": Kind(minutes=(5, 12)),
    "steps long": Kind(minutes=(90, 240)),
    "steps noisy": Kind(noise=0.15),
    "steps on a high base": Kind(base=600.0),
    "steps together": Kind(tenants=40, hours=(19, 21)),
    "steps of one tenant": Kind(tenants=1, each=4),
    "steps of tenants that overlap themselves": Kind(tenants=4, each=5, hours=(10, 16)),
    "steps of many tenants": Kind(tenants=120),
    "ramps": Kind(shape="ramp", course=ramp_course),
    "ramps that stay up": Kind(shape="ramp", course=plateau_course),
    "ramps up and down": Kind(shape="ramp", course=hill_course, minutes=(30, 90)),
    "pulses": Kind(shape="pulse", minutes=(5, 15), each=3),
    "pulse trains": Kind(shape="pulse", minutes=(60, 180), pulse_minutes=20),
    "pulse trains of unsaid rhythm": Kind(shape="pulse", minutes=(60, 180), pulse_minutes=20, hides_period=True),
}


def smooth(seed: int, *, tenants: int = 8, step_s: int = 60) -> Trace:
    """A day of sines with a little noise."""
    return _calm(np.random.default_rng(seed), tenants, step_s, (100.0, 400.0), 0.5, 0.03)


def _calm(
    chance: np.random.Generator, tenants: int, step_s: int, means: tuple[float, float], swing: float, noise: float
) -> Trace:
    slots = _DAY_MINUTES * 60 // step_s
    day = np.linspace(0, 2 * np.pi, slots, endpoint=False)
    phases = chance.uniform(0, 2 * np.pi, (tenants, 1))
    mean = chance.uniform(*means, (tenants, 1))
    rates = mean * (1 + swing * np.sin(day + phases)) * chance.normal(1, noise, (tenants, slots))
    return Trace(
        tenants=[f"shop-{n}" for n in range(tenants)],
        start=DAY_START,
        step=step_s * SECOND,
        rates=np.maximum(rates, 0),
    )


def steps(seed: int, *, tenants: int = 12, step_s: int = 60) -> tuple[Trace, list[Event]]:
    """A quiet day in which each tenant has one declared step at a time of its own."""
    return day_of(msgspec.structs.replace(KINDS["steps"], tenants=tenants), seed, step_s=step_s)


def day_of(kind: Kind, seed: int, *, step_s: int = 60) -> tuple[Trace, list[Event]]:
    """A day of a kind. What an event adds to a slot is its mean over the slot."""
    chance = np.random.default_rng(seed)
    calm = _calm(chance, kind.tenants, step_s, (kind.base * 0.4, kind.base * 1.6), 0.5, 0.03)
    rates, events = calm.rates, []
    for row, tenant in enumerate(calm.tenants):
        for _ in range(kind.each):
            long = int(chance.integers(*kind.minutes)) * MINUTE
            start = DAY_START + int(chance.integers(kind.hours[0] * 60, kind.hours[1] * 60)) * MINUTE
            if kind.is_aligned:
                start -= (start - DAY_START) % calm.step
                long = max(long // calm.step, 1) * calm.step
            else:
                start += int(chance.integers(0, 60)) * SECOND
            median = float(chance.uniform(1_500, 5_000))
            peak = median * float(np.exp(kind.spread * chance.normal()))
            late = round(chance.uniform(-kind.late_minutes, kind.late_minutes) * MINUTE)
            added = peak * averaged(
                kind.course,
                start + late,
                long,
                start=calm.start,
                step=calm.step,
                slots=calm.slots,
                every=kind.pulse_minutes * MINUTE,
            )
            rates[row] += added * chance.normal(1, kind.noise, calm.slots)
            events.append(_declared(kind, tenant, start, long, median))
    return msgspec.structs.replace(calm, rates=np.maximum(rates, 0)), events


def _declared(kind: Kind, tenant: str, start: Micros, long: Micros, median: float) -> Event:
    every = 0 if kind.hides_period else kind.pulse_minutes * MINUTE
    return Event(
        tenant=tenant,
        name=f"{tenant} {kind.shape}",
        start=start,
        end=start + long,
        duration=every // 2 if every else long,
        every=every,
        shape=kind.shape,  # type: ignore[arg-type]
        peak_per_s=Quantiles(
            p50=median,
            p90=median * float(np.exp(1.2816 * kind.spread)),
            p99=median * float(np.exp(2.3263 * kind.spread)),
        ),
    )
