"""v3: paths, authorization, sign string, encrypted bodies, response headers."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu import crypto
from chuanliu.clock import HOUR, SECOND
from chuanliu.gateway.alipay import (
    METHODS,
    AppKeys,
    GatewayRefused,
    RestRequest,
    method_of_path,
    open_rest,
    path_of_method,
    rest_body,
    rest_response_headers,
)

NOW = 1_790_000_000 * SECOND
APP = crypto.generate_key_pair()
PLATFORM = crypto.generate_key_pair()
AES_KEY = b64encode(bytes(range(16))).decode()
CERT_SN, ROOT_SN = "c" * 32, "d" * 32
KEYS = AppKeys("2021000000000001", (APP.public,), {CERT_SN: APP.public}, ROOT_SN, AES_KEY)
PLAIN = f"app_id={KEYS.app_id},nonce=n-1,timestamp={NOW // 1000}"
TRADE_QUERY = "/v3/alipay/trade/query"


def request(
    method: str = "POST",
    target: str = TRADE_QUERY,
    body: bytes = b'{"out_trade_no":"T1"}',
    auth: str = PLAIN,
    **headers: str,
) -> RestRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    token = named.get("alipay-app-auth-token")
    message = b"\n".join([auth.encode(), method.encode(), target.encode(), body, *([token.encode()] if token else [])])
    signature = crypto.sign(message + b"\n", APP.private)
    return RestRequest(
        method, target, {"authorization": f"ALIPAY-SHA256withRSA {auth},sign={signature}", **named}, body
    )


def content_of(made: RestRequest) -> bytes:
    return open_rest(made, find_app={KEYS.app_id: KEYS}.get, now=NOW).content


def test_post_get_and_empty_body() -> None:
    assert content_of(request()) == b'{"out_trade_no":"T1"}'
    assert content_of(request(body=b"")) == b"{}"
    got = content_of(request("GET", TRADE_QUERY + "?out_trade_no=T%2B1&subject=%E6%B5%8B+x", b""))
    assert got == '{"out_trade_no":"T+1","subject":"测 x"}'.encode()


def test_encrypted_body_is_signed_as_cipher_text() -> None:
    body = crypto.encrypt_content(b'{"out_trade_no":"T1"}', AES_KEY).encode()
    opened = open_rest(request(body=body, alipay_encrypt_type="AES"), find_app=lambda _: KEYS, now=NOW)
    assert (opened.content, opened.encrypted) == (b'{"out_trade_no":"T1"}', True)
    assert crypto.decrypt_content(rest_body({"a": "b"}, AES_KEY).decode(), AES_KEY) == b'{"a":"b"}'


def test_certificate_mode() -> None:
    auth = f"app_id={KEYS.app_id},app_cert_sn={CERT_SN},nonce=n,timestamp={NOW // 1000}"
    opened = open_rest(request(auth=auth, alipay_root_cert_sn=ROOT_SN), find_app=lambda _: KEYS, now=NOW)
    assert opened.by_certificate


SIGNED = request().headers["authorization"]


def altered(header: str, **others: str) -> RestRequest:
    return RestRequest("POST", TRADE_QUERY, {"authorization": header, **others}, b'{"out_trade_no":"T1"}')


@pytest.mark.parametrize(
    ("made", "sub_code"),
    [
        (altered(""), "isv.missing-signature"),
        (altered("Bearer x"), "isv.invalid-signature-type"),
        (altered(f"ALIPAY-SHA256withRSA {PLAIN}"), "isv.missing-signature"),
        (altered(SIGNED + "x" * 5000), "isv.invalid-signature-type"),
        (altered(SIGNED[:-8] + "AAAAAA=="), "isv.invalid-signature"),
        (altered(SIGNED.replace("n-1", "n-2")), "isv.invalid-signature"),
        (request(auth="nonce=n,timestamp=1790000000000"), "isv.missing-app-id"),
        (request(auth=f"app_id={KEYS.app_id},nonce=n"), "isv.missing-timestamp"),
        (request(auth=f"app_id={KEYS.app_id},nonce=n,timestamp=now"), "isv.invalid-timestamp"),
        (request(auth=f"app_id={KEYS.app_id},nonce=n,timestamp={(NOW + HOUR) // 1000}"), "isv.invalid-timestamp"),
        (request(auth=f"app_id={KEYS.app_id},timestamp={NOW // 1000}"), "isv.invalid-parameter"),
        (request(auth=f"app_id=1,{PLAIN}"), "isv.invalid-parameter"),
        (request(auth=PLAIN.replace(KEYS.app_id, "2021000000000009")), "isv.invalid-app-id"),
        (request(auth=PLAIN + ",app_cert_sn=" + "f" * 32), "isv.missing-signature-config"),
        (
            request(auth=PLAIN + ",app_cert_sn=" + CERT_SN, alipay_root_cert_sn="x"),
            "isv.invalid-alipay-root-cert-sn",
        ),
        (request(alipay_app_auth_token="t"), "isv.not-support-app-auth"),
        (request(alipay_encrypt_type="DES"), "isv.decryption-error-not-valid-encrypt-type"),
        (request(alipay_encrypt_type="AES"), "isv.decryption-error-unknown"),
        (request("GET", TRADE_QUERY + "?a=1&a=2", b""), "isv.invalid-parameter"),
        (request("GET", TRADE_QUERY + "?a=%FF", b""), "isv.invalid-charset"),
        (request(target="/v3/"), "isv.invalid-method"),
    ],
)
def test_what_is_refused(made: RestRequest, sub_code: str) -> None:
    with pytest.raises(GatewayRefused) as caught:
        content_of(made)
    assert caught.value.answer.sub_code == sub_code


@given(header=st.text(max_size=80), target=st.text("/v3alipytrde?=%&.", max_size=30))
def test_any_text_is_refused(header: str, target: str) -> None:
    for authorization in (header, f"ALIPAY-SHA256withRSA {header}", f"ALIPAY-SHA256withRSA {PLAIN},{header},sign=x"):
        with pytest.raises(GatewayRefused):
            content_of(RestRequest("GET", target, {"authorization": authorization}))


@pytest.mark.parametrize("method", sorted(METHODS))
def test_paths_and_methods(method: str) -> None:
    assert method_of_path(path_of_method(method)) == method


@pytest.mark.parametrize(
    "path", ["", "/", "/v3", "/v3/alipay", "/v3/alipay//pay", "/v3/alipay/../x", "/v2/alipay/pay", "/v3/A/b"]
)
def test_other_paths(path: str) -> None:
    assert method_of_path(path) is None


def test_response_headers() -> None:
    body = '{"subject":"测"}'.encode()
    headers = rest_response_headers(
        body, PLATFORM.private, timestamp_millis=1790000000000, nonce="n", trace_id="t", cert_sn=CERT_SN
    )
    assert all(name == name.lower() for name in headers)
    assert headers["alipay-sn"] == CERT_SN
    assert crypto.verify(b"1790000000000\nn\n" + body + b"\n", headers["alipay-signature"], PLATFORM.public)
