"""Terms of a product: what it costs by number of instalments, its limits, days, rounding, and what the consumer signs.

Rates are decimal text, so that what a lender wrote is what is charged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import msgspec

from chuanliu.lenders.billing_terms import WATERFALL, BillingTerms
from chuanliu.lenders.bins import BinRange, bin_flaw, overlap
from chuanliu.lenders.tables import Product

ProductKind = Literal["credit_card", "bank_credit_pay", "credit_line", "debit_card"]
Funding = Literal["external", "own"]
Connector = Literal["iso8583-1987", "iso8583-1993", "credit-pay"]
FeeMethod = Literal["flat", "annuity", "none"]
RoundingRule = Literal["up", "half-even", "half-up", "down"]

INSTALMENT_COUNTS: Final = (3, 6, 9, 12, 18, 24)
CARD_KINDS: Final = ("credit_card", "debit_card")
AMOUNT_MAX_MINOR: Final = 10**12
CONSENT_LENGTH_MAX: Final = 4000

_PERCENT: Final = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)


class Flaw(NamedTuple):
    """What is wrong with a value, and where: a path such as `instalments[0].buyer_pct`."""

    path: str
    message: str


class InstalmentTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The price of one number of instalments: of all instalments together for `flat`, of a year for `annuity`.

    `buyer_pct` is what it costs when the consumer bears it, `sponsored_pct` when others bear all of it. None is not
    offered that way; with `none` it costs nothing.
    """

    count: int
    method: FeeMethod
    buyer_pct: str | None = None
    sponsored_pct: str | None = None


class ProductTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a product's row says in JSON. Amounts in minor units of the product's currency.

    `bins` are inclusive ranges of a card number's first 6 to 8 digits. `line_limit_minor` is what a new line gets.
    A bill is made on `statement_day` and due on `due_day` of the month, or `due_after_days` after the statement.
    `refund_policy` says which instalments a partial refund makes smaller. With `early_repayment_fee_refunded` the
    buyer's fee that is not accrued yet is given back; without `fee_refunded` the fee stays when the goods come back.
    `bank_keys` are the public keys, by id, with which a bank signs what it answers about credit pay.
    `billing` is how a serviced product bills.
    """

    bins: tuple[BinRange, ...]
    order_min_minor: int
    order_max_minor: int
    line_limit_minor: int
    instalments: tuple[InstalmentTerms, ...]
    statement_day: int | None
    due_day: int | None
    due_after_days: int | None
    holiday_rule: Literal["none", "next-business-day"]
    refund_policy: Literal["from-the-last", "evenly"]
    early_repayment_fee_refunded: bool
    fee_refunded: bool
    rounding: RoundingRule
    remainder: Literal["first", "last"]
    consent_text: str
    bank_keys: tuple[tuple[str, str], ...] = ()
    billing: BillingTerms = BillingTerms()

    def for_count(self, count: int) -> InstalmentTerms | None:
        """The price of a number of instalments; None where the product does not offer it."""
        return next((each for each in self.instalments if each.count == count), None)


@lru_cache(maxsize=4096)
def read_terms(terms: bytes) -> ProductTerms:
    """Terms from a row's JSON."""
    return msgspec.json.decode(terms, type=ProductTerms)


def terms_of(product: Product) -> ProductTerms:
    """The terms of a product, decoded once."""
    return read_terms(product.terms)


def terms_flaws(terms: ProductTerms, kind: str) -> Iterator[Flaw]:
    """All that is wrong with terms of a product of this kind. Paths are those of a lender's file."""
    yield from _bin_flaws(terms.bins, kind)
    yield from _amount_flaws(terms)
    yield from _instalment_flaws(terms.instalments, kind)
    yield from _day_flaws(terms, kind)
    yield from _billing_flaws(terms.billing)
    if not 1 <= len(terms.consent_text) <= CONSENT_LENGTH_MAX:
        yield Flaw("consent", f"must be 1 to {CONSENT_LENGTH_MAX} characters")


def _bin_flaws(bins: Sequence[BinRange], kind: str) -> Iterator[Flaw]:
    if kind in CARD_KINDS and not bins:
        yield Flaw("bins", "a card needs at least one range")
    if kind not in CARD_KINDS and bins:
        yield Flaw("bins", "only a card has ranges")
    sound: list[tuple[int, BinRange]] = []
    for number, each in enumerate(bins):
        flaw = bin_flaw(each)
        if flaw is not None:
            yield Flaw(f"bins[{number}]", flaw)
            continue
        for other, earlier in sound:
            if overlap(earlier, each):
                yield Flaw(f"bins[{number}]", f"overlaps with bins[{other}]")
        sound.append((number, each))


def _amount_flaws(terms: ProductTerms) -> Iterator[Flaw]:
    amounts = {
        "order_min": terms.order_min_minor,
        "order_max": terms.order_max_minor,
        "line_limit": terms.line_limit_minor,
    }
    for name, minor in amounts.items():
        if not 0 <= minor <= AMOUNT_MAX_MINOR:
            yield Flaw(name, "is negative or too large")
    if terms.order_min_minor == 0:
        yield Flaw("order_min", "must be more than nothing")
    if terms.order_min_minor > terms.order_max_minor:
        yield Flaw("order_max", "is less than order_min")


def _instalment_flaws(instalments: Sequence[InstalmentTerms], kind: str) -> Iterator[Flaw]:
    if kind == "debit_card" and instalments:
        yield Flaw("instalments", "a debit card has none")
    counts: set[int] = set()
    for number, each in enumerate(instalments):
        at = f"instalments[{number}]"
        if each.count not in INSTALMENT_COUNTS:
            yield Flaw(f"{at}.count", f"must be one of {', '.join(map(str, INSTALMENT_COUNTS))}")
        if each.count in counts:
            yield Flaw(f"{at}.count", f"{each.count} is given twice")
        counts.add(each.count)
        yield from _price_flaws(each, at)


def _price_flaws(instalment: InstalmentTerms, at: str) -> Iterator[Flaw]:
    prices = {"buyer_pct": instalment.buyer_pct, "sponsored_pct": instalment.sponsored_pct}
    if instalment.method != "none" and not any(price is not None for price in prices.values()):
        yield Flaw(at, "give buyer_pct, sponsored_pct or both")
    for name, price in prices.items():
        if price is None:
            continue
        flaw = percent_flaw(price)
        if instalment.method == "none":
            yield Flaw(f"{at}.{name}", "the method none costs nothing")
        elif flaw is not None:
            yield Flaw(f"{at}.{name}", flaw)


def percent_flaw(text: str) -> str | None:
    """What is wrong with a rate in percent: exact decimal text from 0 to 100 with at most six places."""
    if _PERCENT.fullmatch(text) is None:
        return "must be a decimal number such as 2.3"
    value = Decimal(text)
    if value < 0 or text.startswith("-"):
        return "must not be negative"
    exponent = value.as_tuple().exponent
    if value > 100 or not isinstance(exponent, int) or exponent < -6:
        return "must be at most 100, with at most six decimal places"
    return None


def _billing_flaws(billing: BillingTerms) -> Iterator[Flaw]:
    for name in ("minimum_pct", "penalty_daily_pct"):
        flaw = percent_flaw(getattr(billing, name))
        if flaw is not None:
            yield Flaw(f"billing.{name}", flaw)
    for name, minor in {"minimum_floor": billing.minimum_floor_minor, "late_fee": billing.late_fee_minor}.items():
        if not 0 <= minor <= AMOUNT_MAX_MINOR:
            yield Flaw(f"billing.{name}", "is negative or too large")
    if not 0 <= billing.grace_days <= 30:
        yield Flaw("billing.grace_days", "must be 0 to 30")
    if sorted(billing.waterfall) != sorted(WATERFALL):
        yield Flaw("billing.waterfall", f"must be {', '.join(WATERFALL)}, each once, in any order")
    for number, step in enumerate(billing.dunning):
        if not -30 <= step.days <= 365:
            yield Flaw(f"billing.dunning[{number}].days", "must be -30 to 365")


def _day_flaws(terms: ProductTerms, kind: str) -> Iterator[Flaw]:
    days = {"statement_day": terms.statement_day, "due_day": terms.due_day}
    for name, day in days.items():
        if day is not None and not 1 <= day <= 28:
            yield Flaw(name, "must be 1 to 28, a day that every month has")
    if terms.due_after_days is not None and not 1 <= terms.due_after_days <= 90:
        yield Flaw("due_after_days", "must be 1 to 90")
    if kind == "debit_card":
        for name, day in {**days, "due_after_days": terms.due_after_days}.items():
            if day is not None:
                yield Flaw(name, "a debit card has no bill")
        return
    if terms.statement_day is None:
        yield Flaw("statement_day", "is missing")
    if (terms.due_day is None) == (terms.due_after_days is None):
        yield Flaw("due_day", "give either due_day or due_after_days")
