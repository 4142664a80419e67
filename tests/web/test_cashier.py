"""The cashier in its stages."""

from __future__ import annotations

import pytest

from chuanliu.web import AlreadyPaid, Choice, Choose, Language, Means, OrderSummary, Paid, stage_name
from chuanliu.web.wording import amount_text, day_text, grouped_digits, percent_text, remaining_text, web_address
from web.pages import NOW, StrictReader, cashier_page, order_of, stages_of


@pytest.mark.parametrize(
    ("stage", "chinese", "english"),
    [
        ("sign-in", "登录后付款", "Sign in to pay"),
        ("sign-in bare", "用户号或支付密码不正确。", "The user number or the password is wrong."),
        ("choose", "确认付款 ¥1,288.00", "Pay ¥1,288.00"),
        ("choose in instalments", "年化利率 13.71%", "13.71% a year"),
        ("choose in instalments", "免息", "Interest-free"),
        ("choose in instalments", "您的信用额度不足。", "What is left of your credit line does not cover this order."),
        ("choose again", "方案已更新，请重新确认。", "its terms are up to date now."),
        ("insufficient", "余额不足，付不了这笔订单。", "Your balance is not sufficient for this order."),
        ("no method", "您没有可用于此订单的付款方式。", "None of your payment methods can pay this order."),
        ("in-progress", "付款处理中", "Payment in progress"),
        ("paid", "付款成功", "Payment successful"),
        ("paid in instalments", "3 期 · ¥439.20 / 期", "3 instalments · ¥439.20 each"),
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


def test_the_first_offer_is_chosen_and_what_cannot_pay_cannot_be_pressed() -> None:
    read = StrictReader(cashier_page(Language.EN, stages_of()["choose in instalments"], order_of()))
    offers = read.having("input", lambda a: a.get("name") == "offer")
    assert [(m["value"], "checked" in m, "disabled" in m) for m in offers] == [
        ("1", True, False),
        ("2", False, False),
        ("3", False, False),
        ("0", False, False),
        ("4", False, False),
        ("", False, True),
    ]
    assert not read.having("button", lambda a: "disabled" in a)
    assert read.having("input", lambda a: a.get("name") == "quote_id" and a["value"] == "77")


def test_the_button_names_an_amount_only_where_no_other_can_be_chosen() -> None:
    """Without scripts it could not follow the choice; with scripts it takes the words that each offer brings."""
    many = StrictReader(cashier_page(Language.EN, stages_of()["choose in instalments"], order_of()))
    assert "Pay ¥1,288.00" not in many.text
    words = [a["data-pay"] for a in many.having("input", lambda a: "data-pay" in a)]
    assert words[:3] == ["Pay ¥1,288.00", "Pay in 3 · ¥439.20 each", "Pay in 6 · ¥214.66 each"]
    one = StrictReader(cashier_page(Language.EN, stages_of()["choose"], order_of()))
    assert "Pay ¥1,288.00" in one.text


def test_a_fee_that_others_bear_is_struck_through() -> None:
    page = cashier_page(Language.EN, stages_of()["choose in instalments"], order_of())
    assert '<s><span class="hidden">instead of </span>¥57.96</s> <b>¥0.00</b>' in page
    assert page.count("<s>") == 1


@pytest.mark.parametrize(
    ("payments", "each", "odd"),
    [
        ((500,), 500, ""),
        ((167, 167, 167), 167, ""),
        ((168, 166, 166), 166, "first"),
        ((166, 166, 168), 166, "last"),
        ((100, 90, 90, 90, 90, 90), 90, "first"),
    ],
)
def test_which_instalment_differs(payments: tuple[int, ...], each: int, odd: str) -> None:
    choice = Choice(1, payments)
    assert (choice.each_minor, choice.odd_at, choice.total_minor) == (each, odd, sum(payments))
    assert choice.interest_free == (len(payments) > 1)


@pytest.mark.parametrize(
    ("ppm", "words"), [(0, "0%"), (137_123, "13.71%"), (125_000, "12.5%"), (49, "0%"), (50, "0.01%")]
)
def test_rates(ppm: int, words: str) -> None:
    assert percent_text(ppm) == words


def test_days() -> None:
    assert (day_text(20261210, Language.ZH), day_text(20261210, Language.EN)) == ("12月10日", "10 Dec")


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
    "stage", [Paid(NOW, "*川", Means("balance")), Paid(NOW, "*川", Means("balance"), "javascript:x"), AlreadyPaid()]
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
    stage = Choose("/p", "t", "*川", (Means("balance"),))
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
