"""A consumer's bills in the browser: her own only, with files, repayment and agreement."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import psycopg
import pytest
from cashier_browser import Browser

from alipay_world.world import PASSWORD, World
from bills.household import Household, household
from instalments.shop import Shop
from trade.market import Market


@dataclass(frozen=True)
class Home:
    """A household on a platform with a gateway."""

    home: Household
    consumer: int


@pytest.fixture(scope="module")
def home(platform: World) -> Iterator[Home]:
    """A consumer with a statement that is due."""
    day = [str(date.today() - timedelta(days=days)) for days in (110, 80, 60, 0)]
    consumer = platform.consumer(balance_minor=1000_00)
    with psycopg.connect(platform.database_url, autocommit=True) as connection:
        market = Market(platform.database_url, connection)
        merchant = market.merchant(fee_bps=0)
        engine = platform.services.engine

        async def main() -> Household:
            shop = Shop(market, merchant, platform.services.vault)
            made = await household(shop, engine, "page-line", day[0], consumer=consumer)
            await made.buy("tea", day[1], 300_00, [day[2]])
            made.bill(day[3])
            return made

        yield Home(platform.run(main()), consumer)


def at_home(platform: World, consumer: int) -> Browser:
    """A browser in which she has signed in."""
    browser = Browser(platform)
    browser.get("/bills?lang=en")
    browser.submit("/bills/sign-in", user_id=str(consumer), password=PASSWORD)
    return browser


def test_sign_in_look_take_away_and_repay(platform: World, home: Home) -> None:
    browser = at_home(platform, home.consumer)
    assert "page-line line" in browser.page and "300.00" in browser.page
    path = re.findall(r'href="(/bills/[0-9]+/[0-9]{6})[^"]*"', browser.page)[-1]
    page = browser.get(f"{path}?lang=en")
    assert "At least" in page and "tea" in page and "Purchase" in page
    browser.get(f"{path}.csv")
    assert browser.page.startswith("\ufeffcycle,seq") and ",payment,tea,300.00," in browser.page
    pdf = platform.send(f"{path}.pdf", "", b"", method="GET", headers=cookies(browser))
    assert pdf.header("content-type") == "application/pdf" and pdf.body.startswith(b"%PDF-")
    document = json.loads(browser.get("/v1/bills"))
    newest = document["statements"][-1]
    assert (newest["closing"], newest["due"], document["mirrored"]) == ("300.00", "300.00", [])
    browser.get("/bills?lang=en")
    line = str(home.home.instrument_id)
    browser.submit("/bills", line=line, do="auto-on")
    assert "Take automatic repayment back" in browser.page
    browser.submit("/bills", line=line, do="repay")
    assert platform.balance(home.consumer) == 700_00
    browser.submit("/bills", line=line, do="repay")
    assert "alert" in browser.page
    assert platform.balance(home.consumer) == 700_00


def cookies(browser: Browser) -> dict[str, str]:
    """The headers of a request of hers."""
    return {"cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}


def test_nobody_sees_or_repays_what_is_not_hers(platform: World, home: Home) -> None:
    other = platform.consumer()
    stranger = at_home(platform, other)
    assert "page-line" not in stranger.page
    path = f"/bills/{home.home.product.product_id}/{home.home.statements()[-1].cycle}"
    stranger.get(path)
    assert stranger.last.status == 404
    stranger.get("/bills?lang=en")
    stranger.submit("/bills", line=str(home.home.instrument_id), do="repay")
    assert "alert" in stranger.page
    assert platform.balance(other) == 1000_00
    assert json.loads(stranger.get("/v1/bills")) == {"statements": [], "mirrored": []}
    assert "csrf_token" in Browser(platform).get(path)


def test_what_is_forged_or_unknown_is_refused(platform: World, home: Home) -> None:
    browser = at_home(platform, home.consumer)
    before = platform.balance(home.consumer)
    browser.post("/bills", csrf_token="0" * 64, lang="en", line=str(home.home.instrument_id), do="repay")
    assert "alert" in browser.page and platform.balance(home.consumer) == before
    for path in ("/bills/1/202601", "/bills/x/202601", "/bills/1/2026", "/bills/1/202601.doc"):
        browser.get(path)
        assert browser.last.status == 404, path
    fresh = Browser(platform)
    assert "sign in at /bills first" in fresh.get("/v1/bills")
    assert fresh.last.status == 401
    fresh.get("/bills?lang=en")
    fresh.submit("/bills/sign-in", user_id=str(home.consumer), password="000000")
    assert "alert" in fresh.page and "password" in fresh.page
