"""Notifications, return URLs and app.pay results, verified as merchants verify them."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu import crypto
from chuanliu.gateway.alipay import GatewayRefused, app_pay_result, check_return_url, signed_form, signed_return_url

PLATFORM = crypto.generate_key_pair()
MEMBERS = {"app_id": "2021", "trade_no": "T{", "subject": "咖啡 & 茶=+%", "body": "", "charset": "utf-8"}


def verified(pairs: list[tuple[str, str]], sign_type: crypto.SignType = "RSA2") -> dict[str, str]:
    """What the SDKs do: all parameters but sign and sign_type, decoded, sorted, joined."""
    params = dict(pairs)
    assert len(params) == len(pairs)
    message = "&".join(f"{k}={v}" for k, v in sorted(params.items()) if k not in ("sign", "sign_type"))
    assert crypto.verify(message.encode(), params["sign"], PLATFORM.public, sign_type)
    assert params["sign_type"] == sign_type
    return params


@pytest.mark.parametrize("sign_type", ["RSA2", "RSA"])
def test_notification_verifies_and_sends_nothing_empty(sign_type: crypto.SignType) -> None:
    body = signed_form(MEMBERS, PLATFORM.private, sign_type)
    params = verified(parse_qsl(body.decode(), keep_blank_values=True), sign_type)
    assert "body" not in params
    assert params["subject"] == MEMBERS["subject"]


@given(
    members=st.dictionaries(st.text("abcd_", min_size=1, max_size=6), st.text(st.characters(exclude_categories=["Cs"])))
)
def test_any_notification_verifies(members: dict[str, str]) -> None:
    params = verified(parse_qsl(signed_form(members, PLATFORM.private).decode(), keep_blank_values=True))
    assert {k: v for k, v in members.items() if v} == {
        k: v for k, v in params.items() if k not in ("sign", "sign_type")
    }


@pytest.mark.parametrize("return_url", ["http://m/back", "https://m:8/back?id=1&name=%E6%B5%8B+x#top", "http://m?x="])
def test_return_url_keeps_the_merchants_query(return_url: str) -> None:
    location = signed_return_url(return_url, {"trade_no": "T1", "total_amount": "1.00"}, PLATFORM.private)
    assert location.startswith(return_url.split("#", maxsplit=1)[0])
    assert urlsplit(location).fragment == urlsplit(return_url).fragment
    assert verified(parse_qsl(urlsplit(location).query))["total_amount"] == "1.00"


@pytest.mark.parametrize("query", ["method=x", "a=1&total_amount=0.01", "%73ign=x", "app_id"])
def test_reserved_names_in_a_return_url_are_an_attack(query: str) -> None:
    with pytest.raises(GatewayRefused, match="suspected-attack"):
        check_return_url(f"http://m/back?{query}")


def test_app_pay_result() -> None:
    text = app_pay_result({"code": "10000", "out_trade_no": "T1"}, PLATFORM.private)
    result = json.loads(text)
    assert result["alipay_trade_app_pay_response"]["out_trade_no"] == "T1"
    assert crypto.verify(b'{"code":"10000","out_trade_no":"T1"}', result["sign"], PLATFORM.public)
