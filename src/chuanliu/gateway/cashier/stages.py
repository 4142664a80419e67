"""Which stage of the cashier an order and its viewer are in. What is shown of a payer is shown to that payer only."""

from __future__ import annotations

import msgspec

from chuanliu.clock import Micros
from chuanliu.gateway.alipay import OrderDetails, qr_text
from chuanliu.ids import trade_no
from chuanliu.parties import ConsumerView
from chuanliu.trade import Order, OrderView
from chuanliu.web import (
    AlreadyPaid,
    Choose,
    Closed,
    DemoConsumer,
    Expired,
    FundingChoice,
    InProgress,
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


def paid_stage(view: OrderView, payer: ConsumerView, return_url: str) -> Paid:
    """The result for the payer who paid."""
    order = view.order
    method = view.legs[0].method if view.legs else "balance"
    return Paid(order.paid_at or order.created_at, masked_name(payer.consumer.name), method, return_url=return_url)


def open_stage(
    view: OrderView,
    viewer: Viewer,
    details: OrderDetails,
    *,
    public_url: str,
    demo_consumers: tuple[DemoConsumer, ...] = (),
) -> Stage:
    """The stage of an order that waits for a payer."""
    order = view.order
    path = page_path(order)
    payer = viewer.payer
    if payer is None:
        return SignIn(
            path,
            viewer.csrf_token,
            demo_consumers,
            qr_text(public_url, order.order_id),
            f"{path}/status",
            viewer.entered_user_id,
            viewer.problem_code,
        )
    if view.payment is not None and view.payment.payer_id != payer.consumer.consumer_id:
        return InProgress(path)
    return Choose(
        f"{path}/pay",
        viewer.csrf_token,
        masked_name(payer.consumer.name),
        (balance_choice(order, payer, details),),
        f"{path}/sign-out",
        viewer.problem_code,
    )


def balance_choice(order: Order, payer: ConsumerView, details: OrderDetails) -> FundingChoice:
    """The payer's balance as a way to pay, with the reason where it cannot."""
    account = payer.account
    available_minor = account.available_minor if account is not None else None
    refusal = ""
    if payer.consumer.status != "active":
        refusal = "buyer_blocked"
    elif not details.balance_allowed or available_minor is None:
        refusal = "no_funding_method"
    elif payer.consumer.consumer_id in {order.merchant_id, order.sub_merchant_id}:
        refusal = "buyer_is_seller"
    elif order.buyer_id not in {None, payer.consumer.consumer_id}:
        refusal = "buyer_mismatch"
    elif available_minor < order.amount_minor:
        refusal = "balance_insufficient"
    return FundingChoice("balance", "", available_minor, order.currency, refusal_code=refusal)
