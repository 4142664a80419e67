"""Requests signed in advance are what an SDK would send."""

import json
from urllib.parse import parse_qsl

from chuanliu.bench.alipay_requests import AlipayApp, alipay_row, alipay_rows
from chuanliu.crypto import generate_key_pair, verify

PAIR = generate_key_pair()
APP = AlipayApp("2088000000001001", PAIR.private)
WHEN = "2026-11-11 00:00:00"


def test_a_row_is_a_signed_form() -> None:
    query, length, body = alipay_row(APP, "run-1", "281234567890123456", WHEN).decode().rstrip("\n").split("\t")
    assert int(length) == len(body)
    fields = dict(parse_qsl(query, strict_parsing=True)) | dict(parse_qsl(body, strict_parsing=True))
    signature = fields.pop("sign")
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
    assert verify(text.encode(), signature, PAIR.public)
    content = json.loads(fields["biz_content"])
    assert content["out_trade_no"] == "run-1"
    assert content["auth_code"] == "281234567890123456"


def test_rows_keep_the_order_of_the_codes() -> None:
    codes = [str(28 * 10**16 + number) for number in range(30)]
    bodies = [dict(parse_qsl(row.decode().split("\t")[2])) for row in alipay_rows([APP, APP], codes, "run", WHEN)]
    assert [json.loads(body["biz_content"])["auth_code"] for body in bodies] == codes
