"""The rate at which payments are worth as much as advances. Rates are floats; amounts enter exactly."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import exp, expm1, fsum, log1p
from typing import Final, NamedTuple

from chuanliu.errors import Invalid

LOG_RATE_YEAR_MAX: Final = 300.0
"""Rates beyond e^300 a year are refused: they say nothing, and would overflow on the way."""

PERCENT_PLACES: Final = 6

_STEPS_MAX: Final = 200


class Flow(NamedTuple):
    """A net amount after `periods` whole periods and a `fraction` of one: payments positive, advances negative."""

    periods: float
    fraction: float
    amount: float


def log_rate(flows: Sequence[Flow], periods_per_year: float) -> float:
    """`ln(1 + i)` for the lowest rate `i ≥ 0` per period at which the flows are worth nothing.

    A flow is worth `amount / ((1 + fraction × i) × (1 + i)^periods)`. The flows are in order of time, the first is
    negative, and their sum is positive, so that there is such a rate. Raises `Invalid(invalid_parameter)` when it is
    absurdly high.
    """
    highest = LOG_RATE_YEAR_MAX / periods_per_year
    low, high = _bracket(flows, highest)
    guess = (low + high) / 2
    for _ in range(_STEPS_MAX):
        value, slope = _worth(flows, guess)
        if value > 0:
            low = guess
        else:
            high = guess
        step = value / slope if slope else high - low
        if abs(step) <= 1e-15 + 1e-13 * guess:
            return guess - step
        guess -= step
        if not low < guess < high:
            guess = (low + high) / 2
    return guess


def _bracket(flows: Sequence[Flow], highest: float) -> tuple[float, float]:
    """Between which log rates the worth changes its sign first. Finer steps where it may change more than once."""
    turns = sum((one.amount > 0) != (other.amount > 0) for one, other in pairwise(flows))
    stride = 2.0 if turns == 1 else 1.1
    low, high = 0.0, min(1e-7, highest)
    while _worth(flows, high)[0] > 0:
        if high >= highest:
            raise Invalid("invalid_parameter", "the rate is too high to be stated", field="payments")
        low, high = high, min(high * stride, highest)
    return low, high


def _worth(flows: Sequence[Flow], log_of_rate: float) -> tuple[float, float]:
    """Present value, and its slope by the log rate."""
    rate = expm1(log_of_rate)
    values = []
    slopes = []
    for periods, fraction, amount in flows:
        simple = 1.0 + fraction * rate
        value = amount * exp(-periods * log_of_rate) / simple
        values.append(value)
        slopes.append(-value * (periods + fraction * (1.0 + rate) / simple))
    return fsum(values), fsum(slopes)


def monthly_rate(principal_minor: int, payments: tuple[int, ...]) -> float:
    """The internal rate per month of a principal and payments at the ends of the months that follow.

    Fast where all payments but the first or the last are equal. Payments that sum to no more than the principal are
    free of cost: 0.
    """
    count = len(payments)
    cost = sum(payments) - principal_minor
    if cost <= 0:
        return 0.0
    regular = payments[-1]
    equal = payments.count(regular)
    if equal == count:
        return annuity_rate(principal_minor, regular, count, 0, 1)
    if payments[0] == regular:
        return _uneven_rate(principal_minor, payments)
    if equal == count - 1:
        return annuity_rate(principal_minor, regular, count, payments[0] - regular, 1)
    if payments.count(payments[0]) == count - 1:
        return annuity_rate(principal_minor, payments[0], count, regular - payments[0], count)
    return _uneven_rate(principal_minor, payments)


def annuity_rate(principal: int, payment: int, count: int, extra: int, extra_month: int) -> float:
    """The monthly rate of equal payments with an extra amount in the first or the last month; they cost something.

    Newton's method on `payment × (1 − v^n) / i + extra × v^month = principal`, from Baily's estimate; the general way
    where it strays.
    """
    lift = expm1(2.0 / (count + 1) * log1p((payment * count + extra - principal) / principal))
    bend = (count - 1) * lift
    rate = lift * (12.0 - bend) / (12.0 - 2.0 * bend) if bend < 3.0 else lift
    for _ in range(20):
        discount = 1.0 / (1.0 + rate)
        annuity = -expm1(-count * log1p(rate)) / rate
        last = 1.0 - annuity * rate
        of_extra = extra * (discount if extra_month == 1 else last)
        value = payment * annuity + of_extra - principal
        slope = payment * (count * last * discount - annuity) / rate - extra_month * of_extra * discount
        step = value / slope
        rate -= step
        if rate <= 0:
            break
        # What is left is about the square of the step, count times.
        if abs(step) < 1e-7:
            return rate
    payments = [payment] * count
    payments[extra_month - 1] += extra
    return _general_rate(principal, tuple(payments))


def _uneven_rate(principal: int, payments: tuple[int, ...]) -> float:
    """Newton's method from the rate of payments that are all the same; the general way where it strays."""
    count = len(payments)
    each, rest = divmod(sum(payments), count)
    rate = annuity_rate(principal, each, count, rest, count)
    for _ in range(20):
        discount = 1.0 / (1.0 + rate)
        worth = slope = 0.0
        for payment in reversed(payments):
            slope = slope * discount + worth
            worth = worth * discount + payment
        step = (principal - worth * discount) / (discount * discount * (worth + discount * slope))
        rate -= step
        if rate <= 0:
            break
        if abs(step) < 1e-7 * rate:
            return rate
    return _general_rate(principal, payments)


def _general_rate(principal: int, payments: tuple[int, ...]) -> float:
    later = [Flow(float(month), 0.0, paid / principal) for month, paid in enumerate(payments, 1) if paid]
    return expm1(log_rate([Flow(0.0, 0.0, -1.0), *later], 12.0))


def percent(rate: float) -> float:
    """A rate as it is shown: percent, rounded to 6 places."""
    return round(100.0 * rate, PERCENT_PLACES)
