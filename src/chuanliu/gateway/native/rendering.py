"""Rows of the platform as documents of the API."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import msgspec

from chuanliu import trade
from chuanliu.clock import iso_text
from chuanliu.engine import Reference
from chuanliu.errors import Invalid, Refused
from chuanliu.gateway.native.documents import (
    Cancellation,
    Fund,
    Order,
    OrderStatus,
    Payment,
    PaymentStatus,
    Refund,
    Refunds,
    RefundStatus,
)
from chuanliu.gateway.native.fields import amount
from chuanliu.gateway.native.instalment_documents import FeeReturn, PaymentWish, PlanSummary
from chuanliu.gateway.native.operation import Answer
from chuanliu.gateway.native.problems import problem_answer
from chuanliu.ids import trade_no
from chuanliu.instalments import Plan, Wish, wish_bytes

encode: Final = msgspec.json.Encoder().encode

time_text: Final = lru_cache(maxsize=1024)(iso_text)
"""Instants as JSON has them. All that one batch has written carries the same one."""

DETAILS_BYTES_MAX: Final = 4096

_ORDER_STATUS: Final[dict[str, OrderStatus]] = {
    "WAIT_BUYER_PAY": "awaiting_payment",
    "TRADE_SUCCESS": "paid",
    "TRADE_FINISHED": "finished",
    "TRADE_CLOSED": "closed",
}
_PAYMENT_STATUS: Final[dict[str, PaymentStatus]] = {
    "SUCCEEDED": "succeeded",
    "AWAITING_PAYER": "awaiting_payer",
    "AUTHORISING": "in_progress",
    "UNKNOWN": "in_progress",
    "REFUSED": "refused",
    "CLOSED": "closed",
}
_REFUND_STATUS: Final[dict[str, RefundStatus]] = {
    "SUCCEEDED": "succeeded",
    "PROCESSING": "processing",
    "FAILED": "failed",
}


_DRAWS_NOTHING: Final = frozenset({"REFUSED", "VOIDED"})


class _Details(msgspec.Struct):
    """The part of an order's stored details that this dialect knows; the Alipay dialect keeps other names there."""

    metadata: dict[str, str] | None = None


_read_details: Final = msgspec.json.Decoder(_Details).decode


def details_of(metadata: dict[str, str] | None) -> bytes | None:
    """Metadata as the order keeps it. Raises `Invalid(invalid_parameter)` above 4 KiB."""
    if not metadata:
        return None
    details = encode({"metadata": metadata})
    if len(details) > DETAILS_BYTES_MAX:
        raise Invalid("invalid_parameter", "metadata must not exceed 4 KiB as JSON", field="metadata")
    return details


def metadata_in(details: bytes | None) -> dict[str, str] | None:
    """What `details_of` kept."""
    return _read_details(details).metadata if details is not None else None


def order_status(status: str, *, paid: bool) -> OrderStatus:
    """The status in the API's words: an order that was paid and is closed has been refunded in full."""
    return "refunded" if paid and status == "TRADE_CLOSED" else _ORDER_STATUS[status]


def stored_wish(wish: PaymentWish | None, store_id: str | None) -> bytes | None:
    """A wish as the order keeps it."""
    asked = wish or PaymentWish()
    return wish_bytes(Wish(**msgspec.structs.asdict(asked), store_id=store_id))


def funds_of(lines: Iterable[trade.FundLine], currency: str) -> tuple[Fund, ...]:
    """What each funding method pays."""
    return tuple(Fund(line.method, amount(line.amount_minor, currency), _any(line.kind)) for line in lines)


def _any(word: str | None) -> Any:
    """A word of a row, which is one of those that the document lists."""
    return word


def plan_summary(line: trade.PlanLine, currency: str) -> PlanSummary:
    """A plan as merchants are told of it."""
    return PlanSummary(
        str(line.plan_id),
        str(line.lender_id),
        line.instalments,
        amount(line.principal_minor, currency),
        amount(line.fee_minor, currency),
        amount(line.buyer_fee_minor, currency),
        amount(line.subsidy_minor, currency),
    )


def _drawn(
    reference: Reference, legs: tuple[trade.PaymentLeg, ...], plan: Plan | None, currency: str
) -> tuple[tuple[Fund, ...], PlanSummary | None]:
    """What a payment draws on, where it was not refused: its funds and its plan."""
    drawn = [trade.fund_line(reference, leg, plan) for leg in legs if leg.status not in _DRAWS_NOTHING]
    summary = plan_summary(trade.plan_line(plan), currency) if plan is not None and drawn else None
    return funds_of(drawn, currency), summary


def order_document(order: trade.Order, public_url: str) -> Order:
    """An order as its merchant sees it."""
    number = trade_no(order.order_id)
    return Order(
        order_id=str(order.order_id),
        reference=order.out_trade_no,
        trade_no=number,
        status=order_status(order.status, paid=order.paid_at is not None),
        subject=order.subject,
        amount=amount(order.amount_minor, order.currency),
        refunded_amount=amount(order.refunded_minor, order.currency),
        qr_code=f"{public_url}/qr/{number}",
        cashier_url=f"{public_url}/cashier/{number}",
        created_at=time_text(order.created_at),
        expires_at=time_text(order.expires_at),
        buyer_id=text_or_none(order.buyer_id),
        sub_merchant_id=text_or_none(order.sub_merchant_id),
        payment_id=text_or_none(order.payment_id),
        return_url=order.return_url,
        metadata=metadata_in(order.details),
        paid_at=time_or_none(order.paid_at),
        closed_at=time_or_none(order.closed_at),
    )


def order_view_document(reference: Reference, view: trade.OrderView, public_url: str) -> Order:
    """An order with what its payment draws on, and whether a bank is being asked for it."""
    document = order_document(view.order, public_url)
    if view.payment is None:
        return document
    funds, plan = _drawn(reference, view.legs, view.plan, view.order.currency)
    asking = document.status == "awaiting_payment" and _PAYMENT_STATUS[view.payment.status] == "in_progress"
    status = "in_progress" if asking else document.status
    return msgspec.structs.replace(document, status=status, funds=funds, plan=plan)


def payment_document(reference: Reference, view: trade.PaymentView) -> Payment:
    """A payment as one merchant sees it: its own orders' part. What it draws on is told only where it has the whole."""
    payment, orders = view.payment, view.orders
    order = orders[0]
    funds: tuple[Fund, ...] = ()
    plan = None
    if len(orders) == len(payment.order_ids):
        funds, plan = _drawn(reference, view.legs, view.plan, payment.currency)
    return Payment(
        payment_id=str(payment.payment_id),
        order_id=str(order.order_id),
        reference=order.out_trade_no,
        trade_no=trade_no(order.order_id),
        status=_PAYMENT_STATUS[payment.status],
        amount=amount(sum(each.amount_minor for each in orders), payment.currency),
        refunded_amount=amount(sum(_refunded_of(each, payment) for each in orders), payment.currency),
        payer_id=str(payment.payer_id),
        created_at=time_text(payment.created_at),
        funds=funds,
        plan=plan,
        reason=payment.reason,
        completed_at=time_or_none(payment.completed_at),
    )


def _refunded_of(order: trade.Order, payment: trade.Payment) -> int:
    """An earlier, refused attempt has no part in the refunds of the order that a later one paid."""
    return order.refunded_minor if order.payment_id == payment.payment_id else 0


def refund_document(refund: trade.Refund, order: trade.Order) -> Refund:
    """A refund. It depends on nothing that changes after it, so a repeated request gets the same document."""
    fee_back = None
    if refund.plan_fee_minor or refund.subsidy_minor:
        fee_back = FeeReturn(
            amount(refund.plan_fee_minor, order.currency), amount(refund.subsidy_minor, order.currency)
        )
    return Refund(
        refund_id=str(refund.refund_id),
        order_id=str(refund.order_id),
        payment_id=str(refund.payment_id),
        reference=order.out_trade_no,
        request_no=refund.out_request_no,
        status=_REFUND_STATUS[refund.status],
        amount=amount(refund.amount_minor, order.currency),
        total_refunded=amount(refund.cumulative_minor, order.currency),
        created_at=time_text(refund.created_at),
        plan_fee=fee_back,
        reason=refund.reason,
        completed_at=time_or_none(refund.completed_at),
    )


def render_payment(reference: Reference, outcome: trade.PayOutcome) -> Answer:
    """201, or a problem that says why the payment was refused and names the order, which stays payable."""
    order, payment = outcome.order, outcome.payment
    if outcome.result == trade.REFUSED or payment is None:
        return _refused_payment(order, payment, outcome.reason)
    view = trade.PaymentView(payment, outcome.legs, (order,), outcome.plan)
    return Answer(201, encode(payment_document(reference, view)))


def render_payment_again(reference: Reference, view: trade.PaymentView) -> Answer:
    """As `render_payment`, for a payment that was found by its id."""
    payment = view.payment
    if _PAYMENT_STATUS[payment.status] in ("refused", "closed"):
        return _refused_payment(view.orders[0], payment, payment.reason or "order_closed")
    return Answer(201, encode(payment_document(reference, view)))


def _refused_payment(order: trade.Order, payment: trade.Payment | None, reason: str | None) -> Answer:
    details = {"order_id": str(order.order_id), "reference": order.out_trade_no}
    if payment is not None:
        details["payment_id"] = str(payment.payment_id)
    return problem_answer(Refused(reason or "payment_refused", **details))


class _Progress(msgspec.Struct):
    status: str = ""
    payment_id: str = ""


def payment_in_progress(answer: Answer) -> int | None:
    """The payment that an answer shows as in progress."""
    if answer.status != 201:
        return None
    shown = msgspec.json.decode(answer.body, type=_Progress)
    return int(shown.payment_id) if shown.status == "in_progress" else None


def render_refund(outcome: trade.RefundOutcome) -> Answer:
    """The answer to a refund."""
    return Answer(201, encode(refund_document(outcome.refund, outcome.order)))


def render_refunds(view: trade.OrderView) -> Answer:
    """All refunds of an order."""
    return Answer(200, encode(Refunds(tuple(refund_document(refund, view.order) for refund in view.refunds))))


def render_cancellation(outcome: trade.CancelOutcome, public_url: str) -> Answer:
    """The answer to a cancel."""
    order, refund = outcome.order, outcome.refund
    document = Cancellation(
        action="close" if outcome.action == "close" else "refund" if outcome.action == "refund" else "none",
        order=order_document(order, public_url) if order is not None else None,
        refund=refund_document(refund.refund, refund.order) if refund is not None else None,
    )
    return Answer(200, encode(document))


def text_or_none(number: int | None) -> str | None:
    """An id as JSON has it."""
    return None if number is None else str(number)


def time_or_none(at: int | None) -> str | None:
    """An instant as JSON has it."""
    return None if at is None else time_text(at)


def canonical(value: Any) -> str:
    """A value as text for comparison: JSON with sorted members."""
    return msgspec.json.encode(value, order="sorted").decode()
