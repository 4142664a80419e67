"""Whose request it is, and of what class: by a cheap look at its octets, before anything is parsed or proven."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from chuanliu.metering import TrafficClass
from chuanliu.serving import Request

Kind = Literal["v2", "v3", "native", "cashier"]

_VALUE_MAX: Final = 128
_V2_PATHS: Final = frozenset({"/gateway.do", "/gateway.do/"})
_KEYS: Final = {
    word: (f"{word}=", f"&{word}=", f"{word}=".encode(), f"&{word}=".encode(), f'name="{word}"'.encode())
    for word in ("app_id", "method", "charset", "sign_type", "app_cert_sn")
}
_BATCH_PATH: Final = re.compile(r"/v1/(?:events|deliveries|webhooks|bills|statements|reports)\b")
_REFUND_PATH: Final = re.compile(r"/(?:refunds|refund|cancel|close)$")
_CASHIER: Final = ("/cashier/", "/qr/")


class Scanned(NamedTuple):
    """What a request seems to be. `name` is the app's number or the `Authorization` header, unproven."""

    kind: Kind
    traffic_class: TrafficClass
    name: str
    method: str = ""


def scan(request: Request) -> Scanned | None:
    """None for what is always let in: health, metrics, administration, pages and files without a merchant."""
    path = request.path
    if path in _V2_PATHS:
        method = parameter(request, "method")
        return Scanned("v2", class_of_method(method), parameter(request, "app_id"), method)
    if path.startswith("/v3/"):
        authorization = str(request.headers.get("authorization", ""))
        _, _, named = authorization[:512].partition("app_id=")
        method = path[4:].replace("/", ".")
        return Scanned("v3", class_of_method(method), named.partition(",")[0][:_VALUE_MAX], method)
    if path.startswith("/v1/") and path != "/v1/openapi.json":
        authorization = str(request.headers.get("authorization", ""))
        return Scanned("native", _class_of_path(request.method, path), authorization)
    if path.startswith(_CASHIER):
        paying = request.method == "POST" and path.endswith("/pay")
        return Scanned("cashier", TrafficClass.PAY if paying else TrafficClass.QUERY, "")
    return None


def parameter(request: Request, word: str) -> str:
    """One parameter of a v2 request, from query or body, not decoded; empty where there is none.

    Of the words that a refusal needs, none has a value that is escaped.
    """
    first, later, first_octets, later_octets, part = _KEYS[word]
    query = request.query_string
    at = 0 if query.startswith(first) else query.find(later) + 1
    if at or query.startswith(first):
        return query[at + len(first) : at + len(first) + _VALUE_MAX].partition("&")[0]
    body = request.body
    if body.startswith(first_octets):
        return _text(body[len(first_octets) : len(first_octets) + _VALUE_MAX].partition(b"&")[0])
    at = body.find(later_octets)
    if at >= 0:
        begin = at + len(later_octets)
        return _text(body[begin : begin + _VALUE_MAX].partition(b"&")[0])
    at = body.find(part) if body[:2] == b"--" else -1
    if at < 0:
        return ""
    begin = body.find(b"\r\n\r\n", at) + 4
    return _text(body[begin : begin + _VALUE_MAX].partition(b"\r\n")[0]) if begin > 3 else ""


def _text(octets: bytes) -> str:
    return octets.decode("latin-1")


@lru_cache(maxsize=1024)
def class_of_method(method: str) -> TrafficClass:
    """The class of an Alipay method by its name; an unknown one is a query, as its answer costs no more."""
    if method.endswith("query") or not method.startswith("alipay."):
        return TrafficClass.BATCH if method.startswith("alipay.data.") else TrafficClass.QUERY
    if method.startswith(("alipay.data.", "alipay.open.")):
        return TrafficClass.BATCH
    if method.endswith(("refund", "cancel", "close", "unfreeze")):
        return TrafficClass.REFUND
    return TrafficClass.PAY if method.endswith(("pay", "create", "freeze", "transfer")) else TrafficClass.QUERY


def _class_of_path(http_method: str, path: str) -> TrafficClass:
    if _BATCH_PATH.match(path):
        return TrafficClass.BATCH
    if http_method in ("GET", "HEAD"):
        return TrafficClass.QUERY
    return TrafficClass.REFUND if _REFUND_PATH.search(path) else TrafficClass.PAY
