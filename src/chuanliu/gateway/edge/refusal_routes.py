"""Refusals at the edge, in the words of each dialect. They hold nothing of the request, so each is signed once."""

from __future__ import annotations

import time
from typing import Final

from chuanliu.engine import Reference
from chuanliu.errors import ChuanliuError
from chuanliu.gateway import alipay_routes
from chuanliu.gateway.alipay import GatewayRefused, parse_parameters
from chuanliu.gateway.alipay.operations import PAGE_SCENES
from chuanliu.gateway.composition import Services
from chuanliu.gateway.edge.scanning import Scanned, parameter
from chuanliu.serving import Request, Response
from chuanliu.web import WaitingView, choose_language, render_waiting

RETRY_AFTER_S: Final = 1
WAITING_S: Final = 3
_V2_WORDS: Final = ("method", "app_id", "charset", "sign_type", "app_cert_sn")
_CODECS: Final = {"gbk": "gbk", "gb2312": "gbk", "gb18030": "gb18030"}
_FORM_MAX: Final = 64 * 1024
_FRAMED_MAX: Final = 2048


class Refusals:
    """The answers of one process. v2's and v3's are kept after they were signed: v3's, which carry the time, for a
    second.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._reference: Reference | None = None
        self._framed: dict[tuple[str, tuple[str, ...]], Response] = {}
        self._second = 0
        self._signed: dict[tuple[str, str], Response] = {}

    def answer(self, request: Request, scanned: Scanned, error: ChuanliuError) -> Response:
        """429 with `retry-after`; on the v2 wire 200 and 40005; for a browser, a page that asks again by itself."""
        if scanned.kind == "v2":
            if scanned.method in PAGE_SCENES:
                return _waiting(request)
            return self._answer_v2(request, error)
        if scanned.kind == "v3":
            return self._answer_v3(request, scanned, error)
        if scanned.kind == "cashier" and not request.path.endswith("/status"):
            return _waiting(request)
        return _later(Response.problem(error))

    def _answer_v2(self, request: Request, error: ChuanliuError) -> Response:
        reference = self._services.engine.reference
        if reference is not self._reference or len(self._framed) >= _FRAMED_MAX:
            self._reference = reference
            self._framed.clear()
        words = tuple([parameter(request, word) for word in _V2_WORDS])
        known = self._framed.get((error.code, words))
        if known is None:
            raw = {word.encode(): value.encode("latin-1") for word, value in zip(_V2_WORDS, words, strict=True)}
            known = _later(alipay_routes.refuse_named(self._services, raw, error))
            self._framed[error.code, words] = known
        return known

    def _answer_v3(self, request: Request, scanned: Scanned, error: ChuanliuError) -> Response:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._signed.clear()
        key = (alipay_routes.signer_of(self._services, scanned.name), error.code)
        known = self._signed.get(key)
        if known is None:
            known = self._signed[key] = _later(alipay_routes.refuse(self._services, request, error))
        return known


def _later(response: Response) -> Response:
    return response.with_header("retry-after", str(RETRY_AFTER_S))


def _waiting(request: Request) -> Response:
    """The waiting page. What came as a form is sent again as one, with the same fields in the same charset."""
    target = f"{request.path}?{request.query_string}" if request.query_string else request.path
    language = choose_language(None, request.headers.get("accept-language"))
    charset, fields = _form(request) if request.method == "POST" else ("utf-8", ())
    view = WaitingView(language, request.path, target, WAITING_S, fields=fields, charset=charset)
    # 503 and not 429: browsers and crawlers know it, and a page is for people.
    return Response.html(render_waiting(view), 503).with_header("retry-after", str(WAITING_S))


def _form(request: Request) -> tuple[str, tuple[tuple[str, str], ...]]:
    charset = _CODECS.get(parameter(request, "charset").lower(), "utf-8")
    if len(request.body) > _FORM_MAX:
        return charset, ()
    try:
        raw = parse_parameters(b"", request.body, str(request.headers.get("content-type", "")))
        return charset, tuple((name.decode(charset), value.decode(charset)) for name, value in raw.items())
    except (GatewayRefused, UnicodeDecodeError):
        return charset, ()
