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
    Subject,
    Url,
)

Time = Annotated[str, Meta(description="RFC 3339, UTC.", extra_json_schema={"format": "date-time"})]
OrderStatus = Literal["awaiting_payment", "paid", "finished", "closed", "refunded"]
PaymentStatus = Literal["succeeded", "awaiting_payer", "processing", "refused", "closed"]
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


class NewPayment(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A payment by the code that a wallet shows. It makes the order, or pays the one with this reference."""

    payment_code: PaymentCode
    amount: Amount
    subject: Subject
    reference: Reference | None = None
    buyer_id: PartyNumber | None = None
    sub_merchant_id: PartyNumber | None = None
    metadata: Metadata | None = None


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


class Fund(msgspec.Struct, frozen=True, gc=False):
    """What one funding method paid."""

    method: str
    amount: Amount


class Order(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """An order. `qr_code` is the text of the QR code that wallets scan; `cashier_url` a page to pay at."""

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


class Payment(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """One attempt of one payer to pay an order. `reason` is the error code of a refused one."""

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
    reason: str | None = None
    completed_at: Time | None = None


class Refund(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """A refund. `total_refunded` is what of the order had been refunded after it."""

    refund_id: Id
    order_id: Id
    payment_id: Id
    reference: str
    request_no: str
    status: RefundStatus
    amount: Amount
    total_refunded: Amount
    created_at: Time
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
