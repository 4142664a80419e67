"""The resources as callers get them, and the bodies that callers send."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chuanliu.gateway.native.fields import (
    Amount,
    Id,
    Metadata,
    PartyNumber,
    PaymentCode,
    Reason,
    Reference,
    RequestNumber,
    StoreId,
    Subject,
    Time,
    Url,
)
from chuanliu.gateway.native.instalment_documents import (
    FeeReturn,
    InstrumentKind,
    OfferNumber,
    PaymentWish,
    PlanSummary,
)

OrderStatus = Literal["awaiting_payment", "in_progress", "paid", "finished", "closed", "refunded"]
PaymentStatus = Literal["succeeded", "awaiting_payer", "in_progress", "refused", "closed"]
RefundStatus = Literal["succeeded", "processing", "failed"]
_DAY_S = 86_400


class NewOrder(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An order to be paid later, by QR code or in the cashier."""

    amount: Amount
    subject: Subject
    reference: Reference | None = None
    expires_in_s: (
        Annotated[int, Meta(ge=60, le=15 * _DAY_S, description="Time to pay. Two hours if absent.")] | None
    ) = None
    expires_at: Annotated[datetime, Meta(tz=True, description="End of the time to pay, instead.")] | None = None
    buyer_id: PartyNumber | None = None
    sub_merchant_id: PartyNumber | None = None
    return_url: Url | None = None
    metadata: Metadata | None = None
    store_id: StoreId | None = None
    wish: PaymentWish | None = None


class NewPayment(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A payment by the code that a wallet shows. It makes the order, or pays the one with this reference.

    It pays from the balance; with a `quote_id` by an `offer` of that quote, the confirmed one where none is named; with
    a `wish` that asks for credit by the cheapest that fits.
    """

    payment_code: PaymentCode
    amount: Amount
    subject: Subject
    reference: Reference | None = None
    buyer_id: PartyNumber | None = None
    sub_merchant_id: PartyNumber | None = None
    metadata: Metadata | None = None
    store_id: StoreId | None = None
    wish: PaymentWish | None = None
    quote_id: Id | None = None
    offer: OfferNumber | None = None


class CancelledOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which order to undo: by your number or by ours."""

    reference: Reference | None = None
    order_id: Id | None = None


class NewRefundOfPayment(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Part or all of a payment, back the way it came."""

    amount: Amount
    request_no: RequestNumber | None = None
    reason: Reason | None = None


class NewRefund(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Part or all of an order's payment, back the way it came. The order is named by your number or by ours."""

    amount: Amount
    order_id: Id | None = None
    reference: Reference | None = None
    request_no: RequestNumber | None = None
    reason: Reason | None = None


class Fund(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What one funding method pays. `kind` is that of the payer's card or line; the balance has none."""

    method: str
    amount: Amount
    kind: InstrumentKind | None = None


class Order(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """An order. `qr_code` is the text of the QR code that wallets scan; `cashier_url` a page to pay at.

    `in_progress`: a bank has not yet answered whether it pays. `funds` and `plan` are those of the payment.
    """

    order_id: Id
    reference: str
    trade_no: str
    status: OrderStatus
    subject: str
    amount: Amount
    refunded_amount: Amount
    qr_code: str
    cashier_url: str
    created_at: Time
    expires_at: Time
    buyer_id: PartyNumber | None = None
    sub_merchant_id: PartyNumber | None = None
    payment_id: Id | None = None
    return_url: str | None = None
    metadata: dict[str, str] | None = None
    paid_at: Time | None = None
    closed_at: Time | None = None
    funds: tuple[Fund, ...] = ()
    plan: PlanSummary | None = None


class Payment(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """One attempt of one payer to pay an order. `reason` is the error code of a refused one.

    `in_progress`: the payer's bank was asked and has not answered yet. It ends `succeeded` or `refused`.
    """

    payment_id: Id
    order_id: Id
    reference: str
    trade_no: str
    status: PaymentStatus
    amount: Amount
    refunded_amount: Amount
    payer_id: PartyNumber
    created_at: Time
    funds: tuple[Fund, ...] = ()
    plan: PlanSummary | None = None
    reason: str | None = None
    completed_at: Time | None = None


class Refund(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """A refund. `total_refunded` is what of the order had been refunded after it.

    `plan_fee` is what it gave back of an instalment plan's fee, besides the amount.
    """

    refund_id: Id
    order_id: Id
    payment_id: Id
    reference: str
    request_no: str
    status: RefundStatus
    amount: Amount
    total_refunded: Amount
    created_at: Time
    plan_fee: FeeReturn | None = None
    reason: str | None = None
    completed_at: Time | None = None


class Refunds(msgspec.Struct, frozen=True):
    """The refunds of an order, oldest first."""

    data: tuple[Refund, ...]


class Cancellation(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What undoing an order took. Without `order` the number had never been seen; it can no longer be used."""

    action: Literal["close", "refund", "none"]
    order: Order | None = None
    refund: Refund | None = None


class OrderByReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of an order by your number."""

    reference: Reference


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Problem details (RFC 9457). `code` is stable; `field` names the offending part of the request."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    details: dict[str, str | int] | None = None
