"""Lenders, cards and lines in the admin API: who may, what is shown, and what never is."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from admin_platform import Platform
from psycopg import sql

from chuanliu.lenders import LenderSpec, lender_document, lender_yaml
from chuanliu.runtime import audit
from lenders.samples import card_number, card_product, credit_pay_product, lender, line_product

LENDERS = "/admin/v1/lenders"
YUNHE = lender("yunhe", card_product("yunhe-card", ("901100", "901199")), credit_pay_product("yunhe-pay"))
RIVER = lender("river", line_product("river-line"), kind="platform")


def put(platform: Platform, spec: LenderSpec) -> Any:
    return platform.ok("PUT", f"{LENDERS}/{spec.code}", lender_document(spec))


@pytest.fixture(scope="module", autouse=True)
def _lenders(platform: Platform) -> None:
    for spec in (YUNHE, RIVER):
        put(platform, spec)


@pytest.fixture
def consumer(platform: Platform) -> dict[str, str]:
    """A new consumer with her path and pay password."""
    added = platform.ok("POST", "/admin/v1/consumers", {})
    return {"path": f"/admin/v1/consumers/{added['user_id']}", "pay_password": added["pay_password"]}


def consent(platform: Platform, code: str) -> str:
    shown = platform.ok("GET", f"/admin/v1/products/{code}")
    return str(shown["consent"]["sha256"])


def card_body(platform: Platform, consumer: dict[str, str], **changes: str) -> dict[str, str]:
    body = {
        "pan": card_number("901100"),
        "expiry": "12/35",
        "pay_password": consumer["pay_password"],
        "consent_sha256": consent(platform, "yunhe-card"),
    }
    return {**body, **changes}


def line_body(platform: Platform, consumer: dict[str, str], code: str, **changes: Any) -> dict[str, Any]:
    signed = {"pay_password": consumer["pay_password"], "consent_sha256": consent(platform, code)}
    return {"product": code, **signed, **changes}


def test_a_lender_is_put_shown_and_put_back(platform: Platform) -> None:
    spec = lender("putting", card_product("putting-card", ("902000", "902099")))
    first = put(platform, spec)
    assert (first["added"], first["changed"], first["status"]) == (["putting", "putting-card"], [], "active")
    shown = platform.ok("GET", f"{LENDERS}/putting")
    assert shown["definition"] == lender_document(spec) and shown["lender_id"].startswith("2088")
    again = platform.ok("PUT", f"{LENDERS}/putting", shown["definition"])
    assert (again["added"], again["changed"]) == ([], [])
    other = lender("putting", card_product("putting-card", ("902000", "902199")))
    yaml = platform.ok("PUT", f"{LENDERS}/putting", lender_yaml(other).encode(), media_type="application/yaml")
    assert yaml["changed"] == ["putting-card"] and yaml["definition"] == lender_document(other)
    assert "putting" in [each["code"] for each in platform.ok("GET", LENDERS)["lenders"]]


def test_suspending_a_lender_and_a_product(platform: Platform) -> None:
    put(platform, lender("pausing", card_product("pausing-card", ("903000", "903099"))))
    by_bin = "/admin/v1/bins/90300012"
    assert platform.ok("GET", by_bin)["code"] == "pausing-card"
    for path in (f"{LENDERS}/pausing", "/admin/v1/products/pausing-card"):
        assert platform.ok("PATCH", path, {"suspended": True})["status"] == "suspended"
        assert platform.code("GET", by_bin) == (404, "product_not_found")
        assert platform.ok("PATCH", path, {"suspended": False})["status"] == "active"
    assert platform.code("GET", "/admin/v1/bins/9030001") == (404, "product_not_found")


def test_bad_lenders_are_refused_with_their_places(platform: Platform) -> None:
    text = lender_yaml(YUNHE).replace("901100-901199", "901199-901100").replace("'2.3'", "-2.3")
    response = platform.call("PUT", f"{LENDERS}/yunhe", text.encode(), media_type="application/yaml")
    problem = json.loads(response.body)
    assert (response.status, problem["code"]) == (400, "invalid_parameter")
    lines = text.splitlines()
    where = next(number for number, line in enumerate(lines, 1) if "901199-901100" in line)
    assert f"line {where}, column 5: products[0].bins[0]: begins behind its end" in problem["details"]["problems"]
    assert "products[0].instalments[0].buyer_pct: must not be negative" in problem["details"]["problems"]
    claim = lender("thief", card_product("thief-card", ("901150", "901150")))
    response = platform.call("PUT", f"{LENDERS}/thief", lender_document(claim))
    problem = json.loads(response.body)
    assert (response.status, problem["code"], problem["field"]) == (400, "bin_overlap", "products[0].bins")
    assert "yunhe-card" in problem["detail"] and "thief-card" in problem["detail"]
    assert platform.code("GET", f"{LENDERS}/thief") == (404, "lender_not_found")
    assert platform.code("PUT", f"{LENDERS}/other", lender_document(YUNHE)) == (400, "invalid_parameter")
    stolen = lender("thief", line_product("yunhe-pay"))
    assert platform.code("PUT", f"{LENDERS}/thief", lender_document(stolen)) == (409, "code_taken")
    for media_type, code in (("text/plain", "unsupported_media_type"), ("application/yaml", "invalid_parameter")):
        found = platform.code("PUT", f"{LENDERS}/yunhe", b"\xff", media_type=media_type)
        assert found == (415 if code == "unsupported_media_type" else 400, code)


def test_a_card_is_linked_under_its_lenders_name(platform: Platform, consumer: dict[str, str]) -> None:
    body = card_body(platform, consumer)
    shown = platform.ok("GET", f"/admin/v1/bins/{body['pan'][:8]}")
    assert shown["consent"]["sha256"] == body["consent_sha256"]
    assert "yunhe 银行" in shown["consent"]["text"] and "yunhe-card 信用卡" in shown["consent"]["text"]
    linked = platform.ok("POST", f"{consumer['path']}/cards", body)
    assert linked["masked"] == f"**** {body['pan'][-4:]}" and linked["lender"]["name_zh"] == "yunhe 银行"
    assert linked["consent_sha256"] == body["consent_sha256"] and "limit" not in linked
    assert platform.ok("POST", f"{consumer['path']}/cards", body) == linked
    assert platform.ok("GET", f"{consumer['path']}/instruments") == {"instruments": [linked]}


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"pan": "9011000000000017"}, 400, "card_invalid"),
        ({"pan": "4111111111111111"}, 422, "card_not_supported"),
        ({"expiry": "1235"}, 400, "invalid_parameter"),
        ({"expiry": "01/20"}, 422, "card_expired"),
        ({"pay_password": "wrong!"}, 422, "pay_password_wrong"),
        ({"consent_sha256": "0" * 64}, 422, "consent_outdated"),
        ({"consent_sha256": "0" * 63}, 400, "invalid_parameter"),
        ({"cvv": "123"}, 400, "invalid_parameter"),
    ],
)
def test_what_keeps_a_card_out(
    platform: Platform, consumer: dict[str, str], changes: dict[str, str], status: int, code: str
) -> None:
    body = card_body(platform, consumer, **changes)
    response = platform.call("POST", f"{consumer['path']}/cards", body)
    assert (response.status, json.loads(response.body)["code"]) == (status, code)
    assert body["pan"] not in response.body.decode()
    assert platform.ok("GET", f"{consumer['path']}/instruments") == {"instruments": []}


def test_wrong_passwords_lock_here_as_in_the_cashier(platform: Platform, consumer: dict[str, str]) -> None:
    body = card_body(platform, consumer, pay_password="000001")
    path = f"{consumer['path']}/cards"
    found = [platform.code("POST", path, body)[1] for _ in range(6)]
    assert found == ["pay_password_wrong"] * 5 + ["pay_password_locked"]
    assert platform.code("POST", path, card_body(platform, consumer)) == (422, "pay_password_locked")


def test_a_line_lives(platform: Platform, consumer: dict[str, str]) -> None:
    limit = {"currency": "CNY", "value": "800.00"}
    line = platform.ok("POST", f"{consumer['path']}/lines", line_body(platform, consumer, "river-line", limit=limit))
    assert (line["limit"], line["used"]["value"]) == (limit, "0.00")
    path = f"{consumer['path']}/instruments/{line['instrument_id']}"
    raised = platform.ok("PATCH", path, {"limit": {"currency": "CNY", "value": "900"}, "suspended": True})
    assert (raised["limit"]["value"], raised["status"]) == ("900.00", "suspended")
    assert platform.code("PATCH", path, {"limit": {"currency": "USD", "value": "1"}}) == (400, "currency_not_supported")
    assert platform.ok("DELETE", path)["status"] == "closed"
    assert platform.code("DELETE", path) == (404, "instrument_not_found")
    account = line_body(platform, consumer, "yunhe-pay", account_ref="ACC-0001")
    assert platform.ok("POST", f"{consumer['path']}/lines", account)["masked"] == "**** 0001"
    unknown = {**line_body(platform, consumer, "river-line"), "product": "nothing"}
    assert platform.code("POST", f"{consumer['path']}/lines", unknown) == (404, "product_not_found")


def test_nobody_reaches_what_is_anothers(platform: Platform, consumer: dict[str, str]) -> None:
    line = platform.ok("POST", f"{consumer['path']}/lines", line_body(platform, consumer, "river-line"))
    other = platform.ok("POST", "/admin/v1/consumers", {})
    path = f"/admin/v1/consumers/{other['user_id']}/instruments/{line['instrument_id']}"
    assert platform.code("PATCH", path, {"suspended": True}) == (404, "instrument_not_found")
    assert platform.code("DELETE", path) == (404, "instrument_not_found")
    # Her consent takes her own password.
    body = {**line_body(platform, consumer, "river-line"), "pay_password": other["pay_password"]}
    assert platform.code("POST", f"{consumer['path']}/lines", body) == (422, "pay_password_wrong")
    # A bank's own key is for its campaigns: neither its products' terms nor its cards' holders are its to touch here.
    banks = platform.ok("POST", f"{LENDERS}/yunhe/api-keys", {})["api_key"]
    platform.ok("GET", LENDERS)  # by now the snapshot has the key
    refusals = {"merchant": (403, "forbidden"), banks: (403, "forbidden"), None: (401, "api_key_missing")}
    for key, refusal in refusals.items():
        own = f"{consumer['path']}/instruments/{line['instrument_id']}"
        for method, body in (("PATCH", {"suspended": True}), ("DELETE", None)):
            assert platform.code(method, own, body, key=key) == refusal
        assert platform.code("GET", f"{consumer['path']}/instruments", key=key) == refusal
        assert platform.code("PUT", f"{LENDERS}/yunhe", lender_document(RIVER), key=key) == refusal
    shown = platform.ok("GET", f"{consumer['path']}/instruments")["instruments"]
    assert [each["status"] for each in shown] == ["active"]


def everything_stored(url: str) -> bytes:
    """Every text and every byte string in the database, bytes as they are and as text."""
    found: list[bytes] = []
    with psycopg.connect(url) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns c JOIN pg_class r"
            " ON r.relname = c.table_name AND r.relkind = 'r' WHERE table_schema = 'public'"
            " AND data_type IN ('text', 'bytea', 'character varying', 'bigint', 'jsonb')"
        ).fetchall()
        assert ("stored_card", "sealed", "bytea") in columns
        for table, column, _ in columns:
            query = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(column), sql.Identifier(table))
            for (value,) in connection.execute(query).fetchall():
                found.append(value if isinstance(value, bytes) else str(value).encode())
    return b"\n".join(found)


def test_a_card_number_is_nowhere_in_clear(
    platform: Platform, consumer: dict[str, str], database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    body = card_body(platform, consumer)
    pan = body["pan"]
    path = f"{consumer['path']}/cards"
    answers = [
        platform.call("POST", path, body),
        platform.call("POST", path, {**body, "pay_password": 1}),
        platform.call("POST", path, {**body, "pan": [pan]}),
        platform.call("POST", path, {**body, "consent_sha256": pan}),
        platform.call("POST", path, {**body, "expiry": pan}),
        platform.call("POST", path, {**body, "pan": pan[:-1] + str((int(pan[-1]) + 1) % 10)}),
        platform.call("POST", f"{consumer['path']}/lines", line_body(platform, consumer, "yunhe-pay", account_ref=pan)),
        platform.call("GET", f"{consumer['path']}/instruments"),
    ]
    shown = b"\n".join(answer.body for answer in answers)
    assert answers[0].status == 201 and pan[-4:].encode() in answers[0].body
    stored = everything_stored(database_url)
    written = "".join(capfd.readouterr()).encode()
    for hidden in (pan, pan[:12], pan[4:], "=3512"):
        for place in (stored, written, shown):
            assert hidden.encode() not in place
    assert f"**** {pan[-4:]}".encode() in stored
    report = audit(database_url)
    assert report.clean, [check for check in report.checks if check.offenders_count]
