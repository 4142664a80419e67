"""Dividing a capacity among those who want it: the published algorithms, as functions over lists.

All rates are requests a second. Results are in the order of the arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

_TARGET_MIN: Final = 0.001
"""A smaller target counts as this, as in Kubernetes, so that whoever wants nothing has a place in the proportion."""


def fair_shares(capacity: float, wants: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """Weighted max-min fairness: nobody gets more than is wanted, and what is left over goes to those still short of
    their want, in proportion to their weights. Doorman's FAIR_SHARE with weights for its sub-clients.

    Raises `ValueError` for a negative number, or a weight that is not positive.
    """
    weights = _checked(capacity, wants, weights)
    shares = [0.0] * len(wants)
    left, weight_left = capacity, float(sum(weights))
    order = sorted(range(len(wants)), key=lambda one: wants[one] / weights[one])
    for place, one in enumerate(order):
        if wants[one] * weight_left > left * weights[one]:
            for short in order[place:]:
                shares[short] = left * weights[short] / weight_left
            break
        shares[one] = float(wants[one])
        left = max(0.0, left - wants[one])
        weight_left -= weights[one]
    return shares


def proportional_shares(capacity: float, wants: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """Doorman's PROPORTIONAL_SHARE: everybody's equal (or weighted) share, and what others leave of theirs topped up in
    proportion to what each wants beyond its share. Raises as `fair_shares` does.
    """
    weights = _checked(capacity, wants, weights)
    if sum(wants) <= capacity:
        return [float(want) for want in wants]
    total = sum(weights)
    equal = [capacity * weight / total for weight in weights]
    spare = sum(max(0.0, share - want) for share, want in zip(equal, wants, strict=True))
    short = sum(max(0.0, want - share) for share, want in zip(equal, wants, strict=True))
    return [
        float(want) if want <= share else share + (want - share) * spare / short
        for share, want in zip(equal, wants, strict=True)
    ]


class Limits(NamedTuple):
    """What a level may have: at least `low` (its own, less what it lends), at most `high` (its own and what it may
    borrow), and `target`, what it asks for.
    """

    low: float
    high: float
    target: float


class NominalLimits(NamedTuple):
    """A level of Kubernetes API Priority and Fairness: own share, least after lending, most with borrowing."""

    nominal: int
    least: int
    most: int | None


def nominal_limits(
    capacity: int, shares: Sequence[int], lendable_percent: Sequence[int], borrowing_percent: Sequence[int | None]
) -> list[NominalLimits]:
    """The limits of levels from their shares, as Kubernetes defines them (KEP-1040, `PriorityLevelConfiguration`):
    NominalCL = ceil(ServerCL × NCS / ΣNCS), LendableCL = round(NominalCL × lendable %), BorrowingCL = round(NominalCL ×
    borrowing %), halves rounded away from zero; without a borrowing limit there is none.
    """
    total = sum(shares)
    limits = []
    for share, lendable, borrowing in zip(shares, lendable_percent, borrowing_percent, strict=True):
        nominal = -(-capacity * share // total)
        lent = (nominal * lendable * 2 + 100) // 200
        most = None if borrowing is None else nominal + (nominal * borrowing * 2 + 100) // 200
        limits.append(NominalLimits(nominal, nominal - lent, most))
    return limits


def borrowing_shares(capacity: float, levels: Sequence[Limits]) -> list[float]:
    """Shares that sum to the capacity, each the same proportion of its target unless that is outside of its limits:
    what Kubernetes API Priority and Fairness does each ten seconds (KEP-1040).

    Raises `ValueError` where limits are not in order, or no shares within them sum to the capacity.
    """
    for level in levels:
        if not 0 <= level.low <= level.high or level.target < level.low:
            raise ValueError(f"limits out of order: {level}")
    if not sum(level.low for level in levels) <= capacity <= sum(level.high for level in levels):
        raise ValueError("no shares within the limits sum to the capacity")
    targets = [max(level.target, _TARGET_MIN) for level in levels]
    marks = sorted({bound / target for level, target in zip(levels, targets, strict=True) for bound in level[:2]})
    below = 0.0
    for mark in marks:
        if sum(_within(level, mark * target) for level, target in zip(levels, targets, strict=True)) >= capacity:
            break
        below = mark
    free = [low / target <= below and high / target > below for (low, high, _), target in _paired(levels, targets)]
    fixed = sum(
        _within(lv, below * t) for (lv, t), is_free in zip(_paired(levels, targets), free, strict=True) if not is_free
    )
    moving = sum(target for target, is_free in zip(targets, free, strict=True) if is_free)
    proportion = (capacity - fixed) / moving if moving else below
    return [
        proportion * target if is_free else _within(level, below * target)
        for (level, target), is_free in zip(_paired(levels, targets), free, strict=True)
    ]


def _paired(levels: Sequence[Limits], targets: Sequence[float]) -> list[tuple[Limits, float]]:
    return list(zip(levels, targets, strict=True))


def _within(level: Limits, value: float) -> float:
    return min(max(value, level.low), level.high)


def _checked(capacity: float, wants: Sequence[float], weights: Sequence[float] | None) -> Sequence[float]:
    weights = weights if weights is not None else [1.0] * len(wants)
    if len(weights) != len(wants):
        raise ValueError("as many weights as wants are needed")
    if capacity < 0 or any(want < 0 for want in wants) or any(weight <= 0 for weight in weights):
        raise ValueError("capacity and wants may not be negative, weights must be positive")
    return weights
