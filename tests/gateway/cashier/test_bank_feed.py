"""A bank gives its lines over its API; the consumer sees them on her page, labelled, and in answers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from cashier_browser import Browser

from alipay_world.world import PASSWORD, World
from chuanliu.connectors import CardData
from chuanliu.gateway import lender as lender_api
from chuanliu.lenders import AddLenderKey, ApplyLender, find_lender
from chuanliu.parties import API_KEY_RANDOMNESS, ReadReference, api_key_text, new_api_key
from chuanliu.serving import Application, Request, Router
from lenders.samples import card_number, card_product, lender, link
from trade.market import Market


@dataclass(frozen=True)
class Fed:
    """A bank with its key, and a consumer with a card of it."""

    platform: World
    key: str
    other_key: str
    consumer: int
    card: int

    def feed(self, *lines: dict[str, Any], key: str | None = None, body: Any = None) -> tuple[int, Any]:
        router = Router()
        lender_api.add_routes(router, self.platform.services)
        headers = {"content-type": "application/json", "authorization": f"Bearer {key or self.key}"}
        raw = json.dumps({"lines": list(lines)} if body is None else body).encode()
        request = Request("POST", "/lender/v1/feed", "", headers, raw)
        response = self.platform.run(Application(router).answer(request))
        return response.status, json.loads(response.body)

    def line(self, reference: str, kind: str, amount: str, **more: Any) -> dict[str, Any]:
        days = {"posted_on": "2098-11-03", "due_on": "2098-12-09"}
        return {"account": str(self.card), "reference": reference, "kind": kind, "amount": amount, **days, **more}


@pytest.fixture(scope="module")
def fed(platform: World) -> Iterator[Fed]:
    consumer = platform.consumer()
    with psycopg.connect(platform.database_url, autocommit=True) as connection:
        engine = platform.services.engine
        assert Market(platform.database_url, connection)

        async def main() -> Fed:
            keys = []
            for place, code in enumerate(("feeding", "other")):
                start = f"{97_5000 + place:06d}"
                await engine.submit(ApplyLender(lender(code, card_product(f"{code}-card", (start, start)))))
                found = find_lender(await engine.ask(ReadReference()), code)
                text = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS), "lender")
                await engine.submit(AddLenderKey(found.lender_id, new_api_key(text)))
                keys.append(text)
            data = CardData(card_number("975000"), "9912")
            card = await link(engine, platform.services.vault, consumer, data, "feeding-card")
            return Fed(platform, keys[0], keys[1], consumer, card.instrument_id)

        yield platform.run(main())


def test_lines_are_answered_one_by_one_and_shown(fed: Fed) -> None:
    status, told = fed.feed(
        fed.line("1", "purchase", "88.00", text="Cinema"),
        fed.line("2", "gift", "1.00"),
        fed.line("3", "fee", "2.00", account="x"),
        fed.line("4", "repayment", "20.00"),
        fed.line("5", "purchase", "1.00", due_on="2098-02-30"),
    )
    assert status == 200
    assert [each["status"] for each in told["lines"]] == ["taken", "refused", "refused", "taken", "refused"]
    assert [each.get("code") for each in told["lines"]][2] == "instrument_not_found"
    assert told["lines"][4]["field"] == "due_on"
    browser = Browser(fed.platform)
    browser.get("/bills?lang=en")
    browser.submit("/bills/sign-in", user_id=str(fed.consumer), password=PASSWORD)
    assert "As seen here, not your bank" in browser.page and "68.00" in browser.page
    (bill,) = json.loads(browser.get("/v1/bills"))["mirrored"]
    assert (bill["due"], bill["seen"], bill["elsewhere"], bill["reconciled"]) == ("68.00", "68.00", "68.00", False)
    status, told = fed.feed(fed.line("b", "bill", "431.00"), fed.line("1", "purchase", "88.00", text="Cinema"))
    assert [each["status"] for each in told["lines"]] == ["taken", "known"]
    (bill,) = json.loads(browser.get("/v1/bills"))["mirrored"]
    assert (bill["due"], bill["seen"], bill["reconciled"]) == ("431.00", "68.00", True)
    browser.get("/bills?lang=en")
    assert "As your bank has billed it" in browser.page and "431.00" in browser.page
    browser.submit("/bills/questions", question="how much do I owe in december 2098")
    assert "431.00 CNY" in browser.page and "As your bank has billed it" in browser.page


def test_another_bank_and_other_bodies_are_refused(fed: Fed) -> None:
    status, told = fed.feed(fed.line("9", "purchase", "1.00"), key=fed.other_key)
    assert (status, told["lines"][0]["code"]) == (200, "instrument_not_found")
    assert fed.feed(fed.line("9", "purchase", "1.00"), key="nothing")[0] == 401
    for body in ({}, {"lines": []}, {"lines": [{}] * 1001}, {"lines": ["x"]}, {"lines": [], "more": 1}):
        assert fed.feed(body=body)[0] == 400, body
