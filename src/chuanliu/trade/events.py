"""Events of orders: what is told to merchants, complete in itself and written with the change."""

from __future__ import annotations

import msgspec

from chuanliu.engine import OUTBOX, Context, OutboxEvent, Reference, Rows
from chuanliu.funding import METHODS
from chuanliu.ids import account_parts, cell_of_party
from chuanliu.instalments import Plan
from chuanliu.lenders import LENDER, find_product
from chuanliu.parties import APP
from chuanliu.trade.tables import Order, Payment, PaymentLeg, Refund


class FundLine(msgspec.Struct, frozen=True, gc=False):
    """What one funding method paid. `kind` is that of the payer's instrument; the balance has none.

    `bank` is the code of the bank whose product it is; None for the balance and for what the platform lends.
    """

    method: str
    amount_minor: int
    kind: str | None = None
    bank: str | None = None


class PlanLine(msgspec.Struct, frozen=True, gc=False):
    """The instalment plan of a payment, as merchants are told of it."""

    plan_id: int
    lender_id: int
    instalments: int
    principal_minor: int
    fee_minor: int
    buyer_fee_minor: int
    subsidy_minor: int


def plan_line(plan: Plan) -> PlanLine:
    """What a merchant may know of a plan."""
    return PlanLine(
        plan.plan_id,
        plan.lender_id,
        plan.instalments,
        plan.principal_minor,
        plan.fee_minor,
        plan.buyer_fee_minor,
        sum(plan.subsidies),
    )


def instrument_kind(reference: Reference, leg: PaymentLeg, plan: Plan | None) -> str | None:
    """The kind of product that a leg drew on. A line in our books, which always has a plan, may be of several kinds."""
    if leg.instrument_id is None:
        return None
    product = find_product(reference, plan.product_id) if plan is not None else None
    return product.kind if product is not None else leg.method


def fund_line(reference: Reference, leg: PaymentLeg, plan: Plan | None, amount_minor: int | None = None) -> FundLine:
    """What a leg paid, or the amount of it that goes back."""
    amount = leg.amount_minor if amount_minor is None else amount_minor
    if leg.instrument_id is None:
        return FundLine(leg.method, amount)
    lender_id = 0
    if plan is not None:
        lender_id = plan.lender_id
    elif METHODS[leg.method].external:
        lender_id = account_parts(leg.account_id)[0]
    lender = reference.get(LENDER, cell_of_party(lender_id), lender_id) if lender_id else None
    bank = lender.code if lender is not None and lender.kind == "bank" else None
    return FundLine(leg.method, amount, instrument_kind(reference, leg, plan), bank)


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
    plan: PlanLine | None = None


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
    plan: Plan | None = None,
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
        funds=tuple(fund_line(context.reference, leg, plan) for leg in legs),
        details=order.details,
        refund_id=refund.refund_id if refund else None,
        refund_request_no=refund.out_request_no if refund else None,
        refund_minor=refund.amount_minor if refund else None,
        refund_at=refund.completed_at if refund else None,
        plan=plan_line(plan) if plan is not None else None,
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
