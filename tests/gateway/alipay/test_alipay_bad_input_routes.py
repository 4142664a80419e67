"""Whatever comes in at gateway.do: HTTP 200, a coded and signed answer, no trace of our inside, and nothing stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alipay_world.world import FORM, Shop, World, signed_call
from chuanliu import crypto
from chuanliu.gateway.alipay import METHODS
from chuanliu.serving import Response

FUZZ = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
LONG = settings(FUZZ, max_examples=3000)
TEXTUAL = sorted(METHODS - {"alipay.trade.page.pay", "alipay.trade.wap.pay", "alipay.trade.app.pay"})
INSIDE = (b"Traceback", b"chuanliu.", b"psycopg", b"Error(", b'File "')


@pytest.fixture(scope="module", autouse=True)
def nothing_is_stored(platform: World, shop: Shop) -> Iterator[None]:
    before = platform.counts()
    yield
    assert platform.counts() == before


def node_of(response: Response, shop: Shop) -> dict[str, Any]:
    """The verified node under whatever root, as a refusal must be."""
    assert response.status == 200
    assert (
        response.header(
            "content-type",
        )
        is not None
    )
    assert not any(word in response.body for word in INSIDE)
    root, _, rest = response.body.removeprefix(b'{"').partition(b'":')
    assert root == b"error_response" or root.endswith(b"_response")
    node, _, signature = rest.rpartition(b',"sign":"')
    node = node.partition(b',"alipay_cert_sn":"')[0]
    text = signature.removesuffix(b'"}').decode()
    assert any(crypto.verify(node, text, shop.platform_public_key, sign_type) for sign_type in ("RSA2", "RSA"))
    charset = (response.header("content-type") or "").partition("charset=")[2]
    found: dict[str, Any] = json.loads(node.decode(charset))
    return found


def refused(response: Response, shop: Shop) -> dict[str, Any]:
    node = node_of(response, shop)
    assert node["code"] in {"40001", "40002", "40004", "40006"}, node
    assert node["sub_code"]
    assert node["sub_msg"]
    return node


AMOUNTS = (
    "1e2", "-0.01", "0.001", "100000000.01", "0", "0.00", "1,00", "NaN", "Infinity", "+1", " 1", "1 ", "٣", "1.", ".5",
    "00.5", "0x10", "9" * 400, -1, True, None, [], {}, "", "1\n",
)  # fmt: skip


@pytest.mark.parametrize("amount", AMOUNTS, ids=lambda amount: repr(amount)[:12])
def test_amounts(amount: Any, platform: World, shop: Shop) -> None:
    pay = {"out_trade_no": "T1", "subject": "s", "total_amount": amount, "auth_code": "280000000000000000"}
    assert platform.call(shop, "alipay.trade.pay", pay)["sub_code"] == "ACQ.INVALID_PARAMETER"
    refund = {"out_trade_no": "T1", "refund_amount": amount, "out_request_no": "r"}
    assert platform.call(shop, "alipay.trade.refund", refund)["sub_code"] == "ACQ.INVALID_PARAMETER"


BODIES: list[tuple[str, bytes]] = [
    ("no JSON", b"{"),
    ("a list", b"[]"),
    ("a text", b'"x"'),
    ("a number", b"1"),
    ("null", b"null"),
    ("nested deep", b'{"a":' * 3000 + b"1" + b"}" * 3000),
    ("deep lists", b"[" * 5000),
    ("a lone surrogate", b'{"out_trade_no":"T1","subject":"\\ud800","total_amount":"1"}'),
    ("a zero byte", b'{"out_trade_no":"T1","subject":"a\\u0000b","total_amount":"1"}'),
    ("wrong types", b'{"out_trade_no":1,"subject":[],"total_amount":{}}'),
    ("a huge number", b'{"total_amount":' + b"9" * 4000 + b"}"),
    ("UTF-16", '{"out_trade_no":"T1"}'.encode("utf-16")),
    ("an exponent", b'{"out_trade_no":"T1","subject":"s","total_amount":1e2,"refund_amount":1e2}'),
    ("half a character", b'{"subject":"\xe4\xb8"}'),
]


@pytest.mark.parametrize(("name", "content"), BODIES, ids=[row[0] for row in BODIES])
@pytest.mark.parametrize("method", ["alipay.trade.precreate", "alipay.trade.query", "alipay.trade.refund"])
def test_bodies(name: str, content: bytes, method: str, platform: World, shop: Shop) -> None:
    query, body = signed_call(shop, method, content)
    refused(platform.send("/gateway.do", query, body, headers=FORM), shop)


COMMON: list[tuple[str, dict[str, str], str]] = [
    ("no method", {"method": ""}, "isv.missing-method"),
    ("no app", {"app_id": ""}, "isv.missing-app-id"),
    ("no time", {"timestamp": ""}, "isv.missing-timestamp"),
    ("no version", {"version": ""}, "isv.missing-version"),
    ("no algorithm", {"sign_type": ""}, "isv.missing-signature-type"),
    ("unknown method", {"method": "alipay.trade.steal"}, "isv.invalid-method"),
    ("an order string's method", {"method": "alipay.trade.app.pay"}, "isv.invalid-method"),
    ("a hostile method", {"method": "alipay.<script>"}, "isv.invalid-method"),
    ("unknown app", {"app_id": "2021999999999999"}, "isv.invalid-app-id"),
    ("huge app", {"app_id": "2" * 3000}, "isv.invalid-app-id"),
    ("digits of elsewhere", {"app_id": "２０２１"}, "isv.invalid-app-id"),
    ("old time", {"timestamp": "2020-01-01 00:00:00"}, "isv.invalid-timestamp"),
    ("no such time", {"timestamp": "2026-02-30 00:00:00"}, "isv.invalid-timestamp"),
    ("charset", {"charset": "utf-7"}, "isv.invalid-charset"),
    ("format", {"format": "xml"}, "isv.invalid-format"),
    ("algorithm", {"sign_type": "SM2"}, "isv.invalid-signature-type"),
    ("version", {"version": "2.0"}, "isv.invalid-parameter"),
    ("notify_url", {"notify_url": "javascript:alert(1)"}, "isv.invalid-parameter"),
    ("delegation", {"app_auth_token": "x"}, "isv.not-support-app-auth"),
    ("encryption", {"encrypt_type": "DES"}, "isv.decryption-error-not-valid-encrypt-type"),
    ("encryption without a key", {"encrypt_type": "AES"}, "isv.decryption-error-not-valid-encrypt-key"),
    (
        "an unknown certificate",
        {"app_cert_sn": "a" * 32, "alipay_root_cert_sn": "b"},
        "isv.invalid-alipay-root-cert-sn",
    ),
]


@pytest.mark.parametrize(("name", "params", "sub_code"), COMMON, ids=[row[0] for row in COMMON])
def test_common_parameters(name: str, params: dict[str, str], sub_code: str, platform: World, shop: Shop) -> None:
    query, body = signed_call(shop, "alipay.trade.query", {"out_trade_no": "T1"}, **params)
    assert refused(platform.send("/gateway.do", query, body, headers=FORM), shop)["sub_code"] == sub_code


SIGNATURES = ("", "AAAA", "=", "%", "ä", "A" * 4000, "A" * 344)


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda text: text[:6])
def test_signatures(signature: str, platform: World, shop: Shop) -> None:
    query, body = signed_call(shop, "alipay.trade.close", {"out_trade_no": "T1"})
    unsigned = query.partition("&sign=")[0]
    changed = f"{unsigned}&{urlencode({'sign': signature})}"
    assert "signature" in refused(platform.send("/gateway.do", changed, body, headers=FORM), shop)["sub_code"]


def test_a_replay_answers_alike_and_moves_nothing(platform: World, shop: Shop) -> None:
    query, body = signed_call(shop, "alipay.trade.refund", {"out_trade_no": "T1", "refund_amount": "1"})
    answers = [platform.send("/gateway.do", query, body, headers=FORM).body for _ in range(3)]
    assert len(set(answers)) == 1


KINDS = ("", "application/json", "multipart/form-data", "multipart/form-data; boundary=x", "text/plain", "image/png")


@pytest.mark.parametrize("kind", KINDS)
def test_content_types(kind: str, platform: World, shop: Shop) -> None:
    query, body = signed_call(shop, "alipay.trade.query", {"out_trade_no": "T1"})
    refused(platform.send("/gateway.do", query, body, headers={"content-type": kind}), shop)


def test_too_many_and_repeated_parameters(platform: World, shop: Shop) -> None:
    query, body = signed_call(shop, "alipay.trade.query", {"out_trade_no": "T1"})
    for more in ("&app_id=1", "&" + "&".join(f"p{n}=1" for n in range(300)), "&" + "n" * 500 + "=1"):
        answer = refused(platform.send("/gateway.do", query + more, body, headers=FORM), shop)
        assert answer["sub_code"] == "isv.invalid-parameter"


def test_wrong_http_methods_and_oversize(platform: World, shop: Shop) -> None:
    query, _ = signed_call(shop, "alipay.trade.query", {})
    for http_method in ("PUT", "DELETE", "PATCH"):
        refused(platform.send("/gateway.do", query, method=http_method), shop)


def fuzz_random_requests(platform: World, shop: Shop, query: str, body: bytes, kind: str) -> None:
    refused(platform.send("/gateway.do", query, body, headers={"content-type": kind}), shop)


def fuzz_signed_bodies(platform: World, shop: Shop, method: str, content: bytes) -> None:
    query, body = signed_call(shop, method, content)
    node_of(platform.send("/gateway.do", query, body, headers=FORM), shop)


def fuzz_signed_fields(platform: World, shop: Shop, method: str, biz: dict[str, Any]) -> None:
    """Requests that are nearly right: what names an order names none that exists, and none is made."""
    fuzz_signed_bodies(platform, shop, method, json.dumps(biz).encode())


def fuzz_common(platform: World, shop: Shop, params: dict[str, str]) -> None:
    query, body = signed_call(shop, "alipay.trade.query", {"out_trade_no": "T1"})
    raw = dict(pair.split("=", 1) for pair in query.split("&"))
    changed = "&".join(f"{name}={value}" for name, value in raw.items() if name not in params)
    refused(platform.send("/gateway.do", f"{changed}&{urlencode(params)}", body, headers=FORM), shop)


RANDOM_REQUESTS = (
    st.text(alphabet=st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), max_size=200),
    st.binary(max_size=400),
    st.sampled_from((*KINDS, FORM["content-type"])),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = (
    "trade_no", "out_trade_no", "out_request_no", "refund_amount", "refund_reason", "query_options", "operator_id",
    "alipay_cert_sn", "seller_id", "timeout_express", "time_expire", "auth_code", "subject", "sub_merchant", "buyer_id",
)  # fmt: skip
FIELDS = st.dictionaries(st.sampled_from(NAMES), VALUES | st.from_regex(r"[0-9]{16,28}\Z"), max_size=8)
# Without an amount none of these makes an order; cancelling alone would leave a mark under a number.
MARKLESS = [method for method in TEXTUAL if method != "alipay.trade.cancel"]
PARAMS = st.dictionaries(
    st.sampled_from(("app_id", "method", "charset", "sign_type", "timestamp", "version", "format", "sign")),
    st.text(max_size=40),
    min_size=1,
)


@FUZZ
@given(*RANDOM_REQUESTS)
def test_random_requests(platform: World, shop: Shop, query: str, body: bytes, kind: str) -> None:
    fuzz_random_requests(platform, shop, query, body, kind)


@FUZZ
@given(st.sampled_from(MARKLESS), st.binary(max_size=300))
def test_random_signed_bodies(platform: World, shop: Shop, method: str, content: bytes) -> None:
    fuzz_signed_bodies(platform, shop, method, content)


@FUZZ
@given(st.sampled_from(MARKLESS), FIELDS)
def test_random_signed_fields(platform: World, shop: Shop, method: str, biz: dict[str, Any]) -> None:
    fuzz_signed_fields(platform, shop, method, biz)


@FUZZ
@given(PARAMS)
def test_random_common_parameters(platform: World, shop: Shop, params: dict[str, str]) -> None:
    fuzz_common(platform, shop, params)


@pytest.mark.long
@LONG
@given(*RANDOM_REQUESTS)
def test_random_requests_long(platform: World, shop: Shop, query: str, body: bytes, kind: str) -> None:
    fuzz_random_requests(platform, shop, query, body, kind)


@pytest.mark.long
@LONG
@given(st.sampled_from(MARKLESS), FIELDS)
def test_random_signed_fields_long(platform: World, shop: Shop, method: str, biz: dict[str, Any]) -> None:
    fuzz_signed_fields(platform, shop, method, biz)
