"""The step in which an order becomes paid: one place for every way to pay."""

from __future__ import annotations

from typing import Final

import msgspec

from chuanliu.engine import Context, Rows
from chuanliu.funding import METHODS, Leg, Verdict
from chuanliu.ids import cell_of_party
from chuanliu.ledger import Chart, account_of, platform_of, post
from chuanliu.money import Rounding, share_of
from chuanliu.trade import states
from chuanliu.trade.events import ORDER_PAID, emit
from chuanliu.trade.ordering import seller
from chuanliu.trade.tables import ORDER, PAYMENT, PAYMENT_LEG, Order, Payment, PaymentLeg

PAID: Final = "paid"
AWAITING: Final = "awaiting_payer"
REFUSED: Final = "refused"


class PayOutcome(msgspec.Struct, frozen=True, gc=False):
    """What became of a payment: `result` is paid, awaiting_payer, or refused with the error code as `reason`."""

    result: str
    order: Order
    payment: Payment | None
    legs: tuple[PaymentLeg, ...] = ()
    reason: str | None = None


def source_account(payer_id: int, currency: str) -> int:
    """The payer's balance account."""
    return account_of(payer_id, Chart.CONSUMER_BALANCE, currency)


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


def pay_from_balance(rows: Rows, context: Context, order: Order, payment: Payment, *, known: bool) -> PayOutcome:
    """Charge the payer's balance and settle the order's state. `known` says that the payment's row exists already.

    Refused: the order stays payable, the attempt is on record, and nothing moved.
    """
    source = source_account(payment.payer_id, order.currency)
    method = METHODS["balance"]
    leg = Leg(payment.cell, payment.payment_id, source, receivable_account(order), order.amount_minor)
    answer = method.charge(rows, context, leg)
    if answer.verdict is not Verdict.SUCCEEDED:
        refused = payment.changed(
            status=states.move(states.PAYMENT, payment.status, "REFUSED"),
            reason=answer.reason,
            completed_at=context.now,
        )
        _put_payment(rows, refused, known=known)
        open_order = order.changed(payment_id=None) if order.payment_id is not None else order
        _put_order(rows, open_order)
        return PayOutcome(REFUSED, open_order, refused, reason=answer.reason)
    paid_leg = PaymentLeg(
        payment.cell, payment.payment_id, 1, method.name, source, order.amount_minor, 0, "CAPTURED", answer.reference
    )
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
    rows.insert(PAYMENT_LEG, paid_leg)
    _put_order(rows, paid_order)
    emit(rows, context, ORDER_PAID, paid_order, paid, (paid_leg,))
    return PayOutcome(PAID, paid_order, paid, (paid_leg,))


def _charge_fee(rows: Rows, context: Context, order: Order, payment: Payment) -> int:
    """The platform's fee, a transfer of its own, out of the receivable."""
    merchant = seller(context.reference, order.merchant_id)
    fee_minor = share_of(order.amount_minor, merchant.fee_bps, Rounding.HALF_UP)
    if fee_minor > 0:
        fees = account_of(platform_of(order.cell), Chart.PLATFORM_FEES, order.currency)
        post(rows, context, payment.cell, receivable_account(order), fees, fee_minor, "fee", payment.payment_id)
    return fee_minor


def _put_order(rows: Rows, order: Order) -> None:
    if rows.has(ORDER, order.cell, order.order_id):
        rows.update(ORDER, order)
    else:
        rows.insert(ORDER, order)


def _put_payment(rows: Rows, payment: Payment, *, known: bool) -> None:
    if known:
        rows.update(PAYMENT, payment)
    else:
        rows.insert(PAYMENT, payment)
