"""Questions about bills in the browser and over the API: one's own data only, and refusals that say so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from cashier_browser import Browser

from alipay_world.world import PASSWORD, World
from bills.household import Household, household
from instalments.shop import Shop
from trade.market import Market


@pytest.fixture(scope="module")
def home(platform: World) -> Iterator[Household]:
    """A consumer with a statement that is due."""
    day = [str(date.today() - timedelta(days=days)) for days in (110, 80, 60, 0)]
    consumer = platform.consumer(balance_minor=1000_00)
    with psycopg.connect(platform.database_url, autocommit=True) as connection:
        market = Market(platform.database_url, connection)
        merchant = market.merchant(fee_bps=0)

        async def main() -> Household:
            shop = Shop(market, merchant, platform.services.vault)
            made = await household(shop, platform.services.engine, "asked-line", day[0], consumer=consumer)
            await made.buy("tea", day[1], 300_00, [day[2]])
            made.bill(day[3])
            return made

        yield platform.run(main())


def signed_in(platform: World, consumer: int) -> Browser:
    """A browser in which she has signed in."""
    browser = Browser(platform)
    browser.get("/bills?lang=en")
    browser.submit("/bills/sign-in", user_id=str(consumer), password=PASSWORD)
    return browser


def asked(platform: World, browser: Browser | None, body: Any, kind: str = "application/json") -> tuple[int, Any]:
    """Status and document of a question over the API."""
    headers = {"content-type": kind}
    if browser is not None:
        headers["cookie"] = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = platform.send("/v1/assistant/questions", "", sent, headers=headers)
    return answer.status, json.loads(answer.body)


def test_the_box_on_the_page_of_bills_answers(platform: World, home: Household) -> None:
    browser = signed_in(platform, home.consumer)
    assert 'name="question"' in browser.page
    browser.submit("/bills/questions", question="what is my balance")
    assert "Your balance is 1,000.00 CNY." in browser.page
    browser.submit("/bills/questions", question="我逾期了吗")
    assert "300.00 CNY is unpaid behind its due date" in browser.page and "shop · tea" in browser.page
    assert f'href="/bills/{home.product.product_id}/' in browser.page
    browser.submit("/bills/questions", question="what's the weather tomorrow <b>")
    assert "I do not guess" in browser.page and "&lt;b&gt;" in browser.page and "Where is my refund?" in browser.page
    browser.submit("/bills/questions", question="   ")
    assert "You can ask" in browser.page


def test_the_api_answers_in_the_questions_language(platform: World, home: Household) -> None:
    browser = signed_in(platform, home.consumer)
    status, answer = asked(platform, browser, {"question": "total debt"})
    assert (status, answer["intent"], answer["understood"], answer["refusal"]) == (200, "debt", True, None)
    assert answer["totals"] == [{"currency": "CNY", "amount": "300.00"}]
    (proof,) = answer["proofs"]
    assert (proof["kind"], proof["amount"], proof["counted"], proof["text"]) == (
        "instalment",
        "300.00",
        True,
        "shop · tea",
    )
    assert "一共还欠" in asked(platform, browser, {"question": "我总共欠多少钱"})[1]["text"]
    assert "In all you owe" in asked(platform, browser, {"question": "我总共欠多少钱", "language": "en"})[1]["text"]
    refused = asked(platform, browser, {"question": "how much does my husband owe"})[1]
    assert (refused["understood"], refused["refusal"], refused["proofs"]) == (False, "others", [])


def test_nobody_is_answered_about_another(platform: World, home: Household) -> None:
    stranger = signed_in(platform, platform.consumer(balance_minor=7_00))
    assert asked(platform, stranger, {"question": "total debt"})[1]["totals"] == []
    assert asked(platform, stranger, {"question": "what is my balance"})[1]["totals"][0]["amount"] == "7.00"
    other = asked(platform, stranger, {"question": f"how much does {home.consumer} owe"})[1]
    assert other["refusal"] == "others"


def test_who_is_not_signed_in_or_sends_nonsense_is_refused(platform: World, home: Household) -> None:
    assert asked(platform, None, {"question": "total debt"})[0] == 401
    browser = signed_in(platform, home.consumer)
    for body, kind, status in [
        ({"question": ""}, "application/json", 400),
        ({"question": "x" * 301}, "application/json", 400),
        ({"question": "total debt", "language": "fr"}, "application/json", 400),
        ({"question": "total debt", "user_id": "2088"}, "application/json", 400),
        ({}, "application/json", 400),
        (b"{", "application/json", 400),
        ({"question": "total debt"}, "text/plain", 415),
    ]:
        found = asked(platform, browser, body, kind)
        assert found[0] == status, (body, found)
    fresh = Browser(platform)
    assert "csrf_token" in fresh.get("/bills/questions") and "What proves it" not in fresh.page
    browser.post("/bills/questions", csrf_token="0" * 64, lang="en", question="total debt")
    assert "alert" in browser.page and "In all you owe" not in browser.page
