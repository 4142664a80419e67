"""Simulated people of different habits: what they buy on each day, from a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Random = np.random.Generator
Days = list[list[int]]
"""For each day the amounts bought on it, in minor units."""


def _amounts(random: Random, count: int, median: float, spread: float) -> list[int]:
    return [max(1, round(each)) for each in random.lognormal(np.log(median), spread, count)]


def steady(random: Random, days: int) -> Days:
    """Something small on most days."""
    rate, median = random.uniform(0.5, 1.5), random.uniform(30_00, 120_00)
    return [_amounts(random, random.poisson(rate), median, 0.6) for _ in range(days)]


def at_weekends(random: Random, days: int) -> Days:
    """Little on weekdays, much at weekends."""
    median = random.uniform(50_00, 200_00)
    return [_amounts(random, random.poisson(1.6 if day % 7 > 4 else 0.25), median, 0.7) for day in range(days)]


def groceries_and_a_large_thing(random: Random, days: int) -> Days:
    """Once a week the same, and now and then something that costs ten times as much."""
    weekly, found = random.uniform(150_00, 400_00), []
    for day in range(days):
        found.append(_amounts(random, int(day % 7 == 5), weekly, 0.15))
        found[-1] += _amounts(random, random.poisson(0.06), 10 * weekly, 0.4)
    return found


def in_bursts(random: Random, days: int) -> Days:
    """Nothing for days, then a lot at once."""
    rate, median = random.uniform(0.12, 0.3), random.uniform(40_00, 150_00)
    return [
        _amounts(random, sum(1 + random.poisson(2) for _ in range(random.poisson(rate))), median, 0.6)
        for _ in range(days)
    ]


def seldom(random: Random, days: int) -> Days:
    """A few larger things a month."""
    rate, median = random.uniform(0.2, 0.35), random.uniform(300_00, 900_00)
    return [_amounts(random, random.poisson(rate), median, 0.8) for _ in range(days)]


def by_mood(random: Random, days: int) -> Days:
    """Some months more, some less."""
    levels = random.lognormal(0, 0.3, days // 30 + 1)
    return [_amounts(random, random.poisson(0.8 * levels[day // 30]), 90_00, 0.7) for day in range(days)]


KINDS: dict[str, Callable[[Random, int], Any]] = {
    kind.__name__: kind for kind in (steady, at_weekends, groceries_and_a_large_thing, in_bursts, seldom, by_mood)
}
