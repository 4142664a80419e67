"""The steps in which an order becomes paid, or does not: one place for every way to pay."""

from __future__ import annotations

from typing import Final

import msgspec

from chuanliu.engine import Context, Rows
from chuanliu.errors import Refused
from chuanliu.funding import METHODS, Answer, Leg, Verdict
from chuanliu.ids import cell_of_party
from chuanliu.instalments import PLAN, Plan, activate_plan, new_plan, void_plan
from chuanliu.ledger import Chart, account_of, platform_of, post
from chuanliu.money import Rounding, share_of
from chuanliu.trade import states
from chuanliu.trade.events import ORDER_PAID, emit
from chuanliu.trade.ordering import merchant_of, seller
from chuanliu.trade.tables import ORDER, PAYMENT, PAYMENT_LEG, Order, Payment, PaymentLeg
from chuanliu.trade.tendering import PendingCall, Tender, give_back, take_up

PAID: Final = "paid"
AWAITING: Final = "awaiting_payer"
IN_PROGRESS: Final = "in_progress"
REFUSED: Final = "refused"


class PayOutcome(msgspec.Struct, frozen=True, gc=False):
    """What became of a payment.

    `result` is paid, awaiting_payer, in_progress while a bank has not answered, or refused with the error code as
    `reason`. `pending` is set for the one who began the payment: the call that it is to make.
    """

    result: str
    order: Order
    payment: Payment | None
    legs: tuple[PaymentLeg, ...] = ()
    reason: str | None = None
    plan: Plan | None = None
    pending: PendingCall | None = None


def receivable_account(order: Order) -> int:
    """Where the order's money goes: the receivable of who sells it."""
    return account_of(order.sub_merchant_id or order.merchant_id, Chart.MERCHANT_RECEIVABLE, order.currency)


def start_payment(order: Order, payer_id: int, context: Context, status: str) -> Payment:
    """A payment of one order, in the payer's cell."""
    cell = cell_of_party(payer_id)
    return Payment(
        cell,
        context.new_id(cell),
        payer_id,
        (order.order_id,),
        order.currency,
        order.amount_minor,
        0,
        status,
        None,
        context.now,
        None,
    )


def charge(rows: Rows, context: Context, order: Order, payment: Payment, tender: Tender, *, known: bool) -> PayOutcome:
    """Charge a tender and settle the order's state. `known` says that the payment's row exists already.

    Refused: the order stays payable, the attempt is on record, and nothing moved. Unknown: an outside call is on
    record, and its answer settles the payment.
    """
    seller(context.reference, order.merchant_id)
    offer = tender.offer
    method = METHODS[tender.method]
    leg = Leg(
        payment.cell,
        payment.payment_id,
        tender.source,
        receivable_account(order),
        order.amount_minor,
        order_id=order.order_id,
        currency=order.currency,
    )
    plan = None
    if offer is not None:
        leg = leg._replace(
            lender_id=offer.lender_id,
            product_id=offer.product_id,
            instrument_id=offer.instrument_id,
            instalments=offer.instalments if offer.instalments > 1 else 0,
        )
        if offer.needs_plan:
            parties = (payment.payer_id, order.merchant_id)
            reserved_at = tender.reserved_at(context.now)
            plan = new_plan(context, offer, payment.cell, payment.payment_id, order.order_id, parties, reserved_at)
    try:
        with rows.whole():
            answer = method.charge(rows, context, leg)
            if answer.verdict is Verdict.SUCCEEDED and plan is not None:
                plan = activate_plan(rows, context, plan, tender.source)
    except Refused as error:
        # The principal fits into the limit, the fee does not.
        answer = Answer(
            Verdict.REFUSED, "credit_line_insufficient" if error.code == "balance_below_floor" else error.code
        )
    if answer.verdict is Verdict.REFUSED:
        give_back(rows, context, tender, payment.payer_id)
        return _refuse(rows, context, order, payment, answer.reason, known=known)
    take_up(rows, tender, payment.payer_id)
    if plan is not None:
        rows.insert(PLAN, plan)
    if answer.verdict is Verdict.UNKNOWN:
        return _await_answer(rows, order, payment, tender, plan, answer, known=known)
    paid_leg = PaymentLeg(
        payment.cell,
        payment.payment_id,
        1,
        method.name,
        tender.source,
        order.amount_minor,
        0,
        "CAPTURED",
        answer.reference,
        offer.instrument_id or None if offer is not None else None,
    )
    rows.insert(PAYMENT_LEG, paid_leg)
    return settle(rows, context, order, payment, (paid_leg,), plan, known=known)


def settle(
    rows: Rows,
    context: Context,
    order: Order,
    payment: Payment,
    legs: tuple[PaymentLeg, ...],
    plan: Plan | None,
    *,
    known: bool = True,
) -> PayOutcome:
    """All legs are in hand: charge the platform's fee, and the order is paid."""
    fee_minor = _charge_fee(rows, context, order, payment)
    paid = payment.changed(status=states.move(states.PAYMENT, payment.status, "SUCCEEDED"), completed_at=context.now)
    paid_order = order.changed(
        status=states.move(states.ORDER, order.status, "TRADE_SUCCESS"),
        buyer_id=payment.payer_id,
        payment_id=payment.payment_id,
        fee_minor=fee_minor,
        paid_at=context.now,
    )
    _put_payment(rows, paid, known=known)
    put_order(rows, paid_order)
    emit(rows, context, ORDER_PAID, paid_order, paid, legs, plan=plan)
    return PayOutcome(PAID, paid_order, paid, legs, plan=plan)


def abandon(
    rows: Rows, context: Context, order: Order | None, payment: Payment, plan: Plan | None, reason: str
) -> None:
    """An outside payment came to nothing: the order, if it still waits for this payment, is payable again.

    The plan is void; its sponsors' shares are returned by the caller.
    """
    waiting = order is not None and order.status == "WAIT_BUYER_PAY" and order.payment_id == payment.payment_id
    status = "REFUSED" if waiting else "CLOSED"
    rows.update(
        PAYMENT,
        payment.changed(
            status=states.move(states.PAYMENT, payment.status, status), reason=reason, completed_at=context.now
        ),
    )
    if waiting and order is not None:
        rows.update(ORDER, order.changed(payment_id=None))
    if plan is not None:
        void_plan(rows, context, plan)


def _refuse(
    rows: Rows, context: Context, order: Order, payment: Payment, reason: str | None, *, known: bool
) -> PayOutcome:
    refused = payment.changed(
        status=states.move(states.PAYMENT, payment.status, "REFUSED"), reason=reason, completed_at=context.now
    )
    _put_payment(rows, refused, known=known)
    open_order = order.changed(payment_id=None) if order.payment_id is not None else order
    put_order(rows, open_order)
    return PayOutcome(REFUSED, open_order, refused, reason=reason)


def _await_answer(
    rows: Rows,
    order: Order,
    payment: Payment,
    tender: Tender,
    plan: Plan | None,
    answer: Answer,
    *,
    known: bool,
) -> PayOutcome:
    """An outside call is on record: the order waits for this payment and for nobody else's."""
    asked = payment
    if payment.status != "AUTHORISING":
        asked = payment.changed(status=states.move(states.PAYMENT, payment.status, "AUTHORISING"))
    _put_payment(rows, asked, known=known)
    offer = tender.offer
    leg = PaymentLeg(
        payment.cell,
        payment.payment_id,
        1,
        tender.method,
        tender.source,
        order.amount_minor,
        0,
        "AUTHORISING",
        answer.reference,
        offer.instrument_id or None if offer is not None else None,
    )
    rows.insert(PAYMENT_LEG, leg)
    waiting = order.changed(payment_id=payment.payment_id)
    put_order(rows, waiting)
    return PayOutcome(IN_PROGRESS, waiting, asked, (leg,), plan=plan, pending=tender.pending(rows, answer.reference))


def _charge_fee(rows: Rows, context: Context, order: Order, payment: Payment) -> int:
    """The platform's fee, a transfer of its own, out of the receivable."""
    # Whoever was blocked while a bank took its time still gets what the bank has approved.
    merchant = merchant_of(context.reference, order.merchant_id)
    fee_minor = share_of(order.amount_minor, merchant.fee_bps, Rounding.HALF_UP)
    if fee_minor > 0:
        fees = account_of(platform_of(order.cell), Chart.PLATFORM_FEES, order.currency)
        post(rows, context, payment.cell, receivable_account(order), fees, fee_minor, "fee", payment.payment_id)
    return fee_minor


def put_order(rows: Rows, order: Order) -> None:
    """Write an order, new or changed."""
    if rows.has(ORDER, order.cell, order.order_id):
        rows.update(ORDER, order)
    else:
        rows.insert(ORDER, order)


def _put_payment(rows: Rows, payment: Payment, *, known: bool) -> None:
    if known:
        rows.update(PAYMENT, payment)
    else:
        rows.insert(PAYMENT, payment)
