"""Due dates: monthly from the first, and moved out of holidays where the product says so."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from enum import Enum
from functools import lru_cache
from typing import Final

from chuanliu.errors import Invalid

CLOSED_DAYS_MAX: Final = 31


class HolidayRule(Enum):
    """What happens to a due date that is no business day."""

    NONE = "none"
    NEXT_BUSINESS_DAY = "next-business-day"


def months_later(anchor: date, months: int) -> date:
    """The same day of a later (or earlier) month; its last day where the month is shorter."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1]))


@lru_cache(maxsize=1024)
def monthly_dates(first: date, count: int) -> tuple[date, ...]:
    """`count` dates that keep the day of the first: 31 January, 28 or 29 February, 31 March."""
    return tuple(months_later(first, month) for month in range(count))


def next_business_day(day: date, is_closed: Callable[[date], bool]) -> date:
    """The day itself, or the first day after it that is not closed. Raises `Invalid(invalid_parameter)` when a month
    has none.
    """
    for later in range(CLOSED_DAYS_MAX + 1):
        if not is_closed(open_day := day + timedelta(days=later)):
            return open_day
    raise Invalid("invalid_parameter", f"there is no business day within a month of {day}", field="holiday_rule")


def due_dates(first: date, count: int, is_closed: Callable[[date], bool] | None = None) -> tuple[date, ...]:
    """Monthly due dates, each moved to the next business day where `is_closed` is given.

    A moved date does not move those after it. `is_closed` knows weekends as well as holidays; a set of dates serves by
    its `__contains__`.
    """
    dates = monthly_dates(first, count)
    return dates if is_closed is None else tuple(next_business_day(day, is_closed) for day in dates)
