"""Shares of an amount at a rate, rounded by a named rule."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple, assert_never

BASIS = 10_000


class Rounding(Enum):
    """How a fraction of a minor unit is dropped. All amounts here are non-negative."""

    DOWN = "down"
    UP = "up"
    HALF_UP = "half-up"
    HALF_EVEN = "half-even"


_HALF_EVEN: Final = Rounding.HALF_EVEN
"""Most terms say it. To look a member up in its class takes longer than a division."""


def share_of(amount_minor: int, rate_bps: int, rounding: Rounding) -> int:
    """`amount × rate_bps / 10 000` in minor units. Both non-negative; the rounding rule is the contract's."""
    if amount_minor < 0 or rate_bps < 0:
        raise ValueError("amount and rate must not be negative")
    return rounded_quotient(amount_minor * rate_bps, BASIS, rounding)


class Quotient(NamedTuple):
    """A rounded quotient by a fixed ratio, ready for arithmetic: `amount × numerator / denominator` by a rule."""

    factor: int
    offset: int
    divisor: int
    to_even: bool

    def of(self, amount_minor: int) -> int:
        """The quotient of an amount that is not negative."""
        whole, rest = divmod(amount_minor * self.factor + self.offset, self.divisor)
        # Half a unit was added: no rest is a tie, and an odd whole is the wrong neighbour.
        return whole - 1 if self.to_even and not rest and whole & 1 else whole


def quotient_by(numerator: int, denominator: int, rounding: Rounding) -> Quotient:
    """The same numbers as `rounded_quotient(amount × numerator, denominator, rounding)`, for many amounts."""
    match rounding:
        case Rounding.DOWN:
            return Quotient(numerator, 0, denominator, False)
        case Rounding.UP:
            return Quotient(numerator, denominator - 1, denominator, False)
        case Rounding.HALF_UP:
            return Quotient(2 * numerator, denominator, 2 * denominator, False)
        case Rounding.HALF_EVEN:
            return Quotient(2 * numerator, denominator, 2 * denominator, True)
    assert_never(rounding)


def rounded_quotient(numerator: int, denominator: int, rounding: Rounding) -> int:
    """`numerator / denominator` as a whole number. The numerator is not negative, the denominator positive."""
    whole, rest = divmod(numerator, denominator)
    if rounding is _HALF_EVEN:
        twice = 2 * rest
        return whole + 1 if twice > denominator or (twice == denominator and whole % 2) else whole
    match rounding:
        case Rounding.DOWN:
            return whole
        case Rounding.UP:
            return whole + 1 if rest else whole
        case Rounding.HALF_UP:
            return whole + 1 if 2 * rest >= denominator else whole
    assert_never(rounding)
