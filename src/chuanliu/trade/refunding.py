"""Refunds: back the way the money came, bounded by what was paid, idempotent by the merchant's request number."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen
from chuanliu.errors import Refused
from chuanliu.funding import CALLS_OF_PAYMENT, METHODS, Leg, Verdict
from chuanliu.ids import cell_of_id
from chuanliu.instalments import (
    PLANS_OF_PAYMENT,
    Plan,
    borne_by,
    lock_plan_refund,
    plan_of,
    refund_plan,
    return_to_budgets,
)
from chuanliu.ledger import Chart, account_of, buffered_balance, lock_buffered, platform_of, post
from chuanliu.promotions import business_day
from chuanliu.trade import states
from chuanliu.trade.events import ORDER_REFUNDED, FundLine, emit, fund_line
from chuanliu.trade.order_ref import OrderRef
from chuanliu.trade.ordering import seller
from chuanliu.trade.settling import receivable_account
from chuanliu.trade.tables import (
    LEGS_OF_PAYMENT,
    ORDER,
    PAYMENT,
    PAYMENT_LEG,
    REFUND,
    REFUND_BY_NUMBER,
    Order,
    Payment,
    PaymentLeg,
    Refund,
)


class RefundOutcome(msgspec.Struct, frozen=True, gc=False):
    """A refund as it stands. `moved` says whether this request moved money, or met its own earlier self.

    `lines` are what goes back by each funding method, `seller_fee_minor` what the seller got back of a plan's fee.
    """

    order: Order
    refund: Refund
    payment: Payment | None
    lines: tuple[FundLine, ...]
    moved: bool
    plan: Plan | None = None
    seller_fee_minor: int = 0


def discover_refund(order: Order | None, seen: Seen, keys: Keys, reference: Reference) -> None:
    """Ask for all rows that refunding an order touches."""
    if order is None or order.payment_id is None:
        return
    cell = cell_of_id(order.payment_id)
    keys.lock(PAYMENT, cell, order.payment_id)
    keys.look(LEGS_OF_PAYMENT, cell, order.payment_id)
    for leg in seen.find(LEGS_OF_PAYMENT, cell, order.payment_id):
        METHODS[leg.method].lock(keys, leg.account_id, leg.reference)
        if METHODS[leg.method].external:
            keys.read(CALLS_OF_PAYMENT, cell, order.payment_id)
        if leg.instrument_id is not None:
            keys.look(PLANS_OF_PAYMENT, cell, order.payment_id)
    for plan in seen.find(PLANS_OF_PAYMENT, cell, order.payment_id):
        lock_plan_refund(keys, reference, plan)
    if seller(reference, order.merchant_id).refund_needs_funds:
        lock_buffered(keys, receivable_account(order))


def allocate(legs: list[PaymentLeg], amount_minor: int) -> list[tuple[PaymentLeg, int]]:
    """Which leg gives back how much: the last leg first, each up to what is left of it. The parts sum to the amount.

    Raises `Refused(refund_exceeds_payment)`.
    """
    parts: list[tuple[PaymentLeg, int]] = []
    left = amount_minor
    for leg in sorted(legs, key=lambda one: -one.leg_no):
        part = min(left, leg.amount_minor - leg.refunded_minor)
        if part > 0:
            parts.append((leg, part))
            left -= part
    if left:
        raise Refused("refund_exceeds_payment")
    return parts


def refund_order(
    rows: Rows, context: Context, order: Order, request_no: str, amount_minor: int, reason: str | None
) -> RefundOutcome:
    """Move the money back and write the refund. The order is paid and locked.

    Raises `Refused`: refund_exceeds_payment, seller_balance_insufficient, seller_not_found.
    """
    if order.payment_id is None:
        raise Refused("order_status_invalid")
    cell = cell_of_id(order.payment_id)
    payment = rows.get(PAYMENT, cell, order.payment_id)
    if payment is None:
        raise Refused("payment_not_found")
    if amount_minor > order.amount_minor - order.refunded_minor:
        raise Refused("refund_exceeds_payment", field="refund_amount")
    parts = allocate(rows.find(LEGS_OF_PAYMENT, cell, order.payment_id), amount_minor)
    refunded = order.refunded_minor + amount_minor
    # Cumulative and rounded down: the fee comes back exactly at a full refund, in any order of partial ones.
    fee_back = order.fee_minor * refunded // order.amount_minor - order.fee_refunded_minor
    _require_funds(rows, context, order, amount_minor - fee_back)
    refund_id = context.new_id(order.cell)
    for leg, part in parts:
        rows.update(PAYMENT_LEG, leg.changed(refunded_minor=leg.refunded_minor + part))
        answer = METHODS[leg.method].refund(
            rows,
            context,
            Leg(leg.cell, leg.payment_id, leg.account_id, receivable_account(order), part, leg.reference),
            refund_id,
        )
        if answer.verdict is not Verdict.SUCCEEDED:
            raise Refused(answer.reason or "refund_not_allowed")
    back = _refund_plan(rows, context, order, parts, refund_id)
    plan = back.plan
    if fee_back > 0:
        fees = account_of(platform_of(order.cell), Chart.PLATFORM_FEES, order.currency)
        post(rows, context, cell, fees, receivable_account(order), fee_back, "fee_refund", refund_id)
    full = refunded == order.amount_minor
    rows.update(PAYMENT, payment.changed(refunded_minor=payment.refunded_minor + amount_minor))
    after = order.changed(
        refunded_minor=refunded,
        fee_refunded_minor=order.fee_refunded_minor + fee_back,
        status=states.move(states.ORDER, order.status, "TRADE_CLOSED" if full else order.status),
        closed_at=context.now if full else None,
    )
    rows.update(ORDER, after)
    refund = Refund(
        order.cell,
        refund_id,
        order.order_id,
        payment.payment_id,
        request_no,
        amount_minor,
        refunded,
        fee_back,
        "SUCCEEDED",
        reason,
        context.now,
        context.now,
        back.fee_minor,
        back.subsidy_minor,
    )
    rows.insert(REFUND, refund)
    lines = tuple(fund_line(context.reference, leg, plan, part) for leg, part in parts)
    emit(rows, context, ORDER_REFUNDED, after, payment, tuple(leg for leg, _ in parts), refund, plan)
    return RefundOutcome(after, refund, payment, lines, moved=True, plan=plan, seller_fee_minor=back.seller_minor)


class _Back(NamedTuple):
    """A plan after a refund, and what of its fee went back: to the consumer, to sponsors, to the seller of these."""

    plan: Plan | None = None
    fee_minor: int = 0
    subsidy_minor: int = 0
    seller_minor: int = 0


def _refund_plan(
    rows: Rows, context: Context, order: Order, parts: list[tuple[PaymentLeg, int]], refund_id: int
) -> _Back:
    """What the refund gives back of a plan: instalments, the consumer's fee, the sponsors' shares and their budgets."""
    for leg, part in parts:
        if leg.instrument_id is None:
            continue
        plan = plan_of(rows, leg.payment_id)
        if plan is None:
            continue
        today = business_day(context.now)
        after, increments = refund_plan(rows, context, plan, leg.account_id, part, refund_id, today)
        return_to_budgets(rows, context, after, increments)
        fee_back = after.buyer_fee_returned_minor - plan.buyer_fee_returned_minor
        to_seller = borne_by(context.reference, plan, receivable_account(order), increments)
        return _Back(after, fee_back, sum(increments), to_seller)
    return _Back()


def _require_funds(rows: Rows, context: Context, order: Order, net_minor: int) -> None:
    """By contract a merchant's refunds may need funds: then the receivable's exact balance is tested."""
    if not seller(context.reference, order.merchant_id).refund_needs_funds:
        return
    if buffered_balance(rows, context, receivable_account(order)) < net_minor:
        raise Refused("seller_balance_insufficient")


class RefundOrder(Command[RefundOutcome], frozen=True):
    """Refund part or all of a paid order. The same request number with the same amount gives the first outcome.

    `request_no` may be absent for a full refund in one; then it is the order's own number. Raises `Refused`:
    order_not_found, order_status_invalid (unpaid or closed unpaid), order_finished, refund_inconsistent,
    refund_exceeds_payment, seller_balance_insufficient.
    """

    ref: OrderRef
    amount_minor: int
    request_no: str | None = None
    reason: str | None = None
    currency: str | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        order = self.ref.discover(seen, keys)
        if order is not None:
            keys.read(REFUND_BY_NUMBER, order.cell, order.order_id, self.request_no or order.out_trade_no)
        discover_refund(order, seen, keys, reference)

    def decide(self, rows: Rows, context: Context) -> RefundOutcome:
        order = self.ref.require(rows)
        if self.amount_minor <= 0:
            raise Refused("invalid_amount", field="refund_amount")
        if self.currency is not None and self.currency != order.currency:
            raise Refused("currency_not_supported", field="refund_currency")
        request_no = self.request_no or order.out_trade_no
        before = rows.one(REFUND_BY_NUMBER, order.cell, order.order_id, request_no)
        if before is not None:
            return self._again(rows, order, before)
        if order.status == "TRADE_FINISHED":
            raise Refused("order_finished")
        if order.status == "TRADE_CLOSED" and order.paid_at is not None:
            raise Refused("refund_exceeds_payment", "the order has been refunded in full", field="refund_amount")
        if order.status != "TRADE_SUCCESS":
            raise Refused("order_status_invalid")
        if self.request_no is None and self.amount_minor != order.amount_minor:
            raise Refused("invalid_parameter", "a partial refund needs a request number", field="out_request_no")
        return refund_order(rows, context, order, request_no, self.amount_minor, self.reason)

    def _again(self, rows: Rows, order: Order, before: Refund) -> RefundOutcome:
        if before.amount_minor != self.amount_minor:
            raise Refused("refund_inconsistent", field="refund_amount")
        cell = cell_of_id(before.payment_id)
        payment = rows.get(PAYMENT, cell, before.payment_id)
        return RefundOutcome(order, before, payment, (), moved=False)
