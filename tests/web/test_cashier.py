"""The cashier in its stages."""

from __future__ import annotations

import pytest

from chuanliu.web import AlreadyPaid, Choose, FundingChoice, Language, OrderSummary, Paid, stage_name
from chuanliu.web.wording import amount_text, grouped_digits, remaining_text, web_address
from web.pages import NOW, StrictReader, cashier_page, order_of, stages_of


@pytest.mark.parametrize(
    ("stage", "chinese", "english"),
    [
        ("sign-in", "登录后付款", "Sign in to pay"),
        ("sign-in bare", "用户号或支付密码不正确。", "The user number or the password is wrong."),
        ("choose", "确认付款 ¥1,288.00", "Pay ¥1,288.00"),
        ("insufficient", "余额不足，付不了这笔订单。", "Your balance is not sufficient for this order."),
        ("no method", "您没有可用于此订单的付款方式。", "None of your payment methods can pay this order."),
        ("in-progress", "付款处理中", "Payment in progress"),
        ("paid", "付款成功", "Payment successful"),
        ("already-paid", "该订单已支付", "This order has already been paid"),
        ("closed", "订单已关闭", "This order is closed"),
        ("expired", "订单已超时", "This order has expired"),
    ],
)
def test_each_stage_says_what_it_is(stage: str, chinese: str, english: str) -> None:
    shown = stages_of()[stage]
    for language, words in ((Language.ZH, chinese), (Language.EN, english)):
        read = StrictReader(cashier_page(language, shown, order_of()))
        assert words in read.text
        assert "明前龙井" in read.text
        assert read.having("section", lambda a: a.get("data-stage") == stage_name(shown))


def test_the_first_method_that_can_pay_is_chosen() -> None:
    read = StrictReader(cashier_page(Language.EN, stages_of()["choose"], order_of()))
    methods = read.having("input", lambda a: a.get("name") == "method")
    assert [("checked" in m, "disabled" in m) for m in methods] == [(False, True), (True, False)]
    assert not read.having("button", lambda a: "disabled" in a)


def test_nothing_can_be_pressed_when_no_method_can_pay() -> None:
    for stage in ("insufficient", "no method"):
        read = StrictReader(cashier_page(Language.EN, stages_of()[stage], order_of()))
        assert read.having("button", lambda a: "disabled" in a)


def test_a_paid_page_returns_by_itself_after_three_seconds() -> None:
    read = StrictReader(cashier_page(Language.EN, stages_of()["paid"], order_of()))
    [refresh] = read.having("meta", lambda a: a.get("http-equiv") == "refresh")
    assert refresh["content"] == "3; url=https://shop.example/back?a=1&b=2"
    assert read.having("a", lambda a: a.get("href") == "https://shop.example/back?a=1&b=2")


@pytest.mark.parametrize(
    "stage", [Paid(NOW, "*川", "balance"), Paid(NOW, "*川", "balance", "", "javascript:x"), AlreadyPaid()]
)
def test_without_a_safe_return_address_the_page_stays(stage: Paid | AlreadyPaid) -> None:
    read = StrictReader(cashier_page(Language.EN, stage, order_of()))
    assert not read.having("meta", lambda a: a.get("http-equiv") == "refresh")


def test_an_order_without_time_limit_shows_no_clock() -> None:
    order = OrderSummary("M", "S", 500, "JPY", "1", "2")
    read = StrictReader(cashier_page(Language.EN, stages_of()["choose"], order))
    assert "JP¥500" in read.text
    assert not read.having("b", lambda a: "data-countdown" in a)


def test_the_language_switch_keeps_the_address() -> None:
    read = StrictReader(cashier_page(Language.ZH, stages_of()["closed"], order_of()))
    assert read.having("a", lambda a: a.get("href") == "/pay/1?x=1&lang=en" and a["hreflang"] == "en")


def test_a_method_without_a_name_of_its_own_is_the_balance() -> None:
    stage = Choose("/p", "t", "*川", (FundingChoice("balance"),))
    assert "Account balance" in StrictReader(cashier_page(Language.EN, stage, order_of())).text


@pytest.mark.parametrize(
    ("minor", "currency", "words"),
    [
        (1, "CNY", "¥0.01"),
        (123_456_789, "CNY", "¥1,234,567.89"),
        (-5, "CNY", "−¥0.05"),
        (500, "JPY", "JP¥500"),
        (1_250, "KWD", "KWD 1.250"),
    ],
)
def test_amounts(minor: int, currency: str, words: str) -> None:
    assert amount_text(minor, currency) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0:00"), (0, "0:00"), (59, "0:59"), (872, "14:32"), (3_600, "1:00:00"), (90_061, "1:01:01:01")],
)
def test_time_left(seconds: int, words: str) -> None:
    assert remaining_text(NOW + seconds * 1_000_000, NOW) == words


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://shop.example/a?b=c", True),
        ("HTTP://shop.example", True),
        ("/pay/1", True),
        ("", False),
        ("pay/1", False),
        ("//elsewhere.example", False),
        ("/\\elsewhere.example", False),
        ("/\t/elsewhere.example", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,x", False),
    ],
)
def test_only_web_addresses_become_links(address: str, kept: bool) -> None:
    assert web_address(address) == (address if kept else "")


def test_codes_are_grouped_as_wallets_print_them() -> None:
    assert grouped_digits("287654321098765432") == "2876 5432 1098 7654 32"
