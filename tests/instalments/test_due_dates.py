"""Due dates: the day of the first one is kept, and holidays move only the date that falls on them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.errors import Invalid
from chuanliu.instalments import due_dates, is_closed_in_china, months_later, next_business_day


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("2026-01-31", "2026-01-31 2026-02-28 2026-03-31 2026-04-30 2026-05-31"),
        ("2027-12-31", "2027-12-31 2028-01-31 2028-02-29 2028-03-31 2028-04-30"),
        ("2026-01-29", "2026-01-29 2026-02-28 2026-03-29 2026-04-29 2026-05-29"),
        ("2024-02-29", "2024-02-29 2024-03-29 2024-04-29 2024-05-29 2024-06-29"),
        ("2026-11-09", "2026-11-09 2026-12-09 2027-01-09 2027-02-09 2027-03-09"),
    ],
)
def test_months(first: str, expected: str) -> None:
    assert due_dates(date.fromisoformat(first), 5) == tuple(map(date.fromisoformat, expected.split()))


def test_a_moved_date_does_not_move_the_next() -> None:
    closed = {date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31)}
    assert due_dates(date(2026, 1, 31), 4, closed.__contains__) == (
        date(2026, 1, 31),
        date(2026, 3, 2),
        date(2026, 4, 1),
        date(2026, 4, 30),
    )


def test_a_calendar_that_is_always_closed() -> None:
    with pytest.raises(Invalid, match="no business day"):
        next_business_day(date(2026, 1, 1), lambda day: True)


@pytest.mark.parametrize(
    ("day", "closed"),
    [
        ("2026-10-01", True),  # National Day
        ("2026-10-07", True),  # moved from a weekend
        ("2026-10-08", False),
        ("2026-10-10", False),  # a Saturday that is worked
        ("2026-10-11", True),
        ("2026-02-14", False),  # a Saturday that is worked before the Spring Festival
        ("2026-02-17", True),
        ("2026-07-04", True),
        ("2026-07-06", False),
        ("2035-10-01", True),
        ("2035-10-06", True),
    ],
)
def test_business_days_of_china(day: str, closed: bool) -> None:
    assert is_closed_in_china(date.fromisoformat(day)) is closed


def test_due_dates_over_the_national_holiday() -> None:
    moved = due_dates(date(2026, 9, 5), 3, is_closed_in_china)
    assert moved == (date(2026, 9, 7), date(2026, 10, 8), date(2026, 11, 5))


@given(st.dates(date(1950, 1, 1), date(2150, 12, 31)), st.integers(1, 360))
def test_due_dates_keep_their_day_and_order(first: date, count: int) -> None:
    dates = due_dates(first, count)
    assert len(dates) == count and dates[0] == first
    for position, day in enumerate(dates):
        assert (day.year - first.year) * 12 + day.month - first.month == position
        assert day.day == first.day or (day.day < first.day and (day + timedelta(days=1)).day == 1)


@given(st.dates(date(1950, 1, 1), date(2150, 12, 31)), st.integers(-500, 500))
def test_months_go_both_ways(day: date, months: int) -> None:
    there = months_later(day, months)
    back = months_later(there, -months)
    assert (back.year, back.month) == (day.year, day.month)
    assert back.day == min(day.day, there.day)
