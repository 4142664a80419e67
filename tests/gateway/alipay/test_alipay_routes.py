"""The whole life of a payment over gateway.do, as an SDK sees it: every answer verified, every member known."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from alipay_world.world import FORM, PUBLIC_URL, Shop, World, signed_call, verified


def number() -> str:
    return "T" + secrets.token_hex(10)


def order_of(**fields: Any) -> dict[str, Any]:
    return {"out_trade_no": number(), "subject": "明前龙井 {", "total_amount": "88.88"} | fields


def paid(platform: World, shop: Shop, payer: int, **fields: Any) -> dict[str, Any]:
    biz = order_of(scene="bar_code", auth_code=platform.code(payer), **fields)
    answer = platform.call(shop, "alipay.trade.pay", biz)
    assert answer["code"] == "10000", answer
    return answer


def test_pay_says_all_that_is_known(platform: World, shop: Shop) -> None:
    payer = platform.consumer()
    biz = order_of(auth_code=platform.code(payer), scene="bar_code", seller_id=shop.seller_id)
    answer = platform.call(shop, "alipay.trade.pay", {**biz, "query_options": ["discount_amount"]})
    trade_no, gmt_payment = answer.pop("trade_no"), answer.pop("gmt_payment")
    assert len(trade_no) == 28
    assert len(gmt_payment) == 19
    assert answer == {
        "code": "10000",
        "msg": "Success",
        "out_trade_no": biz["out_trade_no"],
        "buyer_logon_id": f"2088********{str(payer)[-4:]}",
        "buyer_user_id": str(payer),
        "total_amount": "88.88",
        "receipt_amount": "88.88",
        "buyer_pay_amount": "88.88",
        "invoice_amount": "88.88",
        "point_amount": "0.00",
        "discount_amount": "0.00",
        "fund_bill_list": [{"amount": "88.88", "fund_channel": "ALIPAYACCOUNT"}],
    }
    assert platform.balance(payer) == 1000_00 - 88_88
    again = platform.call(shop, "alipay.trade.pay", biz)
    assert (again["trade_no"], again["gmt_payment"]) == (trade_no, gmt_payment)
    assert platform.balance(payer) == 1000_00 - 88_88


def test_query_gives_back_what_the_merchant_sent(platform: World, shop: Shop) -> None:
    payer = platform.consumer()
    kept = {"body": "正山", "passback_params": "a%3D1", "store_id": "S1", "terminal_id": "T1"}
    goods = [{"goods_id": "L1", "goods_name": "龙井", "price": "88.88", "quantity": "1"}]
    answer = paid(platform, shop, payer, operator_id="O1", goods_detail=goods, **kept)
    for name in ("trade_no", "out_trade_no"):
        found = platform.call(shop, "alipay.trade.query", {name: answer[name]})
        assert kept.items() <= found.items()
        assert (found["trade_status"], found["subject"]) == ("TRADE_SUCCESS", "明前龙井 {")
        assert found["send_pay_date"] == answer["gmt_payment"]
        assert found["fund_bill_list"] == answer["fund_bill_list"]
        assert "req_goods_detail" not in found
        asked = platform.call(shop, "alipay.trade.query", {name: answer[name], "query_options": ["req_goods_detail"]})
        assert asked == {**found, "req_goods_detail": goods}


def test_refunds_are_cumulative_and_say_whether_money_moved(platform: World, shop: Shop) -> None:
    payer = platform.consumer()
    order = paid(platform, shop, payer)
    ref = {"out_trade_no": order["out_trade_no"]}
    options = {"query_options": ["refund_detail_item_list", "gmt_refund_pay"]}
    first = platform.call(
        shop,
        "alipay.trade.refund",
        {**ref, "refund_amount": 30, "out_request_no": "r1", "refund_reason": "碎", **options},
    )
    assert (first["refund_fee"], first["send_back_fee"], first["fund_change"]) == ("30.00", "30.00", "Y")
    assert first["refund_detail_item_list"] == [{"amount": "30.00", "fund_channel": "ALIPAYACCOUNT"}]
    second = platform.call(shop, "alipay.trade.refund", {**ref, "refund_amount": "8.88", "out_request_no": "r2"})
    assert (second["refund_fee"], second["fund_change"]) == ("38.88", "Y")
    again = platform.call(shop, "alipay.trade.refund", {**ref, "refund_amount": "30", "out_request_no": "r1"})
    assert (again["refund_fee"], again["fund_change"]) == ("38.88", "N")
    found = platform.call(shop, "alipay.trade.fastpay.refund.query", {**ref, "out_request_no": "r1", **options})
    assert found["refund_status"] == "REFUND_SUCCESS"
    assert (found["refund_amount"], found["total_amount"], found["refund_reason"]) == ("30.00", "88.88", "碎")
    assert found["gmt_refund_pay"] == first["gmt_refund_pay"]
    assert found["refund_detail_item_list"] == first["refund_detail_item_list"]
    never = platform.call(shop, "alipay.trade.fastpay.refund.query", {**ref, "out_request_no": "never"})
    assert never == {"code": "10000", "msg": "Success"}
    platform.call(shop, "alipay.trade.refund", {**ref, "refund_amount": "50.00", "out_request_no": "r3"})
    assert platform.call(shop, "alipay.trade.query", ref)["trade_status"] == "TRADE_CLOSED"
    assert platform.balance(payer) == 1000_00


REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("alipay.trade.pay", {"seller_id": "2088000000000001"}, "ACQ.ACCESS_FORBIDDEN"),
    ("alipay.trade.pay", {"auth_code": "280000000000000000"}, "ACQ.PAYMENT_AUTH_CODE_INVALID"),
    ("alipay.trade.pay", {"auth_code": "3" + "0" * 23}, "ACQ.PAYMENT_AUTH_CODE_INVALID"),
    ("alipay.trade.pay", {"auth_code": "fp" + "a" * 33}, "ACQ.PAYMENT_AUTH_CODE_INVALID"),
    ("alipay.trade.pay", {"total_amount": "1e2"}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.pay", {"disable_pay_channels": "wechat"}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.pay", {"extend_params": {"hb_fq_num": "3", "hb_fq_seller_percent": "50"}}, "ACQ.INVALID_PARAMETER"),
    ("alipay.trade.pay", {"sub_merchant": {"merchant_id": "x"}}, "ACQ.SELLER_NOT_EXIST"),
    ("alipay.trade.precreate", {"time_expire": "2026-01-01 00:00:00"}, "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"),
    ("alipay.trade.create", {"buyer_id": "2088999999999999"}, "ACQ.BUYER_NOT_EXIST"),
    ("alipay.trade.create", {"buyer_open_id": "abc"}, "ACQ.BUYER_NOT_EXIST"),
]


@pytest.mark.parametrize(("method", "fields", "sub_code"), REFUSALS)
def test_refusals_store_nothing(
    method: str, fields: dict[str, Any], sub_code: str, platform: World, shop: Shop
) -> None:
    before = platform.counts()
    unread = {"auth_code": "280000000000000001"} if method == "alipay.trade.pay" else {}
    answer = platform.call(shop, method, order_of(**(unread | fields)))
    assert (answer["code"], answer.get("sub_code")) == ("40004", sub_code)
    assert platform.counts() == before


def test_a_refused_payment_leaves_the_order_payable(platform: World, shop: Shop) -> None:
    poor, rich = platform.consumer(1), platform.consumer()
    biz = order_of(auth_code=platform.code(poor))
    answer = platform.call(shop, "alipay.trade.pay", biz)
    assert answer["sub_code"] == "ACQ.BUYER_BALANCE_NOT_ENOUGH"
    assert answer["out_trade_no"] == biz["out_trade_no"]
    assert platform.call(shop, "alipay.trade.pay", {**biz, "auth_code": platform.code(rich)})["code"] == "10000"


@pytest.mark.parametrize(
    "fields",
    [
        {"disable_pay_channels": "balance"},
        {"enable_pay_channels": "pcredit"},
        {"enable_pay_channels": "moneyFund"},
        {"extend_params": {"hb_fq_num": "3"}},
    ],
)
def test_what_the_merchant_excludes_does_not_pay(fields: dict[str, Any], platform: World, shop: Shop) -> None:
    rich = platform.consumer()
    answer = platform.call(shop, "alipay.trade.pay", order_of(auth_code=platform.code(rich), **fields))
    assert (answer["code"], answer["sub_code"]) == ("40004", "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE")
    assert platform.balance(rich) == 1000_00


def test_above_the_limit_the_payer_is_waited_for(platform: World, shop: Shop) -> None:
    payer = platform.consumer(5000_00)
    biz = order_of(auth_code=platform.code(payer), total_amount="2000.00")
    answer = platform.call(shop, "alipay.trade.pay", biz)
    assert (answer["code"], answer["msg"]) == ("10003", "order success pay inprocess")
    assert (answer["buyer_user_id"], answer["total_amount"]) == (str(payer), "2000.00")
    found = platform.call(shop, "alipay.trade.query", {"trade_no": answer["trade_no"]})
    assert (found["trade_status"], found["receipt_amount"]) == ("WAIT_BUYER_PAY", "0.00")
    assert "fund_bill_list" not in found


def test_precreate_close_and_cancel(platform: World, shop: Shop) -> None:
    biz = order_of()
    made = platform.call(shop, "alipay.trade.precreate", biz)
    assert made["qr_code"].startswith(f"{PUBLIC_URL}/qr/")
    ref = {"out_trade_no": biz["out_trade_no"]}
    trade_no = platform.call(shop, "alipay.trade.query", ref)["trade_no"]
    assert made["qr_code"].endswith(trade_no)
    closed = platform.call(shop, "alipay.trade.close", ref)
    assert (closed["code"], closed["trade_no"]) == ("10000", trade_no)
    late = order_of(**ref, auth_code="280000000000000000")
    assert platform.call(shop, "alipay.trade.pay", late)["sub_code"] == "ACQ.TRADE_HAS_CLOSE"

    other = order_of()
    platform.call(shop, "alipay.trade.precreate", other)
    cancelled = platform.call(shop, "alipay.trade.cancel", {"out_trade_no": other["out_trade_no"]})
    assert (cancelled["action"], cancelled["retry_flag"]) == ("close", "N")
    payer = platform.consumer()
    order = paid(platform, shop, payer)
    cancelled = platform.call(shop, "alipay.trade.cancel", {"trade_no": order["trade_no"]})
    assert (cancelled["action"], "gmt_refund_pay" in cancelled) == ("refund", True)
    assert platform.balance(payer) == 1000_00
    unseen = number()
    cancelled = platform.call(shop, "alipay.trade.cancel", {"out_trade_no": unseen})
    assert cancelled == {"code": "10000", "msg": "Success", "retry_flag": "N", "out_trade_no": unseen}


def test_a_request_number_of_a_cancellation_cannot_be_taken(platform: World, shop: Shop) -> None:
    order = paid(platform, shop, platform.consumer())
    biz = {"trade_no": order["trade_no"], "refund_amount": "1.00", "out_request_no": "cancel:1"}
    assert platform.call(shop, "alipay.trade.refund", biz)["sub_code"] == "ACQ.INVALID_PARAMETER"


@pytest.mark.parametrize("charset", ["utf-8", "GBK", "gb2312"])
@pytest.mark.parametrize("sign_type", ["RSA2", "RSA"])
def test_charsets_and_algorithms(charset: str, sign_type: str, platform: World, shop: Shop) -> None:
    params = {"charset": charset, "sign_type": sign_type}
    biz = order_of(subject="川流茶铺·龙井茶 } 88")
    platform.call(shop, "alipay.trade.precreate", biz, **params)
    found = platform.call(shop, "alipay.trade.query", {"out_trade_no": biz["out_trade_no"]}, **params)
    assert found["subject"] == biz["subject"]


def test_every_way_to_send_parameters(platform: World, shop: Shop) -> None:
    payer = platform.consumer()
    trade_no = paid(platform, shop, payer)["trade_no"]
    query, body = signed_call(shop, "alipay.trade.query", {"trade_no": trade_no})
    joined = f"{query}&{body.decode()}"
    ways = [
        platform.send("/gateway.do", query, body, headers=FORM),
        platform.send("/gateway.do/", query, body, headers=FORM),
        platform.send("/gateway.do", joined, method="GET"),
        platform.send("/gateway.do", "", joined.encode(), headers=FORM),
    ]
    for response in ways:
        assert verified(shop, "alipay.trade.query", response)["trade_no"] == trade_no


def test_what_a_browser_would_run_in_an_echo_is_inert(platform: World, shop: Shop) -> None:
    response = platform.send("/gateway.do", "method=alipay.trade.query&x=<script>alert(1)</script>", method="GET")
    assert response.header("content-security-policy") == "default-src 'none'; sandbox"
    assert response.header("x-content-type-options") == "nosniff"


CROSS: list[tuple[str, dict[str, Any]]] = [
    ("alipay.trade.query", {}),
    ("alipay.trade.close", {}),
    ("alipay.trade.cancel", {}),
    ("alipay.trade.refund", {"refund_amount": "1.00", "out_request_no": "r"}),
    ("alipay.trade.fastpay.refund.query", {"out_request_no": "mine"}),
]


@pytest.mark.parametrize(("method", "fields"), CROSS, ids=[row[0] for row in CROSS])
@pytest.mark.parametrize("by", ["trade_no", "out_trade_no"])
def test_another_merchants_order_does_not_exist(
    method: str, fields: dict[str, Any], by: str, platform: World, shop: Shop, rival: Shop
) -> None:
    payer = platform.consumer()
    order = paid(platform, shop, payer)
    ref = {"out_trade_no": order["out_trade_no"]}
    platform.call(shop, "alipay.trade.refund", {**ref, "refund_amount": "0.88", "out_request_no": "mine"})
    before = platform.call(shop, "alipay.trade.query", ref), platform.balance(payer)
    answer = platform.call(rival, method, {by: order[by], **fields})
    if method == "alipay.trade.cancel" and by == "out_trade_no":
        assert answer == {"code": "10000", "msg": "Success", "retry_flag": "N", "out_trade_no": order["out_trade_no"]}
    else:
        assert (answer["code"], answer["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")
        assert set(answer) == {"code", "msg", "sub_code", "sub_msg"}
    assert (platform.call(shop, "alipay.trade.query", ref), platform.balance(payer)) == before


@pytest.mark.parametrize("method", ["alipay.trade.pay", "alipay.trade.create", "alipay.trade.precreate"])
def test_the_same_number_of_another_merchant_is_another_order(
    method: str, platform: World, shop: Shop, rival: Shop
) -> None:
    order = paid(platform, shop, platform.consumer())
    payer = platform.consumer()
    biz = order_of(out_trade_no=order["out_trade_no"], total_amount="5.00")
    if method == "alipay.trade.pay":
        biz["auth_code"] = platform.code(payer)
    assert platform.call(rival, method, biz)["code"] == "10000"
    assert platform.call(shop, "alipay.trade.query", {"trade_no": order["trade_no"]})["total_amount"] == "88.88"


def test_one_app_cannot_sign_for_another(platform: World, shop: Shop, rival: Shop) -> None:
    query, body = signed_call(shop, "alipay.trade.query", {"trade_no": "1"}, key=rival.pair.private)
    answer = verified(shop, "alipay.trade.query", platform.send("/gateway.do", query, body, headers=FORM))
    assert answer["sub_code"] == "isv.invalid-signature"
    assert "网关生成的验签字符串为：app_id=" in answer["sub_msg"]


def test_refusals_before_any_handler_are_signed(platform: World, shop: Shop) -> None:
    query, _ = signed_call(shop, "alipay.trade.query", {})
    put = platform.send("/gateway.do", query, method="PUT")
    assert verified(shop, "alipay.trade.query", put)["sub_code"] == "isv.invalid-method"


def test_notify_verify_of_what_never_was(platform: World, shop: Shop) -> None:
    for notify_id in ("1", "", "x", "9" * 19, "9" * 30, "700000000000000"):
        query = f"service=notify_verify&partner={shop.seller_id}&notify_id={notify_id}"
        assert platform.send("/gateway.do", query, method="GET").body == b"false"
