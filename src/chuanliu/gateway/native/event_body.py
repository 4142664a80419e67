"""Events as merchants get them: the same JSON in a webhook and from `GET /v1/events`.

Everything is in the payload that was written with the change, and the time is the event id's, so an event looks the
same however often and by whichever way it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from chuanliu import trade
from chuanliu.clock import SECOND, Micros, iso_text
from chuanliu.crypto import sign_webhook
from chuanliu.gateway.native.documents import Fund, OrderStatus
from chuanliu.gateway.native.fields import Amount, Id, PartyNumber, Time, amount
from chuanliu.gateway.native.instalment_documents import PlanSummary
from chuanliu.gateway.native.rendering import (
    encode,
    funds_of,
    metadata_in,
    order_status,
    plan_summary,
    text_or_none,
    time_or_none,
)
from chuanliu.ids import id_millis, trade_no
from chuanliu.promotions import CAMPAIGN_EVENTS, CampaignNotice, notice_of

TEST_KIND: Final = "webhook.test"
TEST_PAYLOAD: Final = encode(trade.OrderSnapshot(0, 0, 0, "", "WAIT_BUYER_PAY", "", "", "CNY", 0, 0, 0))
"""Every delivery carries an order's snapshot; a test's says nothing and is not shown."""


BusinessEvent = Literal[
    "order.paid",
    "order.closed",
    "order.refunded",
    "campaign.published",
    "campaign.budget_warning",
    "campaign.exhausted",
    "campaign.paused",
    "campaign.closed",
]
EventType = Literal[BusinessEvent, "webhook.test"]

EventSubject = trade.OrderSnapshot | CampaignNotice


def subject_of(kind: str, payload: bytes) -> EventSubject:
    """What an event's payload tells of."""
    return notice_of(payload) if kind in CAMPAIGN_EVENTS else trade.snapshot_of(payload)


class EventOrder(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """The order as it was when the event happened."""

    order_id: Id
    reference: str
    trade_no: str
    status: OrderStatus
    subject: str
    amount: Amount
    refunded_amount: Amount
    created_at: Time
    buyer_id: PartyNumber | None = None
    payment_id: Id | None = None
    funds: tuple[Fund, ...] = ()
    plan: PlanSummary | None = None
    metadata: dict[str, str] | None = None
    paid_at: Time | None = None
    closed_at: Time | None = None


class EventRefund(msgspec.Struct, frozen=True, gc=False):
    """The refund that an `order.refunded` event tells of."""

    refund_id: Id
    request_no: str
    amount: Amount
    completed_at: Time | None


class EventBudget(msgspec.Struct, frozen=True, gc=False):
    """One sponsor's budget; `left` is null where it was not counted."""

    sponsor_id: PartyNumber
    name: str
    budget: Amount
    left: Amount | None


class EventCampaign(msgspec.Struct, frozen=True, gc=False):
    """The campaign that an event tells its owner of, with all budgets, or a sponsor, with its own."""

    campaign_id: Id
    code: str
    name: str
    name_zh: str
    status: str
    budgets: tuple[EventBudget, ...]


class EventData(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the event is about."""

    order: EventOrder | None = None
    refund: EventRefund | None = None
    campaign: EventCampaign | None = None


class Event(msgspec.Struct, frozen=True, gc=False):
    """Something that happened. `id` is the same in every delivery; `sequence` orders events. A test has no order."""

    id: Id
    type: EventType
    created_at: Time
    sequence: Annotated[int, Meta(ge=0)]
    data: EventData


def event_document(kind: str, subject: EventSubject, event_id: int, sequence: int) -> Event:
    """An event from what the log or a delivery holds."""
    data = EventData()
    if isinstance(subject, CampaignNotice):
        data = EventData(campaign=_campaign(subject))
    elif kind != TEST_KIND:
        data = EventData(_order(subject), _refund(subject))
    created_at = iso_text(id_millis(event_id) * 1000)
    return msgspec.convert(
        {"id": str(event_id), "type": kind, "created_at": created_at, "sequence": sequence, "data": data}, Event
    )


def native_event(kind: str, subject: EventSubject, event_id: int, sequence: int) -> bytes:
    """The body of a webhook, from what the dispatcher wrote into its delivery."""
    return encode(event_document(kind, subject, event_id, sequence))


def native_headers(event_id: int, now: Micros, secrets: Sequence[str], body: bytes) -> dict[str, str]:
    """Headers of a webhook by the Standard Webhooks scheme; `secrets` are `whsec_…`, several during a rotation."""
    seconds = now // SECOND
    return {
        "content-type": "application/json",
        "webhook-id": str(event_id),
        "webhook-timestamp": str(seconds),
        "webhook-signature": sign_webhook(secrets, str(event_id), seconds, body),
    }


def _order(snapshot: trade.OrderSnapshot) -> EventOrder:
    return EventOrder(
        order_id=str(snapshot.order_id),
        reference=snapshot.out_trade_no,
        trade_no=trade_no(snapshot.order_id),
        status=order_status(snapshot.status, paid=snapshot.paid_at is not None),
        subject=snapshot.subject,
        amount=amount(snapshot.amount_minor, snapshot.currency),
        refunded_amount=amount(snapshot.refunded_minor, snapshot.currency),
        created_at=iso_text(snapshot.created_at),
        buyer_id=text_or_none(snapshot.buyer_id),
        payment_id=text_or_none(snapshot.payment_id),
        funds=funds_of(snapshot.funds, snapshot.currency),
        plan=None if snapshot.plan is None else plan_summary(snapshot.plan, snapshot.currency),
        metadata=metadata_in(snapshot.details),
        paid_at=time_or_none(snapshot.paid_at),
        closed_at=time_or_none(snapshot.closed_at),
    )


def _campaign(notice: CampaignNotice) -> EventCampaign:
    budgets = tuple(
        EventBudget(
            str(line.sponsor_id),
            line.name,
            amount(line.budget_minor, notice.currency),
            None if line.left_minor is None else amount(line.left_minor, notice.currency),
        )
        for line in notice.budgets
    )
    return EventCampaign(str(notice.campaign_id), notice.code, notice.name, notice.name_zh, notice.status, budgets)


def _refund(snapshot: trade.OrderSnapshot) -> EventRefund | None:
    if snapshot.refund_id is None or snapshot.refund_minor is None:
        return None
    return EventRefund(
        str(snapshot.refund_id),
        snapshot.refund_request_no or "",
        amount(snapshot.refund_minor, snapshot.currency),
        time_or_none(snapshot.refund_at),
    )
