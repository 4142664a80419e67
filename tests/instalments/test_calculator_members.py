"""Calculators over JSON members: what is read, and what is refused by name."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chuanliu.errors import Invalid
from chuanliu.instalments import Rates, calculate_apr, calculate_schedule

SCHEDULE: dict[str, object] = {
    "principal_minor": 123_67,
    "instalments": 12,
    "method": "flat",
    "total_fee_pct": Decimal("7.5"),
    "rounding": "half-even",
    "remainder": "first",
    "first_due": "2026-01-31",
    "currency": "CNY",
}


def test_a_schedule_of_the_platform_credit_line() -> None:
    schedule = calculate_schedule(SCHEDULE)
    rows = schedule.instalments
    assert [row.n for row in rows] == list(range(1, 13))
    assert [row.due for row in rows[:3]] == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]
    assert [row.payment_minor for row in rows] == [1_118, *[1_107] * 11]
    assert [row.balance_minor for row in rows] == [11_330 - 1_030 * n for n in range(12)]
    assert schedule.total_cost_minor == 928
    assert schedule.apr_pct == 13.583382


def test_an_annuity_ends_with_nothing_owed() -> None:
    members = {**SCHEDULE, "method": "annuity", "annual_rate_pct": "13.8", "total_fee_pct": None, "remainder": "last"}
    schedule = calculate_schedule(members)
    assert schedule.instalments[-1].balance_minor == 0
    assert len({row.payment_minor for row in schedule.instalments[:-1]}) == 1
    assert schedule.total_cost_minor == sum(row.interest_minor for row in schedule.instalments)
    assert schedule.apr_pct == pytest.approx(13.8, abs=0.01)


def test_what_stands_for_missing_members() -> None:
    short = {
        name: SCHEDULE[name] for name in ("principal_minor", "instalments", "method", "total_fee_pct", "first_due")
    }
    assert calculate_schedule(short) == calculate_schedule(SCHEDULE)
    annuity = {**short, "method": "annuity", "annual_rate_pct": 12, "total_fee_pct": 0}
    assert calculate_schedule(annuity) == calculate_schedule({**annuity, "remainder": "last"})


def test_due_dates_move_where_the_product_says_so() -> None:
    moved = calculate_schedule({**SCHEDULE, "first_due": "2026-10-01", "holiday_rule": "next-business-day"})
    assert [row.due for row in moved.instalments[:2]] == [date(2026, 10, 8), date(2026, 11, 2)]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"principal_minor": 0}, "invalid_amount", "principal_minor"),
        ({"principal_minor": 10**15 + 1}, "invalid_amount", "principal_minor"),
        ({"principal_minor": Decimal("1.5")}, "invalid_parameter", "principal_minor"),
        ({"principal_minor": "12367"}, "invalid_parameter", "principal_minor"),
        ({"principal_minor": True}, "invalid_parameter", "principal_minor"),
        ({"principal_minor": None}, "invalid_parameter", "principal_minor"),
        ({"instalments": 361}, "invalid_parameter", "instalments"),
        ({"instalments": 10**30}, "invalid_parameter", "instalments"),
        ({"method": "balloon"}, "invalid_parameter", "method"),
        ({"method": None}, "invalid_parameter", "method"),
        ({"method": []}, "invalid_parameter", "method"),
        ({"method": "annuity"}, "invalid_parameter", "total_fee_pct"),
        ({"method": "none"}, "invalid_parameter", "total_fee_pct"),
        ({"total_fee_pct": None}, "invalid_parameter", "total_fee_pct"),
        ({"total_fee_pct": "7,5"}, "invalid_parameter", "total_fee_pct"),
        ({"total_fee_pct": Decimal("1E+400000")}, "invalid_parameter", "total_fee_pct"),
        ({"total_fee_pct": Decimal("1E-400000")}, "invalid_parameter", "total_fee_pct"),
        ({"annual_rate_pct": 1}, "invalid_parameter", "annual_rate_pct"),
        ({"rounding": "ceiling"}, "invalid_parameter", "rounding"),
        ({"remainder": "middle"}, "invalid_parameter", "remainder"),
        ({"first_due": "2026-02-29"}, "invalid_parameter", "first_due"),
        ({"first_due": "20260131"}, "invalid_parameter", "first_due"),
        ({"first_due": None}, "invalid_parameter", "first_due"),
        ({"currency": "ABC"}, "currency_not_supported", "currency"),
        ({"currency": 156}, "invalid_parameter", "currency"),
        ({"holiday_rule": "previous"}, "invalid_parameter", "holiday_rule"),
        ({"roundng": "up"}, "invalid_parameter", "roundng"),
    ],
)
def test_schedules_that_are_refused(changes: dict[str, object], code: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        calculate_schedule({**SCHEDULE, **changes})
    assert (refused.value.code, refused.value.field) == (code, field)


def test_numbers_and_text_are_the_same_amounts() -> None:
    rates = calculate_apr({"convention": "irr", "advances": [[0, "100.00"]], "payments": [[Decimal("1.0"), 110]]})
    assert rates == Rates(120.0, 213.842838)


def test_fractions_of_a_unit_period_are_decimal_or_ratios() -> None:
    of_ratio, of_decimal = (
        calculate_apr(
            {
                "convention": "us-appendix-j",
                "advances": [[0, 0, "6000"]],
                "payments": [[month, fraction, "200"] for month in range(1, 37)],
                "unit_periods_per_year": 12,
            }
        )
        for fraction in ("19/30", Decimal("0.633333333333333333"))
    )
    assert of_ratio == of_decimal
    assert round(of_ratio.apr_pct, 2) == 11.82


APR: dict[str, object] = {"convention": "irr", "advances": [[0, 100]], "payments": [[1, 101]]}


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"convention": "xirr"}, "invalid_parameter", "convention"),
        ({"convention": None}, "invalid_parameter", "convention"),
        ({"convention": []}, "invalid_parameter", "convention"),
        ({"advances": []}, "invalid_parameter", "advances"),
        ({"advances": None}, "invalid_parameter", "advances"),
        ({"advances": "100"}, "invalid_parameter", "advances"),
        ({"advances": [[0, 1]] * 10_001}, "invalid_parameter", "advances"),
        ({"payments": [101]}, "invalid_parameter", "payments[0]"),
        ({"payments": [[1, 101], [1]]}, "invalid_parameter", "payments[1]"),
        ({"payments": [[1, 0, 101]]}, "invalid_parameter", "payments[0]"),
        ({"payments": [[1, "1e2"]]}, "invalid_amount", "payments[0]"),
        ({"payments": [[1, -1]]}, "invalid_amount", "payments[0]"),
        ({"payments": [[1, 10**15 + 1]]}, "invalid_amount", "payments[0]"),
        ({"payments": [[1, Decimal("Infinity")]]}, "invalid_amount", "payments[0]"),
        ({"payments": [[1, Decimal("NaN")]]}, "invalid_amount", "payments[0]"),
        ({"payments": [[1, None]]}, "invalid_amount", "payments[0]"),
        ({"payments": [["1/0", 101]]}, "invalid_parameter", "payments[0]"),
        ({"payments": [["2026-01-31", 101]]}, "invalid_parameter", "payments[0]"),
        ({"convention": "eu-ccd"}, "invalid_parameter", "advances[0]"),
        ({"convention": "eu-ccd", "advances": [["2026-13-01", 1]]}, "invalid_parameter", "advances[0]"),
        ({"convention": "eu-ccd", "advances": [["1026-01-01", 1]]}, "invalid_parameter", "advances[0]"),
        ({"convention": "us-appendix-j"}, "invalid_parameter", "unit_periods_per_year"),
        ({"convention": "us-appendix-j", "unit_periods_per_year": 12}, "invalid_parameter", "advances[0]"),
        (
            {"convention": "us-appendix-j", "unit_periods_per_year": 12, "advances": [[Decimal("0.5"), 0, 1]]},
            "invalid_parameter",
            "advances[0]",
        ),
        ({"unit_periods_per_year": 12}, "invalid_parameter", "unit_periods_per_year"),
        ({"payment": [[1, 101]]}, "invalid_parameter", "payment"),
    ],
)
def test_rates_that_are_refused(changes: dict[str, object], code: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        calculate_apr({**APR, **changes})
    assert (refused.value.code, refused.value.field) == (code, field)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*sorted(SCHEDULE), "holiday_rule"]), JSON))
def test_no_schedule_members_crash(changes: dict[str, object]) -> None:
    try:
        schedule = calculate_schedule({**SCHEDULE, **changes})
    except Invalid as refused:
        assert refused.field is not None
    else:
        assert schedule.instalments[-1].balance_minor == 0


@given(
    st.sampled_from(["irr", "us-appendix-j", "eu-ccd"]),
    st.dictionaries(
        st.sampled_from(["advances", "payments", "unit_periods_per_year"]), JSON | st.lists(st.lists(JSON))
    ),
)
def test_no_rate_members_crash(convention: str, changes: dict[str, object]) -> None:
    try:
        rates = calculate_apr({**APR, "convention": convention, **changes})
    except Invalid as refused:
        assert refused.field is not None
    else:
        assert rates.apr_pct >= 0
