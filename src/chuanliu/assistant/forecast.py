"""Where the month will end: quantiles of what purchases still to come will add to a bill.

The sum of a random number of random amounts. The number is negative binomial: its mean is the rate of the history,
its variance grows with what counts in blocks of the history show beyond chance, and with the uncertainty of the rate
itself. Amounts are those of the history, smoothed on the logarithmic scale (Silverman, 1986), their mean uncertain too.
The sum's distribution comes from its characteristic function by a discrete Fourier transform (as Embrechts and Frei,
2009, do), so nothing is drawn at random and the same history gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from scipy.special import ndtr

HISTORY_DAYS_MAX: Final = 180
HISTORY_DAYS_MIN: Final = 28
PURCHASES_MIN: Final = 6
"""With less nothing is said: any interval would be a guess."""
LEVEL: Final = 0.8
"""What the interval promises to cover."""

_CELLS: Final = 512
_GROUPS: Final = 32
"""Amounts that differ little are taken together, each group at its mean: the sum's mean stays exact.

It is worth it, for the page answers on the loop that payments wait for.
"""
_NODES: Final = ((-(3**0.5), 1 / 6), (0.0, 2 / 3), (3**0.5, 1 / 6))
"""Gauss-Hermite nodes and weights of the unit normal: exact for polynomials up to the fifth degree."""
_BLOCKS_MIN: Final = 4
_PRIOR_BLOCKS: Final = 3
"""Counts in few blocks say little about their spread: as many blocks without any beyond chance are added."""

Array = np.ndarray[Any, np.dtype[np.float64]]


class Purchase(NamedTuple):
    """A purchase of the history.

    `days_ago` counts from yesterday, 0, back; `amount_minor` is what it brought onto its first bill, and `horizon` for
    how many days from today such purchases will still come onto the bill in question.
    """

    days_ago: int
    amount_minor: int
    horizon: int


class Quantiles(NamedTuple):
    """Between `low_minor` and `high_minor` lies the outcome in four cases of five; `middle_minor` is the median."""

    low_minor: int
    middle_minor: int
    high_minor: int

    def plus(self, minor: int) -> Quantiles:
        """All three and a fixed amount."""
        return Quantiles(self.low_minor + minor, self.middle_minor + minor, self.high_minor + minor)


def forecast(purchases: Sequence[Purchase], history_days: int) -> Quantiles | None:
    """Quantiles of the sum of what will be bought, in minor units.

    `history_days` is how long purchases have been looked at, days without any included. None where the history is too
    short to say anything, or where no day is left.
    """
    days = min(history_days, HISTORY_DAYS_MAX)
    seen = [each for each in purchases if each.amount_minor > 0 and 0 <= each.days_ago < days]
    expected = sum(each.horizon for each in seen) / days if days else 0.0
    if days < HISTORY_DAYS_MIN or len(seen) < PURCHASES_MIN or expected <= 0:
        return None
    horizon = expected * days / len(seen)
    spread = _spread([each.days_ago for each in seen], days, horizon)
    variance = expected * spread * (1 + horizon / days)
    amounts = np.array([each.amount_minor for each in seen], dtype=np.float64)
    weights = np.array([each.horizon for each in seen], dtype=np.float64)
    cdf, cell = _sum_cdf(amounts, weights / weights.sum(), expected, variance)
    return Quantiles(*(_quantile(cdf, cell, share) for share in ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2)))


def _spread(days_ago: Sequence[int], days: int, horizon: float) -> float:
    """How many times the variance of counts is that of a Poisson process: 1 or more (Fano's factor, shrunk)."""
    block = int(min(max(7, horizon), max(7, days // _BLOCKS_MIN)))
    blocks = days // block
    if blocks < 2:
        return 1.0
    counts = np.bincount([ago // block for ago in days_ago if ago < blocks * block], minlength=blocks)
    mean = counts.mean()
    fano = float(counts.var(ddof=1) / mean) if mean else 1.0
    return max(1.0, (_PRIOR_BLOCKS + (blocks - 1) * fano) / (_PRIOR_BLOCKS + blocks - 1))


def _sum_cdf(amounts: Array, weights: Array, expected: float, variance: float) -> tuple[Array, float]:
    """The distribution of the sum on a grid, and the width of its cells."""
    logs = np.log(amounts)
    count = len(logs)
    centre = float(weights @ logs)
    deviation = max(0.05, float(np.sqrt(weights @ (logs - centre) ** 2)))
    width = 0.9 * deviation * count**-0.2
    mean = float(weights @ amounts)
    second = float(weights @ amounts**2) * float(np.exp(width**2))
    scale = float(np.sqrt(max(second - mean**2, (0.05 * mean) ** 2) / count)) / mean
    largest = 1 + scale * _NODES[-1][0]
    sd = float(np.sqrt(expected * second + max(0.0, variance - expected) * mean**2))
    top = max((expected * mean + 6 * sd) * largest, 2 * float(amounts.max()) * largest)
    cell = top / _CELLS
    grouped, shares = _grouped(logs, amounts, weights)
    total = np.zeros(_CELLS)
    for node, share in _NODES:
        factor = max(0.05, 1 + scale * node)
        masses = _severity(grouped + np.log(factor), shares, width, cell)
        total += share * _compound(masses, expected, variance)
    return np.minimum(1.0, np.cumsum(total)), cell


def _grouped(logs: Array, amounts: Array, weights: Array) -> tuple[Array, Array]:
    """Logarithms of amounts and their weights, in `_GROUPS` groups where there are more amounts."""
    if len(logs) <= _GROUPS:
        return logs, weights
    low, high = float(logs.min()), float(logs.max())
    place = ((logs - low) / max(high - low, 1e-9) * (_GROUPS - 1)).round().astype(np.int64)
    sums: Array = np.bincount(place, weights, _GROUPS).astype(np.float64)
    means: Array = np.bincount(place, weights * amounts, _GROUPS).astype(np.float64)
    there = sums > 0
    return np.log(means[there] / sums[there]), sums[there]


def _severity(logs: Array, weights: Array, width: float, cell: float) -> Array:
    """The probability of each cell for one amount: the smoothed history, its mean kept."""
    edges = np.log((np.arange(_CELLS) + 0.5) * cell)
    below = ndtr((edges[None, :] - (logs[:, None] - width**2 / 2)) / width)
    cdf = weights @ below
    masses = np.diff(cdf, prepend=0.0)
    masses[-1] += 1.0 - cdf[-1]
    return np.asarray(masses, dtype=np.float64)


def _compound(masses: Array, expected: float, variance: float) -> Array:
    """The probability of each cell for the sum of a negative binomial number of such amounts."""
    transformed = np.fft.rfft(masses, 2 * _CELLS)
    if variance <= expected * 1.000001:
        summed = np.exp(expected * (transformed - 1))
    else:
        size = expected**2 / (variance - expected)
        chance = expected / variance
        summed = (chance / (1 - (1 - chance) * transformed)) ** size
    return np.clip(np.fft.irfft(summed, 2 * _CELLS)[:_CELLS], 0.0, None)


def _quantile(cdf: Array, cell: float, share: float) -> int:
    """The smallest amount that is not exceeded with this probability, between cells by a straight line."""
    at = int(np.searchsorted(cdf, share))
    if at == 0:
        return 0
    before, here = float(cdf[at - 1]), float(cdf[min(at, _CELLS - 1)])
    part = (share - before) / (here - before) if here > before else 0.0
    return round((at - 0.5 + part) * cell)
