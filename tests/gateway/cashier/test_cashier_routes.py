"""The cashier as a browser goes through it, cookie by cookie, and what it refuses."""

from __future__ import annotations

import re
import secrets
from urllib.parse import urlsplit

import pytest
from cashier_browser import Browser, checkout, link_of, signed_in

from alipay_world.world import PASSWORD, PUBLIC_URL, Shop, World
from chuanliu import crypto
from chuanliu.gateway.alipay import form_sign_string, parse_order_string
from chuanliu.ids import order_id_of
from chuanliu.parties import ChangeConsumer
from chuanliu.trade import CloseOrder, OrderRef
from chuanliu.web import ASSETS


@pytest.mark.parametrize("product", ["page", "wap"])
def test_sign_in_choose_pay_and_go_back(product: str, platform: World, shop: Shop) -> None:
    payer = platform.consumer()
    path = checkout(platform, shop, product=product)
    browser = Browser(platform)
    page = browser.get(path)
    assert browser.stage == "sign-in"
    assert "明前龙井" in page
    assert "88.88" in page
    browser.submit(path, user_id=str(payer), password=PASSWORD)
    assert browser.stage == "choose"
    browser.pay(path)
    assert browser.stage == "paid"
    assert platform.balance(payer) == 1000_00 - 88_88
    back = link_of(browser.page, "https://shop.example/back")
    raw = parse_order_string(urlsplit(back).query)
    assert raw[b"cart"] == b"7"
    assert raw[b"method"] == f"alipay.trade.{product}.pay.return".encode()
    assert raw[b"seller_id"].decode() == shop.seller_id
    assert crypto.verify(form_sign_string(raw), raw[b"sign"].decode(), shop.platform_public_key)
    browser.pay(path)
    assert platform.balance(payer) == 1000_00 - 88_88


def test_the_result_is_shown_to_its_payer_only(platform: World, shop: Shop) -> None:
    payer, other = platform.consumer(name="王小川"), platform.consumer()
    path = checkout(platform, shop)
    signed_in(platform, path, payer).pay(path)
    stranger, another = Browser(platform), signed_in(platform, path, other)
    for page in (stranger.get(path), another.get(path)):
        assert 'data-stage="already-paid"' in page
        assert "小川" not in page
        assert str(payer) not in page
        assert "sign=" not in page
    assert b"already-paid" in platform.send(f"{path}/status", method="GET").body


def test_one_click_signs_in_a_demo_consumer_and_nobody_else(platform: World, shop: Shop) -> None:
    path = checkout(platform, shop)
    for _ in range(6):
        platform.consumer()
    browser = Browser(platform)
    shown = re.findall(r'name="demo_user_id" value="(\d+)"', browser.get(path))
    assert len(shown) == 4
    hidden = next(number for number in map(str, range(2088000000001001, 2088000000009999)) if number not in shown)
    browser.submit(path, demo_user_id=hidden)
    assert browser.stage == "sign-in"
    browser.submit(path, demo_user_id=shown[0])
    assert browser.stage == "choose"
    browser.submit(f"{path}/sign-out")
    assert browser.stage == "sign-in"


def test_wrong_passwords_are_counted(platform: World, shop: Shop) -> None:
    payer = platform.consumer()
    path = checkout(platform, shop)
    browser = Browser(platform)
    browser.get(path)
    unknown = browser.submit(path, user_id="2088999999999999", password="000000")
    for _ in range(5):
        wrong = browser.submit(path, user_id=str(payer), password="000000")
        assert browser.stage == "sign-in"
    assert "The user number or the password is wrong." in unknown
    assert "The user number or the password is wrong." in wrong
    assert "Too many wrong pay passwords" in browser.submit(path, user_id=str(payer), password=PASSWORD)


@pytest.mark.parametrize("change", ["no cookie", "no token", "token of another order", "cookie of another"])
def test_a_form_that_is_not_ours_does_nothing(change: str, platform: World, shop: Shop) -> None:
    payer = platform.consumer()
    path, other_path = checkout(platform, shop), checkout(platform, shop)
    browser = signed_in(platform, path, payer)
    token = browser.token
    match change:
        case "no cookie":
            browser.cookies.clear()
        case "no token":
            token = ""
        case "token of another order":
            path = other_path
        case _:
            browser.cookies = signed_in(platform, path, platform.consumer()).cookies
    quote = re.search(r'name="quote_id" value="([^"]*)"', browser.page)
    browser.post(f"{path}/pay", csrf_token=token, quote_id=quote[1] if quote else "", offer="0")
    assert browser.stage in {"sign-in", "choose"}
    assert platform.balance(payer) == 1000_00


def test_what_cannot_pay_says_why(platform: World, shop: Shop) -> None:
    poor, blocked, rich = platform.consumer(1_00), platform.consumer(), platform.consumer()
    path = checkout(platform, shop)
    browser = signed_in(platform, path, poor)
    assert "Your balance is not sufficient" in browser.page
    assert "Please choose how to pay." in browser.pay(path)
    browser = signed_in(platform, path, blocked)
    platform.submit(ChangeConsumer(blocked, blocked=True))
    assert "Your account may not pay" in browser.pay(path)
    assert "Your account may not pay" in signed_in(platform, path, blocked).page
    credit = checkout(platform, shop, disable_pay_channels="balance")
    browser = signed_in(platform, credit, rich)
    assert "The merchant does not accept it for this order." in browser.page
    assert "Please choose how to pay." in browser.pay(credit)
    assert platform.balance(rich) == 1000_00


@pytest.mark.parametrize(
    ("quote_id", "offer"), [("1", "0"), ("x", "0"), ("", ""), ("9" * 19, "0"), (None, "9"), (None, "-1")]
)
def test_an_offer_that_was_not_made_charges_nothing(
    quote_id: str | None, offer: str, platform: World, shop: Shop
) -> None:
    payer = platform.consumer()
    path = checkout(platform, shop)
    browser = signed_in(platform, path, payer)
    if quote_id is None:
        browser.pay(path, offer)
    else:
        browser.submit(f"{path}/pay", quote_id=quote_id, offer=offer)
    assert browser.stage == "choose"
    assert 'role="alert"' in browser.page
    assert platform.balance(payer) == 1000_00


def test_nobody_pays_by_the_quote_of_another(platform: World, shop: Shop) -> None:
    path = checkout(platform, shop)
    one, two = platform.consumer(), platform.consumer()
    theirs = re.search(r'name="quote_id" value="([0-9]+)"', signed_in(platform, path, one).page)
    assert theirs is not None
    browser = signed_in(platform, path, two)
    browser.submit(f"{path}/pay", quote_id=theirs[1], offer="0")
    assert browser.stage == "choose"
    assert (platform.balance(one), platform.balance(two)) == (1000_00, 1000_00)


def test_a_payer_confirms_what_waits_for_her(platform: World, shop: Shop) -> None:
    payer, other = platform.consumer(5000_00), platform.consumer(5000_00)
    biz = {"out_trade_no": "T" + secrets.token_hex(10), "subject": "茶", "total_amount": "2000.00"}
    answer = platform.call(shop, "alipay.trade.pay", {**biz, "auth_code": platform.code(payer)})
    path = f"/cashier/{answer['trade_no']}"
    assert signed_in(platform, path, other).stage == "in-progress"
    browser = signed_in(platform, path, payer)
    browser.pay(path)
    assert browser.stage == "paid"
    assert platform.balance(payer) == 3000_00


def test_a_scanned_code_shows_the_same_cashier(platform: World, shop: Shop) -> None:
    biz = {"out_trade_no": "T" + secrets.token_hex(10), "subject": "茶", "total_amount": "5.00"}
    text = platform.call(shop, "alipay.trade.precreate", biz)["qr_code"]
    path = text.removeprefix(PUBLIC_URL)
    browser = Browser(platform)
    browser.get(path)
    assert browser.stage == "sign-in"
    browser.submit(path.replace("/qr/", "/cashier/"), user_id=str(platform.consumer()), password=PASSWORD)
    assert browser.stage == "choose"
    order_id = order_id_of(path.rpartition("/")[2]) or 0
    platform.submit(CloseOrder(OrderRef(int(shop.seller_id), order_id=order_id)))
    browser.get(path)
    assert browser.stage == "closed"


@pytest.mark.parametrize("number", ["1", "0" * 28, "2026112320000000000000000000", "x" * 28, "２" * 28])
def test_a_wrong_trade_number_is_not_found(number: str, platform: World) -> None:
    for place in ("cashier", "qr"):
        response = platform.send(f"/{place}/{number}", method="GET", headers={"accept-language": "en"})
        assert response.status == 404
        assert b"order_not_found" in response.body


def test_languages(platform: World, shop: Shop) -> None:
    path = checkout(platform, shop)
    assert b'lang="zh-CN"' in platform.send(path, method="GET").body
    assert b'lang="en"' in platform.send(path, method="GET", headers={"accept-language": "en-GB"}).body
    assert b'lang="zh-CN"' in platform.send(path, "lang=zh", method="GET", headers={"accept-language": "en"}).body


def test_assets(platform: World) -> None:
    for address, asset in ASSETS.items():
        response = platform.send(address, method="GET")
        assert (response.status, response.body) == (200, asset.body)
        assert "immutable" in (response.header("cache-control") or "")
