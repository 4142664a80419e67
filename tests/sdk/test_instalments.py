"""Instalments by every SDK: on the platform's line and by a bank's card, borne by the buyer or by the merchant.

The banks are `chuanliu bank-simulator`, which the sandbox starts as a process of its own and asks over ISO 8583.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Browser, expect

from browser import cashier
from chuanliu.sandbox.banks import sandbox_card_number
from sdk.driver import Client
from sdk.notification_receiver import NotificationReceiver
from sdk.platform_fixture import Consumer, Platform
from sdk.variants import VARIANTS, Variant

Clients = Callable[[Variant], Client]
FULL = tuple(variant for variant in VARIANTS if variant.everything)
BANK = "yunhe"
# By its full name, as one SDK's own call for it takes no options.
REFUND_QUERY = "alipay.trade.fastpay.refund.query"
OPTIONS = {"query_options": ["refund_detail_item_list", "deposit_back_info"]}


@dataclass(frozen=True)
class Purchase:
    """What is asked for, and what the payer and the seller bear of an order of 1111.11."""

    extend: dict[str, str]
    instalments: str
    by_card: bool
    charged: str | None = None


def line(number: str, percent: str | None = None, charged: str | None = None) -> Purchase:
    percentage = {"hb_fq_seller_percent": percent} if percent is not None else {}
    return Purchase({"hb_fq_num": number, **percentage}, number, by_card=False, charged=charged)


def card(number: str, percent: str, charged: str | None = None) -> Purchase:
    extend = {"fq_channels": "alipayfq_cc", "fq_num": number, "fq_seller_percent": percent}
    return Purchase(extend, number, by_card=True, charged=charged)


PURCHASES = {
    "line 3 by buyer": line("3", "0"),
    "line 6 by default": line("6"),
    "line 12 by buyer": line("12", "0"),
    "line 3 by merchant": line("3", "100", "20.00"),
    "line 6 by merchant": line("6", "100", "50.00"),
    # A campaign of the sandbox bears the fee of 12, and leaves nothing to the merchant.
    "line 12 by merchant": line("12", "100"),
    "card 12 by buyer": card("12", "0"),
    "card 3 by merchant": card("3", "100", "13.33"),
}


@pytest.fixture(scope="module")
def on_credit(platform: Platform) -> Consumer:
    """A consumer with the platform's line and a bank's card, and nothing in her wallet."""
    who = platform.consumer("0.00", "--confirm-above", "10000000.00")
    platform.chuanliu("consumer", "open-line", who.user_id, "--product", "chuanliu-line", "--limit", "1000000.00")
    pan = sandbox_card_number(1, 900_001)
    platform.chuanliu("consumer", "link-card", who.user_id, "--pan", pan, "--expiry", "12/35")
    return who


def used(platform: Platform, who: Consumer) -> str:
    """What she owes on the line."""
    listed = platform.chuanliu("consumer", "instruments", who.user_id)["instruments"]
    return str(next(each["used"] for each in listed if each["kind"] == "credit_line"))


def bill(purchase: Purchase, amount: str) -> dict[str, str]:
    if not purchase.by_card:
        return {"amount": amount, "fund_channel": "PCREDIT"}
    return {"amount": amount, "fund_channel": "BANKCARD", "bank_code": BANK, "fund_type": "CREDIT_CARD"}


@pytest.mark.parametrize("variant", FULL, ids=lambda variant: variant.name)
def test_paid_shown_and_refunded(variant: Variant, client_of: Clients, platform: Platform, on_credit: Consumer) -> None:
    client = client_of(variant)
    for name, purchase in PURCHASES.items():
        order = {"out_trade_no": "T" + secrets.token_hex(12)}
        biz = {
            **order,
            "scene": "bar_code",
            "auth_code": platform.payment_code(on_credit),
            "subject": name,
            "total_amount": "1111.11",
            "extend_params": purchase.extend,
        }
        paid = client.trade("pay", biz)
        assert paid["code"] == "10000", (name, paid)
        plan = {"user_install_num": purchase.instalments, "fq_amount": "1111.11"}
        if purchase.by_card:
            plan["fq_inst_id"] = BANK
        found = client.trade("query", order)
        for answer in (paid, found):
            assert answer["hb_fq_pay_info"] == plan, (name, answer)
            assert answer["fund_bill_list"] == [bill(purchase, "1111.11")], (name, answer)
            charged = {each["charge_type"]: each["charge_fee"] for each in answer["charge_info_list"]}
            assert charged.get("hbfq") == purchase.charged, (name, answer)
        assert (found["trade_status"], found["receipt_amount"]) == ("TRADE_SUCCESS", "1111.11")

        first = client.trade("refund", {**order, "refund_amount": "333.33", "out_request_no": "r1", **OPTIONS})
        assert (first["fund_change"], first["refund_fee"]) == ("Y", "333.33"), (name, first)
        assert first["refund_detail_item_list"] == [bill(purchase, "333.33")], (name, first)
        asked = client.execute(REFUND_QUERY, {**order, "out_request_no": "r1", **OPTIONS})
        assert asked["refund_status"] == "REFUND_SUCCESS", (name, asked)
        assert ("deposit_back_info" in asked) == purchase.by_card, (name, asked)
        rest = client.trade("refund", {**order, "refund_amount": "777.78", "out_request_no": "r2"})
        assert rest["refund_fee"] == "1111.11", (name, rest)
        assert client.trade("query", order)["trade_status"] == "TRADE_CLOSED", name
    assert used(platform, on_credit) == "0.00", "every plan came back"


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "half of the fee": ({"extend_params": {"hb_fq_num": "3", "hb_fq_seller_percent": "50"}}, "ACQ.INVALID_PARAMETER"),
    "four instalments": ({"extend_params": {"hb_fq_num": "4"}}, "ACQ.INVALID_PARAMETER"),
    "a number that the line has not": (
        {"extend_params": {"hb_fq_num": "24"}},
        "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE",
    ),
    "an unknown channel": ({"disable_pay_channels": "balance,cheque"}, "ACQ.INVALID_PARAMETER"),
    "only the balance, which is empty": (
        {"disable_pay_channels": "credit_group,debitCardExpress,bankPay"},
        "ACQ.BUYER_BALANCE_NOT_ENOUGH",
    ),
}


@pytest.mark.parametrize("variant", FULL, ids=lambda variant: variant.name)
def test_refused(variant: Variant, client_of: Clients, platform: Platform, on_credit: Consumer) -> None:
    client = client_of(variant)
    for name, (fields, sub_code) in REFUSALS.items():
        biz = {
            "out_trade_no": "T" + secrets.token_hex(12),
            "scene": "bar_code",
            "auth_code": platform.payment_code(on_credit),
            "subject": name,
            "total_amount": "1111.11",
            **fields,
        }
        answer = client.trade("pay", biz)
        assert answer.get("sub_code") == sub_code, (name, answer)


@pytest.mark.parametrize("name", ["official-python", "node-v2"])
def test_paid_in_three_instalments_in_the_browser(
    name: str,
    client_of: Clients,
    platform: Platform,
    on_credit: Consumer,
    receiver: NotificationReceiver,
    browser: Browser,
) -> None:
    """page.pay: the payer sees all that she has, takes three instalments of the line, and is told what she owes."""
    client = client_of(next(variant for variant in VARIANTS if variant.name == name))
    order = "T" + secrets.token_hex(12)
    biz = {
        "out_trade_no": order,
        "subject": "tea",
        "total_amount": "1111.11",
        "product_code": "FAST_INSTANT_TRADE_PAY",
    }
    url = client.page("page_pay", biz, return_url=f"{receiver.url}/return/{order}", notify_url=f"{receiver.url}/notify")
    with browser.new_context(locale="en-GB") as context:
        page = context.new_page()
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto(url)
        cashier.sign_in(page, on_credit.user_id, on_credit.pay_password)
        cashier.stage(page, "choose")
        expect(page.locator(".means")).to_have_count(3)
        cashier.choose(page, "credit_line", 3)
        expect(page.locator(".button-pay")).to_have_text("Pay in 3 · ¥378.89 each")
        cashier.pay(page)
        expect(page.locator(".facts").last).to_contain_text("3 instalments · ¥378.89 each")
        cashier.return_to_merchant(page, receiver.url)
        assert not failures
    form = receiver.notification(lambda fields: fields["out_trade_no"] == order)
    assert client.verifies(form)
    told = json.loads(dict(parse_qsl(form))["hb_fq_pay_info"])
    assert told == {"userInstallNum": "3", "fqAmount": "1111.11"}
    assert client.trade("query", {"out_trade_no": order})["hb_fq_pay_info"]["user_install_num"] == "3"
    client.trade("refund", {"out_trade_no": order, "refund_amount": "1111.11"})
