"""Business fields: what is accepted, and the precise refusal of what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.clock import DAY, HOUR, MINUTE, parse_wall
from chuanliu.errors import ChuanliuError
from chuanliu.gateway.alipay import (
    METHODS,
    CertificateRequest,
    CloseRequest,
    OrderReference,
    OrderTerms,
    PayRequest,
    RefundRequest,
    answer_for,
    read_biz_content,
)
from chuanliu.instalments import Wish
from chuanliu.money import format_amount

ORDER = {"out_trade_no": "T1", "subject": "咖啡 {", "total_amount": "88.88"}
PAY = {**ORDER, "auth_code": "281234567890123456"}
REFUND = {"out_trade_no": "T1", "refund_amount": "1"}


def read(method: str, content: object) -> Any:
    text = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    return read_biz_content(f"alipay.trade.{method}" if "alipay" not in method else method, text)


def refusal(method: str, content: object) -> str:
    with pytest.raises(ChuanliuError) as caught:
        read(method, content)
    answer = answer_for(caught.value, f"alipay.trade.{method}")
    assert answer.code == "40004"
    return f"{answer.sub_code} {answer.sub_msg}"


def test_pay_with_everything() -> None:
    content = {
        **PAY,
        "scene": "bar_code",
        "body": "两杯",
        "product_code": "FACE_TO_FACE_PAYMENT",
        "seller_id": "2088000000000001",
        "sub_merchant": {"merchant_id": "M1", "other": 1},
        "timeout_express": "90m",
        "time_expire": "2026-11-11 12:00:00",
        "disable_pay_channels": "pcredit,creditCard",
        "query_options": ["fund_bill_list", "something_new"],
        "trans_currency": "CNY",
        "discountable_amount": "80.00",
        "undiscountable_amount": 8.88,
        "goods_detail": [{"goods_id": "g", "price": 1}],
        "unknown": {"deep": [1, 2, {"x": None}]},
    }
    assert read("pay", content) == PayRequest(
        terms=OrderTerms(
            out_trade_no="T1",
            total_minor=8888,
            subject="咖啡 {",
            body="两杯",
            product_code="FACE_TO_FACE_PAYMENT",
            seller_id="2088000000000001",
            sub_merchant_id="M1",
            timeout=90 * MINUTE,
            expires_at=parse_wall("2026-11-11 12:00:00"),
            wish=Wish(forbidden=("credit_card",), in_instalments_only=("credit_line",)),
            goods=({"goods_id": "g", "price": "1"},),
            query_options=frozenset({"fund_bill_list", "something_new"}),
        ),
        auth_code="281234567890123456",
    )


def test_goods_are_kept_as_they_were_sent_within_a_bound() -> None:
    wire = b'{"out_trade_no":"T1","total_amount":1,"subject":"s","goods_detail":%s}'

    def goods(text: str) -> tuple[dict[str, str], ...]:
        return read_biz_content("alipay.trade.precreate", wire % text.encode()).terms.goods

    assert goods(
        '[{"goods_id":"\\u82f9","goods_name":"苹果","price":0.10,"quantity":"2","colour":{"x":1},"body":null}]'
    ) == ({"goods_id": "苹", "goods_name": "苹果", "price": "0.10", "quantity": "2"},)
    assert goods("null") == goods("[]") == goods('[{"goods_id":"","other":1}]') == ()
    line = '{"goods_id":"%s"}' % ("g" * 92)
    assert len(goods(f"[{','.join([line] * 40)}]")) == 40
    assert goods(f"[{','.join([line] * 41)}]") == (), "what is too long is given back nowhere, and refuses no order"


def test_null_and_empty_are_absent() -> None:
    content = {
        **ORDER,
        "body": None,
        "seller_id": "",
        "timeout_express": None,
        "discountable_amount": "",
        "store_id": "",
    }
    assert read("precreate", content).terms == OrderTerms(out_trade_no="T1", total_minor=8888, subject="咖啡 {")


def test_references_refunds_certificates() -> None:
    assert read("close", {"trade_no": "2026"}) == CloseRequest(OrderReference("2026", None))
    assert read("refund", {**REFUND, "out_request_no": "R-1"}) == RefundRequest(
        OrderReference(None, "T1"), 100, out_request_no="R-1"
    )
    sn = "0123456789abcdef" * 2
    assert read("alipay.open.app.alipaycert.download", {"alipay_cert_sn": sn}) == CertificateRequest(sn)


@pytest.mark.parametrize(
    ("literal", "minor"),
    [
        ('"0.01"', 1),
        ('"100000000"', 10_000_000_000),
        ('"100000000.00"', 10_000_000_000),
        ("88.88", 8888),
        ("88.8", 8880),
        ("88", 8800),
        ("0.1", 10),
        (' "1.10" ', 110),
        ('"\\u0031.10"', 110),
        ("90071992.93", 9_007_199_293),
    ],
)
def test_amounts_are_read_digit_by_digit(literal: str, minor: int) -> None:
    content = b'{"out_trade_no":"T1","subject":"x","total_amount":%b}' % literal.encode()
    assert read("precreate", content).terms.total_minor == minor


@given(minor=st.integers(1, 10_000_000_000), quote=st.sampled_from(["", '"']))
def test_amount_round_trip(minor: int, quote: str) -> None:
    content = f'{{"out_trade_no":"T1","refund_amount":{quote}{format_amount(minor)}{quote}}}'.encode()
    assert read("refund", content).refund_minor == minor


@pytest.mark.parametrize(
    "literal",
    [
        *("1e2", "1E2", "1e0", "1.0e1", "-0.01", "-1", "0.001", "1.000", "100000000.01", "1e999999999", "9" * 5000),
        *('"1e2"', '"-0.01"', '"0.001"', '"+1"', '" 1"', '"1."', '".5"', '"01"', '"1,000"', '"１"', '"NaN"', '"0x1"'),
        *('"100000000.01"', '"999999999"', '"1000000000"', "0", '"0"', '"0.00"', "0.0"),
        *("true", "[]", "{}", "[1]", '{"a":1}', "null", '""'),
    ],
)
def test_amounts_that_are_refused(literal: str) -> None:
    content = b'{"out_trade_no":"T1","subject":"x","total_amount":%b}' % literal.encode()
    assert refusal("precreate", content).startswith("ACQ.INVALID_PARAMETER 参数无效：total_amount ")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"1", b"null", b'"x"', b"{", b'{"a":1}x', b"\xff", b'{"subject":"\\ud800"}']
)
@pytest.mark.parametrize("method", sorted(METHODS))
def test_what_is_no_object_is_refused(method: str, content: bytes) -> None:
    with pytest.raises(ChuanliuError) as caught:
        read_biz_content(method, content)
    assert caught.value.code in ("invalid_json", "invalid_parameter")


@pytest.mark.parametrize("nest", [b"[", b'{"a":'])
def test_huge_nesting_is_refused(nest: bytes) -> None:
    assert refusal("pay", b'{"x":' + nest * 200_000).startswith("ACQ.INVALID_PARAMETER")
    assert refusal("pay", b'{"total_amount":' + nest * 200_000).startswith("ACQ.INVALID_PARAMETER")


REFUSALS: list[tuple[str, dict[str, object], str]] = [
    ("pay", {**PAY, "out_trade_no": None}, "ACQ.INVALID_PARAMETER 参数无效：out_trade_no 不能为空"),
    (
        "pay",
        {**PAY, "out_trade_no": "T 1"},
        "ACQ.INVALID_PARAMETER 参数无效：out_trade_no 只能由1到64位字母、数字、下划线组成",
    ),
    (
        "pay",
        {**PAY, "out_trade_no": "T1\n"},
        "ACQ.INVALID_PARAMETER 参数无效：out_trade_no 只能由1到64位字母、数字、下划线组成",
    ),
    (
        "pay",
        {**PAY, "out_trade_no": "T" * 65},
        "ACQ.INVALID_PARAMETER 参数无效：out_trade_no 只能由1到64位字母、数字、下划线组成",
    ),
    ("pay", {**PAY, "out_trade_no": 7}, "ACQ.INVALID_PARAMETER 参数无效：out_trade_no 类型错误"),
    ("pay", {**PAY, "subject": ""}, "ACQ.INVALID_PARAMETER 参数无效：subject 不能为空"),
    ("pay", {**PAY, "subject": "测" * 257}, "ACQ.INVALID_PARAMETER 参数无效：subject 长度不能超过256"),
    ("pay", {**PAY, "subject": "a\0"}, "ACQ.INVALID_PARAMETER 参数无效：subject 含有非法字符"),
    ("pay", {**PAY, "subject": ["x"]}, "ACQ.INVALID_PARAMETER 参数无效：subject 类型错误"),
    (
        "pay",
        {**PAY, "seller_id": "208800000000000"},
        "ACQ.INVALID_PARAMETER 参数无效：seller_id 必须是以2088开头的16位数字",
    ),
    ("pay", {**PAY, "auth_code": None}, "ACQ.INVALID_PARAMETER 参数无效：auth_code 不能为空"),
    ("pay", {**PAY, "auth_code": "12345"}, "ACQ.PAYMENT_AUTH_CODE_INVALID 支付授权码无效：错误、已使用或已过期"),
    ("pay", {**PAY, "scene": "wave"}, "ACQ.INVALID_PARAMETER 参数无效：scene 取值必须是bar_code、security_code之一"),
    ("pay", {**PAY, "trans_currency": "USD"}, "ACQ.CURRENCY_NOT_SUPPORT 订单币种不支持"),
    ("pay", {**PAY, "sub_merchant": "M1"}, "ACQ.INVALID_PARAMETER 参数无效：sub_merchant 类型错误"),
    ("pay", {**PAY, "query_options": "fund_bill_list"}, "ACQ.INVALID_PARAMETER 参数无效：query_options 类型错误"),
    ("pay", {**PAY, "query_options": [1]}, "ACQ.INVALID_PARAMETER 参数无效：query_options 类型错误"),
    ("pay", {**PAY, "query_options": ["x"] * 33}, "ACQ.INVALID_PARAMETER 参数无效：query_options 最多32项"),
    ("pay", {**PAY, "time_expire": "soon"}, "ACQ.INVALID_PARAMETER 参数无效：time_expire 格式为yyyy-MM-dd HH:mm:ss"),
    (
        "pay",
        {**PAY, "discountable_amount": "1", "undiscountable_amount": "1"},
        "ACQ.INVALID_PARAMETER 参数无效：total_amount 必须等于discountable_amount与undiscountable_amount之和",
    ),
    (
        "pay",
        {**PAY, "enable_pay_channels": "balance", "disable_pay_channels": "pcredit"},
        "ACQ.INVALID_PARAMETER 参数无效：disable_pay_channels 不能与enable_pay_channels同时传入",
    ),
    (
        "page.pay",
        {**ORDER, "qr_pay_mode": "9"},
        "ACQ.INVALID_PARAMETER 参数无效：qr_pay_mode 取值必须是0、1、2、3、4之一",
    ),
    ("pay", {**PAY, "goods_detail": {"goods_id": "g"}}, "ACQ.INVALID_PARAMETER 参数无效：goods_detail 类型错误"),
    ("pay", {**PAY, "goods_detail": ["g"]}, "ACQ.INVALID_PARAMETER 参数无效：goods_detail 类型错误"),
    ("pay", {**PAY, "goods_detail": [{"price": [1]}]}, "ACQ.INVALID_PARAMETER 参数无效：goods_detail 类型错误"),
    ("query", {}, "ACQ.INVALID_PARAMETER 参数无效：out_trade_no 与trade_no不能同时为空"),
    ("refund", {"out_trade_no": "T1"}, "ACQ.INVALID_PARAMETER 参数无效：refund_amount 不能为空"),
    ("fastpay.refund.query", {"out_trade_no": "T1"}, "ACQ.INVALID_PARAMETER 参数无效：out_request_no 不能为空"),
]


@pytest.mark.parametrize(("method", "content", "words"), REFUSALS)
def test_refusals_name_the_field(method: str, content: dict[str, object], words: str) -> None:
    assert refusal(method, content) == words


@pytest.mark.parametrize("text", ["1m", "90m", "36h", "15d", "21600m", "360h"])
def test_timeouts(text: str) -> None:
    unit = {"m": MINUTE, "h": HOUR, "d": DAY}[text[-1]]
    terms = read("precreate", {**ORDER, "timeout_express": text}).terms
    assert terms.timeout == int(text[:-1]) * unit
    assert terms.deadline(1000, DAY) == 1000 + terms.timeout


@pytest.mark.parametrize("text", ["0m", "16d", "21601m", "1.5h", "1s", "m", "2c", "1M", "-1m", "１m", "1m\n", "99999d"])
def test_timeouts_that_are_refused(text: str) -> None:
    assert refusal("precreate", {**ORDER, "timeout_express": text}).endswith("timeout_express 取值范围为1m～15d，或1c")


@pytest.mark.parametrize(
    ("extra", "until"),
    [
        ({}, "2026-11-11 15:30:00"),
        ({"timeout_express": "1c"}, "2026-11-12 00:00:00"),
        ({"timeout_express": "5m"}, "2026-11-11 12:35:00"),
        ({"timeout_express": "5m", "time_expire": "2026-11-20 08:00"}, "2026-11-20 08:00:00"),
    ],
)
def test_deadline(extra: dict[str, str], until: str) -> None:
    terms = read("precreate", {**ORDER, **extra}).terms
    assert terms.deadline(parse_wall("2026-11-11 12:30:00"), 3 * HOUR) == parse_wall(until)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    [
        *PAY,
        "refund_amount",
        "out_request_no",
        "trade_no",
        "timeout_express",
        "time_expire",
        "sub_merchant",
        "goods_detail",
    ]
)


@given(method=st.sampled_from(sorted(METHODS)), content=st.dictionaries(FIELDS, JSON))
def test_any_object_is_read_or_refused(method: str, content: dict[str, object]) -> None:
    try:
        read_biz_content(method, json.dumps(content).encode())
    except ChuanliuError as error:
        assert answer_for(error, method).code == "40004"
