"""Declared quantiles as a distribution: a log-normal each, and the quantile of a sum of them.

The sum is matched by its mean and variance (Fenton and Wilkinson, 1960), with some correlation, because a day that is
good for one tenant is rather good for the others.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import msgspec
import numpy as np

from chuanliu.calendars import Quantiles
from chuanliu.capacity.trace import Floats

Z90: Final = NormalDist().inv_cdf(0.90)
Z99: Final = NormalDist().inv_cdf(0.99)
CORRELATION: Final = 0.1
"""Between the peaks of any two events."""
SIGMA_MAX: Final = 3.0


class Uncertain(msgspec.Struct, frozen=True, kw_only=True):
    """A rate that is not yet seen: mean and standard deviation in requests/s."""

    mean: float
    deviation: float

    @property
    def sigma(self) -> float:
        """The standard deviation of its logarithm, taken as log-normal; 0 for a mean of 0."""
        return math.sqrt(math.log1p((self.deviation / self.mean) ** 2)) if self.mean > 0 else 0.0


def z_of(probability: float) -> float:
    """The quantile of the standard normal distribution; `probability` in (0, 1)."""
    return NormalDist().inv_cdf(probability)


def uncertain(peak: Quantiles) -> Uncertain:
    """The log-normal through the median whose p90 and p99 are nowhere below the declared ones."""
    if peak.p50 <= 0:
        return Uncertain(mean=peak.p90, deviation=max(peak.p99 - peak.p90, 0.0))
    sigma = min(max(math.log(peak.p90 / peak.p50) / Z90, math.log(peak.p99 / peak.p50) / Z99), SIGMA_MAX)
    mean = peak.p50 * math.exp(sigma * sigma / 2)
    return Uncertain(mean=mean, deviation=mean * math.sqrt(math.expm1(sigma * sigma)))


def quantile_of_sum(means: Floats, variances: Floats, deviations: Floats, z: float) -> Floats:
    """By slot, from sums over what is summed up: of means, of variances, and of deviations; `z` as of `z_of`."""
    whole = (1 - CORRELATION) * variances + CORRELATION * deviations**2
    known = means > 0
    safe = np.where(known, means, 1.0)
    sigma2 = np.log1p(whole / safe**2)
    found = np.exp(np.log(safe) - sigma2 / 2 + z * np.sqrt(sigma2))
    return np.asarray(np.where(known, found, 0.0))
