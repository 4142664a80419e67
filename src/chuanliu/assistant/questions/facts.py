"""What answers are made of: a consumer's own rows as they stood at one moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import msgspec

from chuanliu.assistant.questions.slots import Named
from chuanliu.bills import (
    Cycle,
    FeedLine,
    LineStanding,
    MirroredBill,
    Statement,
    Tongue,
    cycle_of_terms,
    last_billed,
    mirrored_bills,
    next_cycle,
    unpaid,
)
from chuanliu.clock import Micros, business_date, day_number
from chuanliu.instalments import Plan
from chuanliu.lenders import InstrumentView, ProductTerms, terms_of

OWING = ("active", "refunded")
"""States of plans that may still owe something."""

_CYCLES_LOOKED_AT = 15


class Posting(msgspec.Struct, frozen=True, gc=False):
    """One entry of her balance or of a line of hers. `amount_minor` is as the ledger has it: negative takes money."""

    account_id: int
    seq: int
    transfer_id: int
    posted_at: Micros
    kind: str
    subject_id: int
    amount_minor: int

    @property
    def day(self) -> int:
        """Its day in Asia/Shanghai, yyyymmdd."""
        return day_number(business_date(self.posted_at))


class PaymentSeen(msgspec.Struct, frozen=True, gc=False):
    """One payment that she made. `instrument_id` is the card or line that it drew on, None for the balance.

    With `is_repayment` it repaid a bill, and is no spending.
    """

    payment_id: int
    paid_at: Micros
    order_ids: tuple[int, ...]
    out_trade_no: str
    subject: str
    merchant_id: int
    shop: str
    amount_minor: int
    currency: str
    instrument_id: int | None
    is_repayment: bool = False

    @property
    def day(self) -> int:
        """Its day in Asia/Shanghai, yyyymmdd."""
        return day_number(business_date(self.paid_at))


class RefundSeen(msgspec.Struct, frozen=True, gc=False):
    """One refund of a payment of hers."""

    refund_id: int
    payment_id: int
    created_at: Micros
    status: str
    amount_minor: int
    request_no: str

    @property
    def day(self) -> int:
        """Its day in Asia/Shanghai, yyyymmdd."""
        return day_number(business_date(self.created_at))


class CreditLine(NamedTuple):
    """A line in our books with what it owes."""

    view: InstrumentView
    statements: tuple[Statement, ...]
    plans: tuple[Plan, ...]
    standing: LineStanding | None

    @property
    def terms(self) -> ProductTerms:
        """Those of its product."""
        return terms_of(self.view.product)

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.view.product.currency

    @property
    def charges_minor(self) -> int:
        """Late fees and penalty interest that are charged and unpaid."""
        standing = self.standing
        return 0 if standing is None else standing.late_fees_owed_minor + standing.interest_owed_minor

    def billed_minor(self, today: date) -> int:
        """All that is billed by today and unpaid, charges included."""
        return sum(each[2] for each in unpaid(self.plans, last_billed(self.terms, today))) + self.charges_minor

    def cycles_due(self, month: int) -> list[Cycle]:
        """The cycles whose statement is due in a month (yyyymm)."""
        numbers = [next_cycle(month, -back) for back in range(4)]
        cycles = [cycle_of_terms(self.terms, number) for number in reversed(numbers)]
        return [each for each in cycles if day_number(each.due_on) // 100 == month]

    def next_due(self, today: date) -> Cycle:
        """The first cycle whose due date is not behind us."""
        number = next_cycle(today.year * 100 + today.month, -4)
        for ahead in range(_CYCLES_LOOKED_AT):
            cycle = cycle_of_terms(self.terms, next_cycle(number, ahead))
            if cycle.due_on >= today:
                return cycle
        raise ValueError("a product is due at least once a year")

    def next_statement(self, today: date) -> Cycle:
        """The first cycle that has not ended before today."""
        number = today.year * 100 + today.month
        cycle = cycle_of_terms(self.terms, number)
        return cycle if cycle.statement_on >= today else cycle_of_terms(self.terms, next_cycle(number))

    def statement_of(self, cycle: Cycle) -> Statement | None:
        """Its statement for a cycle."""
        return next((each for each in self.statements if each.cycle == cycle.number), None)


class Facts(msgspec.Struct, frozen=True):
    """All that one consumer's questions are answered from. Lists are oldest first.

    `is_complete` is False where she has more postings than were read: then sums say so.
    """

    consumer_id: int
    today: date
    balance_minor: int
    balance_account: int
    balance_currency: str
    views: tuple[InstrumentView, ...]
    statements: tuple[Statement, ...]
    plans: tuple[Plan, ...]
    standings: tuple[LineStanding, ...]
    postings: tuple[Posting, ...]
    payments: tuple[PaymentSeen, ...]
    refunds: tuple[RefundSeen, ...]
    feed: tuple[FeedLine, ...]
    is_complete: bool

    def open_views(self, product: str | None = None) -> list[InstrumentView]:
        """Her cards, accounts and lines that are not closed; with a product's code only those of it."""
        return [
            each for each in self.views if each.instrument.status != "closed" and product in (None, each.product.code)
        ]

    def lines(self, product: str | None = None) -> list[CreditLine]:
        """Her lines in our books: open ones, and closed ones that still have something to tell."""
        standings = {each.instrument_id: each for each in self.standings}
        found = []
        for view in self.views:
            number = view.instrument.instrument_id
            if view.instrument.line_no is None or product not in (None, view.product.code):
                continue
            statements = tuple(each for each in self.statements if each.instrument_id == number)
            plans = tuple(each for each in self.plans if each.instrument_id == number and each.status in OWING)
            if view.instrument.status != "closed" or any(plan.outstanding_minor for plan in plans):
                found.append(CreditLine(view, statements, plans, standings.get(number)))
        return found

    def external_plans(self, product: str | None = None) -> list[Plan]:
        """Plans that other lenders bill."""
        codes = {view.instrument.instrument_id: view.product.code for view in self.views}
        return [
            plan
            for plan in self.plans
            if plan.funding == "external"
            and plan.status in ("active", "completed", "refunded")
            and product in (None, codes.get(plan.instrument_id))
        ]

    def mirrored(self, product: str | None = None) -> tuple[MirroredBill, ...]:
        """Bills of other lenders, as seen here or as they have billed them."""
        codes = {view.instrument.instrument_id: view.product.code for view in self.views}
        lines = (line for line in self.feed if product in (None, codes.get(line.instrument_id)))
        return mirrored_bills(self.external_plans(product), lines)

    def view_of(self, instrument_id: int) -> InstrumentView | None:
        """The card or line by its number."""
        return next((each for each in self.views if each.instrument.instrument_id == instrument_id), None)

    def title(self, instrument_id: int, tongue: Tongue) -> str:
        """Lender and product of a card or line."""
        view = self.view_of(instrument_id)
        return "" if view is None else title_of(view, tongue)

    def payment_of(self, payment_id: int) -> PaymentSeen | None:
        """A payment by its number."""
        return next((each for each in self.payments if each.payment_id == payment_id), None)

    def bought(self, plan: Plan) -> str:
        """What a plan has paid for, and where; its number where the payment was not read."""
        payment = self.payment_of(plan.payment_id)
        return f"#{plan.plan_id}" if payment is None else what(payment)

    def shops(self) -> list[Named]:
        """The shops that she paid, to be found in a question."""
        return _named((each.shop, (each.shop,)) for each in self.payments if each.shop and not each.is_repayment)

    def products(self) -> list[Named]:
        """The products that she has, by their names and their lenders' where that names one of them only."""
        lenders = [view.lender.lender_id for view in self.views]
        return _named(
            (
                view.product.code,
                (view.product.name, view.product.name_zh, view.product.code)
                + ((view.lender.name, view.lender.name_zh) if lenders.count(view.lender.lender_id) == 1 else ()),
            )
            for view in self.views
        )


def _named(pairs: Iterable[tuple[str, tuple[str, ...]]]) -> list[Named]:
    return [Named(key, names) for key, names in dict(pairs).items()]


def title_of(view: InstrumentView, tongue: Tongue) -> str:
    """Lender and product."""
    if tongue == "zh":
        return f"{view.lender.name_zh} · {view.product.name_zh}"
    return f"{view.lender.name} · {view.product.name}"


def what(payment: PaymentSeen) -> str:
    """What was bought, and where."""
    return f"{payment.shop} · {payment.subject}" if payment.shop else payment.subject
