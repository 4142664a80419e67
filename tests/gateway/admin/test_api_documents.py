"""The OpenAPI documents of the admin and the lender API, and requests made from them against a served platform."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from admin_platform import Platform, running
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi import checks as checks_of_openapi

from chuanliu.gateway import admin, consumer, lender
from chuanliu.gateway.cashier import session as sessions
from chuanliu.instalments import Basket, MakeQuote
from chuanliu.lenders import ApplyLender
from chuanliu.serving import Application, Router, serve
from instalments.shop import now
from lenders.samples import card_product, line_product
from lenders.samples import lender as lender_spec

ADMIN: Final = admin.openapi_document("https://pay.example")
LENDER: Final = lender.openapi_document("https://pay.example")
CONSUMER: Final = consumer.openapi_document("https://pay.example")
QUICK: Final = 8
LONG: Final = 150
CONFIG: Final = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
WAITS: Final = {str(seconds) for seconds in range(1, 21)}
CHECKS: Final = (
    schemathesis.checks.not_a_server_error,
    checks_of_openapi.status_code_conformance,
    checks_of_openapi.content_type_conformance,
    checks_of_openapi.response_schema_conformance,
    checks_of_openapi.negative_data_rejection,
    checks_of_openapi.unsupported_method,
    checks_of_openapi.ignored_auth,
)
CAMPAIGN: Final = {
    "code": "known",
    "name": "Known",
    "owner": "known-bank",
    "starts_at": "2026-01-01 00:00",
    "ends_at": "2099-01-01 00:00",
    "sponsors": [{"kind": "bank", "party": "known-bank", "share_bps": 10_000, "budget": "1000.00"}],
}


@dataclass(frozen=True)
class Served:
    """A platform on a port, a key for each API, and what is there under its own name."""

    platform: Platform
    url: str
    keys: dict[str, str]
    known: dict[str, str]


@pytest.fixture(scope="module")
def served(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = Path(tmp_path_factory.mktemp("data"))
    with running(database_url, folder) as platform:
        router = Router()
        admin.add_routes(router, platform.services)
        lender.add_routes(router, platform.services)
        consumer.add_routes(router, platform.services)
        stop, up, ports = asyncio.Event(), threading.Event(), []

        def listening(port: int) -> None:
            ports.append(port)
            up.set()

        async def work() -> None:
            await serve(Application(router), "127.0.0.1", 0, stop=stop, on_listening=listening)

        serving = asyncio.run_coroutine_threadsafe(work(), platform.loop)
        assert up.wait(20)
        known = things(platform)
        key = platform.ok("POST", "/admin/v1/lenders/known-bank/api-keys", {})["api_key"]
        platform.ok("GET", "/admin/v1/lenders")
        keys = {"admin": platform.admin_key, "lender": key, "consumer": cookie_of(platform, int(known["user_id"]))}
        yield Served(platform, f"http://127.0.0.1:{ports[0]}", keys, known)
        platform.loop.call_soon_threadsafe(stop.set)
        serving.result(30)


def cookie_of(platform: Platform, consumer_id: int) -> str:
    """The session of a consumer who has signed in, for as long as the test runs."""
    session = sessions.Session(consumer_id, 4_000_000_000_000_000, "a" * 32)
    return sessions.session_text(session, platform.services.vault.derived_key(sessions.PURPOSE))


def things(platform: Platform) -> dict[str, str]:
    """One of everything that a path can name."""

    async def apply() -> None:
        spec = lender_spec("known-bank", card_product("known-card", ("970000", "970099")), line_product("known-line"))
        await platform.services.engine.submit(ApplyLender(spec))

    platform.run(apply())
    merchant = platform.ok("POST", "/admin/v1/merchants", {"name": "Known"})
    consumer = platform.ok("POST", "/admin/v1/consumers", {"name": "Known", "pay_password": "135790"})
    campaign = platform.ok("POST", "/admin/v1/campaigns", CAMPAIGN)
    platform.ok("PUT", "/admin/v1/calendars/known", {"events": []})
    product = platform.ok("GET", "/admin/v1/products/known-line")
    line = platform.ok(
        "POST",
        f"/admin/v1/consumers/{consumer['user_id']}/lines",
        {"product": "known-line", "pay_password": "135790", "consent_sha256": product["consent"]["sha256"]},
    )

    async def quoted() -> int:
        basket = Basket(merchant_id=int(merchant["seller_id"]), amount_minor=500_00)
        view = await platform.services.engine.submit(MakeQuote(int(consumer["user_id"]), basket, now()))
        return view.quote.quote_id

    return {
        "quote_id": str(platform.run(quoted())),
        "merchant_id": merchant["seller_id"],
        "app_id": merchant["apps"][0]["app_id"],
        "key_id": merchant["api_keys"][0]["key_id"],
        "user_id": consumer["user_id"],
        "instrument_id": line["instrument_id"],
        "lender_code": "known-bank",
        "product_code": "known-line",
        "digits": "97000012",
        "campaign": "known",
        "calendar": "known",
        "sponsor_id": campaign["sponsors"][0]["sponsor_id"],
    }


@pytest.mark.parametrize(
    ("api", "document"),
    [(admin, ADMIN), (lender, LENDER), (consumer, CONSUMER)],
    ids=["admin", "lender", "consumer"],
)
def test_every_operation_is_described(api: Any, document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(each.method, each.path) for each in api.OPERATIONS}
    operations = [each for item in document["paths"].values() for each in item.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)
    assert all(each["summary"].endswith(".") for each in operations)


@pytest.mark.parametrize(
    ("path", "document"),
    [("/admin/v1", ADMIN), ("/lender/v1", LENDER), ("/v1/assistant", CONSUMER)],
)
def test_the_document_is_served_to_anybody(served: Served, path: str, document: dict[str, Any]) -> None:
    url = f"{served.url}{path}/openapi.json"
    answer = schemathesis.openapi.from_url(url).raw_schema
    assert answer["paths"] == document["paths"]
    assert answer["servers"] == [{"url": served.platform.services.public_url}]


def conform(case: schemathesis.Case, served: Served, api: str) -> None:
    """Send a generated request, every other one aimed at what exists, and hold its answer against the document."""
    checks = list(CHECKS)
    if case.path_parameters and sum(map(ord, str(case.path_parameters))) % 2:
        case.path_parameters = {name: served.known[name] for name in case.path_parameters}
        # What was wrong with the request may have been its path.
        checks.remove(checks_of_openapi.negative_data_rejection)
    if case.query and str(case.query.get("wait_s")) in WAITS:
        case.query["wait_s"] = 0
    key = served.keys[api]
    headers = {"Cookie": f"{sessions.COOKIE}={key}"} if api == "consumer" else {"Authorization": f"Bearer {key}"}
    case.call_and_validate(base_url=served.url, headers=headers, checks=checks)


by_admin: Final = schemathesis.openapi.from_dict(ADMIN, config=CONFIG)
by_lender: Final = schemathesis.openapi.from_dict(LENDER, config=CONFIG)
by_consumer: Final = schemathesis.openapi.from_dict(CONSUMER, config=CONFIG)
quick: Final = settings(
    max_examples=QUICK, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
thorough: Final = settings(max_examples=LONG, deadline=None, suppress_health_check=list(HealthCheck))


@by_admin.parametrize()
@quick
def test_generated_requests_of_administrators(case: schemathesis.Case, served: Served) -> None:
    conform(case, served, "admin")


@by_lender.parametrize()
@quick
def test_generated_requests_of_lenders(case: schemathesis.Case, served: Served) -> None:
    conform(case, served, "lender")


@by_consumer.parametrize()
@quick
def test_generated_requests_of_consumers(case: schemathesis.Case, served: Served) -> None:
    conform(case, served, "consumer")


@pytest.mark.long
@by_admin.parametrize()
@thorough
def test_many_generated_requests_of_administrators(case: schemathesis.Case, served: Served) -> None:
    conform(case, served, "admin")


@pytest.mark.long
@by_lender.parametrize()
@thorough
def test_many_generated_requests_of_lenders(case: schemathesis.Case, served: Served) -> None:
    conform(case, served, "lender")


@pytest.mark.long
@by_consumer.parametrize()
@thorough
def test_many_generated_requests_of_consumers(case: schemathesis.Case, served: Served) -> None:
    conform(case, served, "consumer")
