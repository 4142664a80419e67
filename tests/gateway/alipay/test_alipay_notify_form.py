"""Notifications: members by kind of event, never empty, verified as SDKs verify."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import msgspec
import pytest

from chuanliu import crypto
from chuanliu.clock import HOUR, SECOND
from chuanliu.crypto import SignType
from chuanliu.gateway.alipay import (
    OrderDetails,
    alipay_notification,
    form_sign_string,
    notification_members,
    parse_order_string,
)
from chuanliu.trade import FundLine, OrderSnapshot, PlanLine

KEY = crypto.generate_key_pair()
AT = 1_794_000_000 * SECOND + 320_000
PAID = OrderSnapshot(
    order_id=123_456_789_012_345_678,
    merchant_id=2088000000001001,
    app_id=2021000000000001,
    out_trade_no="T1",
    status="TRADE_SUCCESS",
    scene="page",
    subject="100% 龙井 & more = {",
    currency="CNY",
    amount_minor=8888,
    refunded_minor=0,
    created_at=AT,
    buyer_id=2088000000001002,
    paid_at=AT + SECOND,
    payment_id=5,
    funds=(FundLine("balance", 8888),),
    details=msgspec.json.encode(OrderDetails(body="b", passback_params="p%3D1", store_id="S")),
)
REFUNDED = msgspec.structs.replace(
    PAID, refunded_minor=3000, refund_id=9, refund_request_no="r1", refund_minor=1000, refund_at=AT + HOUR
)
CLOSED = msgspec.structs.replace(
    PAID, status="TRADE_CLOSED", buyer_id=None, paid_at=None, payment_id=None, funds=(), details=None, closed_at=AT
)


@pytest.mark.parametrize("sign_type", ["RSA2", "RSA"])
@pytest.mark.parametrize("snapshot", [PAID, REFUNDED, CLOSED], ids=["paid", "refunded", "closed"])
def test_signed_without_empty_members(snapshot: OrderSnapshot, sign_type: SignType) -> None:
    body = alipay_notification(snapshot, 77, AT, KEY.private, sign_type)
    pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)
    fields = dict(pairs)
    assert len(fields) == len(pairs)
    assert all(fields.values())
    assert (fields["notify_id"], fields["sign_type"]) == ("77", sign_type)
    raw = parse_order_string(body.decode())
    assert crypto.verify(form_sign_string(raw), fields["sign"], KEY.public, sign_type)


def test_paid() -> None:
    members = notification_members(PAID, 77, AT)
    assert json.loads(members["fund_bill_list"]) == [{"amount": "88.88", "fundChannel": "ALIPAYACCOUNT"}]
    assert (members["trade_status"], members["buyer_id"]) == ("TRADE_SUCCESS", "2088000000001002")
    assert (members["passback_params"], members["body"], members["subject"]) == ("p%3D1", "b", PAID.subject)
    assert members["receipt_amount"] == members["buyer_pay_amount"] == members["total_amount"] == "88.88"
    assert {"refund_fee", "gmt_refund", "gmt_close", "out_biz_no"}.isdisjoint(members)


@pytest.mark.parametrize(
    ("fund", "bill"),
    [
        (FundLine("balance", 100), {"fundChannel": "ALIPAYACCOUNT"}),
        (FundLine("credit_line", 100, "credit_line"), {"fundChannel": "PCREDIT"}),
        (
            FundLine("credit_line", 100, "bank_credit_pay", "ford"),
            {"fundChannel": "BANKCARD", "bankCode": "ford", "fundType": "CREDIT_CARD"},
        ),
        (
            FundLine("credit_card", 100, "credit_card", "ford"),
            {"fundChannel": "BANKCARD", "bankCode": "ford", "fundType": "CREDIT_CARD"},
        ),
        (
            FundLine("debit_card", 100, "debit_card", "ford"),
            {"fundChannel": "BANKCARD", "bankCode": "ford", "fundType": "DEBIT_CARD"},
        ),
    ],
)
def test_where_the_money_came_from(fund: FundLine, bill: dict[str, str]) -> None:
    members = notification_members(msgspec.structs.replace(PAID, funds=(fund,)), 77, AT)
    assert json.loads(members["fund_bill_list"]) == [{"amount": "1.00", **bill}]
    assert "hb_fq_pay_info" not in members


@pytest.mark.parametrize(
    ("instalments", "bank", "info"),
    [
        (1, "ford", None),
        (3, None, {"userInstallNum": "3", "fqAmount": "88.88"}),
        (12, "ford", {"userInstallNum": "12", "fqAmount": "88.88", "fqInstId": "ford"}),
    ],
)
def test_the_plan(instalments: int, bank: str | None, info: dict[str, str] | None) -> None:
    plan = PlanLine(5, 6, instalments, 8888, 204, 204, 0)
    snapshot = msgspec.structs.replace(PAID, funds=(FundLine("credit_card", 8888, "credit_card", bank),), plan=plan)
    told = notification_members(snapshot, 77, AT).get("hb_fq_pay_info")
    assert (None if told is None else json.loads(told)) == info


def test_refunded() -> None:
    members = notification_members(REFUNDED, 77, AT)
    assert (members["refund_fee"], members["out_biz_no"]) == ("30.00", "r1")
    assert members["gmt_refund"].endswith(".320")
    own = msgspec.structs.replace(REFUNDED, refund_request_no="cancel:9")
    assert "out_biz_no" not in notification_members(own, 77, AT)


def test_closed_unpaid() -> None:
    members = notification_members(CLOSED, 77, AT)
    assert (members["trade_status"], "gmt_close" in members) == ("TRADE_CLOSED", True)
    assert {"gmt_payment", "fund_bill_list", "buyer_id", "receipt_amount"}.isdisjoint(members)


def test_an_order_of_an_old_app_is_signed_as_its_request_was() -> None:
    old = msgspec.structs.replace(PAID, details=msgspec.json.encode(OrderDetails(sign_type="RSA")))
    assert dict(parse_qsl(alipay_notification(old, 1, AT, KEY.private).decode()))["sign_type"] == "RSA"
