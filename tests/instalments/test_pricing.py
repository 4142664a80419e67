"""Prices and their split into instalments: whatever the terms, parts sum to the whole."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.instalments.pricing import Price, Pricing, first_due, split_instalments
from chuanliu.lenders import InstalmentTerms, Product
from chuanliu.money import Rounding, rounded_quotient
from lenders.samples import terms

BOUGHT = date(2026, 9, 22)
PERCENTS = st.decimals(0, 36, places=2).map(str)
COUNTS = st.sampled_from((3, 6, 9, 12, 18, 24))
AMOUNTS = st.integers(100, 5_000_000)
ROUNDINGS = st.sampled_from([rounding.value for rounding in Rounding])
REMAINDERS = st.sampled_from(("first", "last"))


@st.composite
def pricings(draw: st.DrawFn, methods: tuple[str, ...] = ("flat", "annuity", "none")) -> tuple[Pricing, Price]:
    count, method = draw(COUNTS), draw(st.sampled_from(methods))
    buyer, sponsored = draw(st.none() | PERCENTS), draw(st.none() | PERCENTS)
    if method == "none":
        buyer = sponsored = None
    elif buyer is None and sponsored is None:
        buyer = draw(PERCENTS)
    each = InstalmentTerms(count, method, buyer, sponsored)  # type: ignore[arg-type]
    made = terms(instalments=(each,), rounding=draw(ROUNDINGS), remainder=draw(REMAINDERS))
    stored = msgspec.json.encode(made)
    product = Product(0, 1, 1, "p", "credit_line", "p", "p", "CNY", "own", "active", None, None, stored, 1, 1)
    pricing = Pricing(product, made, draw(AMOUNTS), BOUGHT)
    price = pricing.of_count(count)
    assert price is not None
    return pricing, price


@given(drawn=pricings(), data=st.data())
def test_any_part_of_a_fee_is_split_without_losing_a_cent(drawn: tuple[Pricing, Price], data: st.DataObject) -> None:
    pricing, price = drawn
    prices = [pricing.buyer_fee(price), pricing.sponsored_fee(price)]
    for fee in (each for each in prices if each is not None):
        part = data.draw(st.integers(0, fee))
        principals, fees = split_instalments(pricing.amount_minor, part, price.count, price.calculation)
        assert (sum(principals), sum(fees)) == (pricing.amount_minor, part)
        assert len(principals) == len(fees) == price.count == len(pricing.due_on(price.count))
        assert min(principals) >= 0
        assert min(fees) >= 0


@given(drawn=pricings(("flat",)))
def test_a_flat_fee_is_the_percentage_of_the_whole_rounded_as_the_terms_say(drawn: tuple[Pricing, Price]) -> None:
    pricing, price = drawn
    (each,) = pricing.terms.instalments
    sides = (each.buyer_pct, pricing.buyer_fee(price)), (each.sponsored_pct, pricing.sponsored_fee(price))
    for percent, fee in sides:
        if percent is None:
            assert fee is None
            continue
        whole, _, decimals = percent.partition(".")
        hundredths = int(whole + decimals)
        assert fee == rounded_quotient(pricing.amount_minor * hundredths, 10_000, Rounding(pricing.terms.rounding))


@given(drawn=pricings())
def test_the_rate_is_zero_only_for_who_pays_nothing(drawn: tuple[Pricing, Price]) -> None:
    pricing, price = drawn
    assert pricing.rate_ppm(price, 0) == 0
    fee = pricing.buyer_fee(price)
    if fee:
        assert pricing.rate_ppm(price, fee) > 0


@given(drawn=pricings(("annuity",)), data=st.data())
def test_a_part_of_an_annuitys_interest_is_spread_as_the_interest_is(
    drawn: tuple[Pricing, Price], data: st.DataObject
) -> None:
    pricing, price = drawn
    fee = pricing.buyer_fee(price)
    if not fee:
        return
    whole = split_instalments(pricing.amount_minor, fee, price.count, price.calculation)[1]
    part = data.draw(st.integers(1, fee))
    fees = split_instalments(pricing.amount_minor, part, price.count, price.calculation)[1]
    for month, interest in zip(fees, whole, strict=True):
        assert abs(month * fee - interest * part) < fee
        assert month <= interest


DAYS = st.dates(date(2026, 1, 1), date(2029, 12, 31))


@given(bought=DAYS, statement=st.integers(1, 28), due=st.integers(1, 28))
def test_the_first_due_day_follows_the_next_statement_by_less_than_a_month(
    bought: date, statement: int, due: int
) -> None:
    first = first_due(statement, due, None, bought)
    assert first.day == due
    assert timedelta(0) < first - bought <= timedelta(days=62)
    assert first_due(statement, None, 20, bought) - bought <= timedelta(days=31 + 20)


@given(bought=DAYS)
def test_without_a_statement_day_the_first_instalment_is_due_in_a_month(bought: date) -> None:
    assert timedelta(days=28) <= first_due(None, None, None, bought) - bought <= timedelta(days=31)
