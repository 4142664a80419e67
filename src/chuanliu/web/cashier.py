"""The cashier: what it shows in each stage of a payment, and the page."""

from __future__ import annotations

import msgspec

from chuanliu.clock import Micros
from chuanliu.web.choices import Choice, Means
from chuanliu.web.language import Language
from chuanliu.web.rendering import render
from chuanliu.web.wording import remaining_seconds


class OrderSummary(msgspec.Struct, frozen=True):
    """What is being paid for. `back_url` is the merchant's page for people who turn back; empty where there is none."""

    merchant_name: str
    subject: str
    amount_minor: int
    currency: str
    out_trade_no: str
    trade_no: str
    expires_at: Micros | None = None
    back_url: str = ""


class DemoConsumer(msgspec.Struct, frozen=True):
    """A sandbox consumer who signs in with one click. The name comes masked."""

    user_id: str
    masked_name: str
    balance_minor: int
    currency: str = "CNY"


class SignIn(msgspec.Struct, frozen=True):
    """Nobody has signed in. The form posts `csrf_token`, `lang` and either `demo_user_id` or `user_id` and `password`.

    `qr_content` is what a wallet scans, empty for none. `status_url` answers JSON `{"stage": NAME}`, where NAME stays
    `sign-in` while nothing has happened; the page asks every two seconds and reloads when it differs; empty for none.
    """

    action: str
    csrf_token: str
    consumers: tuple[DemoConsumer, ...] = ()
    qr_content: str = ""
    status_url: str = ""
    user_id: str = ""
    problem_code: str = ""


class Choose(msgspec.Struct, frozen=True):
    """A consumer has signed in and chooses how to pay. The form posts `csrf_token`, `lang`, `quote_id` and `offer`.

    The first choice is preselected; with none (an insufficient balance, say) there is nothing to press. Until
    `cools_until` the payer wanted to think purchases on credit over: the form offers to post `agreed`.
    """

    action: str
    csrf_token: str
    payer_name: str
    means: tuple[Means, ...]
    quote_id: str = ""
    sign_out_action: str = ""
    problem_code: str = ""
    cools_until: Micros | None = None


class InProgress(msgspec.Struct, frozen=True):
    """A payment of this order is being decided. The page asks again by itself at `refresh_url`."""

    refresh_url: str


class Paid(msgspec.Struct, frozen=True):
    """This payer has just paid. `return_url` is the signed one; empty where the merchant gave none.

    `choice` is how she pays in instalments, if she does.
    """

    paid_at: Micros
    payer_name: str
    means: Means
    return_url: str = ""
    choice: Choice | None = None


class AlreadyPaid(msgspec.Struct, frozen=True):
    """The order was paid before this page was opened."""

    paid_at: Micros | None = None


class Closed(msgspec.Struct, frozen=True):
    """The merchant closed or cancelled the order."""


class Expired(msgspec.Struct, frozen=True):
    """The order's time to pay is over."""


Stage = SignIn | Choose | InProgress | Paid | AlreadyPaid | Closed | Expired

_NAMES: dict[type[Stage], str] = {
    SignIn: "sign-in",
    Choose: "choose",
    InProgress: "in-progress",
    Paid: "paid",
    AlreadyPaid: "already-paid",
    Closed: "closed",
    Expired: "expired",
}


_CHANGED = frozenset(
    {"quote_expired", "quote_used", "budget_exhausted", "campaign_ended", "campaign_limit_reached", "offer_not_found"}
)
"""Nothing went wrong: what is offered has changed, and is to be chosen again."""


class CashierView(msgspec.Struct, frozen=True):
    """One cashier page. `page_path` is its address for GET, without which the language cannot be switched."""

    language: Language
    page_path: str
    now: Micros
    order: OrderSummary
    stage: Stage
    sandbox: bool = True


def stage_name(stage: Stage) -> str:
    """The name of a stage in status answers and in the page's markup, such as `in-progress`."""
    return _NAMES[type(stage)]


def render_cashier(view: CashierView) -> str:
    """The cashier page as HTML. Nothing in it is trusted: names, subjects and links are escaped or dropped."""
    stage = view.stage
    order = view.order
    payable = isinstance(stage, SignIn | Choose)
    offers = [choice for each in stage.means for choice in each.choices] if isinstance(stage, Choose) else []
    return render(
        "cashier.html",
        view.language,
        view=view,
        order=order,
        stage=stage,
        stage_name=stage_name(stage),
        chosen=offers[0].position if offers else None,
        only_changed=isinstance(stage, Choose) and stage.problem_code in _CHANGED,
        only_choice=offers[0] if len(offers) == 1 else None,
        remaining_seconds=remaining_seconds(order.expires_at, view.now) if payable and order.expires_at else None,
    )
