"""All that the assistant says of one consumer, from her plans, statements and standings in one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from chuanliu.assistant.categories import group_of
from chuanliu.assistant.dues import Due, MonthOfDues, calendar_of, charges_of, dues_of, monthly_bills, owed_by_product
from chuanliu.assistant.ideals import Proposal, propose
from chuanliu.assistant.pressure import Pressure, pressure_of
from chuanliu.assistant.progress import Progress, percent_of, progress_of
from chuanliu.assistant.shares import Shares, shares_of
from chuanliu.assistant.tables import ASSISTANT_PROFILE, AssistantProfile, new_profile
from chuanliu.bills import LINE_STANDING, STATEMENTS_OF_CONSUMER, LineStanding, Statement, next_cycle
from chuanliu.clock import business_date, day_number
from chuanliu.engine import Context, Keys, Query, Reference, Seen
from chuanliu.ids import cell_of_id, cell_of_party
from chuanliu.instalments import PLANS_OF_CONSUMER, Plan
from chuanliu.lenders import INSTRUMENTS_OF_CONSUMER, Instrument, ProductTerms, find_product, terms_of
from chuanliu.parties import MERCHANT
from chuanliu.trade import ORDER

HISTORY_MONTHS: Final = 12


class ProductBill(msgspec.Struct, frozen=True):
    """A product's part: what it brings onto the bill that is being filled, its ideal, and what is owed on it.

    `owed_minor` is what the ledger says of a line in our books; None for another lender's product (`mirrored`).
    """

    product_id: int
    bill_minor: int
    ideal_minor: int
    percent: int | None
    owed_minor: int | None
    mirrored: bool


class Overview(msgspec.Struct, frozen=True):
    """What the pages show. `ideal_minor` is the one that she set or, where `proposed`, the proposal.

    `later_minor` is due behind the twelve months of the calendar. `history` are past months' bills, yyyymm and amount.
    """

    profile: AssistantProfile
    currency: str
    today: int
    ideal_minor: int
    proposed: bool
    proposal: Proposal | None
    progress: Progress
    pressure: Pressure | None
    calendar: tuple[MonthOfDues, ...]
    later_minor: int
    shares: Shares
    products: tuple[ProductBill, ...]
    history: tuple[tuple[int, int], ...]


def was_late(statement: Statement) -> bool:
    """Whether a statement shows that the one before was not paid in full or in time."""
    return bool(statement.overdue_minor or statement.late_fees_minor or statement.interest_minor)


class FindOverview(Query[Overview], frozen=True):
    """Everything of one consumer. `month` (yyyymm) is whose shares are wanted; None is the current one.

    Without `with_end` nothing is forecast.
    """

    consumer_id: int
    month: int | None = None
    with_end: bool = True

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell, number = cell_of_party(self.consumer_id), self.consumer_id
        keys.look(ASSISTANT_PROFILE, cell, number)
        keys.look(PLANS_OF_CONSUMER, cell, number)
        keys.look(STATEMENTS_OF_CONSUMER, cell, number)
        keys.look(INSTRUMENTS_OF_CONSUMER, cell, number)
        for instrument in seen.find(INSTRUMENTS_OF_CONSUMER, cell, number):
            if instrument.line_no is not None:
                keys.look(LINE_STANDING, cell_of_id(instrument.instrument_id), instrument.instrument_id)
        for plan in seen.find(PLANS_OF_CONSUMER, cell, number):
            if _has_sub_merchants(reference, plan.merchant_id):
                keys.look(ORDER, cell_of_id(plan.order_id), plan.order_id)

    def answer(self, seen: Seen, context: Context) -> Overview:
        cell, number = cell_of_party(self.consumer_id), self.consumer_id
        profile = seen.get(ASSISTANT_PROFILE, cell, number) or new_profile(cell, number, context.now)
        instruments = seen.find(INSTRUMENTS_OF_CONSUMER, cell, number)
        standings = [
            standing
            for each in instruments
            if (standing := seen.get(LINE_STANDING, cell_of_id(each.instrument_id), each.instrument_id)) is not None
        ]
        told = Told(
            profile,
            tuple(seen.find(PLANS_OF_CONSUMER, cell, number)),
            tuple(seen.find(STATEMENTS_OF_CONSUMER, cell, number)),
            tuple(instruments),
            tuple(standings),
        )

        def category_of(plan: Plan) -> str:
            order = seen.get(ORDER, cell_of_id(plan.order_id), plan.order_id)
            seller = plan.merchant_id if order is None else order.sub_merchant_id or plan.merchant_id
            return category_of_seller(context.reference, seller)

        return overview_of(told, context.reference, context.now, category_of, self.month, with_end=self.with_end)


class Told(msgspec.Struct, frozen=True):
    """Rows of one consumer, from which all is made."""

    profile: AssistantProfile
    plans: tuple[Plan, ...]
    statements: tuple[Statement, ...]
    instruments: tuple[Instrument, ...]
    standings: tuple[LineStanding, ...]


def category_of_seller(reference: Reference, merchant_id: int) -> str:
    """The group of what a merchant sells."""
    found = reference.find(MERCHANT, "merchant_id", merchant_id)
    return group_of(found[0].category if found else "")


def _has_sub_merchants(reference: Reference, merchant_id: int) -> bool:
    return bool(reference.find(MERCHANT, "platform_id", merchant_id))


def overview_of(
    told: Told,
    reference: Reference,
    now: int,
    category_of: Callable[[Plan], str],
    month: int | None = None,
    *,
    with_end: bool = True,
) -> Overview:
    """All that is said, of the consumer's currency only."""
    day = business_date(now)
    today, currency = day_number(day), told.profile.currency
    terms = _terms_by_product(reference, told.instruments, currency)
    plans = [plan for plan in told.plans if plan.currency == currency]
    dues = dues_of(plans, today)
    charges = _charges_by_product(reference, told, currency)
    calendar = calendar_of(dues, sum(charges.values()), today)
    history = monthly_bills(dues, next_cycle(today // 100, -1), HISTORY_MONTHS)
    proposal = propose([bill for _, bill in history], [each.left_minor for each in calendar], told.profile.income_minor)
    own = told.profile.ideal_minor
    ideal = own or (proposal.amount_minor if proposal is not None else 0)
    progress = progress_of(dues, terms, ideal, day, with_end=with_end)
    statements = [each for each in told.statements if each.currency == currency]
    pressure = pressure_of(
        [(each.month, each.left_minor) for each in calendar],
        ideal,
        [was_late(each) for each in sorted(statements, key=lambda each: each.cycle)],
        overdue_of(dues, today) + sum(charges.values()),
    )
    last = calendar[-1].month
    return Overview(
        told.profile,
        currency,
        today,
        ideal,
        not own and ideal > 0,
        proposal,
        progress,
        pressure,
        calendar,
        sum(due.left_minor for due in dues if due.month > last),
        shares_of(plans, month or today // 100, category_of),
        _products(reference, told, dues, charges, progress.month),
        history,
    )


def overdue_of(dues: Iterable[Due], today: int) -> int:
    """What of lines in our books is unpaid behind its due date."""
    return sum(due.left_minor for due in dues if not due.external and due.due_on < today)


def _terms_by_product(
    reference: Reference, instruments: Sequence[Instrument], currency: str
) -> dict[int, ProductTerms]:
    """Terms of the products that she can buy on credit with."""
    found: dict[int, ProductTerms] = {}
    for each in instruments:
        product = find_product(reference, each.product_id)
        if (
            product is not None
            and each.status == "active"
            and product.kind != "debit_card"
            and product.currency == currency
        ):
            found[product.product_id] = terms_of(product)
    return found


def _charges_by_product(reference: Reference, told: Told, currency: str) -> dict[int, int]:
    product_of = {each.instrument_id: each.product_id for each in told.instruments}
    found: dict[int, int] = {}
    for standing in told.standings:
        product = find_product(reference, product_of.get(standing.instrument_id, 0))
        if product is not None and product.currency == currency:
            found[product.product_id] = found.get(product.product_id, 0) + charges_of([standing])
    return found


def _products(
    reference: Reference, told: Told, dues: Sequence[Due], charges: dict[int, int], month: int
) -> tuple[ProductBill, ...]:
    """Each product that she has, owes on, or has an ideal for."""
    owed = owed_by_product(dues, charges)
    have = {each.product_id for each in told.instruments if each.status == "active" and each.kind != "debit_card"}
    found = []
    for number in sorted({*have, *(due.product_id for due in dues), *told.profile.product_ids}):
        product = find_product(reference, number)
        if product is None or product.currency != told.profile.currency:
            continue
        mirrored = product.funding == "external"
        bill = sum(due.due_minor for due in dues if due.month == month and due.product_id == number)
        ideal = told.profile.ideal_of(number)
        owes = None if mirrored else owed.get(number, 0)
        found.append(ProductBill(number, bill, ideal, percent_of(bill, ideal), owes, mirrored))
    return tuple(found)
