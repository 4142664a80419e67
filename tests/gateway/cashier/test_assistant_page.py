"""The bill assistant's page in the browser: her own figures, what she sets, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import psycopg
import pytest
from cashier_browser import Browser

from alipay_world.world import PASSWORD, World
from assistant.test_overview import day_of
from bills.household import Household, household
from instalments.shop import Shop
from trade.market import Market


@pytest.fixture(scope="module")
def home(platform: World) -> Iterator[Household]:
    """A consumer with a plan of three instalments."""
    consumer = platform.consumer(balance_minor=1000_00)
    with psycopg.connect(platform.database_url, autocommit=True) as connection:
        market = Market(platform.database_url, connection)
        merchant = market.merchant(fee_bps=0)
        engine = platform.services.engine

        async def main() -> Household:
            shop = Shop(market, merchant, platform.services.vault)
            made = await household(shop, engine, "assistant-line", day_of(-3, 1), consumer=consumer)
            await made.buy("phone", day_of(0, 1), 3000_00, [day_of(months) for months in (1, 2, 3)])
            return made

        yield platform.run(main())


def signed_in(platform: World, consumer: int) -> Browser:
    """A browser in which she has signed in."""
    browser = Browser(platform)
    browser.get("/assistant?lang=en")
    browser.submit("/assistant/sign-in", user_id=str(consumer), password=PASSWORD)
    return browser


def test_sign_in_look_set_and_erase(platform: World, home: Household) -> None:
    browser = signed_in(platform, home.consumer)
    assert "Bill assistant" in browser.page
    # 1023.00 a month, proposed 1500.00
    assert "1,023.00" in browser.page
    assert "(proposed)" in browser.page
    for chart in ('class="ring"', 'class="columns"', 'class="share-bar"', 'class="gauge"'):
        assert chart in browser.page
    product = str(home.product.product_id)
    browser.submit("/assistant", do="ideals", ideal="2,000", income="", **{f"ideal-{product}": "1100.00"})
    assert browser.last.status == 200
    assert "51%" in browser.page
    assert "93% of your ideal" in browser.page
    document = json.loads(browser.get("/v1/assistant"))
    assert (document["ideal"], document["proposed"], document["progress"]["percent"]) == ("2000.00", False, 51)
    assert document["calendar"][1]["left"] == "1023.00"
    (mine,) = (each for each in document["products"] if each["product"] == product)
    assert (mine["owed"], mine["mirrored"]) == ("3069.00", False)
    browser.get("/assistant?lang=en")
    times = {"quiet-from": "23:30", "quiet-until": "07:00", "time-zone": "Europe/Paris"}
    browser.submit(
        "/assistant", do="reminders", reminders="yes", **{"by-email": "yes"}, email="li@example.org", **times
    )
    settings = json.loads(browser.get("/v1/assistant/settings"))
    assert (settings["channels"], settings["email"], settings["time_zone"]) == (
        ["in-app", "email"], "li@example.org", "Europe/Paris",
    )  # fmt: skip
    assert (settings["quiet_from"], settings["quiet_until"]) == ("23:30", "07:00")
    assert json.loads(browser.get("/v1/assistant/export"))["settings"] == settings
    assert "settings,1,email,li@example.org" in browser.get("/v1/assistant/export.csv")
    browser.get("/assistant?lang=en")
    browser.submit("/assistant", do="erase")
    after = json.loads(browser.get("/v1/assistant"))
    assert (after["proposed"], after["products"][0]["owed"]) == (True, "3069.00")
    assert json.loads(browser.get("/v1/assistant/settings"))["email"] is None


def test_in_chinese(platform: World, home: Household) -> None:
    browser = signed_in(platform, home.consumer)
    page = browser.get("/assistant?lang=zh")
    assert "账单助手" in page
    assert "还款压力" in page
    assert not re.search(r">[A-Za-z ]{14,}<", page.split("<main")[1].replace("Asia/Shanghai", ""))


@pytest.mark.parametrize(
    "fields",
    [
        {"do": "ideals", "ideal": "-5"},
        {"do": "ideals", "ideal": "1.234"},
        {"do": "ideals", "ideal": "9" * 12},
        {"do": "reminders", "email": "nobody", "quiet-from": "22:00", "quiet-until": "08:00"},
        {"do": "reminders", "time-zone": "Asia/Shanghai", "quiet-from": "25:00", "quiet-until": "08:00"},
        {"do": "reminders", "time-zone": "Asia/Shanghai", "quiet-from": "", "quiet-until": "08:00"},
        {"do": "reminders", "by-email": "yes", "time-zone": "Asia/Shanghai", "quiet-from": "22:00",
         "quiet-until": "08:00"},
    ],
)  # fmt: skip
def test_what_cannot_be_set_is_said(platform: World, home: Household, fields: dict[str, str]) -> None:
    browser = signed_in(platform, home.consumer)
    before = browser.get("/v1/assistant/settings")
    browser.get("/assistant?lang=en")
    browser.submit("/assistant", **fields)
    assert "alert" in browser.page
    assert browser.get("/v1/assistant/settings") == before


def test_nobody_else_and_no_forged_form(platform: World, home: Household) -> None:
    browser = signed_in(platform, home.consumer)
    browser.post("/assistant", csrf_token="0" * 64, lang="en", do="ideals", ideal="1")
    assert "alert" in browser.page
    assert json.loads(browser.get("/v1/assistant"))["ideal"] != "1.00"
    stranger = signed_in(platform, platform.consumer())
    assert "1,023.00" not in stranger.page
    assert json.loads(stranger.get("/v1/assistant"))["products"] == []
    fresh = Browser(platform)
    assert "sign in" in fresh.get("/v1/assistant")
    assert fresh.last.status == 401
    assert "csrf_token" in fresh.get("/assistant")
