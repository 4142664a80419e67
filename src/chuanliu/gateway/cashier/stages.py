"""Which stage of the cashier an order and its viewer are in. What is shown of a payer is shown to that payer only."""

from __future__ import annotations

import msgspec

from chuanliu.clock import Micros
from chuanliu.gateway.alipay import OrderDetails, qr_text
from chuanliu.gateway.cashier.choices import choice_of_plan
from chuanliu.ids import trade_no
from chuanliu.parties import ConsumerView
from chuanliu.trade import Order, OrderView
from chuanliu.web import (
    AlreadyPaid,
    Choose,
    Closed,
    DemoConsumer,
    Expired,
    InProgress,
    Means,
    OrderSummary,
    Paid,
    SignIn,
    Stage,
)

_PAID = frozenset({"TRADE_SUCCESS", "TRADE_FINISHED"})
_UNDECIDED = frozenset({"AUTHORISING", "UNKNOWN"})


class Viewer(msgspec.Struct, frozen=True):
    """Who looks at the order: a signed-in payer or nobody, with the forms' token and what went wrong before."""

    csrf_token: str
    payer: ConsumerView | None = None
    problem_code: str = ""
    entered_user_id: str = ""


def masked_name(name: str) -> str:
    """A name that its bearer recognises: without the first character, or only the ends of a longer one."""
    return f"*{name[1:]}" if len(name) <= 4 else f"{name[0]}***{name[-1]}"


def page_path(order: Order) -> str:
    """The address of an order's cashier on this site."""
    return f"/cashier/{trade_no(order.order_id)}"


def summary_of(order: Order, merchant_name: str, details: OrderDetails) -> OrderSummary:
    """What anybody who has the order's address may see of it."""
    return OrderSummary(
        merchant_name,
        order.subject,
        order.amount_minor,
        order.currency,
        order.out_trade_no,
        trade_no(order.order_id),
        order.expires_at,
        details.quit_url or "",
    )


def settled_stage(view: OrderView, now: Micros) -> Stage | None:
    """The stage of an order that is not to be paid by anybody now; None for one that waits for a payer."""
    order = view.order
    if order.status in _PAID:
        return AlreadyPaid(order.paid_at)
    if order.status == "TRADE_CLOSED":
        timed_out = order.paid_at is None and order.closed_at is not None and order.closed_at >= order.expires_at
        return Expired() if timed_out else Closed()
    if order.expires_at <= now:
        return Expired()
    if view.payment is not None and view.payment.status in _UNDECIDED:
        return InProgress(page_path(order))
    return None


def paid_by(view: OrderView, payer: ConsumerView) -> bool:
    """Whether this payer paid the order: nobody else sees who did, nor the merchant's signed result."""
    order = view.order
    return order.status in _PAID and order.buyer_id == payer.consumer.consumer_id


def paid_stage(view: OrderView, payer: ConsumerView, means: Means, return_url: str) -> Paid:
    """The result for the payer who paid, by these means."""
    order = view.order
    paid_at = order.paid_at or order.created_at
    return Paid(paid_at, masked_name(payer.consumer.name), means, return_url, choice_of_plan(view.plan))


def paying_instrument(view: OrderView) -> int | None:
    """The card or line that paid; None for the balance."""
    return view.legs[0].instrument_id if view.legs else None


def sign_in_stage(
    order: Order, viewer: Viewer, *, public_url: str, demo_consumers: tuple[DemoConsumer, ...] = ()
) -> SignIn:
    """The stage of an order that waits for somebody to sign in."""
    path = page_path(order)
    return SignIn(
        path,
        viewer.csrf_token,
        demo_consumers,
        qr_text(public_url, order.order_id),
        f"{path}/status",
        viewer.entered_user_id,
        viewer.problem_code,
    )


def choose_stage(
    order: Order,
    viewer: Viewer,
    payer: ConsumerView,
    means: tuple[Means, ...] = (),
    quote_id: int | None = None,
    cools_until: Micros | None = None,
) -> Choose:
    """The stage in which a payer chooses among what she was quoted."""
    path = page_path(order)
    return Choose(
        f"{path}/pay",
        viewer.csrf_token,
        masked_name(payer.consumer.name),
        means,
        "" if quote_id is None else str(quote_id),
        f"{path}/sign-out",
        viewer.problem_code,
        cools_until,
    )


def waits_for_other(view: OrderView, payer: ConsumerView) -> bool:
    """Whether somebody else has begun to pay."""
    return view.payment is not None and view.payment.payer_id != payer.consumer.consumer_id


def refusal_of(order: Order, payer: ConsumerView) -> str:
    """Why this payer may not pay this order by any means, as an error code; empty where she may."""
    if payer.consumer.status != "active":
        return "buyer_blocked"
    if payer.consumer.consumer_id in {order.merchant_id, order.sub_merchant_id}:
        return "buyer_is_seller"
    return "buyer_mismatch" if order.buyer_id not in {None, payer.consumer.consumer_id} else ""
