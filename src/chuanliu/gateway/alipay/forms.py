"""Signed forms that leave the platform: notifications, the browser's way back, and the result of app.pay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from chuanliu.crypto import SignType, sign
from chuanliu.gateway.alipay.answers import GatewayRefused
from chuanliu.gateway.alipay.emission import Json, response_node
from chuanliu.gateway.alipay.parameters import RawParameters, parse_parameters
from chuanliu.gateway.alipay.sign_string import form_sign_string

NOTIFICATION_CONTENT_TYPE: Final = "application/x-www-form-urlencoded; charset=utf-8"
_RETURN_NAMES: Final = frozenset(
    (
        b"charset",
        b"out_trade_no",
        b"method",
        b"total_amount",
        b"sign",
        b"trade_no",
        b"auth_app_id",
        b"version",
        b"app_id",
        b"sign_type",
        b"seller_id",
        b"timestamp",
    )
)


def signed_form(members: Mapping[str, str], key: str, sign_type: SignType = "RSA2") -> bytes:
    """The body of a notification: urlencoded UTF-8 with `sign_type` and `sign`.

    Empty members are left out, because SDKs disagree on whether they are signed. `sign` and `sign_type` are not signed.
    """
    sent = {name: value for name, value in members.items() if value and name not in ("sign", "sign_type")}
    signature = sign(form_sign_string(_raw(sent)), key, sign_type)
    return urlencode({**sent, "sign_type": sign_type, "sign": signature}).encode()


def check_return_url(return_url: str) -> None:
    """Refuse a return URL whose own query has a name of ours. Raises `GatewayRefused(isv.suspected-attack)`."""
    own = parse_parameters(urlsplit(return_url).query.encode())
    if not _RETURN_NAMES.isdisjoint(own):
        raise GatewayRefused("isv.suspected-attack", "可疑的攻击请求：return_url 含有保留参数名")


def signed_return_url(return_url: str, members: Mapping[str, str], key: str, sign_type: SignType = "RSA2") -> str:
    """Where the browser goes after the cashier: the merchant's own query kept as it is, ours signed behind it.

    The signature covers the merchant's parameters too, as SDKs verify the whole query that they receive.
    Raises `GatewayRefused(isv.suspected-attack)` as `check_return_url` does.
    """
    check_return_url(return_url)
    parts = urlsplit(return_url)
    sent = {name: value for name, value in members.items() if value and name not in ("sign", "sign_type")}
    signature = sign(form_sign_string(parse_parameters(parts.query.encode()) | _raw(sent)), key, sign_type)
    ours = urlencode({**sent, "sign_type": sign_type, "sign": signature})
    query = f"{parts.query}&{ours}" if parts.query else ours
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))


def app_pay_result(members: Mapping[str, Json], key: str, sign_type: SignType = "RSA2") -> str:
    """The `result` text that a wallet app hands to the merchant's app after app.pay."""
    node = response_node(members)
    signature = sign(node, key, sign_type)
    return f'{{"alipay_trade_app_pay_response":{node.decode()},"sign":"{signature}","sign_type":"{sign_type}"}}'


def order_string(params: Mapping[str, str], key: str, sign_type: SignType = "RSA2") -> str:
    """An app.pay order string as SDKs make it: sorted, urlencoded, the signature last. For demos and tests."""
    signed = {name: value for name, value in sorted(params.items()) if value and name != "sign"}
    message = "&".join(f"{name}={value}" for name, value in signed.items()).encode()
    return urlencode({**signed, "sign": sign(message, key, sign_type)}, quote_via=quote)


def _raw(members: Mapping[str, str]) -> RawParameters:
    return {name.encode(): value.encode() for name, value in members.items()}
