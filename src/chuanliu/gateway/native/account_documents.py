"""Events, webhooks, deliveries and the account as callers get them, and the bodies and queries that callers send."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chuanliu.gateway.native.event_body import BusinessEvent, Event
from chuanliu.gateway.native.fields import END, Id, Time, Url
from chuanliu.money import format_amount

EventKind = Literal["*", BusinessEvent]
Kinds = Annotated[list[EventKind], Meta(min_length=1, max_length=10, description="Which events; `*` is all.")]
DeliveryStatus = Literal["due", "delivered", "exhausted"]

_CURSOR_MAX = 2**63 - 1
After = Annotated[
    int, Meta(ge=0, le=_CURSOR_MAX, description="Cursor: what comes behind it. From the beginning if absent.")
]
Limit = Annotated[int, Meta(ge=1, le=100, description="How many at most.")]
CurrencyCode = Annotated[str, Meta(pattern="^[A-Z]{3}" + END, description="ISO 4217 code.")]


class SignedAmount(msgspec.Struct, frozen=True, gc=False):
    """An amount that may be negative."""

    currency: str
    value: Annotated[str, Meta(pattern=r"^-?[0-9]+(\.[0-9]{1,3})?" + END)]


def signed_amount(minor: int, currency: str) -> SignedAmount:
    """A signed amount as it is shown."""
    return SignedAmount(currency, format_amount(minor, currency))


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events, and how long to wait for the first."""

    after: After = 0
    limit: Limit = 20
    wait_s: Annotated[int, Meta(ge=0, le=20, description="Wait so many seconds for an event if there is none.")] = 0


class Events(msgspec.Struct, frozen=True):
    """Events in order. Ask on with `after` = `next_cursor`; nothing is ever inserted before it."""

    data: tuple[Event, ...]
    next_cursor: str


class NewWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where you want events."""

    url: Url
    kinds: Kinds = msgspec.field(default_factory=lambda: ["*"])


class WebhookChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What shall change. A disabled endpoint gets no events; those that happen meanwhile are not sent later."""

    url: Url | None = None
    kinds: Kinds | None = None
    status: Literal["active", "disabled"] | None = None


class Webhook(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An endpoint. `secret` is shown only when it is made; it signs by the Standard Webhooks scheme."""

    webhook_id: Id
    url: str
    kinds: list[str]
    status: Literal["active", "disabled"]
    created_at: Time
    secret: str | None = None
    previous_secret_valid_until: Time | None = None


class Webhooks(msgspec.Struct, frozen=True):
    """All endpoints."""

    data: tuple[Webhook, ...]


class DeliveriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which deliveries."""

    after: After = 0
    limit: Limit = 20
    # Not None: read as a query parameter, that would let the text `null` through.
    status: DeliveryStatus | msgspec.UnsetType = msgspec.UNSET


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One attempt. `response` is the beginning of what your server answered, or what went wrong before it could."""

    attempt: int
    started_at: Time
    outcome: str
    latency_ms: int
    http_status: int | None = None
    response: str | None = None


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One event to one destination. `webhook_id` is absent where the destination was the order's own."""

    delivery_id: Id
    event_id: Id
    type: str
    dialect: Literal["native", "alipay"]
    url: str
    status: DeliveryStatus
    attempts: int
    created_at: Time
    due_at: Time
    webhook_id: Id | None = None
    completed_at: Time | None = None
    log: tuple[Attempt, ...] = ()


class Deliveries(msgspec.Struct, frozen=True):
    """Deliveries, oldest first. Ask on with `after` = `next_cursor`."""

    data: tuple[Delivery, ...]
    next_cursor: str


class BalanceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which currency."""

    currency: CurrencyCode = "CNY"


class Balance(msgspec.Struct, frozen=True):
    """What you are owed now: payments less refunds, fees and payouts."""

    balance: SignedAmount


class StatementQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which lines."""

    after_seq: After = 0
    limit: Limit = 20
    currency: CurrencyCode = "CNY"


class StatementLine(msgspec.Struct, frozen=True):
    """One movement. `subject_id` is the payment, refund or payout; `balance` is what it left."""

    seq: int
    transfer_id: Id
    posted_at: Time
    kind: str
    subject_id: Id
    amount: SignedAmount
    balance: SignedAmount


class Statement(msgspec.Struct, frozen=True):
    """Numbered movements in order. `pending` has happened, is in `balance`, and gets its lines within moments."""

    data: tuple[StatementLine, ...]
    balance: SignedAmount
    pending: SignedAmount
    next_after_seq: int
