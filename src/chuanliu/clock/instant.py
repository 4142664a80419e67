"""Conversions between instants and what people read. Nothing here reads the clock: `now` is always passed in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from chuanliu.errors import Invalid

Micros = int

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_datetime(at: Micros, zone: tzinfo = UTC) -> datetime:
    """The same instant as an aware datetime, exact to the microsecond."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone)


def from_datetime(moment: datetime) -> Micros:
    """An aware datetime as an instant. Raises `ValueError` for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no instant")
    return (moment - _EPOCH) // timedelta(microseconds=1)


@lru_cache(maxsize=256)
def _second_text(second: int, zone: tzinfo) -> str:
    return to_datetime(second * SECOND, zone).strftime("%Y-%m-%d %H:%M:%S")


def wall_text(at: Micros, zone: tzinfo = SHANGHAI) -> str:
    """`yyyy-MM-dd HH:mm:ss` in the zone, fractions dropped: the form of the Alipay wire."""
    return _second_text(at // SECOND, zone)


def iso_text(at: Micros) -> str:
    """RFC 3339 in UTC with milliseconds, such as `2026-11-11T12:00:00.000Z`."""
    return to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % SECOND // 1000:03d}Z"


def parse_wall(text: str, zone: tzinfo = SHANGHAI, *, field: str = "timestamp") -> Micros:
    """Read `yyyy-MM-dd HH:mm:ss` (or without seconds) in the zone. Raises `Invalid(invalid_parameter)` naming
    `field`.
    """
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"):
        try:
            return from_datetime(datetime.strptime(text, form).replace(tzinfo=zone))
        except ValueError:
            continue
    raise Invalid("invalid_parameter", f"{field} must be yyyy-MM-dd HH:mm:ss", field=field)


def day_number(day: date) -> int:
    """A date as yyyymmdd."""
    return day.year * 10_000 + day.month * 100 + day.day


def date_of(number: int) -> date:
    """The date that yyyymmdd stands for. Raises `ValueError` where there is none."""
    return date(number // 10_000, number // 100 % 100, number % 100)


def business_date(at: Micros, zone: tzinfo = SHANGHAI) -> date:
    """The civil date of an instant in the merchant's zone."""
    return to_datetime(at, zone).date()
