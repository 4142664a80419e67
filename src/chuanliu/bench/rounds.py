"""Interleaved measurement: what is compared runs in turns, so that a slow minute of the machine hits all of it alike.

A ratio is the median of the ratios within each round, never a ratio of medians.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

import msgspec

LEAST_ROUNDS = 5
"""Fewer rounds give no figure that is worth reporting."""

Measure = Callable[[], float]
Round = dict[str, float]


class Ratio(msgspec.Struct, frozen=True):
    """Median, smallest and largest ratio over the rounds, and the rounds' ratios in order."""

    median: float
    low: float
    high: float
    each: list[float]


def run_rounds(
    measures: Mapping[str, Measure], rounds: int, progress: Callable[[str, int, float], None] | None = None
) -> list[Round]:
    """Measure A B C, A B C, …: each name's rate per second in each round.

    `progress` hears the name, the round from 1, and the rate. Raises `ValueError` for no rounds.
    """
    if rounds < 1:
        raise ValueError("at least one round is needed")
    results: list[Round] = []
    for number in range(1, rounds + 1):
        result: Round = {}
        for name, measure in measures.items():
            result[name] = measure()
            if progress is not None:
                progress(name, number, result[name])
        results.append(result)
    return results


def ratio_of(rounds: Sequence[Round], subject: str, yardstick: str) -> Ratio:
    """Subject over yardstick. Raises `ValueError` when the yardstick stood still in a round."""
    if any(one[yardstick] <= 0 for one in rounds):
        raise ValueError(f"{yardstick} measured nothing in a round")
    each = [one[subject] / one[yardstick] for one in rounds]
    return Ratio(
        median=_rounded(median(each)), low=_rounded(min(each)), high=_rounded(max(each)), each=[*map(_rounded, each)]
    )


def median_rate(rounds: Sequence[Round], name: str) -> float:
    """Median rate of one of the measured over the rounds."""
    return round(median(one[name] for one in rounds), 1)


def _rounded(ratio: float) -> float:
    return float(f"{ratio:.4g}")
