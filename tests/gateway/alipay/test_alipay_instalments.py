"""Instalments over gateway.do: paid on the platform's line and by a bank's card, shown, refunded, notified."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from alipay_world.lending import (
    BANK,
    BANK_LINE,
    CARD,
    DEBIT,
    LINE,
    Bank,
    add_lenders,
    link_card,
    open_line,
    running_bank,
    sweep,
)
from alipay_world.world import Shop, World
from chuanliu.gateway.alipay import notification_members
from chuanliu.ids import order_id_of
from chuanliu.trade import snapshot_of

BUYER_BEARS = {"hb_fq_num": "3", "hb_fq_seller_percent": "0"}
SELLER_BEARS = {"hb_fq_num": "3", "hb_fq_seller_percent": "100"}
BY_CARD = {"fq_channels": "alipayfq_cc", "fq_num": "12", "fq_seller_percent": "0"}
OPTIONS = {"query_options": ["refund_detail_item_list", "deposit_back_info", "deposit_back_info_list"]}


@pytest.fixture(scope="module")
def bank() -> Iterator[Bank]:
    with running_bank() as started:
        yield started


@pytest.fixture(scope="module")
def lending(platform: World, bank: Bank) -> World:
    add_lenders(platform, bank)
    return platform


@pytest.fixture(autouse=True)
def sound(bank: Bank) -> None:
    bank.faults()


def payer(platform: World, *codes: str, balance_minor: int = 0) -> int:
    who = platform.consumer(balance_minor, confirm_above_minor=10_000_00)
    for code in codes:
        (link_card if code in (CARD, DEBIT) else open_line)(platform, who, code)
    return who


def pay(platform: World, shop: Shop, who: int, amount: str = "1111.11", **fields: Any) -> dict[str, Any]:
    biz = {"out_trade_no": "T" + secrets.token_hex(10), "subject": "茶", "total_amount": amount, "scene": "bar_code"}
    return platform.call(shop, "alipay.trade.pay", {**biz, "auth_code": platform.code(who), **fields})


def query(platform: World, shop: Shop, paid: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return platform.call(shop, "alipay.trade.query", {"out_trade_no": paid["out_trade_no"], **fields})


def refund(platform: World, shop: Shop, paid: dict[str, Any], amount: str, number: str) -> dict[str, Any]:
    biz = {"out_trade_no": paid["out_trade_no"], "refund_amount": amount, "out_request_no": number, **OPTIONS}
    return platform.call(shop, "alipay.trade.refund", biz)


def notification(platform: World, paid: dict[str, Any]) -> dict[str, str]:
    """The members of the last event of an order."""
    with psycopg.connect(platform.database_url) as connection:
        rows = connection.execute("SELECT payload FROM outbox UNION ALL SELECT payload FROM event").fetchall()
    found = [snapshot for (payload,) in rows if (snapshot := snapshot_of(bytes(payload)))]
    last = [each for each in found if each.out_trade_no == paid["out_trade_no"]][-1]
    return notification_members(last, 7, last.created_at)


def test_the_buyer_bears_the_published_fee(lending: World, shop: Shop) -> None:
    who = payer(lending, LINE)
    paid = pay(lending, shop, who, extend_params=BUYER_BEARS)
    assert (paid["code"], paid["total_amount"], paid["receipt_amount"]) == ("10000", "1111.11", "1111.11")
    assert paid["fund_bill_list"] == [{"amount": "1111.11", "fund_channel": "PCREDIT"}]
    assert paid["hb_fq_pay_info"] == {"user_install_num": "3", "fq_amount": "1111.11"}
    kinds = [charge["charge_type"] for charge in paid["charge_info_list"]]
    assert kinds == ["trade"], "the seller bears nothing of it"
    found = query(lending, shop, paid)
    assert {name: found[name] for name in ("hb_fq_pay_info", "fund_bill_list", "charge_info_list")} == {
        name: paid[name] for name in ("hb_fq_pay_info", "fund_bill_list", "charge_info_list")
    }
    told = notification(lending, paid)
    assert json.loads(told["hb_fq_pay_info"]) == {"userInstallNum": "3", "fqAmount": "1111.11"}
    assert json.loads(told["fund_bill_list"]) == [{"amount": "1111.11", "fundChannel": "PCREDIT"}]


def test_the_seller_bears_it_and_gets_it_back(lending: World) -> None:
    shop = lending.shop(fee_bps=60)
    paid = pay(lending, shop, payer(lending, LINE), "1000.00", extend_params=SELLER_BEARS)
    assert paid["receipt_amount"] == "1000.00", "a service fee is no part of it"
    assert paid["charge_amount"] == "24.00"
    assert [(each["charge_type"], each["charge_fee"]) for each in paid["charge_info_list"]] == [
        ("trade", "6.00"),
        ("hbfq", "18.00"),
    ]
    first = refund(lending, shop, paid, "400.00", "r1")
    assert first["refund_detail_item_list"] == [{"amount": "400.00", "fund_channel": "PCREDIT"}]
    assert "has_deposit_back" not in first
    assert [(each["charge_type"], each["refund_charge_fee"]) for each in first["refund_charge_info_list"]] == [
        ("trade", "2.40"),
        ("hbfq", "7.20"),
    ]
    rest = refund(lending, shop, paid, "600.00", "r2")
    assert (rest["refund_fee"], rest["refund_charge_amount"]) == ("1000.00", "14.40")
    assert query(lending, shop, paid)["trade_status"] == "TRADE_CLOSED"
    again = refund(lending, shop, paid, "600.00", "r2")
    assert again["fund_change"] == "N"


def test_the_same_payment_again_has_the_same_answer(lending: World, shop: Shop) -> None:
    who = payer(lending, LINE)
    number = "T" + secrets.token_hex(10)
    paid = pay(lending, shop, who, out_trade_no=number, extend_params=BUYER_BEARS)
    assert pay(lending, shop, who, out_trade_no=number, extend_params=BUYER_BEARS) == paid


@pytest.mark.parametrize(
    ("codes", "fields", "fund"),
    [
        ((CARD,), {"extend_params": BY_CARD}, {"fund_type": "CREDIT_CARD"}),
        ((CARD,), {"enable_pay_channels": "creditCardExpress"}, {"fund_type": "CREDIT_CARD"}),
        ((CARD, DEBIT), {"enable_pay_channels": "debitCardExpress"}, {"fund_type": "DEBIT_CARD"}),
    ],
)
def test_a_bank_pays(
    codes: tuple[str, ...], fields: dict[str, Any], fund: dict[str, str], lending: World, shop: Shop
) -> None:
    paid = pay(lending, shop, payer(lending, *codes), "1200.00", **fields)
    assert paid["code"] == "10000", paid
    assert paid["fund_bill_list"] == [{"amount": "1200.00", "fund_channel": "BANKCARD", "bank_code": BANK, **fund}]
    split = "extend_params" in fields
    plan = {"user_install_num": "12", "fq_amount": "1200.00", "fq_inst_id": BANK}
    assert paid.get("hb_fq_pay_info") == (plan if split else None)
    assert query(lending, shop, paid).get("hb_fq_pay_info") == paid.get("hb_fq_pay_info")
    bill = json.loads(notification(lending, paid)["fund_bill_list"])
    assert bill == [{"amount": "1200.00", "fundChannel": "BANKCARD", "bankCode": BANK, "fundType": fund["fund_type"]}]


def test_a_refund_goes_back_over_the_bank(lending: World, shop: Shop) -> None:
    paid = pay(lending, shop, payer(lending, CARD), "1200.00", extend_params=BY_CARD)
    first = refund(lending, shop, paid, "300.00", "r1")
    assert (first["fund_change"], first["has_deposit_back"]) == ("Y", "true")
    asked = {"out_trade_no": paid["out_trade_no"], "out_request_no": "r1", **OPTIONS}
    found = lending.call(shop, "alipay.trade.fastpay.refund.query", asked)
    assert found["deposit_back_info"] == {"has_deposit_back": "true", "dback_status": "P", "dback_amount": "300.00"}
    assert found["deposit_back_info_list"] == [found["deposit_back_info"]]
    assert found["refund_detail_item_list"] == first["refund_detail_item_list"]
    unasked = lending.call(shop, "alipay.trade.fastpay.refund.query", {**asked, "query_options": []})
    assert not {"deposit_back_info", "deposit_back_info_list"} & unasked.keys()
    sweep(lending)
    done = lending.call(shop, "alipay.trade.fastpay.refund.query", asked)
    back = done["deposit_back_info"]
    assert done["deposit_back_info_list"] == [back]
    assert (back["dback_status"], back["dback_amount"], len(back["bank_ack_time"])) == ("S", "300.00", 19)
    assert refund(lending, shop, paid, "900.00", "r2")["refund_fee"] == "1200.00"
    assert query(lending, shop, paid)["trade_status"] == "TRADE_CLOSED"


def test_a_bank_that_is_silent_keeps_the_payment_in_progress(lending: World, bank: Bank, shop: Shop) -> None:
    who = payer(lending, CARD)
    bank.faults(lose_answer=1000)
    paid = pay(lending, shop, who, "1200.00", extend_params=BY_CARD)
    assert (paid["code"], paid["msg"]) == ("10003", "order success pay inprocess")
    waiting = query(lending, shop, paid)
    assert (waiting["trade_status"], waiting["receipt_amount"]) == ("WAIT_BUYER_PAY", "0.00")
    assert "fund_bill_list" not in waiting
    bank.faults()
    sweep(lending)
    assert query(lending, shop, paid)["trade_status"] == "TRADE_SUCCESS"
    assert query(lending, shop, paid)["hb_fq_pay_info"]["user_install_num"] == "12"


def test_a_payment_in_progress_is_asked_again_and_cancelled(lending: World, bank: Bank, shop: Shop) -> None:
    """What the bank had approved is reversed, and nobody is charged."""
    who = payer(lending, CARD)
    bank.faults(lose_answer=1000)
    paid = pay(lending, shop, who, "1200.00", extend_params=BY_CARD)
    same = pay(lending, shop, who, "1200.00", out_trade_no=paid["out_trade_no"], extend_params=BY_CARD)
    assert (same["code"], same["trade_no"]) == ("10003", paid["trade_no"])
    cancelled = lending.call(shop, "alipay.trade.cancel", {"out_trade_no": paid["out_trade_no"]})
    assert (cancelled["code"], cancelled["action"]) == ("10000", "close")
    bank.faults()
    sweep(lending)
    assert query(lending, shop, paid)["trade_status"] == "TRADE_CLOSED"
    with psycopg.connect(lending.database_url) as connection:
        sql = "SELECT kind, status FROM bank_call WHERE order_id = %s ORDER BY call_id"
        calls = connection.execute(sql, [order_id_of(paid["trade_no"])]).fetchall()
    assert calls == [("authorise", "reversed"), ("reverse", "succeeded")]


@pytest.mark.parametrize(
    ("code", "sub_code"),
    [
        ("51", "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH"),
        ("61", "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR"),
        ("05", "ACQ.PAYMENT_FAIL"),
    ],
)
def test_a_bank_declines(code: str, sub_code: str, lending: World, bank: Bank, shop: Shop) -> None:
    bank.faults(decline=1000, decline_code=code)
    paid = pay(lending, shop, payer(lending, CARD), "1200.00", extend_params=BY_CARD)
    assert (paid["code"], paid["sub_code"]) == ("40004", sub_code)
    assert query(lending, shop, paid)["trade_status"] == "WAIT_BUYER_PAY"


REFUSED: list[tuple[tuple[str, ...], dict[str, Any], str, str]] = [
    # A bank's line in our books is its credit pay: it is never taken for the platform's.
    ((BANK_LINE,), {"extend_params": BUYER_BEARS}, "1000.00", "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE"),
    ((BANK_LINE,), {"enable_pay_channels": "pcredit"}, "1000.00", "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE"),
    ((CARD,), {"extend_params": BUYER_BEARS}, "1000.00", "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE"),
    ((LINE,), {"extend_params": BY_CARD}, "1000.00", "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE"),
    ((LINE,), {"extend_params": {"hb_fq_num": "24"}}, "1000.00", "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE"),
    ((CARD,), {"extend_params": BY_CARD}, "9.99", "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE"),
    ((LINE,), {"extend_params": BUYER_BEARS}, "5000.00", "ACQ.BUYER_BALANCE_NOT_ENOUGH"),
    ((LINE, CARD), {"disable_pay_channels": "balance,credit_group"}, "1000.00", "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE"),
]


@pytest.mark.parametrize(("codes", "fields", "amount", "sub_code"), REFUSED)
def test_nothing_else_pays_instead(
    codes: tuple[str, ...], fields: dict[str, Any], amount: str, sub_code: str, lending: World, shop: Shop
) -> None:
    who = payer(lending, *codes, balance_minor=9000_00)
    answer = pay(lending, shop, who, amount, **fields)
    assert (answer["code"], answer["sub_code"]) == ("40004", sub_code), answer
    assert lending.balance(who) == 9000_00


def test_a_banks_line_in_our_books_shows_its_bank(lending: World, shop: Shop) -> None:
    paid = pay(lending, shop, payer(lending, BANK_LINE, LINE), "1000.00", enable_pay_channels="bankPay")
    assert paid["fund_bill_list"] == [
        {"amount": "1000.00", "fund_channel": "BANKCARD", "bank_code": BANK, "fund_type": "CREDIT_CARD"}
    ]
