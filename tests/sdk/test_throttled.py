"""A platform that is full, as official SDKs and a browser meet it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from sdk.driver import Driver
from sdk.platform_fixture import Merchant, Platform, running_platform
from sdk.variants import COMMUNITY_PYTHON, OFFICIAL_PYTHON, Sdk


@pytest.fixture(scope="module")
def full() -> Iterator[Platform]:
    """A platform of its own, whose pool lets one request in every hundred seconds."""
    with running_platform() as started:
        yield started


@pytest.fixture(scope="module")
def shop(full: Platform) -> Merchant:
    return full.merchant("Busy tea house")


def limit(platform: Platform, to: str) -> None:
    """Set the limit, and wait until all processes go by it."""
    platform.chuanliu("tenant", "limit", to)
    time.sleep(3)


@pytest.fixture(scope="module")
def closed(full: Platform, shop: Merchant) -> Platform:
    limit(full, "0.01")
    return full


@pytest.mark.parametrize("sdk", [OFFICIAL_PYTHON, COMMUNITY_PYTHON], ids=lambda sdk: sdk.name)
def test_sdks_accept_the_signed_refusal(
    sdk: Sdk, closed: Platform, shop: Merchant, driver_of: Callable[[Sdk], Driver]
) -> None:
    config = closed.config(shop, key_format="PKCS1") if sdk is OFFICIAL_PYTHON else closed.config(shop)
    client = driver_of(sdk).open(config)
    # The first requests may still find what every process lets in before it is full.
    answers = [client.trade("query", {"out_trade_no": "T1"}) for _ in range(12)]
    assert [(one["code"], one["sub_code"]) for one in answers[-4:]] == [("40005", "isv.app-call-limited")] * 4


def test_a_posted_form_waits_in_the_browser_and_arrives_by_itself(
    closed: Platform, shop: Merchant, driver_of: Callable[[Sdk], Driver], browser: Browser
) -> None:
    client = driver_of(OFFICIAL_PYTHON).open(closed.config(shop, key_format="PKCS1"))
    for _ in range(12):
        client.trade("query", {"out_trade_no": "T1"})
    biz = {
        "out_trade_no": "T" + secrets.token_hex(8),
        "subject": '一壶"茶"',
        "total_amount": "12.34",
        "product_code": "FAST_INSTANT_TRADE_PAY",
    }
    form = client.page("page_pay", biz, http_method="POST")
    page = browser.new_page(locale="en-GB")
    page.set_content(form)
    expect(page.get_by_role("heading", name="You are in line")).to_be_visible(timeout=20_000)
    limit(closed, "none")
    page.wait_for_url("**/cashier/**", timeout=30_000)
    expect(page.get_by_text('一壶"茶"').first).to_be_visible()
    page.close()
