"""Every error of the platform has words on the Alipay wire."""

from __future__ import annotations

import json

import pytest

from chuanliu.errors import CODES, Busy, ChuanliuError, Invalid, Refused, Unavailable
from chuanliu.gateway.alipay import GATEWAY_ANSWERS, METHODS, answer_for, gateway_answer, mapped_codes, rest_error


def test_every_code_is_mapped_and_nothing_else() -> None:
    assert mapped_codes() == set(CODES)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_answers_are_complete(method: str) -> None:
    for code in CODES:
        answer = answer_for(ChuanliuError(code), method)
        assert answer.code != "10000"
        assert list(answer.members()) == ["code", "msg", "sub_code", "sub_msg"]
        assert all(answer.members().values())


@pytest.mark.parametrize(
    ("error", "method", "expected"),
    [
        (Refused("order_not_found"), "alipay.trade.query", "40004 ACQ.TRADE_NOT_EXIST"),
        (Refused("order_already_paid"), "alipay.trade.pay", "40004 ACQ.TRADE_HAS_SUCCESS"),
        (Refused("order_already_paid"), "alipay.trade.close", "40004 ACQ.TRADE_STATUS_ERROR"),
        (Refused("refund_exceeds_payment"), "alipay.trade.refund", "40004 ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"),
        (Refused("refund_inconsistent"), "alipay.trade.refund", "40004 ACQ.DISCORDANT_REPEAT_REQUEST"),
        (Refused("hold_exceeded"), "alipay.trade.pay", "40004 ACQ.SYSTEM_ERROR"),
        (Busy(), "alipay.trade.pay", "40005 isv.method-call-limited"),
        (Unavailable(), "alipay.trade.pay", "20000 isp.unknow-error"),
        (ChuanliuError("internal"), "alipay.trade.pay", "20000 aop.unknow-error"),
    ],
)
def test_words(error: ChuanliuError, method: str, expected: str) -> None:
    answer = answer_for(error, method)
    assert f"{answer.code} {answer.sub_code}" == expected


def test_a_field_of_a_lower_layer_is_named_without_its_english() -> None:
    answer = answer_for(Invalid("invalid_parameter", "must be …", field="subject"), "alipay.trade.pay")
    assert answer.sub_msg == "参数无效：subject"


@pytest.mark.parametrize(
    ("sub_code", "status", "code"),
    [
        ("isv.invalid-signature", 401, "invalid-signature"),
        ("isv.missing-timestamp", 400, "missing-timestamp"),
        ("isv.invalid-method", 404, "invalid-method"),
        ("isv.app-call-limited", 429, "app-call-limited"),
        ("isv.insufficient-isv-permissions", 403, "insufficient-isv-permissions"),
        ("aop.invalid-app-auth-token", 401, "invalid-app-auth-token"),
        ("isp.unknow-error", 500, "unknow-error"),
    ],
)
def test_v3_statuses(sub_code: str, status: int, code: str) -> None:
    got_status, body = rest_error(gateway_answer(sub_code))
    assert (got_status, json.loads(body)["code"]) == (status, code)


def test_every_gateway_answer_has_a_v3_error() -> None:
    for answer in GATEWAY_ANSWERS.values():
        status, body = rest_error(answer)
        assert 400 <= status <= 599
        assert json.loads(body) == {"code": (answer.sub_code or "")[4:], "message": answer.sub_msg, "links": []}


def test_business_codes_stay_whole_in_v3() -> None:
    status, body = rest_error(answer_for(Refused("order_not_found"), "alipay.trade.query"))
    assert (status, json.loads(body)["code"]) == (404, "ACQ.TRADE_NOT_EXIST")
