"""Common parameters, signature and decryption, with the answer of the wire for each thing that is wrong."""

from __future__ import annotations

from base64 import b64encode

import pytest

from chuanliu import crypto
from chuanliu.clock import DAY, HOUR, SECOND, wall_text
from chuanliu.gateway.alipay import (
    METHODS,
    AppKeys,
    GatewayRefused,
    OpenedRequest,
    open_request,
    order_string,
    parse_order_string,
    request_sign_string,
)

NOW = 1_790_000_000 * SECOND
APP = crypto.generate_key_pair()
OLD = crypto.generate_key_pair()
AES_KEY = b64encode(bytes(range(16))).decode()
CERT_SN, ROOT_SN = "c" * 32, "d" * 32
KEYS = AppKeys("2021000000000001", (APP.public, OLD.public), {CERT_SN: APP.public}, ROOT_SN, AES_KEY)
BARE = AppKeys("2021000000000002", (), {CERT_SN: APP.public}, ROOT_SN)
APPS = {app.app_id: app for app in (KEYS, BARE)}
COMMON = {
    "app_id": KEYS.app_id,
    "method": "alipay.trade.query",
    "format": "JSON",
    "charset": "utf-8",
    "sign_type": "RSA2",
    "timestamp": wall_text(NOW),
    "version": "1.0",
    "alipay_sdk": "some-sdk",
    "biz_content": '{"out_trade_no":"T1"}',
}


def signed(
    changes: dict[str, str | None], *, key: str = APP.private, codec: str = "utf-8", keep_empty: bool = False
) -> dict[bytes, bytes]:
    params = {name: value for name, value in {**COMMON, **changes}.items() if value is not None}
    raw = {name.encode(): value.encode(codec) for name, value in params.items()}
    if "sign" not in changes:
        sign_type: crypto.SignType = "RSA" if params.get("sign_type") == "RSA" else "RSA2"
        raw[b"sign"] = crypto.sign(request_sign_string(raw, keep_empty=keep_empty), key, sign_type).encode()
    return raw


def opened(raw: dict[bytes, bytes]) -> OpenedRequest:
    return open_request(raw, methods=METHODS, find_app=APPS.get, now=NOW)


GOOD = {
    "plain": signed({}),
    "RSA": signed({"sign_type": "RSA"}),
    "old key during rotation": signed({}, key=OLD.private),
    "no charset, no format": signed({"charset": None, "format": None}),
    "empty value left out of the signature": signed({"notify_url": ""}),
    "empty value signed": signed({"notify_url": ""}, keep_empty=True),
    "unknown parameter is signed": signed({"ws_service_url": "x", "terminal_type": "web"}),
    "machine in Honolulu": signed({"timestamp": wall_text(NOW - 18 * HOUR)}),
    "certificate": signed({"app_cert_sn": CERT_SN, "alipay_root_cert_sn": ROOT_SN}),
}


@pytest.mark.parametrize("raw", GOOD.values(), ids=GOOD.keys())
def test_good_requests_open(raw: dict[bytes, bytes]) -> None:
    request = opened(raw)
    assert (request.method, request.app, request.biz_content) == (
        "alipay.trade.query",
        KEYS,
        b'{"out_trade_no":"T1"}',
    )


@pytest.mark.parametrize("charset", ["gbk", "GBK", "gb2312", "gb18030"])
def test_chinese_charsets_are_verified_as_sent_and_read_as_utf8(charset: str) -> None:
    request = opened(signed({"charset": charset, "biz_content": '{"subject":"测试"}'}, codec="gbk"))
    assert request.biz_content == '{"subject":"测试"}'.encode()


def test_encrypted_content_opens() -> None:
    cipher_text = crypto.encrypt_content("{}测".encode(), AES_KEY)
    request = opened(signed({"biz_content": cipher_text, "encrypt_type": "AES"}))
    assert request.encrypted
    assert request.biz_content == "{}测".encode()


def test_no_content_is_an_empty_object() -> None:
    assert opened(signed({"biz_content": None})).biz_content == b"{}"


def test_mode_and_addresses() -> None:
    request = opened(signed({"notify_url": "https://m/n", "app_cert_sn": CERT_SN, "alipay_root_cert_sn": ROOT_SN}))
    assert (request.by_certificate, request.encrypted) == (True, False)
    assert (request.notify_url, request.return_url) == ("https://m/n", None)


BAD: list[tuple[str, dict[str, str | None]]] = [
    ("40001 isv.missing-method", {"method": None}),
    ("40001 isv.missing-method", {"method": "", "app_id": None}),
    ("40001 isv.missing-app-id", {"app_id": None}),
    ("40001 isv.missing-signature-type", {"sign_type": None}),
    ("40001 isv.missing-signature", {"sign": ""}),
    ("40001 isv.missing-timestamp", {"timestamp": None}),
    ("40001 isv.missing-version", {"version": None}),
    ("40002 isv.invalid-charset", {"charset": "latin-1"}),
    ("40002 isv.invalid-method", {"method": "alipay.trade.nothing"}),
    ("40002 isv.invalid-format", {"format": "xml"}),
    ("40002 isv.invalid-parameter", {"version": "2.0"}),
    ("40002 isv.invalid-signature-type", {"sign_type": "SM2"}),
    ("40002 isv.invalid-timestamp", {"timestamp": "yesterday"}),
    ("40002 isv.invalid-timestamp", {"timestamp": "2026-13-11 00:00:00"}),
    ("40002 isv.invalid-timestamp", {"timestamp": "2026-11-11T00:00:00"}),
    ("40002 isv.invalid-timestamp", {"timestamp": "0001-01-01 00:00:00"}),
    ("40002 isv.invalid-timestamp", {"timestamp": wall_text(NOW - 2 * DAY)}),
    ("40002 isv.invalid-parameter", {"notify_url": "javascript:alert(1)"}),
    ("40002 isv.invalid-parameter", {"return_url": "http://x/\n"}),
    ("40002 isv.invalid-app-id", {"app_id": "2021000000000009"}),
    ("40002 isv.invalid-app-id", {"app_id": "2" * 33}),
    ("40002 isv.invalid-signature", {"sign": "AAAA"}),
    ("40002 isv.invalid-signature", {"sign": "签" * 2000}),
    ("40002 isv.missing-signature-config", {"app_id": BARE.app_id}),
    ("40002 isv.missing-signature-config", {"app_cert_sn": "f" * 32, "alipay_root_cert_sn": ROOT_SN}),
    ("40001 isv.missing-alipay-root-cert-sn", {"app_cert_sn": CERT_SN}),
    ("40002 isv.invalid-alipay-root-cert-sn", {"app_cert_sn": CERT_SN, "alipay_root_cert_sn": "x"}),
    ("40002 isv.decryption-error-not-valid-encrypt-type", {"encrypt_type": "DES"}),
    ("40002 isv.decryption-error-unknown", {"encrypt_type": "AES"}),
    (
        "40002 isv.decryption-error-not-valid-encrypt-key",
        {"encrypt_type": "AES", "app_id": BARE.app_id, "app_cert_sn": CERT_SN, "alipay_root_cert_sn": ROOT_SN},
    ),
    ("40002 isv.not-support-app-auth", {"app_auth_token": "201510BB"}),
]


@pytest.mark.parametrize(("answer", "changes"), BAD)
def test_bad_requests_are_answered(answer: str, changes: dict[str, str | None]) -> None:
    with pytest.raises(GatewayRefused) as caught:
        opened(signed(changes))
    assert f"{caught.value.answer.code} {caught.value.answer.sub_code}" == answer


def test_charset_that_does_not_fit_the_bytes_is_refused() -> None:
    raw = signed({}) | {b"biz_content": b"\xff\xff"}
    with pytest.raises(GatewayRefused, match="invalid-charset"):
        opened(raw)


def test_invalid_signature_echoes_the_sign_string() -> None:
    raw = signed({}, key=crypto.generate_key_pair().private)
    with pytest.raises(GatewayRefused) as caught:
        opened(raw)
    assert (caught.value.answer.sub_msg or "").endswith("网关生成的验签字符串为：" + request_sign_string(raw).decode())


@pytest.mark.parametrize("name", sorted(name.encode() for name in COMMON))
def test_every_parameter_is_under_the_signature(name: bytes) -> None:
    raw = signed({"app_id": KEYS.app_id})
    altered = {**raw, name: {b"method": b"alipay.trade.close", b"charset": b"UTF-8"}.get(name, raw[name] + b" ")}
    with pytest.raises(GatewayRefused):
        opened(altered)


def test_order_string_opens_like_a_request() -> None:
    params = {**COMMON, "method": "alipay.trade.app.pay"}
    assert opened(parse_order_string(order_string(params, APP.private))).method == "alipay.trade.app.pay"
