"""What a product asks for an amount in each number of instalments, when they are due, and what rate that makes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from operator import add
from typing import Final, NamedTuple

import msgspec

from chuanliu.clock import day_number
from chuanliu.instalments.china_calendar import is_closed_in_china
from chuanliu.instalments.due_dates import due_dates, months_later
from chuanliu.instalments.rate_of_return import annuity_rate, monthly_rate
from chuanliu.instalments.split import Split, cost_of, split_evenly, split_principal
from chuanliu.instalments.terms import Method, Remainder, Terms, make_terms
from chuanliu.ledger import Chart, account_of, credit_used_account
from chuanliu.lenders import Instrument, Lender, Product, ProductTerms, terms_of
from chuanliu.money import Quotient, Rounding, quotient_by, split_by_weights

Calculation = tuple[str, str, str, str]
"""Method, percentage, rounding and remainder: enough to make a split again."""

NO_COST: Final[Calculation] = ("none", "0", "half-even", "first")
"""A payment in full."""


def method_of(product: Product) -> str:
    """The funding method that a product is paid by: one on our books, or the bank's."""
    return "credit_line" if product.funding == "own" else product.kind


def means_of(product: Product, lender: Lender) -> str:
    """The means of payment that a product is to payers and in a wish: a bank's own line is its credit pay."""
    if lender.kind == "platform":
        return "credit_line"
    return "bank_credit_pay" if product.kind == "credit_line" else product.kind


def source_of(product: Product, instrument: Instrument) -> int:
    """The account that a payment debits: the line's credit used, or what the bank owes us."""
    if product.funding == "own":
        return credit_used_account(instrument.consumer_id, instrument.line_no or 0, product.currency)
    return account_of(product.lender_id, Chart.BANK_CLEARING, product.currency)


class _Fee(NamedTuple):
    """How a fee follows from an amount: by a quotient, or for an annuity from its months."""

    terms: Terms
    quotient: Quotient | None

    def of(self, amount_minor: int) -> int:
        """The whole fee, in minor units."""
        if self.quotient is None:
            return cost_of(amount_minor, self.terms)
        return self.quotient.of(amount_minor)


def _fee_by(terms: Terms) -> _Fee:
    annuity = terms.method is Method.ANNUITY
    return _Fee(terms, None if annuity else quotient_by(*terms.cost, terms.rounding))


class Price(msgspec.Struct, frozen=True, gc=False):
    """What a product asks in a number of instalments, of the consumer or of others who bear all of it.

    None is a price that the lender does not offer. `calculation` is that of the consumer's price, where there is one.
    """

    count: int
    calculation: Calculation
    buyer: _Fee | None
    sponsored: _Fee | None


class _Prices(NamedTuple):
    """A product's prices, in the order of its terms and by number of instalments."""

    counts: tuple[int, ...]
    by_count: dict[int, Price]


@lru_cache(maxsize=1024)
def _prices(product: Product) -> _Prices:
    terms = terms_of(product)
    found = {}
    for each in terms.instalments:
        free = "0" if each.method == "none" else None
        buyer, sponsored = each.buyer_pct or free, each.sponsored_pct or free
        calculations = [
            None if percent is None else (each.method, percent, terms.rounding, terms.remainder)
            for percent in (buyer, sponsored)
        ]
        stated = calculations[0] or calculations[1]
        if stated is not None:
            sides = [None if one is None else _fee_by(_terms_of(each.count, one)) for one in calculations]
            found[each.count] = Price(each.count, stated, *sides)
    return _Prices(tuple(found), found)


IN_FULL: Final = Price(1, NO_COST, None, None)
"""One payment on the next due date, for nothing."""


class Pricing:
    """A product's prices for one amount, bought on a day."""

    __slots__ = ("_dues", "_prices", "amount_minor", "product", "terms")

    def __init__(self, product: Product, terms: ProductTerms, amount_minor: int, bought: date) -> None:
        self.product = product
        self.terms = terms
        self.amount_minor = amount_minor
        self._prices = _prices(product)
        self._dues = _dues(terms.statement_day, terms.due_day, terms.due_after_days, terms.holiday_rule, bought)

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of instalments that the product has terms for."""
        return self._prices.counts

    def of_count(self, count: int) -> Price | None:
        """The price of a number of instalments; None where the product does not offer it."""
        return self._prices.by_count.get(count)

    def buyer_fee(self, price: Price) -> int | None:
        """The whole fee by the consumer's price, in minor units; None where it is not offered."""
        if price.buyer is None:
            return None
        if price.buyer.quotient is not None:
            return price.buyer.quotient.of(self.amount_minor)
        # Its rate and its schedule are asked for too.
        return _split(self.amount_minor, price.count, price.calculation).total_cost_minor

    def sponsored_fee(self, price: Price) -> int | None:
        """The whole fee by the price for others who bear all of it; None where it is not offered."""
        return None if price.sponsored is None else price.sponsored.of(self.amount_minor)

    def due_on(self, count: int) -> tuple[int, ...]:
        """Due dates as yyyymmdd."""
        return self._dues.of(count)

    def rate_ppm(self, price: Price, buyer_fee_minor: int) -> int:
        """The annualised rate of what the consumer pays: monthly internal rate times 12 (PBoC 2021 No. 3)."""
        if buyer_fee_minor <= 0:
            return 0
        count, calculation = price.count, price.calculation
        if calculation[0] == "annuity":
            principals, fees = split_instalments(self.amount_minor, buyer_fee_minor, count, calculation)
            payments = tuple(map(add, principals, fees))
            rate = monthly_rate(self.amount_minor, payments)
        else:
            principal, principal_rest = divmod(self.amount_minor, count)
            fee, fee_rest = divmod(buyer_fee_minor, count)
            odd = 1 if calculation[3] == "first" else count
            rate = annuity_rate(self.amount_minor, principal + fee, count, principal_rest + fee_rest, odd)
        return round(12_000_000 * rate)


@lru_cache(maxsize=4096)
def _terms_of(count: int, calculation: Calculation) -> Terms:
    method, percent, rounding, remainder = calculation
    annuity = method == "annuity"
    return make_terms(
        count,
        Method(method),
        annual_rate_pct=Decimal(percent) if annuity else None,
        total_fee_pct=Decimal(percent) if method == "flat" else None,
        rounding=Rounding(rounding),
        remainder=Remainder(remainder),
    )


@lru_cache(maxsize=4096)
def _split(principal_minor: int, count: int, calculation: Calculation) -> Split:
    """Made for a quote's rate and again for its schedule."""
    return split_principal(principal_minor, _terms_of(count, calculation))


Regular = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""Principal and the consumer's fee of the first instalment, of each one between, and of the last."""


def split_regularly(principal_minor: int, buyer_fee_minor: int, count: int, calculation: Calculation) -> Regular | None:
    """As `split_instalments`, where all instalments between the first and the last are alike; None for an annuity."""
    if calculation[0] == "annuity" or count < 2:
        return None
    principal, principal_rest = divmod(principal_minor, count)
    fee, fee_rest = divmod(buyer_fee_minor, count)
    each, odd = (principal, fee), (principal + principal_rest, fee + fee_rest)
    return (odd, each, each) if calculation[3] == "first" else (each, each, odd)


def split_instalments(
    principal_minor: int, buyer_fee_minor: int, count: int, calculation: Calculation
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Principal and the consumer's fee of each instalment.

    A fee of which sponsors bear a part is spread as the whole would be: evenly with the remainder where the terms put
    it, or by largest remainder over the months' interest.
    """
    if count == 1:
        return (principal_minor,), (buyer_fee_minor,)
    first = calculation[3] == "first"
    if calculation[0] != "annuity":
        return split_evenly(principal_minor, count, first=first), split_evenly(buyer_fee_minor, count, first=first)
    split = _split(principal_minor, count, calculation)
    if split.total_cost_minor == buyer_fee_minor:
        return split.principal, split.interest
    if not buyer_fee_minor or not split.total_cost_minor:
        return split.principal, split_evenly(buyer_fee_minor, count, first=first)
    return split.principal, tuple(split_by_weights(buyer_fee_minor, split.interest))


def first_due(statement_day: int | None, due_day: int | None, due_after_days: int | None, bought: date) -> date:
    """When the first instalment of a purchase is due.

    It goes onto the statement of the next statement day, the day of purchase included, and is due on the next due day
    behind that, or so many days after. Without a statement day it is due a month after the purchase.
    """
    if statement_day is None:
        return months_later(bought, 1)
    statement = bought.replace(day=statement_day)
    if statement < bought:
        statement = months_later(statement, 1)
    if due_day is not None:
        due = statement.replace(day=due_day)
        return due if due > statement else months_later(due, 1)
    return statement + timedelta(days=due_after_days or 0)


class _Dues:
    """Due dates of what is bought on one day, made once for each number of instalments."""

    __slots__ = ("_by_count", "_closed", "_first")

    def __init__(self, first: date, closed: Callable[[date], bool] | None) -> None:
        self._first = first
        self._closed = closed
        self._by_count: dict[int, tuple[int, ...]] = {}

    def of(self, count: int) -> tuple[int, ...]:
        """The dates as yyyymmdd."""
        found = self._by_count.get(count)
        if found is None:
            found = tuple(map(day_number, due_dates(self._first, count, self._closed)))
            self._by_count[count] = found
        return found


@lru_cache(maxsize=4096)
def _dues(
    statement_day: int | None, due_day: int | None, due_after_days: int | None, holiday_rule: str, bought: date
) -> _Dues:
    closed = is_closed_in_china if holiday_rule == "next-business-day" else None
    return _Dues(first_due(statement_day, due_day, due_after_days, bought), closed)
