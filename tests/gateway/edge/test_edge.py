"""The edge of a platform that is full: what is turned away, in which words, and what is not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from alipay_world.world import FORM, Shop, World, signed_call, verified, world
from chuanliu import crypto
from chuanliu.admission import Gate, PoolSettings, Report, TenantSettings, Verdict, deal
from chuanliu.gateway import alipay_routes, cashier, native
from chuanliu.gateway.edge import Edge
from chuanliu.metering import TrafficClass, TrafficMeter
from chuanliu.serving import Application, KnownPeer, Request, Response, Router


class Full:
    """A platform whose pool holds `guaranteed` requests a second for one shop, and next to nothing for others."""

    def __init__(self, platform: World, shop: Shop) -> None:
        self.platform = platform
        self.gate = Gate()
        self.meter = TrafficMeter()
        services = platform.services
        router = Router()
        alipay_routes.add_routes(router, services)
        cashier.add_routes(router, services)
        native.add_routes(router, services)
        self.application = Application(router, edge=Edge(services, self.gate, self.meter))
        settings = PoolSettings(100.001, {int(shop.seller_id): TenantSettings(100, lendable_bps=0)})
        self.gate.adopt(deal(settings, {"p": Report({})})["p"], 0.0)
        self.gate.tick(0.9)
        while self.gate.decide(0, TrafficClass.PAY) is Verdict.ADMITTED:
            pass  # whoever comes first takes what is spare

    def send(self, method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> Response:
        peer = KnownPeer(headers.pop("client", "192.0.2.1:1"))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(method, path, query, named, body, peer)
        return self.platform.run(self.application.answer(request))

    def call(self, shop: Shop, method: str, biz: dict[str, Any], **options: str) -> Response:
        client, key = options.pop("client", "192.0.2.1:1"), options.pop("key", None)
        query, body = signed_call(shop, method, biz, key=key, **options)
        return self.send("POST", "/gateway.do", query, body, content_type=FORM["content-type"], client=client)


@pytest.fixture(scope="module")
def platform(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


@pytest.fixture(scope="module")
def favoured(platform: World) -> Shop:
    return platform.shop()


@pytest.fixture(scope="module")
def other(platform: World) -> Shop:
    return platform.shop()


@pytest.fixture
def full(platform: World, favoured: Shop) -> Full:
    return Full(platform, favoured)


QUERY = {"out_trade_no": "none_such"}


@pytest.mark.parametrize(
    "options", [{}, {"charset": "gbk"}, {"sign_type": "RSA"}, {"charset": "gbk", "sign_type": "RSA"}], ids=str
)
@pytest.mark.parametrize("method", ["alipay.trade.pay", "alipay.trade.query"])
def test_v2_refusals_are_signed_as_the_sdk_expects_and_only_once(
    full: Full, other: Shop, method: str, options: dict[str, str]
) -> None:
    answers = [full.call(other, method, QUERY, **options) for _ in range(2)]
    node = verified(other, method, answers[0], **options)
    assert (node["code"], node["sub_code"]) == ("40005", "isv.app-call-limited")
    assert answers[0].header("retry-after") == "1"
    assert answers[0].body == answers[1].body


def test_who_is_within_its_guarantee_is_let_in_beside_them(full: Full, favoured: Shop, other: Shop) -> None:
    for _ in range(5):
        assert verified(other, "alipay.trade.query", full.call(other, "alipay.trade.query", QUERY))["code"] == "40005"
        own = verified(favoured, "alipay.trade.query", full.call(favoured, "alipay.trade.query", QUERY))
        assert own["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    let_in = full.meter.tally(int(favoured.seller_id), TrafficClass.QUERY)
    turned_away = full.meter.tally(int(other.seller_id), TrafficClass.QUERY)
    assert (let_in.offered, let_in.admitted, let_in.answered, let_in.rejected) == (5, 5, 5, 0)
    assert (turned_away.offered, turned_away.admitted, turned_away.answered, turned_away.rejected) == (5, 0, 0, 5)


def test_v3_refusals_are_429_with_signed_headers_the_same_within_a_second(full: Full, other: Shop) -> None:
    authorization = f"ALIPAY-SHA256withRSA app_id={other.app_id},nonce=1,timestamp={int(time.time() * 1000)},sign=x"
    answers = [full.send("POST", "/v3/alipay/trade/query", body=b"{}", authorization=authorization) for _ in range(20)]
    for answer in answers:
        assert (answer.status, answer.header("retry-after")) == (429, "1")
        assert json.loads(answer.body)["code"] == "app-call-limited"
        stamp, nonce = answer.header("alipay-timestamp"), answer.header("alipay-nonce")
        message = f"{stamp}\n{nonce}\n".encode() + answer.body + b"\n"
        assert crypto.verify(message, answer.header("alipay-signature") or "", other.platform_public_key)
    assert len({answer.header("alipay-nonce") for answer in answers}) <= 3


def test_native_refusals_are_429_with_retry_after(full: Full) -> None:
    answer = full.send("POST", "/v1/payments", body=b"{}", authorization="Bearer sk_nobody")
    assert (answer.status, answer.header("retry-after")) == (429, "1")
    assert json.loads(answer.body)["code"] == "share_exceeded"


def test_a_browser_gets_a_page_that_asks_again(full: Full, other: Shop) -> None:
    query, _ = signed_call(other, "alipay.trade.page.pay", {"subject": "茶"})
    page = full.send("GET", "/gateway.do", query, accept_language="en")
    assert page.status == 503 and b'http-equiv="refresh"' in page.body and b"/gateway.do?" in page.body
    page = full.send("GET", "/cashier/2026112720000000000000000017")
    assert page.status == 503 and b"/cashier/2026112720000000000000000017" in page.body
    status = full.send("GET", "/cashier/2026112720000000000000000017/status")
    assert (status.status, status.header("content-type")) == (429, "application/problem+json")


@pytest.mark.parametrize("charset", ["utf-8", "gbk"])
def test_a_form_that_is_turned_away_is_sent_again_with_its_fields(full: Full, other: Shop, charset: str) -> None:
    query, body = signed_call(other, "alipay.trade.page.pay", {"subject": '一壶"茶"'}, charset=charset)
    page = full.send("POST", "/gateway.do", "", query.encode() + b"&" + body, content_type=FORM["content-type"])
    text = page.body.decode()
    assert page.status == 503 and f'accept-charset="{charset}"' in text and "http-equiv" not in text
    assert 'name="biz_content" value="{&#34;subject&#34;: &#34;一壶\\&#34;茶\\&#34;&#34;}"' in text
    assert "waiting." in text


def test_a_flood_in_a_merchants_name_without_its_key_does_not_use_up_its_share(
    full: Full, favoured: Shop, other: Shop
) -> None:
    forged = [
        full.call(favoured, "alipay.trade.query", QUERY, key=other.pair.private, client="203.0.113.9:4")
        for _ in range(60)
    ]
    nodes = [verified(favoured, "alipay.trade.query", answer)["sub_code"] for answer in forged]
    assert nodes[0] == "isv.invalid-signature" and set(nodes[1:]) == {"isv.app-call-limited"}
    own = verified(favoured, "alipay.trade.query", full.call(favoured, "alipay.trade.query", QUERY))
    assert own["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_whose_time_is_over_before_an_answer_could_come_is_turned_away(full: Full, favoured: Shop) -> None:
    full.gate.congestion.sample(0.4, 0.0)
    query, body = signed_call(favoured, "alipay.trade.query", QUERY)
    for deadline, sub_code in (
        ("300", "isv.method-call-limited"),
        ("2000", "ACQ.TRADE_NOT_EXIST"),
        ("soon", "ACQ.TRADE_NOT_EXIST"),
    ):
        answer = full.send("POST", "/gateway.do", query, body, **FORM_HEADERS, chuanliu_deadline_ms=deadline)
        assert verified(favoured, "alipay.trade.query", answer)["sub_code"] == sub_code


FORM_HEADERS = {"content_type": FORM["content-type"]}


def test_what_is_not_looked_at_is_never_turned_away(full: Full) -> None:
    assert full.send("GET", "/docs").status == 200
