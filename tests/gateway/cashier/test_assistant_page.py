"""The bill assistant's page in the browser: her own figures, what she sets, and what is refused."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator

import psycopg
import pytest
from cashier_browser import Browser

from alipay_world.world import FORM, PASSWORD, World
from assistant.test_overview import day_of
from bills.household import Household, household
from chuanliu.assistant import ChangeProfile, FindProfile, off_token
from chuanliu.crypto import SEAL_RANDOMNESS
from chuanliu.ids import cell_of_party
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


def given(platform: World, consumer: int, subject: str) -> None:
    """A reminder on record, as the job leaves it."""
    with psycopg.connect(platform.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO reminder VALUES (%s, %s, 'share-80-209912', 'in-app', 'sent', %s, 'Body', now(), NULL)",
            [cell_of_party(consumer), consumer, subject],
        )


def test_messages_are_shown_listed_exported_and_erased(platform: World) -> None:
    consumer, other = platform.consumer(), platform.consumer()
    given(platform, consumer, "At 83 %")
    given(platform, other, "Of somebody else")
    browser = signed_in(platform, consumer)
    assert "At 83 %" in browser.page
    assert "Of somebody else" not in browser.page
    (mine,) = json.loads(browser.get("/v1/assistant/reminders"))["reminders"]
    assert (mine["occasion"], mine["channel"], mine["status"]) == ("share-80-209912", "in-app", "sent")
    assert json.loads(browser.get("/v1/assistant/export"))["reminders"] == [mine]
    assert "reminders,1,subject,At 83 %" in browser.get("/v1/assistant/export.csv")
    browser.get("/assistant?lang=en")
    browser.submit("/assistant", do="off")
    assert json.loads(browser.get("/v1/assistant/settings"))["reminders"] is False
    browser.get("/assistant?lang=en")
    browser.submit("/assistant", do="erase")
    assert json.loads(browser.get("/v1/assistant/reminders")) == {"reminders": []}
    assert "Of somebody else" in signed_in(platform, other).page


def test_one_tap_turns_reminders_off_without_signing_in(platform: World) -> None:
    consumer = platform.consumer()
    platform.submit(ChangeProfile(consumer, ideal_minor=100_00))
    token = off_token(platform.services.vault, consumer, secrets.token_bytes(SEAL_RANDOMNESS))
    nobody = Browser(platform)
    # Opening the link, as mail scanners do, changes nothing.
    page = nobody.get(f"/assistant/off?t={token}&lang=en")
    assert "Turn reminders off" in page
    assert reminded(platform, consumer)
    # The page's button, and what a mail program sends by itself (RFC 8058).
    platform.send("/assistant/off", f"t={token}", b"List-Unsubscribe=One-Click", headers=FORM)
    assert not reminded(platform, consumer)
    platform.submit(ChangeProfile(consumer, reminders=True))
    assert "Reminders are off" in nobody.submit(f"/assistant/off?t={token}")
    assert "Reminders are off" in nobody.post(f"/assistant/off?t={token}", lang="en")
    assert not reminded(platform, consumer)
    for forged in ("", "abc", token[:-3]):
        nobody.get(f"/assistant/off?t={forged}")
        assert nobody.last.status == 404


def reminded(platform: World, consumer: int) -> bool:
    """Whether she wants to be reminded."""
    profile = platform.ask(FindProfile(consumer))
    return bool(profile.reminders)
