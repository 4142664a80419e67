"""Orders, payments and refunds over the native API, on a real engine and database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from native_platform import Merchant, NativePlatform, Reply, cny, order_body, payment_body


def test_a_payment_by_code(platform: NativePlatform, merchant: Merchant) -> None:
    consumer = platform.consumer(5_000)
    body = payment_body(platform.payment_code(consumer), "12.34", reference="tea-1", metadata={"table": "7"})
    reply = platform.call(merchant, "POST", "/v1/payments", body)
    assert reply.status == 201
    paid = reply.json
    assert (paid["status"], paid["amount"], paid["reference"]) == ("succeeded", cny("12.34"), "tea-1")
    assert paid["funds"] == [{"method": "balance", "amount": cny("12.34")}]
    assert paid["payer_id"] == str(consumer)
    assert platform.call(merchant, "GET", f"/v1/payments/{paid['payment_id']}").json == paid
    order = platform.call(merchant, "GET", f"/v1/orders/{paid['order_id']}").json
    assert (order["status"], order["metadata"], order["trade_no"]) == ("paid", {"table": "7"}, paid["trade_no"])
    assert platform.call(merchant, "GET", "/v1/orders?reference=tea-1").json == order
    assert platform.call(merchant, "GET", "/v1/balance").json == {"balance": cny("12.34")}


def test_the_key_is_the_reference(platform: NativePlatform, merchant: Merchant) -> None:
    code = platform.payment_code(platform.consumer())
    headers = {"idempotency-key": "key-1"}
    first = platform.call(merchant, "POST", "/v1/payments", payment_body(code), headers=headers)
    again = platform.call(merchant, "POST", "/v1/payments", payment_body(code), headers=headers)
    other = platform.call(merchant, "POST", "/v1/payments", payment_body(code, "11.00"), headers=headers)
    assert (first.status, first.json["reference"]) == (201, "key-1")
    assert (again.status, again.body) == (201, first.body)
    assert (other.status, other.code, other.json["field"]) == (409, "order_inconsistent", "amount.value")


def test_a_key_beside_a_reference_gives_the_first_answer(platform: NativePlatform, merchant: Merchant) -> None:
    poor = platform.consumer(1)
    body = payment_body(platform.payment_code(poor), reference="both-1")
    headers = {"idempotency-key": "both-key-1"}
    first = platform.call(merchant, "POST", "/v1/payments", body, headers=headers)
    again = platform.call(merchant, "POST", "/v1/payments", body, headers=headers)
    assert (first.status, first.code) == (422, "balance_insufficient")
    assert (again.status, again.body) == (422, first.body)
    changed = {**body, "subject": "other tea"}
    other = platform.call(merchant, "POST", "/v1/payments", changed, headers=headers)
    assert (other.status, other.code, other.json["field"]) == (409, "idempotency_conflict", "subject")


def test_neither_key_nor_number(platform: NativePlatform, merchant: Merchant) -> None:
    paid = platform.paid(merchant)
    for path, body in (
        ("/v1/payments", payment_body("280000000000000000")),
        ("/v1/orders", order_body()),
        ("/v1/refunds", {"order_id": paid["order_id"], "amount": cny("1.00")}),
        (f"/v1/payments/{paid['payment_id']}/refunds", {"amount": cny("1.00")}),
    ):
        reply = platform.call(merchant, "POST", path, body)
        assert (reply.status, reply.code, reply.json["field"]) == (400, "invalid_parameter", "Idempotency-Key")


def test_a_refused_payment_names_the_order_which_stays_payable(platform: NativePlatform, merchant: Merchant) -> None:
    body = payment_body(platform.payment_code(platform.consumer(1)), reference="poor-1")
    refused = platform.call(merchant, "POST", "/v1/payments", body)
    assert (refused.status, refused.code) == (422, "balance_insufficient")
    details = refused.json["details"]
    attempt = platform.call(merchant, "GET", f"/v1/payments/{details['payment_id']}").json
    assert (attempt["status"], attempt["reason"]) == ("refused", "balance_insufficient")
    rich = payment_body(platform.payment_code(platform.consumer()), reference="poor-1")
    paid = platform.call(merchant, "POST", "/v1/payments", rich).json
    assert (paid["status"], paid["order_id"]) == ("succeeded", details["order_id"])
    late = platform.call(merchant, "GET", f"/v1/payments/{details['payment_id']}").json
    assert late["status"] == "refused"


def test_a_payment_that_waits_for_its_payer(platform: NativePlatform, merchant: Merchant) -> None:
    consumer = platform.consumer(confirm_above_minor=100)
    body = payment_body(platform.payment_code(consumer), reference="wait-1")
    waiting = platform.call(merchant, "POST", "/v1/payments", body)
    assert (waiting.status, waiting.json["status"]) == (201, "awaiting_payer")
    platform.confirm(waiting.json["payment_id"], consumer)
    found = platform.call(merchant, "GET", f"/v1/payments/{waiting.json['payment_id']}").json
    assert found["status"] == "succeeded"


def test_an_order_paid_in_the_cashier(platform: NativePlatform, merchant: Merchant) -> None:
    made = platform.call(merchant, "POST", "/v1/orders", order_body(reference="qr-1", expires_in_s=600))
    order = made.json
    assert (made.status, order["status"]) == (201, "awaiting_payment")
    assert order["qr_code"] == f"https://pay.example/qr/{order['trade_no']}"
    assert order["cashier_url"] == f"https://pay.example/cashier/{order['trade_no']}"
    platform.pay_order(order["order_id"], platform.consumer())
    again = platform.call(merchant, "POST", "/v1/orders", order_body(reference="qr-1"))
    assert (again.status, again.json["status"]) == (201, "paid")
    dollars = order_body(reference="qr-1") | {"amount": {"currency": "USD", "value": "10.00"}}
    assert platform.call(merchant, "POST", "/v1/orders", dollars).json["field"] == "amount.currency"
    other = platform.call(merchant, "POST", "/v1/orders", order_body("9.99", reference="qr-1"))
    assert (other.status, other.code, other.json["field"]) == (409, "order_inconsistent", "amount.value")


def test_closing_and_cancelling(platform: NativePlatform, merchant: Merchant) -> None:
    order = platform.call(merchant, "POST", "/v1/orders", order_body(reference="close-1")).json
    for _ in range(2):
        closed = platform.call(merchant, "POST", f"/v1/orders/{order['order_id']}/close")
        assert (closed.status, closed.json["status"]) == (200, "closed")
    paid = platform.paid(merchant)
    late = platform.call(merchant, "POST", f"/v1/orders/{paid['order_id']}/close")
    assert (late.status, late.code) == (422, "order_status_invalid")
    undone = platform.call(merchant, "POST", "/v1/orders/cancel", {"order_id": paid["order_id"]}).json
    assert (undone["action"], undone["order"]["status"]) == ("refund", "refunded")
    assert undone["refund"]["amount"] == cny("10.00")
    for named in ({"order_id": "16"}, {"order_id": order["order_id"]}):
        astray = platform.call(merchant, "POST", "/v1/orders/cancel", {**named, "reference": paid["reference"]})
        assert (astray.status, astray.code) == (404, "order_not_found")
    unseen = platform.call(merchant, "POST", "/v1/orders/cancel", {"reference": "unseen-1"})
    assert (unseen.status, unseen.json) == (200, {"action": "none"})
    code = platform.payment_code(platform.consumer())
    barred = platform.call(merchant, "POST", "/v1/payments", payment_body(code, reference="unseen-1"))
    assert (barred.status, barred.code) == (422, "order_closed")
    assert platform.call(merchant, "GET", "/v1/orders?reference=unseen-1").code == "order_not_found"


def test_refunds(platform: NativePlatform, merchant: Merchant) -> None:
    paid = platform.paid(merchant, "10.00")
    path = f"/v1/payments/{paid['payment_id']}/refunds"
    first = platform.call(merchant, "POST", path, {"amount": cny("4.00"), "request_no": "r1", "reason": "cold tea"})
    assert (first.status, first.json["total_refunded"], first.json["status"]) == (201, cny("4.00"), "succeeded")
    rest = {"order_id": paid["order_id"], "amount": cny("6.00")}
    second = platform.call(merchant, "POST", "/v1/refunds", rest, headers={"idempotency-key": "r2"})
    assert (second.status, second.json["request_no"]) == (201, "r2")
    again = platform.call(merchant, "POST", path, {"amount": cny("4.00"), "request_no": "r1"})
    assert (again.status, again.body) == (201, first.body)
    other = platform.call(merchant, "POST", path, {"amount": cny("5.00"), "request_no": "r1"})
    assert (other.status, other.code, other.json["field"]) == (409, "refund_inconsistent", "amount.value")
    more = platform.call(merchant, "POST", path, {"amount": cny("0.01"), "request_no": "r3"})
    assert (more.status, more.code) == (422, "refund_exceeds_payment")
    listed = platform.call(merchant, "GET", f"/v1/orders/{paid['order_id']}/refunds").json["data"]
    assert listed == [first.json, second.json]
    assert platform.call(merchant, "GET", f"/v1/refunds/{first.json['refund_id']}").json == first.json
    reserved = platform.call(merchant, "POST", path, {"amount": cny("1.00"), "request_no": "cancel:1"})
    assert (reserved.status, reserved.json["field"]) == (400, "request_no")


def test_one_key_at_the_same_time_moves_money_once(platform: NativePlatform, merchant: Merchant) -> None:
    paid = platform.paid(merchant, "10.00")
    body = {"reference": paid["reference"], "amount": cny("1.00"), "request_no": "storm"}

    async def storm() -> list[Reply]:
        headers = {"idempotency-key": "storm-key"}
        return await asyncio.gather(
            *(platform.calling(merchant, "POST", "/v1/refunds", body, headers=headers) for _ in range(64))
        )

    replies = platform.run(storm())
    assert {reply.status for reply in replies} == {201}
    assert len({reply.body for reply in replies}) == 1
    order = platform.call(merchant, "GET", f"/v1/orders/{paid['order_id']}").json
    assert order["refunded_amount"] == cny("1.00")


_GOOD = order_body(reference="bad-input")


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({**_GOOD, "colour": "red"}, 400, "invalid_parameter", "colour"),
        ({**_GOOD, "amount": {**cny("1.00"), "unit": 1}}, 400, "invalid_parameter", "amount.unit"),
        ({**_GOOD, "amount": cny("1e2")}, 400, "invalid_parameter", "amount.value"),
        ({**_GOOD, "amount": cny("-0.01")}, 400, "invalid_parameter", "amount.value"),
        ({**_GOOD, "amount": cny("0.001")}, 400, "invalid_amount", "amount.value"),
        ({**_GOOD, "amount": cny("0.00")}, 400, "invalid_amount", "amount.value"),
        ({**_GOOD, "amount": cny("100000000.01")}, 422, "amount_too_large", "amount.value"),
        ({**_GOOD, "amount": cny("1.00\n")}, 400, "invalid_parameter", "amount.value"),
        ({**_GOOD, "amount": cny("１.00")}, 400, "invalid_parameter", "amount.value"),
        ({**_GOOD, "amount": {"currency": "ABC", "value": "1.00"}}, 400, "currency_not_supported", "amount.currency"),
        ({**_GOOD, "amount": 1}, 400, "invalid_parameter", "amount"),
        ({"amount": cny("1.00")}, 400, "invalid_parameter", "subject"),
        ({**_GOOD, "subject": "a\x00b"}, 400, "invalid_parameter", "subject"),
        ({**_GOOD, "subject": ""}, 400, "invalid_parameter", "subject"),
        ({**_GOOD, "reference": "a b"}, 400, "invalid_parameter", "reference"),
        ({**_GOOD, "reference": "x" * 65}, 400, "invalid_parameter", "reference"),
        ({**_GOOD, "expires_at": "2020-01-01T00:00:00Z"}, 422, "order_expired", "expires_at"),
        ({**_GOOD, "expires_at": "2020-01-01T00:00:00"}, 400, "invalid_parameter", "expires_at"),
        ({**_GOOD, "expires_in_s": 5}, 400, "invalid_parameter", "expires_in_s"),
        ({**_GOOD, "metadata": {"a": 1}}, 400, "invalid_parameter", "metadata[...]"),
        ({**_GOOD, "metadata": {"a": "x" * 5000}}, 400, "invalid_parameter", "metadata"),
        ({**_GOOD, "sub_merchant_id": "2088000000009999"}, 422, "seller_not_found", None),
        ({**_GOOD, "return_url": "javascript:alert(1)"}, 400, "invalid_parameter", "return_url"),
        ([], 400, "invalid_parameter", None),
        (b"{", 400, "invalid_json", None),
        (b"\xff\xfe", 400, "invalid_json", None),
        (b'{"subject":"\xff"}', 400, "invalid_json", None),
        (b'{"subject":"\\ud800"}', 400, "invalid_json", None),
        (b'{"metadata":' + b"[" * 5000, 400, "invalid_parameter", "metadata"),
    ],
)
def test_bad_input(
    platform: NativePlatform, merchant: Merchant, body: Any, status: int, code: str, field: str | None
) -> None:
    reply = platform.call(merchant, "POST", "/v1/orders", body)
    assert (reply.status, reply.code, reply.json.get("field")) == (status, code, field)
    assert platform.call(merchant, "GET", "/v1/orders?reference=bad-input").status == 404


def test_what_is_not_json_is_refused(platform: NativePlatform, merchant: Merchant) -> None:
    form = platform.call(merchant, "POST", "/v1/orders", b"a=b", headers={"content-type": "text/plain"})
    assert (form.status, form.code) == (415, "unsupported_media_type")
    charset = {"content-type": "application/json; charset=utf-8"}
    fine = platform.call(merchant, "POST", "/v1/orders", order_body(reference="typed-1"), headers=charset)
    assert fine.status == 201
    body = platform.call(merchant, "POST", f"/v1/orders/{fine.json['order_id']}/close", b"{}")
    assert (body.status, body.code) == (400, "invalid_parameter")


@pytest.mark.parametrize(
    "query", ["reference=a&reference=b", "reference=", "ref=a", "", "reference=a&x=1", "reference=%ff"]
)
def test_bad_queries(platform: NativePlatform, merchant: Merchant, query: str) -> None:
    reply = platform.call(merchant, "GET", f"/v1/orders?{query}")
    assert (reply.status, reply.code) == (400, "invalid_parameter")


@pytest.mark.parametrize("number", ["0", "1", "9" * 19, "9" * 20, "-1", "１", "abc", "%00"])
def test_ids_that_lead_nowhere(platform: NativePlatform, merchant: Merchant, number: str) -> None:
    for path, code in (
        ("orders", "order_not_found"),
        ("payments", "payment_not_found"),
        ("refunds", "refund_not_found"),
    ):
        reply = platform.call(merchant, "GET", f"/v1/{path}/{number}")
        assert (reply.status, reply.code) == (404, code)


def test_a_malformed_key_is_refused(platform: NativePlatform, merchant: Merchant) -> None:
    for key in ("", "a b", "x" * 65, "cancel:1", "ключ"):
        reply = platform.call(merchant, "POST", "/v1/orders", order_body(), headers={"idempotency-key": key})
        assert (reply.status, reply.json["field"]) == (400, "Idempotency-Key")
