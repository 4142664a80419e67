"""Events of orders: what is told to merchants, complete in itself and written with the change."""

from __future__ import annotations

import msgspec

from chuanliu.engine import OUTBOX, Context, OutboxEvent, Rows
from chuanliu.ids import cell_of_party
from chuanliu.parties import APP
from chuanliu.trade.tables import Order, Payment, PaymentLeg, Refund


class FundLine(msgspec.Struct, frozen=True, gc=False):
    """What one funding method paid."""

    method: str
    amount_minor: int


class OrderSnapshot(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An order as it was when the event happened. `refund_*` are set on a refund's event."""

    order_id: int
    merchant_id: int
    app_id: int
    out_trade_no: str
    status: str
    scene: str
    subject: str
    currency: str
    amount_minor: int
    refunded_minor: int
    created_at: int
    buyer_id: int | None = None
    paid_at: int | None = None
    closed_at: int | None = None
    payment_id: int | None = None
    funds: tuple[FundLine, ...] = ()
    details: bytes | None = None
    refund_id: int | None = None
    refund_request_no: str | None = None
    refund_minor: int | None = None
    refund_at: int | None = None


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(OrderSnapshot)

ORDER_PAID = "order.paid"
ORDER_CLOSED = "order.closed"
ORDER_REFUNDED = "order.refunded"
KINDS = (ORDER_PAID, ORDER_CLOSED, ORDER_REFUNDED)


def emit(
    rows: Rows,
    context: Context,
    kind: str,
    order: Order,
    payment: Payment | None = None,
    legs: tuple[PaymentLeg, ...] = (),
    refund: Refund | None = None,
) -> None:
    """Write an event to the outbox, in the merchant's cell."""
    snapshot = OrderSnapshot(
        order_id=order.order_id,
        merchant_id=order.merchant_id,
        app_id=order.app_id,
        out_trade_no=order.out_trade_no,
        status=order.status,
        scene=order.scene,
        subject=order.subject,
        currency=order.currency,
        amount_minor=order.amount_minor,
        refunded_minor=order.refunded_minor,
        created_at=order.created_at,
        buyer_id=order.buyer_id,
        paid_at=order.paid_at,
        closed_at=order.closed_at,
        payment_id=payment.payment_id if payment else None,
        funds=tuple(FundLine(leg.method, leg.amount_minor) for leg in legs),
        details=order.details,
        refund_id=refund.refund_id if refund else None,
        refund_request_no=refund.out_request_no if refund else None,
        refund_minor=refund.amount_minor if refund else None,
        refund_at=refund.completed_at if refund else None,
    )
    home = cell_of_party(order.merchant_id)
    notify_url = order.notify_url
    if notify_url is None and order.app_id:
        app = context.reference.get(APP, home, order.app_id)
        notify_url = app.notify_url if app is not None else None
    event = OutboxEvent(
        home,
        context.new_id(home),
        order.merchant_id,
        kind,
        order.order_id,
        notify_url,
        _ENCODER.encode(snapshot),
        context.now,
    )
    rows.append(OUTBOX, event)


def snapshot_of(payload: bytes) -> OrderSnapshot:
    """Read an event's payload back."""
    return _DECODER.decode(payload)
