"""Repaying a bill, and what happens to one that is not repaid. All on the ledger, from the consumer's balance.

| kind | from | to |
|---|---|---|
| `late_fee`, `penalty_interest` | the line's credit used | lender's fee income |
| `late_fee_repayment`, `interest_repayment`, `repayment` | the balance, or what a card paid | credit used |
| `repayment_rest` | what a card paid | the consumer's balance |

The subject of a `repayment` is its plan, of the others the line. A charge never takes a line over its limit: what does
not fit is forgone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec

from chuanliu.bills.claims import Allocation, allocate, last_billed, last_due, lateness, unpaid
from chuanliu.bills.tables import (
    BILL_CHARGE,
    BILL_NOTICE,
    CHARGES_OF_LINE,
    CONSENTS_OF_LINE,
    LINE_STANDING,
    STATEMENTS_OF_LINE,
    BillCharge,
    BillNotice,
    LineStanding,
    RepaymentConsent,
    Statement,
)
from chuanliu.clock import business_date, date_of, day_number
from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen
from chuanliu.errors import NotFound, Refused
from chuanliu.ids import cell_of_id
from chuanliu.instalments import PLAN, PLANS_OF_CONSUMER, Plan, moved_plan, repay_oldest_first, source_of
from chuanliu.ledger import Chart, account_of, account_row, lock_account, post
from chuanliu.lenders import INSTRUMENT, Instrument, Product, find_product, terms_of

BALANCE_METHOD: Final = 0
"""The balance among the methods of automatic repayment; all others are numbers of cards."""

BALANCE_ONLY: Final = (BALANCE_METHOD,)


class BillPaid(msgspec.Struct, frozen=True, gc=False):
    """What a repayment came to. `kept_minor` was offered and is not owed: it stays on her balance.

    `late_fee_minor` and `interest_minor` were charged before it, `owed_minor` is billed and unpaid after it. `charge`
    is what a card is being asked for.
    """

    allocation: Allocation
    kept_minor: int
    late_fee_minor: int
    interest_minor: int
    owed_minor: int
    charge: BillCharge | None = None


class _OnLine(NamedTuple):
    """A line with what a decision about it needs."""

    instrument: Instrument
    product: Product
    source: int
    plans: list[Plan]
    statements: list[Statement]
    standing: LineStanding


def newest_consent(consents: Iterable[RepaymentConsent]) -> RepaymentConsent | None:
    """The agreement that holds: ids rise with time, and one line's are made one after the other."""
    return max(consents, key=lambda each: (each.consented_at, each.consent_id), default=None)


def new_standing(instrument: Instrument) -> LineStanding:
    """Of a line that has never been charged, reminded or asked."""
    return LineStanding(
        instrument.cell, instrument.instrument_id, instrument.consumer_id, 0, 0, 0, 0, 0, -1000, False, 0, 0
    )


class LineCommand(Command[Any], frozen=True):
    """Base of commands on one line of a consumer: locks it, its plans, its standing and her balance.

    `on` is the business day to act for, yyyymmdd; None is today. Raises `NotFound(instrument_not_found)`.
    """

    consumer_id: int
    instrument_id: int
    on: int | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_id(self.instrument_id)
        keys.look(INSTRUMENT, cell, self.instrument_id)
        instrument = seen.get(INSTRUMENT, cell, self.instrument_id)
        if instrument is None or instrument.consumer_id != self.consumer_id or instrument.line_no is None:
            return
        keys.read(INSTRUMENT, cell, self.instrument_id)
        keys.look(PLANS_OF_CONSUMER, cell, self.consumer_id)
        keys.read(STATEMENTS_OF_LINE, cell, self.consumer_id, instrument.product_id, instrument.line_no)
        keys.lock(LINE_STANDING, cell, self.instrument_id)
        product = find_product(reference, instrument.product_id)
        if product is not None:
            lock_account(keys, account_of(self.consumer_id, Chart.CONSUMER_BALANCE, product.currency))
            lock_account(keys, source_of(product, instrument))

    def line(self, rows: Rows, context: Context) -> _OnLine:
        """What was loaded."""
        cell = cell_of_id(self.instrument_id)
        instrument = rows.get(INSTRUMENT, cell, self.instrument_id)
        if instrument is None or instrument.consumer_id != self.consumer_id or instrument.line_no is None:
            raise NotFound("instrument_not_found")
        product = find_product(context.reference, instrument.product_id)
        if product is None:
            raise NotFound("product_not_found")
        plans = [
            plan
            for plan in rows.find(PLANS_OF_CONSUMER, cell, self.consumer_id)
            if plan.instrument_id == self.instrument_id and plan.status in ("active", "refunded")
        ]
        statements = rows.find(STATEMENTS_OF_LINE, cell, self.consumer_id, instrument.product_id, instrument.line_no)
        standing = rows.get(LINE_STANDING, cell, self.instrument_id)
        if standing is None:
            standing = new_standing(instrument)
            rows.insert(LINE_STANDING, standing)
        return _OnLine(instrument, product, source_of(product, instrument), plans, statements, standing)

    def today(self, context: Context) -> date:
        """The business day to act for."""
        return business_date(context.now) if self.on is None else date_of(self.on)


def charge_lateness(rows: Rows, context: Context, line: _OnLine, today: date) -> tuple[LineStanding, int, int]:
    """Charge what lateness costs until today; the standing after it, late fee and interest charged."""
    standing = line.standing
    charges = lateness(last_due(line.statements, today), standing, line.plans, terms_of(line.product).billing, today)
    income = account_of(line.product.lender_id, Chart.LENDER_FEE_INCOME, line.product.currency)
    charged = []
    for amount, kind in ((charges.late_fee_minor, "late_fee"), (charges.interest_minor, "penalty_interest")):
        fits = min(amount, max(0, account_row(rows, line.source).available_minor))
        if fits:
            post(
                rows, context, line.instrument.cell, line.source, income, fits, kind, line.instrument.instrument_id,
                from_blocked=True,
            )  # fmt: skip
        charged.append(fits)
    after = standing.changed(
        late_fees_owed_minor=standing.late_fees_owed_minor + charged[0],
        interest_owed_minor=standing.interest_owed_minor + charged[1],
        late_cycle=charges.late_cycle,
        penalty_until=charges.penalty_until,
    )
    rows.update(LINE_STANDING, after)
    return after, charged[0], charged[1]


def repay_line(
    rows: Rows,
    context: Context,
    line: _OnLine,
    standing: LineStanding,
    until: int,
    amount_minor: int,
    payer: int | None = None,
) -> tuple[Allocation, LineStanding]:
    """Let an amount fall on what is billed until a day, and post it. What finds no claim stays where it is.

    `payer` is the account that pays, the consumer's balance without one. Raises `Refused(balance_insufficient)`.
    """
    instalments = unpaid(line.plans, until)
    allocation = allocate(
        terms_of(line.product).billing.waterfall,
        standing.late_fees_owed_minor,
        standing.interest_owed_minor,
        instalments,
        amount_minor,
    )
    cell, number = line.instrument.cell, line.instrument.instrument_id
    balance = account_of(line.instrument.consumer_id, Chart.CONSUMER_BALANCE, line.product.currency)
    source = balance if payer is None else payer
    moves = [
        (allocation.fees_minor, "late_fee_repayment", number),
        (allocation.interest_minor, "interest_repayment", number),
    ]
    moves += [(share.amount_minor, "repayment", share.plan_id) for share in allocation.shares]
    try:
        for amount, kind, subject in moves:
            if amount:
                post(rows, context, cell, source, line.source, amount, kind, subject)
    except Refused as error:
        raise Refused("balance_insufficient" if error.code == "balance_below_floor" else error.code) from None
    by_id = {plan.plan_id: plan for plan in line.plans}
    for share in allocation.shares:
        plan = by_id[share.plan_id]
        after = plan.changed(repaid=repay_oldest_first(plan.principals, plan.fees, plan.repaid, share.amount_minor))
        if after.status == "active" and after.outstanding_minor == 0:
            after = moved_plan(after, "completed").changed(completed_at=context.now)
        rows.update(PLAN, after)
    paid = standing.changed(
        late_fees_owed_minor=standing.late_fees_owed_minor - allocation.fees_minor,
        interest_owed_minor=standing.interest_owed_minor - allocation.interest_minor,
    )
    rows.update(LINE_STANDING, paid)
    return allocation, paid


def billed_minor(line: _OnLine, standing: LineStanding, until: int) -> int:
    """All that is billed until a day and unpaid, charges included."""
    instalments = sum(amount for _, _, amount in unpaid(line.plans, until))
    return instalments + standing.late_fees_owed_minor + standing.interest_owed_minor


class RepayBill(LineCommand, frozen=True):
    """Repay what is billed on a line from the consumer's balance: an amount, or with None all of it.

    Charges are brought up to date first; then the amount falls by the product's waterfall. What is more than billed
    stays on her balance: instalments of later months are repaid early one plan at a time (`RepayPlan`), which spares
    their fees. Raises `NotFound(instrument_not_found)`, `Refused`: balance_insufficient, nothing_billed,
    invalid_amount. The outcome is `BillPaid`.
    """

    amount_minor: int | None = None

    def decide(self, rows: Rows, context: Context) -> BillPaid:
        line, today = self.line(rows, context), self.today(context)
        until = last_billed(terms_of(line.product), today)
        standing, fee, interest = charge_lateness(rows, context, line, today)
        billed = billed_minor(line, standing, until)
        if not billed:
            raise Refused("nothing_billed")
        amount = billed if self.amount_minor is None else self.amount_minor
        if amount <= 0:
            raise Refused("invalid_amount", field="amount")
        allocation, _ = repay_line(rows, context, line, standing, until, min(amount, billed))
        return BillPaid(allocation, max(0, amount - billed), fee, interest, max(0, billed - amount))


class CollectBill(LineCommand, frozen=True):
    """What a day brings to a line whose statement is due: the repayment that she agreed to, charges, dunning.

    Automatic repayment goes through her methods in their order. The balance gives what it has, down to nothing, or, as
    she wishes, only all of it. A card is put on record as a `BillCharge` to be asked, once a day; until it is known
    what that came to nothing else happens to the line on that day. Doing it again changes nothing unless money has come
    in. The outcome is `BillPaid`.
    """

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        super().discover(seen, keys, reference)
        cell = cell_of_id(self.instrument_id)
        keys.read(CONSENTS_OF_LINE, cell, self.instrument_id)
        keys.read(CHARGES_OF_LINE, cell, self.instrument_id)

    def decide(self, rows: Rows, context: Context) -> BillPaid:
        line, today = self.line(rows, context), self.today(context)
        statement = last_due(line.statements, today)
        until = last_billed(terms_of(line.product), today)
        standing, fee, interest = line.standing, 0, 0
        allocation = Allocation(0, 0, (), 0)
        charges = rows.find(CHARGES_OF_LINE, line.instrument.cell, self.instrument_id)
        charge = next((each for each in charges if each.is_open), None)
        if standing.auto_repay and statement is not None and charge is None:
            allocation, standing, charge = self._repay(rows, context, line, until, today, charges)
            line = self.line(rows, context)
        if charge is not None and charge.day >= day_number(today):
            return BillPaid(allocation, 0, 0, 0, billed_minor(line, standing, until), charge)
        standing, fee, interest = charge_lateness(rows, context, line, today)
        owed = billed_minor(line, standing, until)
        if statement is not None and owed:
            standing = self._remind(rows, context, line, standing, statement, today, owed)
        rows.update(LINE_STANDING, standing.changed(collected_on=max(standing.collected_on, day_number(today))))
        return BillPaid(allocation, 0, fee, interest, owed, charge)

    def _repay(
        self, rows: Rows, context: Context, line: _OnLine, until: int, today: date, charges: list[BillCharge]
    ) -> tuple[Allocation, LineStanding, BillCharge | None]:
        """Try her methods in order, up to the first card that was not asked today."""
        agreed = newest_consent(rows.find(CONSENTS_OF_LINE, line.instrument.cell, self.instrument_id))
        methods, partial = (BALANCE_ONLY, True) if agreed is None else (agreed.methods, agreed.partial)
        tried = {each.card_id for each in charges if each.day == day_number(today)}
        allocation, standing = Allocation(0, 0, (), 0), line.standing
        for method in methods:
            owed = billed_minor(line, standing, until)
            if not owed:
                break
            if method == BALANCE_METHOD:
                allocation, standing = self._from_balance(rows, context, line, until, owed, partial=partial)
                line = self.line(rows, context)
            elif method not in tried:
                charge = BillCharge(
                    line.instrument.cell, context.new_id(line.instrument.cell), self.instrument_id, self.consumer_id,
                    method, line.product.lender_id, day_number(today), owed, line.product.currency, None, "due", None,
                    context.now, None,
                )  # fmt: skip
                rows.insert(BILL_CHARGE, charge)
                return allocation, standing, charge
        return allocation, standing, None

    def _from_balance(
        self, rows: Rows, context: Context, line: _OnLine, until: int, owed_minor: int, *, partial: bool
    ) -> tuple[Allocation, LineStanding]:
        balance = account_row(rows, account_of(self.consumer_id, Chart.CONSUMER_BALANCE, line.product.currency))
        amount = min(owed_minor, max(0, balance.available_minor))
        if not amount or balance.status != "open" or (amount < owed_minor and not partial):
            return Allocation(0, 0, (), 0), line.standing
        return repay_line(rows, context, line, line.standing, until, amount)

    def _remind(
        self, rows: Rows, context: Context, line: _OnLine, standing: LineStanding, statement: Statement, today: date,
        owed_minor: int,
    ) -> LineStanding:  # fmt: skip
        """Take the dunning steps that have come since the last look; of several the last one only."""
        behind = (today - date_of(statement.due_on)).days
        done = standing.dunned_days if standing.dunned_cycle == statement.cycle else -1000
        steps = [step for step in terms_of(line.product).billing.dunning if done < step.days <= behind]
        if not steps:
            return standing
        step = max(steps, key=lambda each: each.days)
        notice = BillNotice(
            line.instrument.cell, self.instrument_id, statement.cycle, step.days, self.consumer_id, step.template,
            owed_minor, context.now,
        )  # fmt: skip
        rows.append(BILL_NOTICE, notice)
        return standing.changed(dunned_cycle=statement.cycle, dunned_days=step.days)
