"""Ideal bill, pressure, categories, windows and calendars, as tables."""

from __future__ import annotations

from datetime import date

import pytest

from chuanliu.assistant import (
    CATEGORY_TEXTS,
    Due,
    calendar_of,
    dues_of,
    group_of,
    level_of,
    monthly_bills,
    owed_by_product,
    percent_of,
    plan_months,
    pressure_of,
    progress_of,
    propose,
    rounded_up,
    window_of,
)
from lenders.samples import terms


@pytest.mark.parametrize(
    ("minor", "rounded"),
    [
        (1, 100_00),
        (100_00, 100_00),
        (999_99, 1000_00),
        (1000_01, 1500_00),
        (9999_00, 10_000_00),
        (10_000_01, 11_000_00),
    ],
)
def test_round_amounts(minor: int, rounded: int) -> None:
    assert rounded_up(minor) == rounded


@pytest.mark.parametrize(
    ("bills", "committed", "income", "amount", "reason"),
    [
        # 90 % of the median of the last six (2000.00), rounded up to the next 500.00
        ([9000_00, 1000_00, 1500_00, 2000_00, 2500_00, 3000_00, 2000_00], [0, 0, 0], 0, 2000_00, "history"),
        # 30 % of 5000.00 is less than she is used to
        ([2000_00, 2000_00], [0], 5000_00, 1500_00, "income"),
        # but 1600.00 is committed already
        ([2000_00, 2000_00], [900_00, 1600_00], 5000_00, 2000_00, "commitments"),
        ([], [], 6000_00, 2000_00, "income"),
        ([], [300_00, 0, 0, 99_999_00], 0, 300_00, "commitments"),
        # months without a bill say nothing of what is usual
        ([0, 0, 1000_00], [0], 0, 900_00, "history"),
    ],
)
def test_proposals(bills: list[int], committed: list[int], income: int, amount: int, reason: str) -> None:
    found = propose(bills, committed, income)
    assert found is not None
    assert (found.amount_minor, found.reason) == (amount, reason)


def test_nothing_is_proposed_of_nobody_known() -> None:
    assert propose([0, 0], [0, 0, 0], 0) is None


@pytest.mark.parametrize(
    ("months", "late", "overdue", "index", "level"),
    [
        # (3 x 1000 + 2 x 500 + 1 x 0) / (6 x 1000) = 66.7
        ([1000_00, 500_00, 0], [], 0, 67, "watch"),
        ([500_00, 500_00, 500_00], [False] * 6, 0, 50, "calm"),
        # one of four was late: 30 / 4 = 7.5, half up
        ([1000_00, 1000_00, 1000_00], [True, False, False, False], 0, 108, "heavy"),
        # only the last twelve count
        ([0, 0, 0], [True] * 5 + [False] * 12, 0, 0, "calm"),
        ([900_00, 900_00, 900_00], [True], 100_00, 150, "critical"),
        ([0], [], 1, 30, "calm"),
    ],
)
def test_pressure(months: list[int], late: list[bool], overdue: int, index: int, level: str) -> None:
    found = pressure_of([(202601 + at, left) for at, left in enumerate(months)], 1000_00, late, overdue)
    assert found is not None
    assert (found.index, found.level) == (index, level)
    assert found.index == found.load + found.history


def test_no_pressure_without_a_measure() -> None:
    assert pressure_of([(202601, 100)], 0, [], 0) is None


@pytest.mark.parametrize(
    ("index", "level"), [(0, "calm"), (59, "calm"), (60, "watch"), (90, "heavy"), (119, "heavy"), (120, "critical")]
)
def test_levels(index: int, level: str) -> None:
    assert level_of(index) == level


@pytest.mark.parametrize(
    ("category", "group"),
    [
        ("5411", "food"), ("5812", "eating"), ("5732", "electronics"), ("5651", "clothes"), ("4111", "transport"),
        ("3000", "travel"), ("4900", "bills"), ("8062", "health"), ("8220", "education"), ("7832", "leisure"),
        ("9311", "other"), ("", "unknown"), ("54", "unknown"), ("５４１１", "unknown"),
    ],
)  # fmt: skip
def test_categories(category: str, group: str) -> None:
    assert group_of(category) == group
    assert all(CATEGORY_TEXTS[group])


def due(day: int, amount: int, left: int | None = None, **more: object) -> Due:
    """A due of product 7; of a bank with `external`."""
    external = bool(more.get("external"))
    bought = int(str(more.get("bought", 20260105)))
    count = int(str(more.get("count", 1)))
    number = int(str(more.get("number", 1)))
    return Due(day, 1, 9 if external else 7, count, number, bought, external, amount, amount if left is None else left)


def test_a_calendar_holds_what_is_unpaid_and_what_is_late() -> None:
    dues = [
        due(20260110, 100_00, 40_00),
        due(20260209, 50_00, 0),
        due(20260220, 30_00, 30_00),
        due(20260310, 20_00, external=True, count=3),
        due(20280110, 70_00, 70_00),
    ]
    first, second, *rest = calendar_of(dues, 5_00, 20260215)
    assert (first.month, first.due_minor, first.left_minor) == (202602, 80_00, 75_00)
    assert (first.overdue_minor, first.charges_minor, first.days) == (40_00, 5_00, ((20260220, 30_00),))
    assert (second.month, second.due_minor) == (202603, 20_00)
    assert (second.mirrored_minor, second.instalments_minor) == (20_00, 20_00)
    assert [each.month for each in rest][-1] == 202701
    assert sum(each.left_minor for each in rest) == 0
    assert owed_by_product(dues, {7: 5_00}) == {7: 5_00 + 40_00 + 30_00 + 70_00}


def test_months_of_the_past_and_of_a_purchase() -> None:
    dues = [due(20251109, 10), due(20251209, 20), due(20251220, 5), due(20260209, 7)]
    assert monthly_bills(dues, 202601, 4) == ((202511, 10), (202512, 25), (202601, 0))
    assert monthly_bills([], 202601, 4) == ()
    assert plan_months((20260130, 20260131, 20260228), (5, 5, 5), (1, 0, 0)) == ((202601, 11), (202602, 5))


def test_the_window_of_a_bill() -> None:
    # Statement day 1, due on the 9th: what is bought from 2 January to 1 February is due in February.
    assert window_of([terms()], date(2026, 1, 20)) == window_of([terms()], date(2026, 2, 1))
    window = window_of([terms()], date(2026, 1, 20))
    assert (window.month, window.opened_on, window.closes_on) == (202602, 20260102, 20260201)
    # A second product bills earlier: the first bill that a purchase may come onto counts.
    other = terms(statement_day=20, due_day=28)
    window = window_of([terms(), other], date(2026, 1, 20))
    assert (window.month, window.closes_on) == (202601, 20260120)
    # Without anything to buy on credit with: next month's.
    assert window_of([], date(2026, 1, 20)).month == 202602


def test_progress_parts_what_was_committed_from_what_is_new() -> None:
    dues = [
        due(20260209, 300_00, bought=20251210, count=3, number=2),
        due(20260209, 500_00, 200_00, bought=20260110),
        due(20260309, 400_00, bought=20260110),
    ]
    found = progress_of(dues, {7: terms()}, 1000_00, date(2026, 1, 20))
    assert (found.month, found.bill_minor, found.committed_minor, found.repaid_minor) == (
        202602,
        800_00,
        300_00,
        300_00,
    )
    assert (found.percent, found.days_left, found.due_days, found.end) == (80, 12, (20260209,), None)


@pytest.mark.parametrize(("part", "whole", "percent"), [(1, 200, 1), (1, 201, 0), (0, 5, 0), (5, 0, None)])
def test_per_cent_are_rounded_half_up(part: int, whole: int, percent: int | None) -> None:
    assert percent_of(part, whole) == percent


def test_no_plans_no_dues() -> None:
    assert dues_of([], 20260101) == ()
