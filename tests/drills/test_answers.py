"""What an answer means to a merchant: done, refused, or nobody knows."""

from __future__ import annotations

import pytest

from chuanliu.bench import Merchant
from chuanliu.crypto import generate_key_pair, sign
from chuanliu.drill.requests import Request, alipay, native, read_answer

APP, PLATFORM = generate_key_pair(), generate_key_pair()
MERCHANT = Merchant("2021000000000017", "2088000000000017", APP.private, PLATFORM.public, "sk_test")
NATIVE = native(MERCHANT, "POST", "/v1/payments", "n_1", subject="tea")
ALIPAY = alipay(MERCHANT, "alipay.trade.query", "2026-01-01 00:00:00", out_trade_no="n_1")


def signed(node: str, key: str = PLATFORM.private) -> bytes:
    return f'{{"alipay_trade_query_response":{node},"sign":"{sign(node.encode(), key)}"}}'.encode()


@pytest.mark.parametrize(
    ("request_", "status", "body", "verdict", "code"),
    [
        (NATIVE, 201, b'{"payment_id":"1"}', "done", "done"),
        (NATIVE, 422, b'{"code":"order_closed"}', "refused", "order_closed"),
        (NATIVE, 404, b'{"code":"order_not_found"}', "refused", "order_not_found"),
        (NATIVE, 429, b'{"code":"busy"}', "again", "busy"),
        (NATIVE, 503, b'{"code":"unavailable"}', "again", "unavailable"),
        (NATIVE, 502, b"<html>", "again", "http 502"),
        (ALIPAY, 200, signed('{"code":"10000","trade_no":"1"}'), "done", "done"),
        (ALIPAY, 200, signed('{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST"}'), "refused", "ACQ.TRADE_NOT_EXIST"),
        (ALIPAY, 200, signed('{"code":"20000","sub_code":"isp.unknow-error"}'), "again", "isp.unknow-error"),
        (ALIPAY, 200, signed('{"code":"40005","sub_code":"isv.method-call-limited"}'), "again", None),
        (ALIPAY, 200, signed('{"code":"10000"}', APP.private), "again", "bad signature"),
        (ALIPAY, 500, b"", "again", "http 500"),
    ],
)
def test_answers(request_: Request, status: int, body: bytes, verdict: str, code: str | None) -> None:
    answer = read_answer(request_, status, body)
    assert answer.verdict == verdict
    assert code in (None, answer.code)
