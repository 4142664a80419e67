"""Repaying plans on our books from the consumer's balance, before they are due."""

from __future__ import annotations

from typing import Final

import msgspec

from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen
from chuanliu.errors import NotFound, Refused
from chuanliu.ids import cell_of_id
from chuanliu.instalments.plans import fee_taker, moved_plan
from chuanliu.instalments.pricing import source_of
from chuanliu.instalments.reduction import repay_oldest_first
from chuanliu.instalments.tables import PLAN, Plan
from chuanliu.ledger import Chart, account_of, lock_account, post
from chuanliu.lenders import INSTRUMENT, find_product
from chuanliu.promotions import business_day

_OWING: Final = ("active", "refunded")


class Repayment(msgspec.Struct, frozen=True, gc=False):
    """A plan after a repayment: what was paid, and what fee an early end has spared."""

    plan: Plan
    paid_minor: int
    spared_minor: int


def spared_fee(plan: Plan, today: int) -> int:
    """The consumer's fee of instalments that are not due yet and not repaid: what ending the plan today spares.

    `today` is yyyymmdd; an instalment due today is due.
    """
    spared = 0
    for due, principal, fee, repaid in zip(plan.due_on, plan.principals, plan.fees, plan.repaid, strict=True):
        if due > today:
            spared += min(fee, principal + fee - repaid)
    return spared


class RepayPlan(Command[Repayment], frozen=True):
    """Repay a plan from its consumer's balance: an amount, oldest instalment first, or with None all of it.

    Repaying all spares the fee of instalments that are not due yet, where the plan's terms say so. A plan whose goods
    were all returned may still owe a fee that stays. Raises `NotFound(plan_not_found)`, `Refused`: plan_status_invalid
    (not a plan of ours that owes anything), repayment_exceeds_debt, balance_insufficient.
    """

    plan_id: int
    consumer_id: int
    amount_minor: int | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_id(self.plan_id)
        keys.look(PLAN, cell, self.plan_id)
        plan = seen.get(PLAN, cell, self.plan_id)
        if plan is None:
            return
        keys.lock(PLAN, cell, self.plan_id)
        keys.look(INSTRUMENT, cell, plan.instrument_id)
        keys.read(INSTRUMENT, cell, plan.instrument_id)
        lock_account(keys, account_of(plan.consumer_id, Chart.CONSUMER_BALANCE, plan.currency))
        instrument = seen.get(INSTRUMENT, cell, plan.instrument_id)
        product = find_product(reference, plan.product_id)
        if instrument is not None and product is not None and plan.funding == "own":
            lock_account(keys, source_of(product, instrument))

    def decide(self, rows: Rows, context: Context) -> Repayment:
        plan = rows.get(PLAN, cell_of_id(self.plan_id), self.plan_id)
        if plan is None or plan.consumer_id != self.consumer_id:
            raise NotFound("plan_not_found")
        if plan.funding != "own" or plan.status not in _OWING or not plan.outstanding_minor:
            raise Refused("plan_status_invalid")
        instrument = rows.get(INSTRUMENT, plan.cell, plan.instrument_id)
        product = find_product(context.reference, plan.product_id)
        if instrument is None or product is None:
            raise ValueError(f"plan {plan.plan_id} has no instrument")
        spared = 0
        if self.amount_minor is None and plan.fee_spared:
            plan, spared = _spare_fee(rows, context, plan, source_of(product, instrument))
        amount = plan.outstanding_minor if self.amount_minor is None else self.amount_minor
        if amount < 0 or (not amount and not spared):
            raise Refused("invalid_amount", field="amount")
        if amount > plan.outstanding_minor:
            raise Refused("repayment_exceeds_debt", field="amount")
        return self._repay(rows, context, plan, source_of(product, instrument), amount, spared)

    def _repay(
        self, rows: Rows, context: Context, plan: Plan, source: int, amount_minor: int, spared_minor: int
    ) -> Repayment:
        balance = account_of(plan.consumer_id, Chart.CONSUMER_BALANCE, plan.currency)
        try:
            if amount_minor:
                post(rows, context, plan.cell, balance, source, amount_minor, "repayment", plan.plan_id)
        except Refused as error:
            raise Refused("balance_insufficient" if error.code == "balance_below_floor" else error.code) from None
        repaid = repay_oldest_first(plan.principals, plan.fees, plan.repaid, amount_minor)
        after = plan.changed(repaid=repaid)
        if after.status == "active" and after.outstanding_minor == 0:
            after = moved_plan(after, "completed").changed(completed_at=context.now)
        rows.update(PLAN, after)
        return Repayment(after, amount_minor, spared_minor)


def _spare_fee(rows: Rows, context: Context, plan: Plan, source: int) -> tuple[Plan, int]:
    today = business_day(context.now)
    spared = spared_fee(plan, today)
    if not spared:
        return plan, 0
    post(rows, context, plan.cell, fee_taker(plan), source, spared, "plan_fee_return", plan.plan_id)
    fees = tuple(
        fee - min(fee, principal + fee - repaid) if due > today else fee
        for due, principal, fee, repaid in zip(plan.due_on, plan.principals, plan.fees, plan.repaid, strict=True)
    )
    return plan.changed(fees=fees, buyer_fee_returned_minor=plan.buyer_fee_returned_minor + spared), spared
