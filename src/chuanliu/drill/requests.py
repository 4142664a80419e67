"""Requests of a merchant in both dialects, and what their answers mean to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec

from chuanliu.bench import Merchant
from chuanliu.crypto import sign, verify
from chuanliu.money import format_amount

Dialect = Literal["native", "alipay"]
SUBJECT = "演练 drill"
CURRENCY = "CNY"
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded;charset=utf-8"

# Nothing was done, or nobody can say: ask again with the same number.
_ASK_AGAIN_ALIPAY = frozenset({"20000", "40005"})


class Request(msgspec.Struct, frozen=True):
    """One HTTP request, sent again as it is when its outcome is not known."""

    dialect: Dialect
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    platform_key: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What an answer means: done with members, refused with a code, or ask again."""

    verdict: Literal["done", "refused", "again"]
    code: str
    members: dict[str, Any] = {}


def native(merchant: Merchant, method: str, target: str, key: str | None = None, **body: Any) -> Request:
    """A request of the native API; `key` is its `Idempotency-Key`."""
    headers = [("authorization", f"Bearer {merchant.api_key}")]
    if key is not None:
        headers.append(("idempotency-key", key))
    if body:
        headers.append(("content-type", _JSON))
    return Request("native", method, target, tuple(headers), msgspec.json.encode(body) if body else b"")


def alipay(merchant: Merchant, method: str, timestamp: str, notify_url: str | None = None, **content: Any) -> Request:
    """A v2 request signed with RSA2. `timestamp` is Shanghai wall time."""
    parameters = {
        "app_id": merchant.app_id,
        "method": method,
        "format": "json",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": timestamp,
        "version": "1.0",
        "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
    }
    if notify_url is not None:
        parameters["notify_url"] = notify_url
    signed = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))
    form = urlencode({**parameters, "sign": sign(signed.encode(), merchant.app_private_key)})
    headers = (("content-type", _FORM),)
    return Request("alipay", "POST", "/gateway.do", headers, form.encode(), merchant.platform_public_key)


def amount_members(amount_minor: int) -> dict[str, str]:
    """An amount as the native API has it."""
    return {"currency": CURRENCY, "value": format_amount(amount_minor, CURRENCY)}


def read_answer(request: Request, status: int, body: bytes) -> Answer:
    """What an answer means. One that is malformed, or signed by somebody else, is taken for none: ask again."""
    if request.dialect == "alipay":
        return _read_alipay(request, status, body)
    if status >= 500 or status == 429:
        return Answer("again", _problem_code(body) or f"http {status}")
    if status >= 400:
        return Answer("refused", _problem_code(body) or f"http {status}")
    return Answer("done", "done", msgspec.json.decode(body, type=dict[str, Any]))


def _problem_code(body: bytes) -> str | None:
    try:
        return str(msgspec.json.decode(body, type=dict[str, Any]).get("code"))
    except msgspec.MsgspecError:
        return None


def _read_alipay(request: Request, status: int, body: bytes) -> Answer:
    opening, closing = body.find(b":{"), body.rfind(b',"sign":"')
    if status != 200 or opening < 0 or closing < 0:
        return Answer("again", f"http {status}")
    node = body[opening + 1 : closing]
    if not verify(node, body[closing + 9 : -2].decode("ascii", "replace"), request.platform_key):
        return Answer("again", "bad signature")
    members: Mapping[str, Any] = msgspec.json.decode(node, type=dict[str, Any])
    code = str(members["code"])
    if code == "10000":
        return Answer("done", "done", dict(members))
    verdict: Literal["again", "refused"] = "again" if code in _ASK_AGAIN_ALIPAY else "refused"
    return Answer(verdict, str(members.get("sub_code", code)), dict(members))
