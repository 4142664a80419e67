"""Intervals in years, as the directives on consumer credit count them.

Directive 2008/48/EC, Annex I, remark (c): a year has 365 days (366 in leap years), 52 weeks or 12 equal months. How
they go together is in the Commission's guidelines on it (SWD(2012) 128, section 4.1.1) and, in the same sense, in
remark (c) of Annex III to directive (EU) 2023/2225.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction

from chuanliu.instalments.due_dates import months_later


def years_since(first: date, dates: Iterable[date]) -> dict[date, Fraction]:
    """The interval from the first drawdown to each date, none of which is before it.

    Whole months where all dates are, else whole weeks where all dates are, else each as whole months and days.
    """
    days = set(dates)
    months = {day: _whole_months(first, day) for day in days}
    if all(count is not None for count in months.values()):
        return {day: Fraction(count or 0, 12) for day, count in months.items()}
    if all((day - first).days % 7 == 0 for day in days):
        return {day: Fraction((day - first).days // 7, 52) for day in days}
    return {day: _months_and_days(first, day) for day in days}


def _whole_months(first: date, day: date) -> int | None:
    count = (day.year - first.year) * 12 + day.month - first.month
    if months_later(first, count) == day or (_ends_month(first) and _ends_month(day)):
        return count
    return None


def _ends_month(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def _months_and_days(first: date, day: date) -> Fraction:
    """Months are counted back from the date, then days, which are parts of the year that ends with the last of them."""
    whole = _whole_months(first, day)
    if whole is not None:
        return Fraction(whole, 12)
    count = (day.year - first.year) * 12 + day.month - first.month
    back = months_later(day, -count)
    if back < first:
        count -= 1
        back = months_later(day, -count)
    year_days = (back - months_later(back, -12)).days
    return Fraction(count, 12) + Fraction((back - first).days, year_days)
