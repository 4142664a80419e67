"""The OpenAPI document and its page, and requests made from it by Schemathesis against a served platform."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from native_lending import native_lending
from native_platform import Merchant, NativePlatform, cny, payment_body

from chuanliu.errors import CODES
from chuanliu.gateway.native import OPERATIONS, openapi_document

DOCUMENT: Final = openapi_document(OPERATIONS, "https://pay.example")
QUICK: Final = 12
LONG: Final = 200
WAITS: Final = {str(seconds) for seconds in range(1, 21)}


def references_in(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            yield from references_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from references_in(value)


def test_every_operation_is_described() -> None:
    described = {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item}
    assert described == {(each.method, each.path) for each in OPERATIONS}
    names = set(DOCUMENT["components"]["schemas"])
    assert {reference.rpartition("/")[2] for reference in references_in(DOCUMENT)} <= names
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    assert {each.tag for each in OPERATIONS} == tags


def test_every_error_code_is_in_the_catalogue() -> None:
    assert {code for each in OPERATIONS for code in each.codes} <= set(CODES)


def test_document_and_page_are_served(platform: NativePlatform) -> None:
    document = platform.call(None, "GET", "/v1/openapi.json")
    assert (document.status, document.json) == (200, DOCUMENT)
    for language in ("en", "zh"):
        page = platform.call(None, "GET", f"/docs?lang={language}")
        assert page.status == 200
        assert all(f"{each.path}" in page.body.decode() for each in OPERATIONS)


@pytest.fixture(scope="module")
def base_url(platform: NativePlatform) -> Iterator[str]:
    with platform.listening() as url:
        yield url


@pytest.fixture(scope="module")
def known_ids(platform: NativePlatform, merchant: Merchant) -> dict[str, str]:
    """One of everything that belongs to the caller, so that generated requests meet something."""
    hook = platform.call(merchant, "POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/hook"}).json
    paid = platform.paid(merchant)
    refund = {"amount": cny("0.01"), "request_no": "r1"}
    refunded = platform.call(merchant, "POST", f"/v1/payments/{paid['payment_id']}/refunds", refund).json
    with native_lending(platform) as lending:
        payer = lending.payer()
        quote = lending.quote(merchant, payer, "100.00")
        by_plan = payment_body(platform.payment_code(payer), "100.00", reference="by-plan", wish={"instalments": 3})
        planned = platform.call(merchant, "POST", "/v1/payments", by_plan).json
    platform.dispatch()
    delivery = platform.call(merchant, "GET", "/v1/deliveries").json["data"][0]
    return {
        "order_id": paid["order_id"],
        "payment_id": paid["payment_id"],
        "refund_id": refunded["refund_id"],
        "webhook_id": hook["webhook_id"],
        "delivery_id": delivery["delivery_id"],
        "quote_id": quote["quote_id"],
        "plan_id": planned["plan"]["plan_id"],
    }


# The key is always sent: what happens without one is tested for every operation on its own.
CONFIG: Final = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
schema: Final = schemathesis.openapi.from_dict(DOCUMENT, config=CONFIG)

_CHECKS: Final = (
    schemathesis.checks.not_a_server_error,
    schemathesis.specs.openapi.checks.status_code_conformance,
    schemathesis.specs.openapi.checks.content_type_conformance,
    schemathesis.specs.openapi.checks.response_schema_conformance,
    schemathesis.specs.openapi.checks.negative_data_rejection,
    schemathesis.specs.openapi.checks.missing_required_header,
    schemathesis.specs.openapi.checks.unsupported_method,
    schemathesis.specs.openapi.checks.ignored_auth,
)


def conform(case: schemathesis.Case, base_url: str, merchant: Merchant, known_ids: dict[str, str]) -> None:
    """Send a generated request, every other one aimed at what exists, and hold its answer against the document."""
    checks = list(_CHECKS)
    if case.path_parameters and sum(map(ord, str(case.path_parameters))) % 2:
        case.path_parameters = {name: known_ids[name] for name in case.path_parameters}
        # What was wrong with the request may have been its path.
        checks.remove(schemathesis.specs.openapi.checks.negative_data_rejection)
    if case.query and str(case.query.get("wait_s")) in WAITS:
        case.query["wait_s"] = 0
    headers = {"Authorization": f"Bearer {merchant.api_key}"}
    case.call_and_validate(base_url=base_url, headers=headers, checks=checks)


@schema.parametrize()
@settings(
    max_examples=QUICK, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
def test_generated_requests(
    case: schemathesis.Case, base_url: str, merchant: Merchant, known_ids: dict[str, str]
) -> None:
    conform(case, base_url, merchant, known_ids)


@pytest.mark.long
@schema.parametrize()
@settings(max_examples=LONG, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_generated_requests(
    case: schemathesis.Case, base_url: str, merchant: Merchant, known_ids: dict[str, str]
) -> None:
    conform(case, base_url, merchant, known_ids)


@pytest.mark.parametrize("path", [each.path for each in OPERATIONS])
def test_every_path_answers_head_options_and_wrong_methods(base_url: str, path: str) -> None:
    where = urlsplit(base_url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
    try:
        connection.request("OPTIONS", path.replace("{", "").replace("}", ""))
        options = connection.getresponse()
        options.read()
        assert options.status == 204
        assert {each.method for each in OPERATIONS if each.path == path} <= set(
            (options.getheader("allow") or "").split(", ")
        )
        connection.request("PUT", path.replace("{", "").replace("}", ""))
        wrong = connection.getresponse()
        wrong.read()
        assert (wrong.status, wrong.getheader("content-type")) == (405, "application/problem+json")
    finally:
        connection.close()
