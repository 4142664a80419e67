"""Automatic repayment on its page and in the API: the text first, then its digest; in her order; taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
import pytest
from cashier_browser import Browser

from alipay_world.world import PASSWORD, World
from assistant.test_overview import day_of
from bills.household import household
from chuanliu.connectors import CardData
from chuanliu.lenders import ApplyLender
from instalments.shop import Shop
from lenders.samples import card_number, card_product, lender, link, terms
from trade.market import Market

START = "983300"
PLAIN: dict[str, Any] = {"instalments": (), "statement_day": None, "due_day": None, "due_after_days": None}


class Home(NamedTuple):
    """A consumer who is signed in, with a line and a debit card."""

    browser: Browser
    consumer: int
    line: str
    card: str


@pytest.fixture(scope="module")
def home(platform: World) -> Iterator[Home]:
    consumer = platform.consumer(balance_minor=1000_00)
    with psycopg.connect(platform.database_url, autocommit=True) as connection:
        market = Market(platform.database_url, connection)
        merchant = market.merchant(fee_bps=0)
        engine, vault = platform.services.engine, platform.services.vault

        async def main() -> tuple[str, str]:
            shop = Shop(market, merchant, vault)
            made = await household(shop, engine, "repaid-line", day_of(-3, 1), consumer=consumer)
            debit = card_product("repaying-bank", kind="debit_card", terms=terms(bins=((START, START),), **PLAIN))
            await engine.submit(ApplyLender(lender("repaying-bank", debit)))
            card = await link(engine, vault, consumer, CardData(card_number(START), "9912"), "repaying-bank")
            return str(made.instrument_id), str(card.instrument_id)

        line, card = platform.run(main())
    browser = Browser(platform)
    browser.get("/bills?lang=en")
    browser.submit("/bills/sign-in", user_id=str(consumer), password=PASSWORD)
    yield Home(browser, consumer, line, card)


def ask(home: Home, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and document, as the consumer's own script would get them."""
    cookies = "; ".join(f"{name}={value}" for name, value in home.browser.cookies.items())
    headers = {"cookie": cookies} | ({} if body is None else {"content-type": "application/json"})
    raw = b"" if body is None else json.dumps(body).encode()
    response = home.browser.platform.send(path, "", raw, method=method, headers=headers)
    return response.status, json.loads(response.body)


def line_of(home: Home) -> Any:
    status, found = ask(home, "GET", "/v1/bills/repayment")
    assert status == 200
    (line,) = found["lines"]
    (card,) = found["cards"]
    assert (line["instrument"], card["instrument"], card["currency"]) == (home.line, home.card, "CNY")
    return line


def test_the_text_is_agreed_to_and_taken_back(home: Home) -> None:
    path = f"/v1/bills/repayment/{home.line}"
    assert (line_of(home)["automatic"], line_of(home)["methods"]) == (False, [])
    wanted = {"methods": ["balance", home.card], "partial": False}
    status, offered = ask(home, "PUT", path, wanted)
    assert (status, offered["agreed"], offered["line"]["automatic"]) == (200, False, False)
    assert "1. 余额 / balance" in offered["text"]
    assert "2. repaying-bank 银行" in offered["text"]
    assert not line_of(home)["automatic"], "a look changes nothing"
    status, agreed = ask(home, "PUT", path, {**wanted, "consent_sha256": offered["consent_sha256"]})
    assert (status, agreed["agreed"]) == (200, True)
    assert line_of(home) == agreed["line"]
    assert (agreed["line"]["methods"], agreed["line"]["partial"], agreed["line"]["charges"]) == (
        ["balance", home.card],
        False,
        [],
    )
    turned = {"methods": [home.card, "balance"], "consent_sha256": offered["consent_sha256"]}
    assert (ask(home, "PUT", path, turned)[0], ask(home, "PUT", path, turned)[1]["code"]) == (422, "consent_outdated")
    assert line_of(home)["methods"] == ["balance", home.card]
    status, taken = ask(home, "DELETE", path)
    assert (status, taken["automatic"], taken["methods"]) == (200, False, [])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"methods": []}, (400, "invalid_parameter")),
        ({"methods": ["balance"] * 6}, (400, "invalid_parameter")),
        ({"methods": ["balance", "balance"]}, (400, "invalid_parameter")),
        ({"methods": ["cash"]}, (400, "invalid_parameter")),
        ({"methods": ["4611686018427387904"]}, (404, "instrument_not_found")),
        ({"methods": ["9999999999999999999"]}, (404, "instrument_not_found")),
        ({"methods": ["balance"], "consent_sha256": "00"}, (400, "invalid_parameter")),
        ({"methods": ["balance"], "other": 1}, (400, "invalid_parameter")),
        ({}, (400, "invalid_parameter")),
    ],
)
def test_what_cannot_be_agreed_to(home: Home, body: dict[str, Any], expected: tuple[int, str]) -> None:
    status, problem = ask(home, "PUT", f"/v1/bills/repayment/{home.line}", body)
    assert (status, problem["code"]) == expected
    assert not line_of(home)["automatic"]


def test_a_line_of_somebody_else_is_none(home: Home, platform: World) -> None:
    other = Browser(platform)
    other.get("/bills?lang=en")
    stranger = platform.consumer()
    other.submit("/bills/sign-in", user_id=str(stranger), password=PASSWORD)
    theirs = home._replace(browser=other)
    path = f"/v1/bills/repayment/{home.line}"
    for status, problem in (ask(theirs, "PUT", path, {"methods": ["balance"]}), ask(theirs, "DELETE", path)):
        assert (status, problem["code"]) == (404, "instrument_not_found")
    assert ask(theirs, "GET", "/v1/bills/repayment")[1] == {"lines": [], "cards": []}
    nobody = home._replace(browser=Browser(platform))
    assert ask(nobody, "GET", "/v1/bills/repayment")[0] == 401
    credit = {"methods": [home.line]}
    assert ask(home, "PUT", path, credit)[1]["code"] == "invalid_parameter", "credit is not repaid with credit"


def test_she_chooses_reads_and_agrees_on_the_page(home: Home) -> None:
    browser, path = home.browser, f"/bills/repayment/{home.line}"
    browser.get(f"{path}?lang=en")
    assert browser.page.count("<select") == 2, "as many places as there are methods"
    assert "repaying-bank bank · repaying-bank card ****" in browser.page
    browser.submit(path, do="offer", **{"method-1": home.card, "method-2": "balance"})
    assert "1. repaying-bank" in browser.page and "2. 余额 / balance" in browser.page
    assert not line_of(home)["automatic"]
    consent = re.findall(r'name="consent" value="([0-9a-f]{64})"', browser.page)[0]
    chosen = {"method-1": home.card, "method-2": "balance"}
    browser.submit(path, do="agree", consent=consent, **{**chosen, "partial": "yes"})
    assert 'role="alert"' in browser.page, "another text was signed"
    assert not line_of(home)["automatic"]
    browser.submit(path, do="agree", consent=consent, **chosen)
    assert line_of(home)["methods"] == [home.card, "balance"]
    assert not line_of(home)["partial"]
    browser.get(f"{path}?lang=zh")
    assert "取消自动还款" in browser.page
    browser.submit(path, do="off")
    assert not line_of(home)["automatic"]


@pytest.mark.parametrize("methods", [("", ""), ("balance", "balance"), ("x", ""), ("4611686018427387904", "")])
def test_what_cannot_be_chosen_is_said_on_the_page(home: Home, methods: tuple[str, str]) -> None:
    path = f"/bills/repayment/{home.line}"
    home.browser.get(f"{path}?lang=en")
    home.browser.submit(path, do="offer", **dict(zip(("method-1", "method-2"), methods, strict=True)))
    assert 'role="alert"' in home.browser.page
    home.browser.post(path, do="offer", lang="en", **{"method-1": "balance"})
    assert 'role="alert"' in home.browser.page, "a form of another site"
    home.browser.get("/bills/repayment/77")
    assert home.browser.last.status == 404
    stranger = Browser(home.browser.platform)
    stranger.get(path)
    assert "/bills/sign-in" in stranger.page
