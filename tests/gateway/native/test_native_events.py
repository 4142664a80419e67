"""Events, webhook endpoints and deliveries over the native API."""

from __future__ import annotations

import asyncio
import json
import time
import typing
from typing import Any

import msgspec
import pytest
from native_platform import Merchant, NativePlatform, Reply, cny, order_body

from chuanliu.crypto import verify_webhook
from chuanliu.gateway.native import native_event, native_headers, subject_of
from chuanliu.gateway.native.account_documents import EventKind
from chuanliu.gateway.native.event_body import TEST_KIND, Event
from chuanliu.promotions import CAMPAIGN_EVENTS, BudgetLine, CampaignNotice
from chuanliu.trade import KINDS, snapshot_of


@pytest.fixture
def seller(platform: NativePlatform) -> Merchant:
    return platform.merchant()


def test_events_behind_a_cursor(platform: NativePlatform, seller: Merchant) -> None:
    paid = platform.paid(seller, "3.00", metadata={"table": "7"})
    refund = {"amount": cny("1.00"), "request_no": "r1"}
    platform.call(seller, "POST", f"/v1/payments/{paid['payment_id']}/refunds", refund)
    order = platform.call(seller, "POST", "/v1/orders", order_body(reference="closed-1")).json
    platform.call(seller, "POST", f"/v1/orders/{order['order_id']}/close")
    assert platform.call(seller, "GET", "/v1/events").json == {"data": [], "next_cursor": "0"}
    platform.dispatch()
    events: list[Any] = []
    cursor = "0"
    while page := platform.call(seller, "GET", f"/v1/events?after={cursor}&limit=2").json["data"]:
        events += page
        cursor = str(page[-1]["sequence"])
    assert [event["type"] for event in events] == ["order.paid", "order.refunded", "order.closed"]
    assert [event["sequence"] for event in events] == sorted(event["sequence"] for event in events)
    first, second, third = (event["data"] for event in events)
    assert first["order"]["status"] == "paid"
    assert (first["order"]["funds"], first["order"]["metadata"]) == (paid["funds"], {"table": "7"})
    assert (second["refund"]["request_no"], second["refund"]["amount"]) == ("r1", cny("1.00"))
    assert second["order"]["refunded_amount"] == cny("1.00")
    assert (third["order"]["reference"], third["order"]["status"]) == ("closed-1", "closed")


@pytest.mark.parametrize("query", ["after=0.0", "after=1e1", "after=", "limit=2.0", "wait_s=%2B1", "after=٣"])
def test_a_number_in_a_query_is_digits(platform: NativePlatform, seller: Merchant, query: str) -> None:
    reply = platform.call(seller, "GET", f"/v1/events?{query}")
    assert reply.status == 400 and reply.json["code"] == "invalid_parameter"
    assert reply.json["field"] == query.split("=", maxsplit=1)[0]


def test_waiting_for_an_event(platform: NativePlatform, seller: Merchant) -> None:
    async def wait() -> tuple[Reply, float]:
        started = time.monotonic()
        reply = await platform.calling(seller, "GET", "/v1/events?wait_s=10")
        return reply, time.monotonic() - started

    async def nothing() -> Reply:
        return await platform.calling(seller, "GET", "/v1/events?wait_s=1")

    assert platform.run(nothing()).json["data"] == []
    waiting = asyncio.run_coroutine_threadsafe(wait(), platform.loop)
    platform.paid(seller)
    platform.dispatch()
    reply, seconds = waiting.result(15)
    assert len(reply.json["data"]) == 1
    assert seconds < 8


def test_the_life_of_an_endpoint(platform: NativePlatform, seller: Merchant) -> None:
    made = platform.call(seller, "POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/a", "kinds": ["order.paid"]})
    hook = made.json
    assert (made.status, hook["kinds"], hook["status"]) == (201, ["order.paid"], "active")
    assert hook["secret"].startswith("whsec_")
    path = f"/v1/webhooks/{hook['webhook_id']}"
    shown = {name: value for name, value in hook.items() if name != "secret"}
    assert platform.call(seller, "GET", path).json == shown
    assert platform.call(seller, "GET", "/v1/webhooks").json == {"data": [shown]}
    changed = platform.call(seller, "PATCH", path, {"kinds": ["order.closed", "*"], "status": "disabled"}).json
    assert (changed["kinds"], changed["status"], changed["url"]) == (["*"], "disabled", hook["url"])
    rotated = platform.call(seller, "POST", path + "/rotate_secret").json
    assert rotated["secret"] not in ("", hook["secret"])
    assert "previous_secret_valid_until" in rotated
    gone = platform.call(seller, "DELETE", path)
    assert (gone.status, gone.body) == (204, b"")
    assert platform.call(seller, "GET", path).code == "webhook_not_found"
    assert platform.call(seller, "DELETE", path).code == "webhook_not_found"
    assert platform.call(seller, "GET", "/v1/webhooks").json == {"data": []}


def test_a_repeated_key_shows_the_same_secret_which_is_stored_sealed(
    platform: NativePlatform, seller: Merchant
) -> None:
    headers = {"idempotency-key": "hook-1"}
    body = {"url": "http://127.0.0.1:9/a"}
    first = platform.call(seller, "POST", "/v1/webhooks", body, headers=headers)
    again = platform.call(seller, "POST", "/v1/webhooks", body, headers=headers)
    assert (again.status, again.body) == (201, first.body)
    assert len(platform.call(seller, "GET", "/v1/webhooks").json["data"]) == 1
    stored = platform.sql("SELECT outcome FROM idempotency WHERE merchant_id = %s", seller.merchant_id)
    assert all(first.json["secret"].encode() not in bytes(outcome) for (outcome,) in stored)
    other = platform.call(seller, "POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/b"}, headers=headers)
    assert (other.status, other.code, other.json["field"]) == (409, "idempotency_conflict", "url")


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "http://user:pw@example.com/", "ftp://example.com/"])
def test_destinations_that_are_refused(platform: NativePlatform, seller: Merchant, url: str) -> None:
    reply = platform.call(seller, "POST", "/v1/webhooks", {"url": url})
    assert (reply.status, reply.json["field"]) in ((422, "url"), (400, "url"))
    assert platform.call(seller, "GET", "/v1/webhooks").json == {"data": []}


def test_deliveries_and_redelivery(platform: NativePlatform, seller: Merchant) -> None:
    hook = platform.call(seller, "POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/a"}).json
    platform.paid(seller)
    platform.dispatch()
    tested = platform.call(seller, "POST", f"/v1/webhooks/{hook['webhook_id']}/test")
    assert (tested.status, tested.json["type"], tested.json["status"]) == (202, "webhook.test", "due")
    listed = platform.call(seller, "GET", "/v1/deliveries").json
    assert [each["type"] for each in listed["data"]] == ["order.paid", "webhook.test"]
    assert {each["webhook_id"] for each in listed["data"]} == {hook["webhook_id"]}
    assert platform.call(seller, "GET", f"/v1/deliveries?after={listed['next_cursor']}").json["data"] == []
    number = listed["data"][0]["delivery_id"]
    platform.sql(
        "INSERT INTO delivery_attempt SELECT cell, delivery_id, 1, now(), 'refused', 500, 12, 'no' FROM delivery"
        " WHERE delivery_id = %s",
        int(number),
    )
    platform.sql("UPDATE delivery SET status = 'exhausted', attempts = 1 WHERE delivery_id = %s", int(number))
    assert len(platform.call(seller, "GET", "/v1/deliveries?status=exhausted").json["data"]) == 1
    shown = platform.call(seller, "GET", f"/v1/deliveries/{number}").json
    assert (shown["log"][0]["http_status"], shown["log"][0]["response"]) == (500, "no")
    again = platform.call(seller, "POST", f"/v1/deliveries/{number}/redeliver")
    assert (again.status, again.json["status"], again.json["attempts"]) == (202, "due", 1)


def test_a_webhook_is_the_event_signed_by_standard_webhooks(platform: NativePlatform, seller: Merchant) -> None:
    platform.call(seller, "POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/a"})
    platform.paid(seller)
    platform.dispatch()
    ((kind, payload, event_id, seq),) = platform.sql(
        "SELECT kind, payload, event_id, event_seq FROM delivery WHERE merchant_id = %s", seller.merchant_id
    )
    body = native_event(kind, snapshot_of(payload), event_id, seq)
    assert json.loads(body) == platform.call(seller, "GET", "/v1/events").json["data"][0]
    secret = "whsec_" + "QUFB" * 8
    headers = native_headers(event_id, 1_800_000_000_000_000, [secret], body)
    assert headers["webhook-timestamp"] == "1800000000"
    assert verify_webhook(secret, headers["webhook-id"], 1_800_000_000, body, headers["webhook-signature"])


def test_every_kind_of_event_is_documented() -> None:
    documented = typing.get_args(typing.get_type_hints(Event)["type"])
    assert set(documented) == {*KINDS, *CAMPAIGN_EVENTS, TEST_KIND}
    assert set(typing.get_args(EventKind)) == {*KINDS, *CAMPAIGN_EVENTS, "*"}


def test_a_campaigns_event_tells_its_owner_of_each_budget() -> None:
    line = BudgetLine(2088000000001001, "Brand", 100_00, 20_00)
    notice = CampaignNotice(7, 2088000000000001, "spring", "Spring", "春天", "published", "CNY", (line,))
    payload = msgspec.json.encode(notice)
    body = json.loads(native_event("campaign.budget_warning", subject_of("campaign.budget_warning", payload), 5, 9))
    assert (body["type"], body["sequence"], list(body["data"])) == ("campaign.budget_warning", 9, ["campaign"])
    cny = {"currency": "CNY"}
    assert body["data"]["campaign"]["budgets"] == [
        {
            "sponsor_id": "2088000000001001",
            "name": "Brand",
            "budget": cny | {"value": "100.00"},
            "left": cny | {"value": "20.00"},
        }
    ]


def test_balance_and_statement(platform: NativePlatform) -> None:
    seller = platform.merchant(fee_bps=60)
    paid = platform.paid(seller, "100.00")
    assert platform.call(seller, "GET", "/v1/balance").json == {"balance": cny("99.40")}
    before = platform.call(seller, "GET", "/v1/statement").json
    assert (before["data"], before["pending"], before["balance"]) == ([], cny("99.40"), cny("99.40"))
    platform.fold()
    lines = platform.call(seller, "GET", "/v1/statement?limit=1").json
    [line] = lines["data"]
    rest = platform.call(seller, "GET", f"/v1/statement?after_seq={lines['next_after_seq']}").json["data"]
    found = {(each["kind"], each["amount"]["value"]) for each in (line, *rest)}
    assert found == {("payment", "100.00"), ("fee", "-0.60")}
    assert {each["subject_id"] for each in (line, *rest)} == {paid["payment_id"]}
    assert rest[-1]["balance"] == cny("99.40")
    assert platform.call(seller, "GET", "/v1/balance?currency=USD").json["balance"]["value"] == "0.00"
    unknown = platform.call(seller, "GET", "/v1/balance?currency=ABC")
    assert (unknown.status, unknown.code, unknown.json["field"]) == (400, "currency_not_supported", "currency")
