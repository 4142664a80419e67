"""What a question names: months, days, amounts, shops, products, numbers."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.assistant.questions import EXAMPLE_PRODUCTS, EXAMPLE_SHOPS, Slots
from chuanliu.assistant.questions.normalising import corrected, normalised
from chuanliu.assistant.questions.slots import AHEAD_MONTHS, chinese_number, find_slots

TODAY = date(2026, 11, 27)


def slots(text: str, tense: str = "past", today: date = TODAY) -> Slots:
    return find_slots(text, today, EXAMPLE_SHOPS, EXAMPLE_PRODUCTS).slots(tense, today)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "tense", "month"),
    [
        ("三月", "due", 202703),
        ("三月", "past", 202603),
        ("11月", "due", 202611),
        ("十一月份", "past", 202611),
        ("十二月", "past", 202512),
        ("12月", "due", 202612),
        ("2027年1月", "past", 202701),
        ("明年一月份", "past", 202701),
        ("去年3月", "due", 202503),
        ("下个月", "due", 202612),
        ("下下个月", "due", 202701),
        ("上月", "past", 202610),
        ("本月", "due", 202611),
        ("March", "due", 202703),
        ("in sept", "past", 202609),
        ("jan 2027", "past", 202701),
        ("last month", "past", 202610),
        ("nxt mnth", "due", 202612),
        ("in may", "past", 202605),
        ("may I repay early", "past", None),
        ("2026-09", "past", 202609),
        ("九月", "due", 202609),
        ("分6个月", "due", None),
        ("", "due", None),
    ],
)
def test_months(text: str, tense: str, month: int | None) -> None:
    assert slots(text, tense).month == month


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("11月11号", 20261111),
        ("十二月一日", 20251201),
        ("双十一", 20261111),
        ("nov 11th", 20261111),
        ("3 march", 20260303),
        ("2026-10-03", 20261003),
        ("昨天", 20261126),
        ("today", 20261127),
        ("2月30日", None),
        ("31 april", None),
    ],
)
def test_days(text: str, day: int | None) -> None:
    assert slots(text).day == day


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("35.9", 3590),
        ("¥1,299.00", 129900),
        ("128元", 12800),
        ("三百五十块钱", 35000),
        ("一千零五元", 100500),
        ("my 200 refund", 20000),
        ("19.90 yuan", 1990),
        ("12期", None),
        ("6 months", None),
        ("the 9th", None),
        ("2 days", None),
        ("2026111121000000000001234567", None),
    ],
)
def test_amounts(text: str, minor: int | None) -> None:
    assert slots(text).amount_minor == minor


def test_names_of_shops_and_products() -> None:
    assert slots("how much at SUNNY  CAFE").shop == "Sunny Cafe"
    assert slots("what did I spend at kfc in october") == Slots(month=202610, shop="kfc")
    assert slots("在肯德基花了多少").shop == "肯德基"
    assert slots("the sunny cafeteria").shop is None
    assert slots("枫叶银行的卡").product == "maple-card"
    assert slots("river line").product == "river-line"


def test_numbers_of_payments_and_of_people() -> None:
    found = find_slots("trade 2026111121000000000001234567", TODAY)
    assert found.reference == "2026111121000000000001234567" and not found.person
    assert find_slots("bill of 2088000000001005", TODAY).person


@given(st.integers(1, 12), st.dates(date(2026, 1, 1), date(2090, 1, 1)))
def test_a_month_alone_lies_behind_or_not_far_ahead(month: int, today: date) -> None:
    past, due = slots(f"{month}月", "past", today).month, slots(f"{month}月", "due", today).month
    assert past is not None and due is not None
    assert past % 100 == due % 100 == month
    now = today.year * 12 + today.month
    assert -11 <= past // 100 * 12 + month - now <= 0
    assert AHEAD_MONTHS - 11 <= due // 100 * 12 + month - now <= AHEAD_MONTHS


@given(st.integers(1, 9999))
def test_chinese_numbers(number: int) -> None:
    digits, text = "零一二三四五六七八九", ""
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // unit % 10
        text += digits[digit] + name if digit else ("零" if text and number % unit else "")
    assert chinese_number(text) == number


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("refnd", "refund"), ("installmnts", "installments"), ("minimun", "minimum"), ("staement", "statement"),
     ("late", "late"), ("bills", "bills"), ("house", "house"), ("paymnet", "payment")],
)  # fmt: skip
def test_slips_of_the_finger(typed: str, meant: str) -> None:
    assert corrected(typed) == meant


def test_spelling() -> None:
    assert normalised("　ＨＯＷ　Much？ 還款") == "how much? 还款"
    assert len(normalised("a" * 10_000)) <= 300
