"""Money: exact decimal text, named rounding, splits that conserve."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.errors import Invalid
from chuanliu.money import (
    CURRENCIES,
    Rounding,
    currency,
    format_amount,
    parse_amount,
    quotient_by,
    rounded_quotient,
    share_of,
    split_by_weights,
)


@pytest.mark.parametrize(
    ("text", "code", "minor"),
    [
        ("88", "CNY", 8_800),
        ("88.8", "CNY", 8_880),
        ("88.88", "CNY", 8_888),
        ("0.01", "CNY", 1),
        ("000.10", "CNY", 10),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1_234),
        ("100000000.01", "CNY", 10_000_000_001),
    ],
)
def test_amounts_that_are_read(text: str, code: str, minor: int) -> None:
    assert parse_amount(text, code) == minor


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (text, "CNY")
        for text in (
            "", ".", "1.", ".5", "1e2", "1E2", "-0.01", "+1", "0.001", "0", "0.00", " 1", "1 ", "1\n", "1,000", "１",
            "٣", "0x10", "NaN", "Infinity", "1_000", "9" * 16,
        )
    ]
    + [("1.5", "JPY"), ("1.2345", "KWD")],
)  # fmt: skip
def test_amounts_that_are_refused(text: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_amount(text, code, field="total_amount")
    assert (refused.value.code, refused.value.field) == ("invalid_amount", "total_amount")


@given(st.integers(1, 10**14), st.sampled_from(sorted(CURRENCIES)))
def test_written_amounts_read_back(minor: int, code: str) -> None:
    text = format_amount(minor, code)
    assert parse_amount(text, code) == minor
    assert Decimal(text).scaleb(CURRENCIES[code].exponent) == minor


def test_negative_amounts_are_written() -> None:
    assert [format_amount(minor) for minor in (-1, -100, -12_345)] == ["-0.01", "-1.00", "-123.45"]


def test_unknown_currencies() -> None:
    with pytest.raises(Invalid, match="currency"):
        currency("ABC")


def test_numeric_codes_are_unique_and_fit_an_account_id() -> None:
    numerics = [known.numeric for known in CURRENCIES.values()]
    assert len(set(numerics)) == len(numerics)
    assert max(numerics) < 1_000


DECIMAL_RULE = {
    Rounding.DOWN: ROUND_FLOOR,
    Rounding.UP: ROUND_CEILING,
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
}


@given(st.integers(0, 10**12), st.integers(0, 20_000), st.sampled_from(Rounding))
def test_shares_round_as_named(amount: int, rate: int, rounding: Rounding) -> None:
    exact = (Decimal(amount) * rate / 10_000).quantize(Decimal(1), DECIMAL_RULE[rounding])
    assert share_of(amount, rate, rounding) == exact


@given(st.integers(0, 10**40), st.integers(1, 10**30), st.sampled_from(Rounding))
def test_quotients_round_as_named(numerator: int, denominator: int, rounding: Rounding) -> None:
    doubled = rounded_quotient(numerator, denominator, rounding) * 2 * denominator
    exact = 2 * numerator
    assert {
        Rounding.DOWN: exact - 2 * denominator < doubled <= exact,
        Rounding.UP: exact <= doubled < exact + 2 * denominator,
        Rounding.HALF_UP: exact - denominator < doubled <= exact + denominator,
        Rounding.HALF_EVEN: doubled == 2 * denominator * round(Fraction(numerator, denominator)),
    }[rounding]


@given(st.integers(0, 10**20), st.integers(0, 10**12), st.integers(1, 10**12), st.sampled_from(Rounding))
def test_a_prepared_quotient_is_the_same(amount: int, numerator: int, denominator: int, rounding: Rounding) -> None:
    prepared = quotient_by(numerator, denominator, rounding)
    assert prepared.of(amount) == rounded_quotient(amount * numerator, denominator, rounding)


@given(st.integers(0, 1_000), st.sampled_from((2, 20)), st.sampled_from(Rounding))
def test_a_prepared_quotient_of_ties(amount: int, denominator: int, rounding: Rounding) -> None:
    assert quotient_by(1, denominator, rounding).of(amount) == rounded_quotient(amount, denominator, rounding)


@pytest.mark.parametrize(("amount", "rate"), [(-1, 1), (1, -1)])
def test_shares_of_nothing_negative(amount: int, rate: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        share_of(amount, rate, Rounding.DOWN)


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any))
def test_splits_conserve_and_are_fair(total: int, weights: list[int]) -> None:
    parts = split_by_weights(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)
        assert weight or not part


@pytest.mark.parametrize(("total", "weights"), [(-1, [1]), (1, []), (1, [0, 0]), (1, [2, -1])])
def test_splits_that_make_no_sense(total: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weight"):
        split_by_weights(total, weights)
