"""Annual percentage rates by three conventions.

irr            PBoC announcement No. 3 of 2021: the internal rate on the outstanding principal, annualised
us-appendix-j  Regulation Z, 12 CFR 1026, Appendix J: the actuarial method
eu-ccd         directive 2008/48/EC, Annex I: the effective rate of equivalence

Amounts are of one currency and unit; only their proportions matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import expm1
from typing import Final

import msgspec

from chuanliu.errors import Invalid
from chuanliu.instalments.rate_of_return import Flow, log_rate, percent
from chuanliu.instalments.year_fractions import years_since

MONTHS_MAX: Final = 1_200
UNIT_PERIODS_MAX: Final = 36_600
YEARS_MAX: Final = 100

_When = tuple[Fraction, Fraction]
"""Whole periods, and the fraction of one that earns simple interest."""

_START: Final[_When] = (Fraction(), Fraction())


class Rates(msgspec.Struct, frozen=True):
    """Percent, rounded to 6 places.

    `apr_pct` is what the convention calls the annual rate: for `irr` and `us-appendix-j` the rate per period times the
    periods of a year; for `eu-ccd` the effective rate itself. `effective_pct` is that with compound interest.
    """

    apr_pct: float
    effective_pct: float


def irr(advances: Iterable[tuple[Fraction, Decimal]], payments: Iterable[tuple[Fraction, Decimal]]) -> Rates:
    """Flows are (month, amount). Raises `Invalid(invalid_parameter)` where there is no rate."""
    drawn = [((month, Fraction()), amount) for month, amount in advances]
    repaid = [((month, Fraction()), amount) for month, amount in payments]
    _check_times(drawn, repaid, MONTHS_MAX)
    return _nominal(drawn, repaid, 12.0)


def us_appendix_j(
    advances: Iterable[tuple[int, Fraction, Decimal]],
    payments: Iterable[tuple[int, Fraction, Decimal]],
    unit_periods_per_year: Fraction,
) -> Rates:
    """Flows are (unit-periods, fraction of a unit-period, amount). Raises `Invalid(invalid_parameter)` where there is
    no rate.
    """
    if not 0 < unit_periods_per_year <= 366:
        raise Invalid(
            "invalid_parameter", "unit_periods_per_year must be above 0 and at most 366", field="unit_periods_per_year"
        )
    drawn = [((Fraction(periods), fraction), amount) for periods, fraction, amount in advances]
    repaid = [((Fraction(periods), fraction), amount) for periods, fraction, amount in payments]
    for field, flows in (("advances", drawn), ("payments", repaid)):
        if any(not 0 <= fraction < 1 for (_, fraction), _ in flows):
            raise Invalid("invalid_parameter", "a fraction of a unit-period is at least 0 and below 1", field=field)
    _check_times(drawn, repaid, UNIT_PERIODS_MAX)
    return _nominal(drawn, repaid, float(unit_periods_per_year))


def eu_ccd(advances: Iterable[tuple[date, Decimal]], payments: Iterable[tuple[date, Decimal]]) -> Rates:
    """Flows are (date, amount). Raises `Invalid(invalid_parameter)` where there is no rate."""
    drawn, repaid = list(advances), list(payments)
    first = min((day for day, amount in drawn if amount), default=None)
    if first is None:
        raise Invalid("invalid_parameter", "there is no advance", field="advances")
    dates = [day for day, _ in (*drawn, *repaid)]
    if min(dates) < first:
        raise Invalid("invalid_parameter", "nothing is paid before the first advance", field="payments")
    if max(dates).year - first.year > YEARS_MAX:
        raise Invalid("invalid_parameter", f"flows lie within {YEARS_MAX} years", field="payments")
    years = years_since(first, dates)
    flows = _net(
        [((years[day], Fraction()), amount) for day, amount in drawn],
        [((years[day], Fraction()), amount) for day, amount in repaid],
    )
    effective = percent(expm1(log_rate(flows, 1.0))) if flows else 0.0
    return Rates(effective, effective)


def _nominal(drawn: list[tuple[_When, Decimal]], repaid: list[tuple[_When, Decimal]], periods_per_year: float) -> Rates:
    flows = _net(drawn, repaid)
    if not flows:
        return Rates(0.0, 0.0)
    found = log_rate(flows, periods_per_year)
    return Rates(percent(periods_per_year * expm1(found)), percent(expm1(periods_per_year * found)))


def _check_times(drawn: list[tuple[_When, Decimal]], repaid: list[tuple[_When, Decimal]], periods_max: int) -> None:
    for field, flows in (("advances", drawn), ("payments", repaid)):
        if any(not 0 <= periods <= periods_max for (periods, _), _ in flows):
            raise Invalid("invalid_parameter", f"flows lie within periods 0 to {periods_max}", field=field)


def _net(drawn: list[tuple[_When, Decimal]], repaid: list[tuple[_When, Decimal]]) -> list[Flow]:
    """Net flows in order of time, counted from the first advance and over the sum of the advances; none when nothing
    is paid but what was advanced.

    Sums are exact, so that neither the order of flows nor their grouping matters.
    """
    if any(amount < 0 for _, amount in drawn):
        raise Invalid("invalid_amount", "an advance is not negative", field="advances")
    if any(amount < 0 for _, amount in repaid):
        raise Invalid("invalid_amount", "a payment is not negative", field="payments")
    start = min((when for when, amount in drawn if amount), default=None)
    if start is None:
        raise Invalid("invalid_parameter", "there is no advance", field="advances")
    if start[1]:
        raise Invalid("invalid_parameter", "the first advance is at a whole unit-period", field="advances")
    sums: dict[_When, Fraction] = {}
    for sign, flows in ((-1, drawn), (1, repaid)):
        for (periods, fraction), amount in flows:
            when = (periods - start[0], fraction)
            sums[when] = sums.get(when, Fraction()) + sign * Fraction(amount)
    times = sorted(when for when, amount in sums.items() if amount)
    lent = sum((Fraction(amount) for _, amount in drawn), Fraction())
    total = sum(sums.values())
    if total < 0:
        raise Invalid("invalid_parameter", "the payments do not repay what was advanced", field="payments")
    if total == 0 and all(when >= _START for when in times):
        return []
    if times[0] != _START or sums[_START] > 0:
        raise Invalid(
            "invalid_parameter", "what is paid by the first advance leaves nothing to repay", field="payments"
        )
    return [Flow(float(periods), float(fraction), float(sums[periods, fraction] / lent)) for periods, fraction in times]
