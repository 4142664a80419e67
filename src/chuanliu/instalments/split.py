"""Splitting a principal into instalments: integers only, and every part sums to its total.

This is the compact form that a quote computes for every lender and number of instalments; `schedule` makes rows of it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from chuanliu.instalments.terms import Method, Remainder, Terms
from chuanliu.money import Rounding, quotient_by, rounded_quotient

_ANNUITY: Final = Method.ANNUITY


class Split(msgspec.Struct, frozen=True, gc=False):
    """Amounts per instalment, in minor units, position by position."""

    principal: tuple[int, ...]
    interest: tuple[int, ...]
    fee: tuple[int, ...]
    total_cost_minor: int

    @property
    def payments(self) -> tuple[int, ...]:
        """What is paid with each instalment."""
        return tuple(map(sum, zip(self.principal, self.interest, self.fee, strict=True)))


def cost_of(principal_minor: int, terms: Terms) -> int:
    """The whole fee or interest of a principal: what `split_principal` would split."""
    numerator, denominator = terms.cost
    if terms.method is _ANNUITY:
        return _annuity_cost(principal_minor, terms)
    return rounded_quotient(principal_minor * numerator, denominator, terms.rounding) if numerator else 0


def split_evenly(total_minor: int, count: int, *, first: bool) -> tuple[int, ...]:
    """Equal parts, the rest in the first or in the last of them."""
    each, rest = divmod(total_minor, count)
    others = (each,) * (count - 1)
    return (each + rest, *others) if first else (*others, each + rest)


def split_principal(principal_minor: int, terms: Terms) -> Split:
    """Split a positive principal by the terms.

    Flat and none: `floor(principal / n)` and `floor(fee / n)` each, the rest to the first or the last instalment; the
    fee is rounded as the terms say. With half-even and the rest first this is the computation that the platform credit
    line publishes (contracts, Alipay open API, section 2.7).

    Annuity: the equal payment is rounded as the terms say. Remainder last: the interest of each month is rounded
    likewise, and the last instalment repays what is left. Remainder first: all payments but the first are equal, and
    each interest is within one minor unit of the exact one.
    """
    if principal_minor < 1:
        raise ValueError("the principal must be positive")
    if terms.method is _ANNUITY:
        return _annuity(principal_minor, terms)
    count = terms.instalments
    total_fee = cost_of(principal_minor, terms)
    first = terms.remainder is Remainder.FIRST
    principal = split_evenly(principal_minor, count, first=first)
    fee = split_evenly(total_fee, count, first=first)
    return Split(principal, (0,) * count, fee, total_fee)


@lru_cache(maxsize=4096)
def _annuity_factor(count: int, numerator: int, denominator: int) -> tuple[int, int]:
    """The payment per unit of principal, exactly: i (1+i)^n / ((1+i)^n − 1)."""
    if numerator == 0:
        return 1, count
    grown = (numerator + denominator) ** count
    return numerator * grown, denominator * (grown - denominator**count)


def _annuity(principal_minor: int, terms: Terms) -> Split:
    numerator, denominator = terms.cost
    over, under = _annuity_factor(terms.instalments, numerator, denominator)
    payment = rounded_quotient(principal_minor * over, under, terms.rounding)
    forwards = terms.remainder is Remainder.LAST
    principal, interest = (_annuity_forwards if forwards else _annuity_backwards)(principal_minor, payment, terms)
    return Split(tuple(principal), tuple(interest), (0,) * terms.instalments, sum(interest))


def _annuity_cost(principal_minor: int, terms: Terms) -> int:
    """The interest of all months, as `_annuity` sums it up."""
    numerator, denominator = terms.cost
    over, under = _annuity_factor(terms.instalments, numerator, denominator)
    payment = rounded_quotient(principal_minor * over, under, terms.rounding)
    cost = 0
    if terms.remainder is Remainder.LAST:
        factor, offset, divisor, to_even = quotient_by(numerator, denominator, terms.rounding)
        balance = principal_minor
        for _ in range(terms.instalments):
            earned, rest = divmod(balance * factor + offset, divisor)
            if to_even and not rest and earned & 1:
                earned -= 1
            cost += earned
            balance -= payment - earned
            if balance <= 0:
                break
        return cost
    factor, offset, divisor, to_even = quotient_by(denominator, numerator + denominator, _OF_BALANCE[terms.rounding])
    whole_interest = rounded_quotient(principal_minor * numerator, denominator, terms.rounding)
    after = 0
    for left in range(terms.instalments - 1, 0, -1):
        before, rest = divmod((after + payment) * factor + offset, divisor)
        if to_even and not rest and before & 1:
            before -= 1
        if before > principal_minor:
            return cost + left * whole_interest + whole_interest
        cost += payment - before + after
        after = before
    return cost + whole_interest


def _annuity_forwards(principal_minor: int, payment: int, terms: Terms) -> tuple[list[int], list[int]]:
    """Principal and interest of each instalment; the last takes the remainder.

    The payment is never below the first month's interest, because both are rounded by one rule. It may repay the
    principal early, where it is a few minor units; what follows is nothing then.
    """
    numerator, denominator = terms.cost
    factor, offset, divisor, to_even = quotient_by(numerator, denominator, terms.rounding)
    balance = principal_minor
    principal: list[int] = []
    interest: list[int] = []
    for _ in range(terms.instalments):
        earned, rest = divmod(balance * factor + offset, divisor)
        if to_even and not rest and earned & 1:
            earned -= 1
        repaid = payment - earned
        repaid = min(repaid, balance)
        principal.append(repaid)
        interest.append(earned)
        balance -= repaid
    principal[-1] += balance
    return principal, interest


_OF_BALANCE: Final = {
    Rounding.DOWN: Rounding.UP,
    Rounding.UP: Rounding.DOWN,
    Rounding.HALF_UP: Rounding.HALF_UP,
    Rounding.HALF_EVEN: Rounding.HALF_EVEN,
}
"""A balance that is rounded up is repaid by a payment that holds less interest."""


def _annuity_backwards(principal_minor: int, payment: int, terms: Terms) -> tuple[list[int], list[int]]:
    """Principal and interest of each instalment; the first takes the remainder.

    From the end, where nothing is owed: before a payment so much is owed as grows within a month to the payment and
    what is owed after it. More than the principal is never owed: a payment of a few minor units may be too large by
    its rounding; then the first instalments are interest alone.
    """
    numerator, denominator = terms.cost
    factor, offset, divisor, to_even = quotient_by(denominator, numerator + denominator, _OF_BALANCE[terms.rounding])
    whole_interest = rounded_quotient(principal_minor * numerator, denominator, terms.rounding)
    after = 0
    principal: list[int] = []
    interest: list[int] = []
    for _ in range(terms.instalments - 1):
        numerator = (after + payment) * factor + offset
        before = numerator // divisor
        if to_even and before & 1 and not numerator % divisor:
            before -= 1
        if before > principal_minor:
            before = principal_minor
            interest.append(whole_interest)
        else:
            interest.append(payment - before + after)
        principal.append(before - after)
        after = before
    principal.append(principal_minor - after)
    interest.append(whole_interest)
    principal.reverse()
    interest.reverse()
    return principal, interest
