"""Shares of an amount at a rate in basis points, rounded by a named rule."""

from __future__ import annotations

from enum import Enum
from typing import assert_never

BASIS = 10_000


class Rounding(Enum):
    """How a fraction of a minor unit is dropped. All amounts here are non-negative."""

    DOWN = "down"
    UP = "up"
    HALF_UP = "half-up"
    HALF_EVEN = "half-even"


def share_of(amount_minor: int, rate_bps: int, rounding: Rounding) -> int:
    """`amount × rate_bps / 10 000` in minor units. Both non-negative; the rounding rule is the contract's."""
    if amount_minor < 0 or rate_bps < 0:
        raise ValueError("amount and rate must not be negative")
    whole, rest = divmod(amount_minor * rate_bps, BASIS)
    match rounding:
        case Rounding.DOWN:
            return whole
        case Rounding.UP:
            return whole + (rest > 0)
        case Rounding.HALF_UP:
            return whole + (2 * rest >= BASIS)
        case Rounding.HALF_EVEN:
            return whole + (2 * rest > BASIS or (2 * rest == BASIS and whole % 2 == 1))
    assert_never(rounding)
