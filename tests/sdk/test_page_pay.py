"""page.pay and wap.pay through a real browser: from the merchant's checkout to the cashier and back."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Literal
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Browser

from browser import cashier
from sdk.driver import Client
from sdk.notification_receiver import NotificationReceiver
from sdk.platform_fixture import Consumer, Platform
from sdk.scenarios import BRACES, CHINESE
from sdk.variants import VARIANTS, Variant

PRODUCTS: dict[str, str] = {"page_pay": "FAST_INSTANT_TRADE_PAY", "wap_pay": "QUICK_WAP_WAY"}
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
ROWS: list[tuple[str, Literal["page_pay", "wap_pay"], Literal["GET", "POST"], str]] = [
    ("official-python", "page_pay", "GET", CHINESE),
    ("official-python", "page_pay", "POST", BRACES),
    ("official-python-gbk", "page_pay", "GET", CHINESE),
    ("official-python", "wap_pay", "GET", "tea"),
    # This SDK makes URLs only.
    ("community-python", "page_pay", "GET", CHINESE),
    ("community-python", "wap_pay", "GET", BRACES),
    ("node-v2", "page_pay", "GET", CHINESE),
    ("node-v2", "page_pay", "POST", BRACES),
    ("node-v2", "wap_pay", "POST", CHINESE),
    ("node-v2-certificates", "page_pay", "GET", CHINESE),
]


@pytest.mark.parametrize(("name", "call", "http_method", "subject"), ROWS, ids=["-".join(row[:3]) for row in ROWS])
def test_paid_in_the_browser(
    name: str,
    call: Literal["page_pay", "wap_pay"],
    http_method: Literal["GET", "POST"],
    subject: str,
    client_of: Callable[[Variant], Client],
    platform: Platform,
    consumer: Consumer,
    receiver: NotificationReceiver,
    browser: Browser,
) -> None:
    client = client_of(next(variant for variant in VARIANTS if variant.name == name))
    order = "T" + secrets.token_hex(12)
    biz = {"out_trade_no": order, "subject": subject, "total_amount": "12.34", "product_code": PRODUCTS[call]}
    return_path = f"/return/{order}"
    text = client.page(
        call,
        biz,
        http_method=http_method,
        return_url=receiver.url + return_path,
        notify_url=f"{receiver.url}/notify",
    )
    checkout = text if http_method == "GET" else receiver.show(text)
    with browser.new_context(viewport=PHONE if call == "wap_pay" else DESKTOP) as context:  # type: ignore[arg-type]
        page = context.new_page()
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto(checkout)
        cashier.stage(page, "sign-in")
        assert subject in page.inner_text("body")
        assert "12.34" in page.inner_text("body")
        cashier.sign_in(page, consumer.user_id, consumer.pay_password)
        cashier.pay(page)
        cashier.return_to_merchant(page, receiver.url)
        assert not failures

    query = receiver.returned_query(return_path)
    fields = dict(parse_qsl(query))
    method = f"alipay.trade.{call.replace('_', '.')}.return"
    assert (fields["out_trade_no"], fields["total_amount"], fields["method"]) == (order, "12.34", method)
    assert client.verifies(query)

    form = receiver.notification(lambda fields: fields["out_trade_no"] == order)
    assert client.verifies(form)
    answer = client.trade("query", {"out_trade_no": order})
    assert (answer["trade_status"], answer["trade_no"]) == ("TRADE_SUCCESS", fields["trade_no"])


@pytest.mark.parametrize("name", ["official-python", "node-v2"])
def test_a_changed_link_shows_no_cashier(
    name: str, client_of: Callable[[Variant], Client], receiver: NotificationReceiver, browser: Browser
) -> None:
    """A payer who lowers the amount in the address bar is refused."""
    client = client_of(next(variant for variant in VARIANTS if variant.name == name))
    biz = {"out_trade_no": "T" + secrets.token_hex(12), "subject": "tea", "total_amount": "12.34"}
    url = client.page(
        "page_pay", {**biz, "product_code": "FAST_INSTANT_TRADE_PAY"}, return_url=f"{receiver.url}/return"
    )
    assert "12.34" in url
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url.replace("12.34", "0.01"))
        assert page.locator(".stage").count() == 0
