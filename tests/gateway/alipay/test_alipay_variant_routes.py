"""The other ways of the dialect: v3, certificates, content encryption, pages, order strings, overload."""

from __future__ import annotations

import json
import secrets
import time
from base64 import b64decode, b64encode
from typing import Any

import pytest

from alipay_world.world import FORM, PUBLIC_URL, Shop, World, signed_call, verified
from chuanliu import crypto
from chuanliu.clock import wall_text
from chuanliu.crypto import SEAL_RANDOMNESS
from chuanliu.errors import ChuanliuError, Refused
from chuanliu.gateway import alipay_routes
from chuanliu.gateway.alipay import order_string, path_of_method
from chuanliu.ids import order_id_of
from chuanliu.parties import (
    AddAppCertificate,
    SetEncryptKey,
    aes_key_context,
    certify_app,
    find_app,
    root_certificate,
)
from chuanliu.serving import Request, Response
from chuanliu.trade import FindOrderById, PayOutcome

PEM_END = "-----END CERTIFICATE-----"
AES_KEY = b64encode(bytes(range(16))).decode()


@pytest.fixture(scope="module")
def shop(platform: World) -> Shop:
    made = platform.shop()
    vault = platform.services.vault
    sealed = vault.seal(AES_KEY.encode(), aes_key_context(int(made.app_id)), secrets.token_bytes(SEAL_RANDOMNESS))
    platform.submit(SetEncryptKey(int(made.app_id), sealed))
    platform.settle()
    return made


def number() -> str:
    return "T" + secrets.token_hex(10)


def order_of(**fields: Any) -> dict[str, Any]:
    return {"out_trade_no": number(), "subject": "龙井", "total_amount": "12.34"} | fields


def rest(
    platform: World,
    shop: Shop,
    method: str,
    biz: dict[str, Any] | bytes,
    *,
    http_method: str = "POST",
    query: str = "",
    path: str | None = None,
    key: str | None = None,
    encrypted: bool = False,
) -> tuple[int, dict[str, Any]]:
    """A signed v3 call; the verified answer."""
    target = path or path_of_method(method)
    body = biz if isinstance(biz, bytes) else json.dumps(biz).encode()
    if encrypted:
        body = crypto.encrypt_content(body, AES_KEY).encode()
    if http_method == "GET":
        body = b""
    authorization = f"app_id={shop.app_id},nonce={secrets.token_hex(8)},timestamp={time.time_ns() // 1_000_000}"
    full = f"{target}?{query}" if query else target
    message = b"\n".join([authorization.encode(), http_method.encode(), full.encode(), body, b""])
    signature = crypto.sign(message, key or shop.pair.private)
    headers = {"authorization": f"ALIPAY-SHA256withRSA {authorization},sign={signature}"}
    if encrypted:
        headers["alipay-encrypt-type"] = "AES"
    response = platform.send(target, query, body, method=http_method, headers=headers)
    return response.status, verified_rest(response, shop, encrypted=encrypted)


def verified_rest(response: Response, shop: Shop, *, encrypted: bool = False) -> dict[str, Any]:
    stamp, nonce = response.header("alipay-timestamp"), response.header("alipay-nonce")
    message = f"{stamp}\n{nonce}\n".encode() + response.body + b"\n"
    assert crypto.verify(message, response.header("alipay-signature") or "", shop.platform_public_key)
    assert response.header("alipay-trace-id")
    plain = response.body
    if encrypted and response.status == 200:
        plain = crypto.decrypt_content(plain.decode(), AES_KEY)
    found: dict[str, Any] = json.loads(plain)
    return found


def test_v3_pays_queries_and_refunds(platform: World, shop: Shop) -> None:
    payer = platform.consumer()
    biz = order_of(auth_code=platform.code(payer), notify_url="https://shop.example/n")
    status, answer = rest(platform, shop, "alipay.trade.pay", biz)
    assert (status, "code" in answer, answer["total_amount"]) == (200, False, "12.34")
    order = platform.ask(FindOrderById(order_id_of(answer["trade_no"]) or 0)).order
    assert order.notify_url == "https://shop.example/n"
    ref = {"trade_no": answer["trade_no"]}
    status, found = rest(platform, shop, "alipay.trade.query", ref, encrypted=True)
    assert (status, found["trade_status"]) == (200, "TRADE_SUCCESS")
    status, found = rest(
        platform, shop, "alipay.trade.query", {}, http_method="GET", query=f"trade_no={ref['trade_no']}"
    )
    assert (status, found["subject"]) == (200, "龙井")
    status, answer = rest(platform, shop, "alipay.trade.refund", {**ref, "refund_amount": "12.34"})
    assert (status, answer["refund_fee"]) == (200, "12.34")


def test_v3_waits_for_its_payer(platform: World, shop: Shop) -> None:
    biz = order_of(auth_code=platform.code(platform.consumer(9000_00)), total_amount="2000")
    status, answer = rest(platform, shop, "alipay.trade.pay", biz)
    assert (status, answer["code"]) == (200, "10003")


@pytest.mark.parametrize("method", ["query", "close", "refund", "fastpay.refund.query"])
def test_v3_keeps_merchants_apart(method: str, platform: World, shop: Shop, rival: Shop) -> None:
    payer = platform.consumer()
    _, order = rest(platform, shop, "alipay.trade.pay", order_of(auth_code=platform.code(payer)))
    biz = {"trade_no": order["trade_no"], "refund_amount": "1", "out_request_no": "r"}
    status, answer = rest(platform, rival, f"alipay.trade.{method}", biz)
    assert (status, answer["code"], set(answer)) == (404, "ACQ.TRADE_NOT_EXIST", {"code", "message", "links"})
    assert platform.balance(payer) == 1000_00 - 12_34


def test_v3_refusals_have_real_statuses(platform: World, shop: Shop, rival: Shop) -> None:
    query = "alipay.trade.query"
    assert rest(platform, shop, query, {}, key=rival.pair.private)[0] == 401
    assert rest(platform, shop, query, b"[1]")[1]["code"] == "ACQ.INVALID_PARAMETER"
    assert rest(platform, shop, query, {"trade_no": "1", "notify_url": "ftp://x"})[1]["code"] == "invalid-parameter"
    for path in ("/v3/alipay/trade/nothing", "/v3/x", "/v3/alipay/trade/page/pay", "/v3/a/b/c/d/e/f/g/h"):
        status, answer = rest(platform, shop, query, {}, path=path)
        assert (status, answer["code"]) == (404, "invalid-method")
    assert rest(platform, shop, query, {}, http_method="PUT")[0] == 404
    unsigned = platform.send(path_of_method(query), headers={})
    assert (unsigned.status, verified_rest(unsigned, shop)["code"]) == (401, "missing-signature")


def test_content_encryption_both_ways(platform: World, shop: Shop) -> None:
    biz = crypto.encrypt_content(json.dumps(order_of()).encode(), AES_KEY)
    query, body = signed_call(shop, "alipay.trade.precreate", biz, encrypt_type="AES")
    response = platform.send("/gateway.do", query, body, headers=FORM)
    prefix = b'{"alipay_trade_precreate_response":'
    node, _, tail = response.body.removeprefix(prefix).partition(b',"sign":"')
    assert crypto.verify(node, tail.removesuffix(b'"}').decode(), shop.platform_public_key)
    plain = json.loads(crypto.decrypt_content(json.loads(node), AES_KEY))
    assert plain["code"] == "10000"

    query, body = signed_call(shop, "alipay.trade.precreate", "not cipher text", encrypt_type="AES")
    answer = verified(shop, "alipay.trade.precreate", platform.send("/gateway.do", query, body, headers=FORM))
    assert answer["sub_code"] == "isv.decryption-error-unknown"


def test_certificates(platform: World) -> None:
    shop = platform.shop()
    reference, vault = platform.services.engine.reference, platform.services.vault
    app = find_app(reference, shop.app_id)
    assert app is not None
    made = certify_app(reference, vault, app, shop.pair.public, secrets.token_bytes(15), time.time_ns() // 1000)
    platform.submit(AddAppCertificate(app.app_id, made.public_key, made.certificate, made.cert_sn))
    platform.settle()
    root_sn = crypto.root_certificates_sn(root_certificate(reference))
    params = {"app_cert_sn": made.cert_sn, "alipay_root_cert_sn": root_sn}
    biz = order_of()
    query, body = signed_call(shop, "alipay.trade.precreate", biz, **params)
    response = platform.send("/gateway.do", query, body, headers=FORM)
    assert verified(shop, "alipay.trade.precreate", response)["code"] == "10000"
    cert_sn = json.loads(response.body)["alipay_cert_sn"]

    method = "alipay.open.app.alipaycert.download"
    answer = platform.call(shop, method, {"alipay_cert_sn": cert_sn}, **params)
    pem = b64decode(answer["alipay_cert_content"]).decode()
    leaf, *others = [
        block + "-----END CERTIFICATE-----\n" for block in pem.split("-----END CERTIFICATE-----") if block.strip()
    ]
    crypto.verify_chain(leaf, others, [root_certificate(reference)], time.time_ns() // 1000)
    assert crypto.certificate_public_key(leaf) == shop.platform_public_key
    assert platform.call(shop, method, {"alipay_cert_sn": "0" * 32})["sub_code"] == "ACQ.INVALID_PARAMETER"

    query, body = signed_call(shop, "alipay.trade.query", {}, **(params | {"alipay_root_cert_sn": "0" * 32}))
    refused = platform.send("/gateway.do", query, body, headers=FORM)
    assert verified(shop, "alipay.trade.query", refused)["sub_code"] == "isv.invalid-alipay-root-cert-sn"
    assert json.loads(refused.body)["alipay_cert_sn"] == cert_sn


@pytest.mark.parametrize("product", ["page", "wap"])
def test_a_page_request_is_sent_to_the_cashier(product: str, platform: World, shop: Shop) -> None:
    biz = order_of(quit_url="https://shop.example/cart")
    query, body = signed_call(shop, f"alipay.trade.{product}.pay", biz, return_url="https://shop.example/back?a=1")
    for response in (
        platform.send("/gateway.do", query, body, headers=FORM),
        platform.send("/gateway.do", f"{query}&{body.decode()}", method="GET"),
    ):
        assert response.status == 302
        place, _, trade_no = (response.header("location") or "").rpartition("/")
        assert place == f"{PUBLIC_URL}/cashier"
        order = platform.ask(FindOrderById(order_id_of(trade_no) or 0)).order
        assert (order.scene, order.return_url) == (product, "https://shop.example/back?a=1")


BAD_PAGES: list[tuple[str, dict[str, Any], dict[str, str], int]] = [
    ("signature", {}, {"sign": "AAAA"}, 400),
    ("amount", {"total_amount": "0.001"}, {}, 400),
    ("return address", {}, {"return_url": "https://shop.example/?method=x"}, 400),
    ("seller", {"seller_id": "2088000000000001"}, {}, 403),
    ("expired", {"time_expire": "2026-01-01 00:00"}, {}, 422),
]


@pytest.mark.parametrize(("name", "fields", "params", "status"), BAD_PAGES, ids=[row[0] for row in BAD_PAGES])
def test_a_bad_page_request_shows_a_page(
    name: str, fields: dict[str, Any], params: dict[str, str], status: int, platform: World, shop: Shop
) -> None:
    before = platform.counts()
    kept = {key: value for key, value in params.items() if key != "sign"}
    query, body = signed_call(shop, "alipay.trade.page.pay", order_of(**fields), **kept)
    if "sign" in params:
        query = query.replace("sign=", "sign=AAAA")
    response = platform.send("/gateway.do", query, body, headers=FORM)
    assert (response.status, response.header("content-type")) == (status, "text/html; charset=utf-8")
    assert response.header("location") is None
    assert platform.counts() == before


def order_text(shop: Shop, biz: dict[str, Any], **params: str) -> str:
    common = {
        "app_id": shop.app_id,
        "method": "alipay.trade.app.pay",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": wall_text(time.time_ns() // 1000),
        "version": "1.0",
        "biz_content": json.dumps(biz, ensure_ascii=False),
    }
    return order_string(common | params, shop.pair.private)


def pay_in_app(platform: World, payer: int, text: str) -> PayOutcome:
    return platform.run(alipay_routes.pay_order_string(platform.services, payer, text))


def test_an_order_string_is_paid_once_and_answered_signed(platform: World, shop: Shop) -> None:
    payer, other = platform.consumer(), platform.consumer()
    text = order_text(shop, order_of(), notify_url="https://shop.example/n")
    outcome = pay_in_app(platform, payer, text)
    assert (outcome.result, outcome.order.scene) == ("paid", "app")
    first, again = outcome.payment, pay_in_app(platform, payer, text).payment
    assert first is not None
    assert again is not None
    assert again.payment_id == first.payment_id
    assert platform.balance(payer) == 1000_00 - 12_34
    with pytest.raises(Refused, match="order_already_paid"):
        pay_in_app(platform, other, text)
    result = platform.run(alipay_routes.result_for_app(platform.services, outcome.order))
    node, _, tail = result.removeprefix('{"alipay_trade_app_pay_response":').partition(',"sign":"')
    assert crypto.verify(node.encode(), tail.partition('"')[0], shop.platform_public_key)
    assert json.loads(node)["seller_id"] == shop.seller_id


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace("12.34", "0.01"), "signature_invalid"),
        (lambda text: text.replace("app.pay", "page.pay"), "invalid_parameter"),
        (lambda text: "", "invalid_parameter"),
        (lambda text: text + "&app_id=1", "invalid_parameter"),
    ],
)
def test_a_changed_order_string_is_refused(change: Any, code: str, platform: World, shop: Shop) -> None:
    before = platform.counts()
    with pytest.raises(ChuanliuError, match=code):
        pay_in_app(platform, platform.consumer(0), change(order_text(shop, order_of())))
    assert platform.counts() == before


def test_overload_is_signed_once_for_all(platform: World, shop: Shop) -> None:
    query, _ = signed_call(shop, "alipay.trade.pay", {})
    request = Request("POST", "/gateway.do", query, FORM)
    first = alipay_routes.overload(platform.services, request)
    assert verified(shop, "alipay.trade.pay", first)["sub_code"] == "isv.method-call-limited"
    assert alipay_routes.overload(platform.services, request).body is first.body
    third = alipay_routes.overload(platform.services, Request("POST", "/v3/alipay/trade/pay"))
    assert (third.status, verified_rest(third, shop)["code"]) == (429, "method-call-limited")
