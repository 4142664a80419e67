"""Cycles: statement days, due dates, short months, leap days, holidays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.bills import cycle_of, due_after, ended_cycles, next_cycle
from chuanliu.clock import day_number, parse_wall
from chuanliu.instalments import months_later
from lenders.samples import terms


@pytest.mark.parametrize(
    ("number", "day", "statement_on", "due_on"),
    [
        (202601, 1, date(2026, 1, 1), date(2026, 1, 9)),
        (202602, 31, date(2026, 2, 28), date(2026, 3, 9)),
        (202802, 31, date(2028, 2, 29), date(2028, 3, 9)),
        (202802, 29, date(2028, 2, 29), date(2028, 3, 9)),
        (202802, 28, date(2028, 2, 28), date(2028, 3, 9)),
        (202604, 31, date(2026, 4, 30), date(2026, 5, 9)),
        (202612, 31, date(2026, 12, 31), date(2027, 1, 9)),
        (202601, 9, date(2026, 1, 9), date(2026, 2, 9)),
    ],
)
def test_statement_day_and_due_day(number: int, day: int, statement_on: date, due_on: date) -> None:
    cycle = cycle_of(number, day, 9, None)
    assert (cycle.statement_on, cycle.due_on) == (statement_on, due_on)
    assert cycle.number == number


def test_a_cycle_ends_with_its_statement_day_in_shanghai() -> None:
    assert cycle_of(202802, 29, 9, None).cut_at == parse_wall("2028-03-01 00:00")
    assert cycle_of(202601, 5, 9, None).cut_at == parse_wall("2026-01-06 00:00")


@pytest.mark.parametrize(
    ("statement_on", "due_day", "days", "rule", "due_on"),
    [
        (date(2026, 2, 1), 31, None, "none", date(2026, 2, 28)),
        (date(2028, 1, 31), 30, None, "none", date(2028, 2, 29)),
        (date(2028, 2, 9), None, 20, "none", date(2028, 2, 29)),
        (date(2026, 2, 9), None, 20, "none", date(2026, 3, 1)),
        (date(2026, 9, 20), 1, None, "next-business-day", date(2026, 10, 8)),
        (date(2026, 11, 1), 7, None, "next-business-day", date(2026, 11, 9)),
    ],
)
def test_due_dates(statement_on: date, due_day: int | None, days: int | None, rule: str, due_on: date) -> None:
    assert due_after(statement_on, due_day, days, rule) == due_on


def test_cycles_that_have_ended() -> None:
    asked = terms(statement_day=15)
    since, until = parse_wall("2025-11-20 00:00"), parse_wall("2026-02-16 00:00")
    assert [cycle.number for cycle in ended_cycles(asked, since, until)] == [202512, 202601, 202602]
    assert [cycle.number for cycle in ended_cycles(asked, since, until - 1)] == [202512, 202601]
    assert next_cycle(202612) == 202701
    assert next_cycle(202601, -1) == 202512


@given(
    st.integers(1, 28),
    st.none() | st.integers(1, 28),
    st.integers(1, 45),
    st.integers(0, 40),
    st.sampled_from(["none", "next-business-day"]),
)
def test_each_instalment_of_a_plan_belongs_to_one_statement_and_each_statement_has_one(
    statement_day: int, due_day: int | None, days: int, ahead: int, rule: str
) -> None:
    """Due dates keep the day of the first; those of statements may move with the length of months."""
    after = None if due_day is not None else days
    numbers = [next_cycle(202501, ahead + month) for month in range(24)]
    cycles = [cycle_of(number, statement_day, due_day, after, rule) for number in numbers]
    first = due_after(cycles[0].statement_on, due_day, after, "none")
    for month, cycle in enumerate(cycles):
        plain = months_later(first, month)
        due = due_after(plain - timedelta(days=1), None, 1, rule)
        assert cycle.overdue_until < day_number(due) <= cycle.billed_until
