"""Annual percentage rates: published examples, other libraries, and what holds for all flows."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise

import numpy_financial
import pytest
import pyxirr
from hypothesis import assume, given
from hypothesis import strategies as st

from chuanliu.errors import Invalid
from chuanliu.instalments import eu_ccd, irr, monthly_rate, months_later, us_appendix_j
from chuanliu.instalments.year_fractions import years_since

UnitFlow = tuple[int, Fraction, Decimal]


def unit_flows(periods: range, fraction: str, amount: str) -> list[UnitFlow]:
    return [(period, Fraction(fraction), Decimal(amount)) for period in periods]


APPENDIX_J = {
    "(c)(1)(i) monthly": ("5000", unit_flows(range(1, 25), "0", "230"), "12", 9.69),
    "(c)(1)(ii) monthly, long first period": ("6000", unit_flows(range(1, 37), "19/30", "200"), "12", 11.82),
    "(c)(1)(iii) semimonthly, short first period": ("5000", unit_flows(range(24), "6/15", "219.17"), "24", 10.34),
    "(c)(1)(iv) quarterly, long first period": ("10000", unit_flows(range(1, 41), "39/90", "385"), "4", 8.97),
    "(c)(1)(v) weekly, long first period": ("500", unit_flows(range(4, 34), "4/7", "17.60"), "52", 14.96),
    "(c)(2)(i) odd first payment": (
        "5000",
        unit_flows(range(1, 2), "0", "250") + unit_flows(range(2, 25), "0", "230"),
        "12",
        10.08,
    ),
    "(c)(2)(ii) every 4 weeks, long first period, odd first payment": (
        "400",
        unit_flows(range(1, 2), "5/28", "39.50") + unit_flows(range(2, 13), "5/28", "38.31"),
        "13",
        28.50,
    ),
    "(c)(3)(i) odd final payment": (
        "5000",
        unit_flows(range(1, 24), "0", "230") + unit_flows(range(24, 25), "0", "280"),
        "12",
        10.50,
    ),
    "(c)(3)(ii) every 2 weeks, short first period, odd final payment": (
        "200",
        unit_flows(range(19), "8/14", "9.50") + unit_flows(range(19, 20), "8/14", "30"),
        "26",
        12.22,
    ),
    "(c)(4)(i) odd first and final payment": (
        "5000",
        unit_flows(range(1, 2), "0", "250")
        + unit_flows(range(2, 24), "0", "230")
        + unit_flows(range(24, 25), "0", "280"),
        "12",
        10.90,
    ),
    "(c)(4)(ii) every two months, short first period, odd first and final payment": (
        "8000",
        unit_flows(range(1), "52/60", "449.36")
        + unit_flows(range(1, 19), "52/60", "465")
        + unit_flows(range(19, 20), "52/60", "200"),
        "6",
        7.30,
    ),
    "(c)(5)(i) single payment after 255 days": ("1000", unit_flows(range(1, 2), "0", "1080"), "365/255", 11.45),
}


@pytest.mark.parametrize("example", APPENDIX_J)
def test_the_examples_of_appendix_j(example: str) -> None:
    advance, payments, of_year, expected = APPENDIX_J[example]
    rates = us_appendix_j([(0, Fraction(), Decimal(advance))], payments, Fraction(of_year))
    assert round(rates.apr_pct, 2) == expected


def dated(*flows: tuple[str, str]) -> list[tuple[date, Decimal]]:
    return [(date.fromisoformat(day), Decimal(amount)) for day, amount in flows]


EQUAL_MONTHS = [
    # Directive 98/7/EC, Annex III, part B: the same equation, a year of 12 equal months.
    (dated(("1994-01-01", "1000")), dated(("1995-07-01", "1200")), 12.92),
    (dated(("1994-01-01", "950")), dated(("1995-07-01", "1200")), 16.85),
    (dated(("1994-01-01", "1000")), dated(("1994-01-01", "50"), ("1995-07-01", "1200")), 16.85),
    (dated(("1994-01-01", "1000")), dated(("1995-01-01", "600"), ("1996-01-01", "600")), 13.07),
    (
        dated(("1994-01-01", "1000")),
        dated(("1994-04-01", "272"), ("1994-07-01", "272"), ("1995-01-01", "544")),
        13.19,
    ),
]


@pytest.mark.parametrize(("advances", "payments", "expected"), EQUAL_MONTHS)
def test_the_examples_of_the_directive(
    advances: list[tuple[date, Decimal]], payments: list[tuple[date, Decimal]], expected: float
) -> None:
    rates = eu_ccd(advances, payments)
    assert round(rates.effective_pct, 2) == expected
    assert rates.apr_pct == rates.effective_pct


INTERVALS = [
    # Guidelines on directive 2008/48/EC, SWD(2012) 128, section 4.1.1
    ("2019-01-12", "2020-01-12", Fraction(1)),
    ("2012-01-12", "2012-02-15", Fraction(1, 12) + Fraction(3, 365)),
    ("2012-01-12", "2012-04-15", Fraction(3, 12) + Fraction(3, 365)),
    ("2013-01-12", "2013-02-15", Fraction(1, 12) + Fraction(3, 366)),
    ("2013-01-12", "2013-04-15", Fraction(3, 12) + Fraction(3, 366)),
    ("2013-02-25", "2013-03-28", Fraction(1, 12) + Fraction(3, 366)),
    ("2013-02-26", "2013-03-29", Fraction(1, 12) + Fraction(2, 366)),
    ("2012-02-26", "2012-03-29", Fraction(1, 12) + Fraction(3, 366)),
    # Months that end early
    ("2024-01-31", "2024-02-29", Fraction(1, 12)),
    ("2023-01-30", "2023-02-28", Fraction(1, 12)),
    ("2024-12-31", "2025-02-28", Fraction(2, 12)),
    ("2024-02-29", "2025-03-31", Fraction(13, 12)),
    ("2024-02-29", "2025-02-28", Fraction(1)),
    ("2023-02-28", "2024-02-29", Fraction(1)),
    ("2024-02-28", "2025-02-27", Fraction(11, 12) + Fraction(28, 366)),
    # Weeks, where no months fit
    ("2012-01-12", "2012-01-26", Fraction(2, 52)),
    ("2012-01-12", "2013-01-10", Fraction(1)),
    ("2012-01-12", "2012-01-30", Fraction(18, 365)),
    ("2012-01-12", "2012-01-12", Fraction()),
]


@pytest.mark.parametrize(("first", "later", "years"), INTERVALS)
def test_intervals_of_the_directive(first: str, later: str, years: Fraction) -> None:
    day = date.fromisoformat(later)
    assert years_since(date.fromisoformat(first), [day]) == {day: years}


def test_one_way_of_counting_for_all_flows_of_a_credit() -> None:
    first, weekly, monthly = date(2026, 1, 1), date(2026, 1, 15), date(2026, 2, 1)
    assert years_since(first, [weekly])[weekly] == Fraction(2, 52)
    assert years_since(first, [weekly, monthly]) == {weekly: Fraction(14, 365), monthly: Fraction(1, 12)}


MONEY = st.integers(1, 10**9)


@st.composite
def plans(draw: st.DrawFn) -> tuple[int, list[int]]:
    """A principal, and payments that repay it with a cost of 0.01 % to 60 %."""
    principal = draw(st.integers(1_000, 10**9))
    weights = draw(st.lists(st.integers(0, 100), min_size=1, max_size=60).filter(any))
    cost = principal * draw(st.integers(1, 6_000)) // 10_000 + 1
    total = principal + cost
    edges = list(accumulate(weights, initial=0))
    return principal, [total * b // edges[-1] - total * a // edges[-1] for a, b in pairwise(edges)]


@given(plans())
def test_monthly_plans_against_pyxirr(plan: tuple[int, list[int]]) -> None:
    principal, payments = plan
    rates = irr(
        [(Fraction(), Decimal(principal))],
        [(Fraction(month), Decimal(paid)) for month, paid in enumerate(payments, 1)],
    )
    reference = pyxirr.irr([-principal, *payments])
    assert reference is not None
    assert rates.apr_pct == pytest.approx(1200 * reference, rel=1e-7, abs=2e-6)
    assert rates.effective_pct == pytest.approx(100 * ((1 + reference) ** 12 - 1), rel=1e-6, abs=2e-6)
    assert monthly_rate(principal, tuple(payments)) == pytest.approx(reference, rel=1e-7, abs=1e-11)


@given(st.integers(1_000, 10**8), st.integers(2, 60), st.integers(1, 5_000))
def test_equal_payments_against_numpy_financial(principal: int, count: int, cost_bps: int) -> None:
    payment = -(-principal * (10_000 + cost_bps) // 10_000 // count)
    assume(payment * count > principal)
    reference = numpy_financial.irr([-principal, *[payment] * count])
    assert monthly_rate(principal, (payment,) * count) == pytest.approx(reference, rel=1e-6, abs=1e-9)


@given(st.integers(1, 10**15), st.integers(1, 360), st.integers(0, 10**15), st.booleans())
def test_the_fast_way_agrees_with_the_general_one(principal: int, count: int, cost: int, first: bool) -> None:
    assume(cost <= 10 * principal)
    each, rest = divmod(principal + cost, count)
    payments = (each + rest, *[each] * (count - 1)) if first else (*[each] * (count - 1), each + rest)
    general = irr(
        [(Fraction(), Decimal(principal))],
        [(Fraction(month), Decimal(paid)) for month, paid in enumerate(payments, 1)],
    )
    assert 1200 * monthly_rate(principal, payments) == pytest.approx(general.apr_pct, rel=1e-7, abs=1e-6)


@given(plans(), st.dates(date(1990, 1, 1), date(2090, 12, 28)))
def test_whole_months_of_the_directive_are_the_effective_irr(plan: tuple[int, list[int]], first: date) -> None:
    principal, payments = plan
    dates = [months_later(first, month) for month in range(1, len(payments) + 1)]
    effective = eu_ccd(
        [(first, Decimal(principal))], [(day, Decimal(paid)) for day, paid in zip(dates, payments, strict=True)]
    ).effective_pct
    reference = pyxirr.irr([-principal, *payments])
    assert reference is not None
    assert effective == pytest.approx(100 * ((1 + reference) ** 12 - 1), rel=1e-6, abs=2e-6)


@given(
    st.lists(st.tuples(st.integers(1, 120), st.integers(0, 29), MONEY), min_size=1, max_size=30),
    st.integers(1, 5_000),
    st.sampled_from([4, 12, 13, 24, 26, 52]),
)
def test_the_rate_of_appendix_j_solves_its_equation(
    later: list[tuple[int, int, int]], cost_bps: int, of_year: int
) -> None:
    payments = [(periods, Fraction(days, 30), Decimal(amount)) for periods, days, amount in later]
    principal = round(sum(amount for _, _, amount in later) * 10_000 / Decimal(10_000 + cost_bps), 4)
    rates = us_appendix_j([(0, Fraction(), principal)], payments, Fraction(of_year))
    rate = rates.apr_pct / 100 / of_year
    worth = math.fsum(
        float(amount) / ((1 + float(fraction) * rate) * (1 + rate) ** periods) for periods, fraction, amount in payments
    )
    assert worth == pytest.approx(float(principal), rel=1e-5)
    assert rates.effective_pct == pytest.approx(100 * ((1 + rate) ** of_year - 1), rel=1e-5, abs=1e-5)


@given(plans(), st.randoms(use_true_random=False))
def test_order_and_grouping_of_flows_do_not_matter(plan: tuple[int, list[int]], shuffle: object) -> None:
    principal, payments = plan
    flows = [(Fraction(month), Decimal(paid)) for month, paid in enumerate(payments, 1)]
    halves = [(month, part) for month, paid in flows for part in (paid // 2, paid - paid // 2)]
    shuffle.shuffle(halves)  # type: ignore[attr-defined]
    assert irr([(Fraction(), Decimal(principal))], flows) == irr([(Fraction(), Decimal(principal))], halves)


@given(plans(), st.integers(1, 10**6), st.integers(0, 600))
def test_neither_unit_nor_starting_month_matters(plan: tuple[int, list[int]], times: int, start: int) -> None:
    principal, payments = plan
    plain = irr(
        [(Fraction(), Decimal(principal))],
        [(Fraction(month), Decimal(paid)) for month, paid in enumerate(payments, 1)],
    )
    moved = irr(
        [(Fraction(start), Decimal(principal) * times)],
        [(Fraction(start + month), Decimal(paid) * times) for month, paid in enumerate(payments, 1)],
    )
    assert moved.apr_pct == pytest.approx(plain.apr_pct, abs=2e-6, rel=1e-9)


@given(st.lists(st.tuples(st.integers(1, 600), MONEY), min_size=1, max_size=40))
def test_no_cost_is_no_rate(payments: list[tuple[int, int]]) -> None:
    principal = sum(amount for _, amount in payments)
    rates = irr([(Fraction(), Decimal(principal))], [(Fraction(month), Decimal(paid)) for month, paid in payments])
    assert (rates.apr_pct, rates.effective_pct) == (0, 0)
    assert monthly_rate(principal, tuple(paid for _, paid in payments)) == 0


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 10**15)), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 10**15)), min_size=1, max_size=20),
)
def test_whatever_is_given_is_answered_or_refused(
    advances: list[tuple[int, int]], payments: list[tuple[int, int]]
) -> None:
    try:
        rates = irr(
            [(Fraction(month), Decimal(amount)) for month, amount in advances],
            [(Fraction(month), Decimal(amount)) for month, amount in payments],
        )
    except Invalid as refused:
        assert refused.field in {"advances", "payments"}
    else:
        assert 0 <= rates.apr_pct <= rates.effective_pct < math.inf


def test_the_lowest_of_several_rates() -> None:
    """(x − 1.1)(x − 1.2)(x − 1.4) is nothing at 10, 20 and 40 % a month."""
    advances = [(Fraction(), Decimal(1_000)), (Fraction(2), Decimal(4_540))]
    payments = [(Fraction(1), Decimal(3_700)), (Fraction(3), Decimal(1_848))]
    assert irr(advances, payments).apr_pct == 120


@pytest.mark.parametrize(("days", "amount"), [(1, "101"), (7, "125"), (14, "130"), (30, "400")])
def test_high_rates_of_short_credits(days: int, amount: str) -> None:
    rates = us_appendix_j([(0, Fraction(), Decimal(100))], [(1, Fraction(), Decimal(amount))], Fraction(365, days))
    grown = float(amount) / 100
    assert rates.apr_pct == pytest.approx((grown - 1) * 36500 / days)
    assert rates.effective_pct == pytest.approx(100 * (grown ** (365 / days) - 1))


NOW, THEN = Fraction(), Fraction(1)
REFUSED = {
    "nothing lent": ([(NOW, "0")], [(THEN, "1")], "advances"),
    "not repaid": ([(NOW, "100")], [(THEN, "99.99")], "payments"),
    "paid before": ([(THEN, "100")], [(NOW, "101")], "payments"),
    "paid at once": ([(NOW, "100")], [(NOW, "100"), (THEN, "1")], "payments"),
    "too late": ([(NOW, "100")], [(Fraction(1201), "101")], "payments"),
    "before the beginning": ([(Fraction(-1), "100")], [(THEN, "101")], "advances"),
    "negative advance": ([(NOW, "-100"), (NOW, "200")], [(THEN, "101")], "advances"),
    "negative payment": ([(NOW, "100")], [(THEN, "-1"), (THEN, "102")], "payments"),
    "beyond all rates": ([(NOW, "0.01")], [(Fraction(1, 100), "1000000000")], "payments"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_flows_without_a_rate(case: str) -> None:
    advances, payments, field = REFUSED[case]
    with pytest.raises(Invalid) as refused:
        irr(
            [(month, Decimal(amount)) for month, amount in advances],
            [(month, Decimal(amount)) for month, amount in payments],
        )
    assert refused.value.field == field
    assert refused.value.code in {"invalid_parameter", "invalid_amount"}


def test_dates_without_a_rate() -> None:
    lent = dated(("2026-01-31", "100"))
    for payments, message in [
        (dated(("2026-01-30", "101")), "before the first advance"),
        (dated(("2127-01-31", "101")), "within 100 years"),
        (dated(("2026-02-28", "99")), "do not repay"),
    ]:
        with pytest.raises(Invalid, match=message):
            eu_ccd(lent, payments)
    with pytest.raises(Invalid, match="no advance"):
        eu_ccd(dated(("2026-01-31", "0")), dated(("2026-02-28", "99")))


@pytest.mark.parametrize(
    ("advance", "payment", "of_year", "field"),
    [
        ((0, Fraction(), "100"), (1, Fraction(1), "101"), "12", "payments"),
        ((0, Fraction(1, 2), "100"), (1, Fraction(), "101"), "12", "advances"),
        ((0, Fraction(), "100"), (1, Fraction(), "101"), "0", "unit_periods_per_year"),
        ((0, Fraction(), "100"), (1, Fraction(), "101"), "367", "unit_periods_per_year"),
        ((0, Fraction(), "100"), (36_601, Fraction(), "101"), "12", "payments"),
    ],
)
def test_unit_periods_that_are_refused(
    advance: tuple[int, Fraction, str], payment: tuple[int, Fraction, str], of_year: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        us_appendix_j([(*advance[:2], Decimal(advance[2]))], [(*payment[:2], Decimal(payment[2]))], Fraction(of_year))
    assert refused.value.field == field
