"""Every operation: nothing without a valid key, and nothing of another merchant."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any

import pytest
from native_lending import native_lending
from native_platform import Merchant, NativePlatform, cny, order_body, payment_body

from chuanliu.gateway.native import OPERATIONS, Operation
from chuanliu.parties import AddApiKey, EndApiKey, api_key_text, new_api_key


@dataclass(frozen=True)
class Belongings:
    """One of everything, of one merchant."""

    merchant: Merchant
    reference: str
    ids: dict[str, str]


@pytest.fixture(scope="module")
def owned(platform: NativePlatform) -> Belongings:
    merchant = platform.merchant("失主")
    hook = platform.call(merchant, "POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/hook"}).json
    paid = platform.paid(merchant)
    refund = {"amount": cny("1.00"), "request_no": "r1"}
    refunded = platform.call(merchant, "POST", f"/v1/payments/{paid['payment_id']}/refunds", refund).json
    with native_lending(platform) as lending:
        payer = lending.payer()
        quote = lending.quote(merchant, payer, "100.00")
        by_plan = payment_body(platform.payment_code(payer), "100.00", reference="by-plan", wish={"instalments": 3})
        planned = platform.call(merchant, "POST", "/v1/payments", by_plan).json
    platform.dispatch()
    delivery = platform.call(merchant, "GET", "/v1/deliveries").json["data"][0]
    return Belongings(
        merchant,
        paid["reference"],
        {
            "order_id": paid["order_id"],
            "payment_id": paid["payment_id"],
            "refund_id": refunded["refund_id"],
            "webhook_id": hook["webhook_id"],
            "delivery_id": delivery["delivery_id"],
            "quote_id": quote["quote_id"],
            "plan_id": planned["plan"]["plan_id"],
        },
    )


def body_for(operation: Operation, owned: Belongings) -> Any:
    """A valid body that points at the owner's things wherever the operation lets it."""
    bodies: dict[str, Any] = {
        "create_order": order_body(reference=owned.reference),
        "create_payment": payment_body("280000000000000000", reference=owned.reference),
        "cancel_order": {"order_id": owned.ids["order_id"]},
        "create_refund": {"order_id": owned.ids["order_id"], "amount": cny("1.00"), "request_no": "r9"},
        "refund_payment": {"amount": cny("1.00"), "request_no": "r9"},
        "create_webhook": {"url": "http://127.0.0.1:9/other"},
        "change_webhook": {"status": "disabled"},
        "create_quote": {"order_id": owned.ids["order_id"]},
        "confirm_quote": {"offer": 1},
    }
    return bodies[operation.name] if operation.request is not None else None


def path_for(operation: Operation, owned: Belongings) -> str:
    path = re.sub(r"\{(\w+)\}", lambda found: owned.ids[found.group(1)], operation.path)
    return f"{path}?reference={owned.reference}" if operation.name == "find_order" else path


def everything_of(platform: NativePlatform, owned: Belongings) -> list[bytes]:
    """All that the owner can read."""
    reading = [each for each in OPERATIONS if each.method == "GET"]
    return [platform.call(owned.merchant, "GET", path_for(each, owned)).body for each in reading]


OWN_SPACE = {"create_order", "create_payment", "create_webhook"}
"""Operations that make something of the caller's own, even under a number that another merchant uses too."""
LISTS = {"list_events", "list_webhooks", "list_deliveries", "show_balance", "show_statement"}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_another_merchants_things_do_not_exist(
    platform: NativePlatform, owned: Belongings, operation: Operation
) -> None:
    stranger = platform.merchant("路人")
    before = everything_of(platform, owned)
    reply = platform.call(stranger, operation.method, path_for(operation, owned), body_for(operation, owned))
    if operation.name in LISTS:
        assert reply.status == 200
        assert reply.json.get("data", []) == [] or operation.name == "show_balance"
        assert reply.json.get("balance", cny("0.00")) == cny("0.00")
    elif operation.name in OWN_SPACE:
        assert reply.status == 201 or reply.code == "payment_code_invalid"
    else:
        assert reply.status == 404, reply.body
        assert reply.code.endswith("_not_found")
    assert not any(number.encode() in reply.body for number in owned.ids.values())
    assert everything_of(platform, owned) == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_nothing_without_a_valid_key(platform: NativePlatform, owned: Belongings, operation: Operation) -> None:
    path, body = path_for(operation, owned), body_for(operation, owned)
    before = everything_of(platform, owned)
    for headers, code in (
        ({}, "api_key_missing"),
        ({"authorization": ""}, "api_key_missing"),
        ({"authorization": "Basic YTpi"}, "api_key_missing"),
        ({"authorization": "Bearer "}, "api_key_invalid"),
        ({"authorization": f"Bearer {owned.merchant.api_key}x"}, "api_key_invalid"),
        ({"authorization": f"Bearer {api_key_text(bytes(32))}"}, "api_key_invalid"),
    ):
        reply = platform.call(None, operation.method, path, body, headers=headers)
        assert (reply.status, reply.code) == (401, code)
        assert reply.headers["www-authenticate"] == "Bearer"
    # Who is not known learns nothing about what the request should have been.
    nonsense = platform.call(None, operation.method, path + "?x=1" if "?" not in path else path, b"{")
    assert nonsense.status == 401
    assert everything_of(platform, owned) == before


def test_a_revoked_key_and_an_administrators_key(platform: NativePlatform) -> None:
    merchant = platform.merchant()
    engine = platform.services.engine

    async def add(merchant_id: int) -> tuple[Merchant, int]:
        text = api_key_text(secrets.token_bytes(32), "merchant" if merchant_id else "admin")
        key = await engine.submit(AddApiKey(merchant_id, new_api_key(text)))
        return Merchant(merchant_id, text), key.key_id

    second, key_id = platform.run(add(merchant.merchant_id))
    admin, _ = platform.run(add(0))
    assert platform.call(second, "GET", "/v1/balance").status == 200

    async def end() -> None:
        await engine.submit(EndApiKey(merchant.merchant_id, key_id))

    platform.run(end())
    # The next batch, whoever asks, brings the new snapshot of reference data.
    assert platform.call(merchant, "GET", "/v1/webhooks").status == 200
    revoked = platform.call(second, "GET", "/v1/balance")
    assert (revoked.status, revoked.code) == (401, "api_key_invalid")
    forbidden = platform.call(admin, "GET", "/v1/balance")
    assert (forbidden.status, forbidden.code) == (403, "forbidden")


def test_the_table_covers_every_route() -> None:
    assert len({(each.method, each.path) for each in OPERATIONS}) == len(OPERATIONS)
    assert len({each.name for each in OPERATIONS}) == len(OPERATIONS)
