"""The admin API over its routes, with a real engine and database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from admin_platform import Platform

from chuanliu.crypto import certificate_public_key, certificate_sn, generate_key_pair, public_of_private, verify_chain
from chuanliu.gateway.admin import OPERATIONS, Operation, RawBody
from chuanliu.parties import ReadReference, merchant_of_api_key


@pytest.fixture(scope="module")
def merchant(platform: Platform) -> dict[str, Any]:
    """A merchant that tests may read."""
    added: dict[str, Any] = platform.ok("POST", "/admin/v1/merchants", {"name": "川流茶叶店", "fee_bps": 60})
    return added


def path_of(operation: Operation, **known: str) -> str:
    """The operation's path, with numbers that nobody has where none is known."""
    values = {"merchant_id": "2088000000999999", "app_id": "2021000000999999", "user_id": "2088000000999999"}
    others = dict.fromkeys(("key_id", "instrument_id", "sponsor_id"), "4611686018427387904")
    codes = {"lender_code": "nobody", "product_code": "nothing", "digits": "00000000"}
    codes |= {"campaign": "nothing", "calendar": "nothing"}
    return operation.path.format(**{**values, **others, **codes, **known})


BODIES: dict[str, Any] = {
    "MerchantBody": {"name": "商户", "platform_id": "2088000000999999"},
    "AppBody": {"name": "应用"},
    "TopUpBody": {"amount": {"currency": "CNY", "value": "1.00"}},
    "BudgetBody": {"amount": "1.00"},
    "StatusChanges": {"suspended": True},
    "CardBody": {"pan": "9011000000000016", "expiry": "12/35", "pay_password": "000000", "consent_sha256": "0" * 64},
    "LineBody": {"product": "nothing", "pay_password": "000000", "consent_sha256": "0" * 64},
}


def body_of(operation: Operation) -> Any:
    return None if operation.body is None else BODIES.get(operation.body.__name__, {})


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
def test_every_route_wants_an_admin_key(platform: Platform, operation: Operation) -> None:
    path, body = path_of(operation), body_of(operation)
    assert platform.code(operation.method, path, body, key=None) == (401, "api_key_missing")
    assert platform.code(operation.method, path, body, key="cla_unknown") == (401, "api_key_invalid")
    assert platform.code(operation.method, path, body, key="merchant") == (403, "forbidden")


WANTED = {
    "merchants": "merchant",
    "apps": "app",
    "lenders": "lender",
    "products": "product",
    "bins": "product",
    "campaigns": "campaign",
    "calendars": "calendar",
}


@pytest.mark.parametrize(
    "operation",
    [each for each in OPERATIONS if "{" in each.path and each.body is not RawBody],
    ids=lambda each: f"{each.method} {each.path}",
)
def test_what_does_not_exist_is_not_found(platform: Platform, operation: Operation) -> None:
    wanted = WANTED.get(operation.path.split("/")[3], "consumer")
    for number in ("", "x", "0", "1", "9223372036854775807", "9999999999999999"):
        known = dict.fromkeys(("merchant_id", "app_id", "user_id"), number) if number else {}
        found = platform.code(operation.method, path_of(operation, **known), body_of(operation))
        assert found == (404, f"{wanted}_not_found")


def test_keys_of_another_merchant_are_not_found(platform: Platform, merchant: dict[str, Any]) -> None:
    other = platform.ok("POST", "/admin/v1/merchants", {"name": "另一家"})
    key_id = other["api_keys"][0]["key_id"]
    assert platform.code("DELETE", f"/admin/v1/merchants/{merchant['seller_id']}/api-keys/{key_id}") == (
        404,
        "key_not_found",
    )


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"{", "invalid_json", None),
        ({}, "invalid_parameter", "name"),
        ({"name": "x", "unknown": 1}, "invalid_parameter", "unknown"),
        ({"name": " "}, "invalid_parameter", "name"),
        ({"name": "x", "fee_bps": 10_001}, "invalid_parameter", "fee_bps"),
        ({"name": "x", "public_key": "AAAA"}, "invalid_parameter", "public_key"),
    ],
)
def test_bad_bodies_name_the_field(platform: Platform, body: Any, code: str, field: str | None) -> None:
    response = platform.call("POST", "/admin/v1/merchants", body)
    problem = json.loads(response.body)
    assert (response.status, problem["code"], problem.get("field")) == (400, code, field)


def test_a_new_merchant_can_begin(platform: Platform, merchant: dict[str, Any]) -> None:
    (app,) = merchant["apps"]
    assert app["keys"][0]["public_key"] == public_of_private(app["app_private_key"])
    keys = platform.keys_of(app["app_id"])
    assert keys is not None and keys.public_keys == (app["keys"][0]["public_key"],)
    known = merchant_of_api_key(platform.services.engine.reference, merchant["api_key"], platform.now())
    assert known is not None and str(known.merchant_id) == merchant["seller_id"]
    shown = platform.ok("GET", f"/admin/v1/merchants/{merchant['seller_id']}")
    assert "api_key" not in shown and "app_private_key" not in shown["apps"][0]
    listed = platform.ok("GET", "/admin/v1/merchants")["merchants"]
    assert merchant["seller_id"] in [each["seller_id"] for each in listed]


def test_a_sub_merchant_has_no_keys(platform: Platform, merchant: dict[str, Any]) -> None:
    body = {"name": "子商户", "platform_id": merchant["seller_id"]}
    sub = platform.ok("POST", "/admin/v1/merchants", body)
    assert (sub["platform_id"], sub["apps"], sub["api_keys"]) == (merchant["seller_id"], [], [])
    nested = {"name": "孙商户", "platform_id": sub["seller_id"]}
    assert platform.code("POST", "/admin/v1/merchants", nested) == (422, "merchant_not_found")


def test_blocking_and_terms(platform: Platform) -> None:
    path = f"/admin/v1/merchants/{platform.ok('POST', '/admin/v1/merchants', {'name': '甲'})['seller_id']}"
    changed = platform.ok("PATCH", path, {"blocked": True, "fee_bps": 38, "name": "乙"})
    assert (changed["status"], changed["fee_bps"], changed["name"]) == ("blocked", 38, "乙")
    assert platform.ok("PATCH", path, {"blocked": False})["status"] == "active"


def test_api_keys_are_added_replaced_and_revoked(platform: Platform) -> None:
    added = platform.ok("POST", "/admin/v1/merchants", {"name": "甲"})
    path = f"/admin/v1/merchants/{added['seller_id']}/api-keys"

    def works(text: str) -> bool:
        platform.run(_read(platform))
        return merchant_of_api_key(platform.services.engine.reference, text, platform.now()) is not None

    second = platform.ok("POST", path, {})
    assert works(added["api_key"]) and works(second["api_key"])
    platform.ok("DELETE", f"{path}/{second['key_id']}")
    assert works(added["api_key"]) and not works(second["api_key"])
    third = platform.ok("POST", path, {"replace": True, "overlap_s": 3600})
    assert works(added["api_key"]) and works(third["api_key"]) and not works(second["api_key"])
    fourth = platform.ok("POST", path, {"replace": True, "overlap_s": 0})
    assert [works(each["api_key"]) for each in (added, third, fourth)] == [False, False, True]


async def _read(platform: Platform) -> None:
    await platform.services.engine.ask(ReadReference())


def test_app_keys_rotate_with_an_overlap(platform: Platform) -> None:
    (app,) = platform.ok("POST", "/admin/v1/merchants", {"name": "甲"})["apps"]
    pair = generate_key_pair()
    path = f"/admin/v1/apps/{app['app_id']}"
    platform.ok("POST", f"{path}/keys", {"public_key": pair.public})
    keys = platform.keys_of(app["app_id"])
    assert keys is not None and keys.public_keys == (pair.public, app["keys"][0]["public_key"])
    platform.ok("POST", f"{path}/keys", {"overlap_s": 0})
    keys = platform.keys_of(app["app_id"])
    assert keys is not None and len(keys.public_keys) == 1 and pair.public not in keys.public_keys
    assert platform.ok("DELETE", path)["status"] == "revoked"
    assert platform.keys_of(app["app_id"]) is None
    assert platform.code("GET", path) == (404, "app_not_found")


def test_certificate_mode_joins_key_mode(platform: Platform, merchant: dict[str, Any]) -> None:
    app = platform.ok("POST", f"/admin/v1/merchants/{merchant['seller_id']}/apps", {"name": "证书"})
    path = f"/admin/v1/apps/{app['app_id']}/certificate"
    made = platform.ok("POST", path, {})
    sn = certificate_sn(made["app_certificate"])
    public = app["keys"][0]["public_key"]
    keys = platform.keys_of(app["app_id"])
    assert keys is not None and keys.public_keys == (public,) and keys.certificates == {sn: public}
    assert certificate_public_key(made["platform_certificate"]) == app["platform_public_key"]
    issuing = [
        key for key in platform.ok("GET", "/admin/v1/platform-keys")["platform_keys"] if key["purpose"] == "issuing"
    ]
    verify_chain(made["app_certificate"], [issuing[0]["certificate"]], [made["root_certificate"]], platform.now())
    assert platform.ok("POST", path, {})["app_certificate"] == made["app_certificate"]
    platform.ok("POST", path, {"renew": True})
    keys = platform.keys_of(app["app_id"])
    assert keys is not None and len(keys.certificates) == 2 and keys.public_keys == (public,)
    assert platform.code("POST", path, {"csr": "no request"}) == (400, "invalid_parameter")


def test_content_encryption(platform: Platform, merchant: dict[str, Any]) -> None:
    app = platform.ok("POST", f"/admin/v1/merchants/{merchant['seller_id']}/apps", {"name": "加密"})
    path = f"/admin/v1/apps/{app['app_id']}/encrypt-key"
    made = platform.ok("PUT", path, {})
    keys = platform.keys_of(app["app_id"])
    assert keys is not None and keys.encrypt_key == made["encrypt_key"]
    assert platform.ok("PUT", path, {"enabled": False})["encrypt_key"] is None
    keys = platform.keys_of(app["app_id"])
    assert keys is not None and keys.encrypt_key is None


def test_the_platform_key_rotates_and_apps_move_when_they_are_ready(platform: Platform) -> None:
    (app,) = platform.ok("POST", "/admin/v1/merchants", {"name": "甲"})["apps"]
    rotated = platform.ok("POST", "/admin/v1/platform-keys", {})
    path = f"/admin/v1/apps/{app['app_id']}"
    assert platform.ok("GET", path)["platform_public_key"] == app["platform_public_key"] != rotated["public_key"]
    (later,) = platform.ok("POST", "/admin/v1/merchants", {"name": "乙"})["apps"]
    assert later["platform_public_key"] == rotated["public_key"]
    assert platform.ok("POST", f"{path}/platform-key", {})["platform_public_key"] == rotated["public_key"]
    listed = platform.ok("GET", "/admin/v1/platform-keys")["platform_keys"]
    assert sorted(key["status"] for key in listed if key["purpose"] == "signing") == ["current", "previous"]
    assert not any("private" in name for key in listed for name in key)


def test_consumers(platform: Platform) -> None:
    body = {"balance": {"currency": "CNY", "value": "12.30"}, "confirm_above": {"currency": "CNY", "value": "0"}}
    added = platform.ok("POST", "/admin/v1/consumers", body)
    assert added["balance"] == {"currency": "CNY", "value": "12.30"} and len(added["pay_password"]) == 6
    path = f"/admin/v1/consumers/{added['user_id']}"
    assert len(platform.ok("POST", f"{path}/codes", {"count": 5})["payment_codes"]) == 5
    topped = platform.ok("POST", f"{path}/top-ups", {"amount": {"currency": "CNY", "value": "0.70"}})
    assert topped["balance"]["value"] == "13.00"
    assert platform.ok("PATCH", path, {"blocked": True})["status"] == "blocked"
    assert platform.code("POST", f"{path}/codes", {}) == (422, "buyer_blocked")
    assert platform.ok("GET", path)["confirm_above"]["value"] == "0.00"
    assert platform.code("PATCH", path, {"pay_password": "12345x"}) == (400, "invalid_parameter")


def test_no_money_from_nothing_outside_the_sandbox(platform: Platform) -> None:
    user_id = platform.ok("POST", "/admin/v1/consumers", {})["user_id"]
    for path, body in [
        ("/admin/v1/consumers", {}),
        (f"/admin/v1/consumers/{user_id}/codes", {}),
        (f"/admin/v1/consumers/{user_id}/top-ups", {"amount": {"currency": "CNY", "value": "1"}}),
    ]:
        assert platform.code("POST", path, body, sandbox=False) == (403, "forbidden")
