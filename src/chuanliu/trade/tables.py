"""Rows of orders, payments and refunds."""

from __future__ import annotations

from chuanliu.engine import BigIntList, Instant, Row, SmallInt, Table


class Order(Row, frozen=True, gc=False):
    """What a merchant sells, once, under its own number. Lives in the cell of merchant + out_trade_no.

    `payment_id` is the payment that pays it, or the one that it waits for. `details` is JSON of what the merchant sent
    and gets back (passback_params, store_id, …); `wish` says which ways to pay it allows. A `tombstone` marks a number
    that was cancelled before it was ever seen.
    """

    cell: SmallInt
    order_id: int
    merchant_id: int
    app_id: int
    out_trade_no: str
    sub_merchant_id: int | None
    scene: str
    subject: str
    currency: str
    amount_minor: int
    status: str
    buyer_id: int | None
    payment_id: int | None
    refunded_minor: int
    fee_minor: int
    fee_refunded_minor: int
    notify_url: str | None
    return_url: str | None
    details: bytes | None
    created_at: Instant
    expires_at: Instant
    paid_at: Instant | None
    closed_at: Instant | None
    wish: bytes | None = None


class Payment(Row, frozen=True, gc=False):
    """One attempt of one payer to pay one or more orders. Lives in the payer's cell."""

    cell: SmallInt
    payment_id: int
    payer_id: int
    order_ids: BigIntList
    currency: str
    amount_minor: int
    refunded_minor: int
    status: str
    reason: str | None
    created_at: Instant
    completed_at: Instant | None


class PaymentLeg(Row, frozen=True, gc=False):
    """One funding method's part of a payment. `instrument_id` is the payer's card or line, None for the balance."""

    cell: SmallInt
    payment_id: int
    leg_no: SmallInt
    method: str
    account_id: int
    amount_minor: int
    refunded_minor: int
    status: str
    reference: str | None
    instrument_id: int | None = None


class Refund(Row, frozen=True, gc=False):
    """A refund of an order under the merchant's request number. `cumulative_minor` is the order's total after it.

    `plan_fee_minor` and `subsidy_minor` are what it gave back of a plan's fee: to the payer and to the sponsors.
    """

    cell: SmallInt
    refund_id: int
    order_id: int
    payment_id: int
    out_request_no: str
    amount_minor: int
    cumulative_minor: int
    fee_minor: int
    status: str
    reason: str | None
    created_at: Instant
    completed_at: Instant | None
    plan_fee_minor: int = 0
    subsidy_minor: int = 0


ORDER: Table[Order] = Table("orders", Order, ("cell", "order_id"), rank=40)
ORDER_BY_NUMBER = ORDER.index("by_number", "cell", "merchant_id", "out_trade_no", unique=True)
PAYMENT: Table[Payment] = Table("payment", Payment, ("cell", "payment_id"), rank=50)
PAYMENT_LEG: Table[PaymentLeg] = Table("payment_leg", PaymentLeg, ("cell", "payment_id", "leg_no"), rank=51)
LEGS_OF_PAYMENT = PAYMENT_LEG.index("of_payment", "cell", "payment_id")
REFUND: Table[Refund] = Table("refund", Refund, ("cell", "refund_id"), rank=52)
REFUND_BY_NUMBER = REFUND.index("by_number", "cell", "order_id", "out_request_no", unique=True)
REFUNDS_OF_ORDER = REFUND.index("of_order", "cell", "order_id")
