"""v2: `gateway.do`. Whatever comes in, the answer is HTTP 200, coded and signed; only pages for browsers are HTML."""

from __future__ import annotations

import secrets
from functools import lru_cache, partial
from itertools import count
from typing import Final

from chuanliu.clock import Micros
from chuanliu.crypto import sign
from chuanliu.errors import ChuanliuError
from chuanliu.gateway.alipay.answers import Answer, GatewayRefused, gateway_answer
from chuanliu.gateway.alipay.business_answers import answer_for
from chuanliu.gateway.alipay.emission import (
    ResponseFrame,
    response_body,
    response_frame,
    response_node,
    signed_response,
)
from chuanliu.gateway.alipay.members import Members
from chuanliu.gateway.alipay.opening import OpenedRequest, open_request
from chuanliu.gateway.alipay.operations import GATEWAY_METHODS, PAGE_SCENES
from chuanliu.gateway.alipay.parameters import RawParameters, parse_parameters
from chuanliu.gateway.alipay_routes.notify_verify_routes import asks_notify_verify, notify_verify
from chuanliu.gateway.alipay_routes.operation_routes import (
    app_of,
    caller_of,
    in_signer,
    now_micros,
    run_operation,
    signing_key_of_app,
)
from chuanliu.gateway.alipay_routes.page_routes import open_cashier, refused_page
from chuanliu.gateway.composition import Services
from chuanliu.parties import App, SigningKey, find_app_keys
from chuanliu.serving import Request, Response

PATHS: Final = ("/gateway.do", "/gateway.do/")

_PAGE_METHODS: Final = frozenset(name.encode() for name in PAGE_SCENES)
# SDKs expect text/html, and values of the request are echoed in it: a browser that is lured here runs nothing.
_INERT: Final = (
    ("content-security-policy", "default-src 'none'; sandbox"),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-store"),
)

# Asking the operating system for each one would let go of the interpreter lock, and wait for it again.
_TRACE: Final = secrets.token_hex(8)
_traces: Final = count()


async def answer_v2(services: Services, request: Request) -> Response:
    """The answer to any request at `gateway.do`."""
    now = now_micros()
    try:
        raw = parse_parameters(
            request.query_string.encode("utf-8", "surrogateescape"),
            request.body,
            request.headers.get("content-type", ""),
        )
    except GatewayRefused as refusal:
        return await _refused(services, request, query_parameters(request), refusal.answer)
    if asks_notify_verify(raw):
        return await notify_verify(services, raw)
    reference = services.engine.reference
    try:
        opened = open_request(
            raw,
            methods=GATEWAY_METHODS,
            find_app=lambda app_id: find_app_keys(reference, services.vault, app_id, now),
            now=now,
        )
    except GatewayRefused as refusal:
        return await _refused(services, request, raw, refusal.answer)
    app = app_of(services, opened.app.app_id)
    if app is None:  # revoked between two looks at the snapshot
        return await _refused(services, request, raw, gateway_answer("isv.invalid-app-id"))
    if opened.method in PAGE_SCENES:
        return await open_cashier(services, request, app, opened, now)
    return await _answered(services, app, opened, raw, now)


async def _answered(services: Services, app: App, opened: OpenedRequest, raw: RawParameters, now: Micros) -> Response:
    caller = caller_of(app, opened.sign_type, opened.notify_url, opened.return_url)
    answer, members = await run_operation(services, opened.method, opened.biz_content, caller, now)
    key = signing_key_of_app(services, app)
    return await _signed(
        services,
        response_frame(raw),
        answer.members() | members,
        key,
        cert_sn=key.cert_sn if opened.by_certificate else None,
        encrypt_key=opened.app.encrypt_key if opened.encrypted else None,
    )


async def _refused(services: Services, request: Request, raw: RawParameters, answer: Answer) -> Response:
    if raw.get(b"method") in _PAGE_METHODS:
        return refused_page(request, answer)
    key = signing_key_of_app(services, _named_app(services, raw))
    cert_sn = key.cert_sn if raw.get(b"app_cert_sn") else None
    return await _signed(services, response_frame(raw), dict(answer.members()), key, cert_sn=cert_sn)


async def _signed(
    services: Services,
    frame: ResponseFrame,
    members: Members,
    key: SigningKey,
    *,
    cert_sn: str | None,
    encrypt_key: str | None = None,
) -> Response:
    node = response_node(members, frame.codec, encrypt_key)
    signature = await in_signer(services, partial(sign, node, key.private_key, frame.sign_type))
    return _response(frame, response_body(frame, node, signature, cert_sn))


def _response(frame: ResponseFrame, body: bytes) -> Response:
    return Response(
        200, [("content-type", frame.content_type), ("trace_id", f"{_TRACE}{next(_traces):016x}"), *_INERT], body
    )


def refuse_v2(services: Services, request: Request, error: ChuanliuError) -> Response:
    """The signed answer to a request that no handler was reached for (too large, wrong HTTP method, overload).

    Does not block for long: as nothing of the request but its frame is in it, each such answer is signed once.
    """
    return refuse_named(services, query_parameters(request), error)


def refuse_named(services: Services, raw: RawParameters, error: ChuanliuError) -> Response:
    """The same for what is known of a request: of its parameters, method, app and what frames the answer are used."""
    frame = response_frame(raw)
    method = frame.root.removesuffix("_response").replace("_", ".")
    if method not in GATEWAY_METHODS:
        frame = ResponseFrame(codec=frame.codec, sign_type=frame.sign_type)
    key = signing_key_of_app(services, _named_app(services, raw))
    cert_sn = key.cert_sn if raw.get(b"app_cert_sn") else None
    return _response(frame, _once_signed(frame, answer_for(error, method), key, cert_sn))


@lru_cache(maxsize=512)
def _once_signed(frame: ResponseFrame, answer: Answer, key: SigningKey, cert_sn: str | None) -> bytes:
    return signed_response(frame, answer.members(), key.private_key, cert_sn=cert_sn)


def query_parameters(request: Request) -> RawParameters:
    """What the query alone says, where the whole request cannot be read."""
    try:
        return parse_parameters(request.query_string.encode("utf-8", "surrogateescape"))
    except GatewayRefused:
        return {}


def _named_app(services: Services, raw: RawParameters) -> App | None:
    return app_of(services, raw.get(b"app_id", b"").decode("ascii", "replace"))
