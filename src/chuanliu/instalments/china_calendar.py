"""Business days of mainland China, from the `holidays` library."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holidays import HolidayBase


@lru_cache(maxsize=1)
def _calendar() -> HolidayBase:
    from holidays import country_holidays  # noqa: PLC0415 - slow to import, and commands can do without

    return country_holidays("CN")


def load_china_calendar() -> None:
    """Load what `is_closed_in_china` asks: a quarter of a second that a process had better spend before it serves."""
    _calendar()


@lru_cache(maxsize=4096)
def is_closed_in_china(day: date) -> bool:
    """Whether banks are closed: public holidays and weekends, except weekends that are worked (调休).

    The State Council announces the days that are moved for one year, late in the year before. For years that the
    installed library does not know yet, only the public holidays themselves and plain weekends count.
    """
    return not _calendar().is_working_day(day)
