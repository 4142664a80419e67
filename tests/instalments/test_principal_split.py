"""Splits: the platform's published figures, and what holds for all terms."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy_financial
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.errors import Invalid
from chuanliu.instalments import Method, Remainder, Split, Terms, make_terms, split_principal
from chuanliu.instalments.split import cost_of
from chuanliu.money import Rounding


@pytest.mark.parametrize(
    ("principal", "count", "percent", "total_fee", "first", "others"),
    [
        (111_111, 3, "2.3", 2_556, 37_889, 37_889),
        (545, 3, "2.3", 13, 188, 185),
        (12_367, 12, "7.5", 928, 1_118, 1_107),
        (345, 6, "4.5", 16, 66, 59),
    ],
)
def test_the_published_examples_of_the_platform_credit_line(
    principal: int, count: int, percent: str, total_fee: int, first: int, others: int
) -> None:
    split = split_principal(principal, make_terms(count, Method.FLAT, total_fee_pct=Decimal(percent)))
    assert split.total_cost_minor == sum(split.fee) == total_fee
    assert split.payments == (first, *[others] * (count - 1))
    assert split.interest == (0,) * count


FLAT_TABLE = [
    # principal, count, percent, rounding, remainder, principal parts, fees
    (100, 3, "0", Rounding.UP, Remainder.FIRST, (34, 33, 33), (0, 0, 0)),
    (100, 3, "0", Rounding.UP, Remainder.LAST, (33, 33, 34), (0, 0, 0)),
    (2, 3, "100", Rounding.UP, Remainder.LAST, (0, 0, 2), (0, 0, 2)),
    (50, 2, "5", Rounding.HALF_EVEN, Remainder.FIRST, (25, 25), (1, 1)),
    (50, 2, "5", Rounding.HALF_UP, Remainder.FIRST, (25, 25), (2, 1)),
    (50, 2, "5", Rounding.DOWN, Remainder.LAST, (25, 25), (1, 1)),
    (50, 2, "5", Rounding.UP, Remainder.LAST, (25, 25), (1, 2)),
    (70, 1, "5", Rounding.HALF_EVEN, Remainder.LAST, (70,), (4,)),
]


@pytest.mark.parametrize(("principal", "count", "percent", "rounding", "remainder", "parts", "fees"), FLAT_TABLE)
def test_flat_fees(
    principal: int,
    count: int,
    percent: str,
    rounding: Rounding,
    remainder: Remainder,
    parts: tuple[int, ...],
    fees: tuple[int, ...],
) -> None:
    terms = make_terms(count, Method.FLAT, total_fee_pct=Decimal(percent), rounding=rounding, remainder=remainder)
    split = split_principal(principal, terms)
    assert (split.principal, split.fee) == (parts, fees)


def test_a_yearly_flat_rate_is_a_fee_for_the_months_it_lasts() -> None:
    yearly = make_terms(18, Method.FLAT, annual_rate_pct=Decimal("6"))
    assert yearly == make_terms(18, Method.FLAT, total_fee_pct=Decimal("9"))


ANNUITY_TABLE = [
    # principal, count, yearly percent, remainder, principal parts, interests
    (1_000_00, 3, "12", Remainder.LAST, (33002, 33332, 33666), (1000, 670, 337)),
    (1_000_00, 3, "12", Remainder.FIRST, (33003, 33332, 33665), (1000, 670, 337)),
    (100, 3, "0", Remainder.LAST, (33, 33, 34), (0, 0, 0)),
    (100, 3, "0", Remainder.FIRST, (34, 33, 33), (0, 0, 0)),
    (100, 1, "12", Remainder.LAST, (100,), (1,)),
    (100, 1, "12", Remainder.FIRST, (100,), (1,)),
]


@pytest.mark.parametrize(("principal", "count", "percent", "remainder", "parts", "interests"), ANNUITY_TABLE)
def test_annuities(
    principal: int,
    count: int,
    percent: str,
    remainder: Remainder,
    parts: tuple[int, ...],
    interests: tuple[int, ...],
) -> None:
    split = split_principal(
        principal, make_terms(count, Method.ANNUITY, annual_rate_pct=Decimal(percent), remainder=remainder)
    )
    assert (split.principal, split.interest) == (parts, interests)


PRINCIPALS = st.integers(1, 10**12) | st.integers(1, 1_000)
COUNTS = st.integers(1, 36) | st.integers(1, 360)
PERCENTS = st.decimals(0, 40, places=4) | st.just(Decimal(0)) | st.decimals(0, 1_000, places=2)


@st.composite
def all_terms(draw: st.DrawFn) -> Terms:
    method = draw(st.sampled_from(Method))
    percent = draw(PERCENTS)
    return make_terms(
        draw(COUNTS),
        method,
        annual_rate_pct=percent if method is Method.ANNUITY else None,
        total_fee_pct=percent if method is Method.FLAT else None,
        rounding=draw(st.sampled_from(Rounding)),
        remainder=draw(st.sampled_from(Remainder)),
    )


@given(PRINCIPALS, all_terms())
def test_splits_conserve_and_take_nothing_negative(principal: int, terms: Terms) -> None:
    split = split_principal(principal, terms)
    parts = (split.principal, split.interest, split.fee, split.payments)
    assert {len(part) for part in parts} == {terms.instalments}
    assert sum(split.principal) == principal
    assert min(map(min, parts)) >= 0
    assert split.total_cost_minor == sum(split.interest) + sum(split.fee) == cost_of(principal, terms)
    rows = zip(split.principal, split.interest, split.fee, strict=True)
    assert split.payments == tuple(map(sum, rows))
    if terms.cost[0] == 0:
        assert split.total_cost_minor == 0


@given(PRINCIPALS, all_terms())
def test_equal_parts_are_equal(principal: int, terms: Terms) -> None:
    split = split_principal(principal, terms)
    if terms.method is not Method.ANNUITY or principal >= 10**9:
        equal = split.payments[1:] if terms.remainder is Remainder.FIRST else split.payments[:-1]
        early = terms.method is Method.ANNUITY and repaid_early(split)
        assert early or len(set(equal)) <= 1


def repaid_early(split: Split) -> bool:
    """A yearly rate of hundreds of percent over decades: a minor unit more a month repays years earlier."""
    return split.principal[-1] == 0 or split.principal[0] == 0


@given(PRINCIPALS, COUNTS, PERCENTS, st.sampled_from(Rounding), st.sampled_from(Remainder))
def test_interest_is_that_of_the_outstanding_principal(
    principal: int, count: int, percent: Decimal, rounding: Rounding, remainder: Remainder
) -> None:
    terms = make_terms(count, Method.ANNUITY, annual_rate_pct=percent, rounding=rounding, remainder=remainder)
    split = split_principal(principal, terms)
    monthly = Fraction(percent) / 1200
    balance = principal
    for repaid, interest in zip(split.principal, split.interest, strict=True):
        exact = balance * monthly
        assert abs(interest - exact) < 1 + monthly
        if remainder is Remainder.LAST:
            assert {
                Rounding.DOWN: exact - 1 < interest <= exact,
                Rounding.UP: exact <= interest < exact + 1,
                Rounding.HALF_UP: exact - Fraction(1, 2) < interest <= exact + Fraction(1, 2),
                Rounding.HALF_EVEN: interest == round(exact),
            }[rounding]
        balance -= repaid
    assert balance == 0


@given(st.integers(10_000, 10**10), st.integers(2, 60), st.decimals("0.01", 36, places=2), st.sampled_from(Remainder))
def test_the_equal_payment_is_the_annuity_of_numpy_financial(
    principal: int, count: int, percent: Decimal, remainder: Remainder
) -> None:
    split = split_principal(principal, make_terms(count, Method.ANNUITY, annual_rate_pct=percent, remainder=remainder))
    equal = split.payments[-1] if remainder is Remainder.FIRST else split.payments[0]
    exact = -numpy_financial.pmt(float(percent) / 1200, count, principal)
    assert abs(equal - exact) <= 0.5 + exact * 1e-9


@pytest.mark.parametrize(
    ("method", "yearly", "total", "field"),
    [
        (Method.ANNUITY, None, None, "annual_rate_pct"),
        (Method.ANNUITY, None, "2", "total_fee_pct"),
        (Method.ANNUITY, "2", "2", "total_fee_pct"),
        (Method.FLAT, None, None, "total_fee_pct"),
        (Method.FLAT, "2", "2", "annual_rate_pct"),
        (Method.NONE, "2", None, "annual_rate_pct"),
        (Method.NONE, None, "2", "total_fee_pct"),
        (Method.FLAT, None, "-0.01", "total_fee_pct"),
        (Method.FLAT, None, "1000.01", "total_fee_pct"),
        (Method.FLAT, None, "0.00000000001", "total_fee_pct"),
        (Method.ANNUITY, "NaN", None, "annual_rate_pct"),
        (Method.ANNUITY, "Infinity", None, "annual_rate_pct"),
    ],
)
def test_rates_that_do_not_go_with_the_method(
    method: Method, yearly: str | None, total: str | None, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        make_terms(
            3,
            method,
            annual_rate_pct=None if yearly is None else Decimal(yearly),
            total_fee_pct=None if total is None else Decimal(total),
        )
    assert (refused.value.code, refused.value.field) == ("invalid_parameter", field)


@pytest.mark.parametrize("count", [-1, 0, 361])
def test_counts_that_are_refused(count: int) -> None:
    with pytest.raises(Invalid) as refused:
        make_terms(count, Method.NONE)
    assert refused.value.field == "instalments"


def test_nothing_is_not_split() -> None:
    with pytest.raises(ValueError, match="positive"):
        split_principal(0, make_terms(3, Method.NONE))
