"""v3: REST paths, real HTTP statuses, signed headers on every answer."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Final

import msgspec

from chuanliu.clock import Micros
from chuanliu.errors import ChuanliuError
from chuanliu.gateway.alipay.answers import IN_PROCESS, SUCCESS, Answer, GatewayRefused, gateway_answer
from chuanliu.gateway.alipay.business_answers import answer_for
from chuanliu.gateway.alipay.members import Members
from chuanliu.gateway.alipay.operations import API_METHODS
from chuanliu.gateway.alipay.rest import (
    OpenedRest,
    RestRequest,
    method_of_path,
    open_rest,
    rest_body,
    rest_error,
    rest_response_headers,
)
from chuanliu.gateway.alipay_routes.operation_routes import (
    app_of,
    caller_of,
    in_signer,
    now_micros,
    run_operation,
    signing_key_of_app,
)
from chuanliu.gateway.composition import Services
from chuanliu.parties import App, SigningKey, find_app_keys
from chuanliu.serving import Request, Response

_READ: Final = (
    "authorization",
    "alipay-app-auth-token",
    "alipay-root-cert-sn",
    "alipay-encrypt-type",
)
_URL_MAX: Final = 1024


class _Addresses(msgspec.Struct):
    """v3 carries in the body what v2 has among the common parameters."""

    notify_url: str | None = None
    return_url: str | None = None


_ADDRESSES: Final = msgspec.json.Decoder(_Addresses)


async def answer_v3(services: Services, request: Request) -> Response:
    """The answer to any request below `/v3/`."""
    now = now_micros()
    reference = services.engine.reference
    rest = _rest_request(request)
    try:
        if method_of_path(request.path) not in API_METHODS or request.method not in ("POST", "GET"):
            raise GatewayRefused("isv.invalid-method")
        opened = open_rest(rest, find_app=lambda text: find_app_keys(reference, services.vault, text, now), now=now)
        addresses = _addresses(opened.content)
    except GatewayRefused as refusal:
        return await _refused(services, rest, refusal.answer)
    app = app_of(services, opened.app.app_id)
    if app is None:  # revoked between two looks at the snapshot
        return await _refused(services, rest, gateway_answer("isv.invalid-app-id"))
    return await _answered(services, app, opened, addresses, now)


async def _answered(services: Services, app: App, opened: OpenedRest, addresses: _Addresses, now: Micros) -> Response:
    caller = caller_of(app, "RSA2", addresses.notify_url or None, addresses.return_url or None)
    answer, members = await run_operation(services, opened.method, opened.content, caller, now)
    key = signing_key_of_app(services, app)
    if answer is not SUCCESS and answer is not IN_PROCESS:
        return await _signed(services, *rest_error(answer), key)
    body: Members = members if answer is SUCCESS else answer.members() | members
    encrypt_key = opened.app.encrypt_key if opened.encrypted else None
    return await _signed(services, 200, rest_body(body, encrypt_key), key, encrypted=opened.encrypted)


async def _refused(services: Services, rest: RestRequest, answer: Answer) -> Response:
    return await _signed(services, *rest_error(answer), signing_key_of_app(services, _named_app(services, rest)))


async def _signed(
    services: Services, status: int, body: bytes, key: SigningKey, *, encrypted: bool = False
) -> Response:
    work = partial(_signed_headers, body, key, now_micros())
    return _response(status, await in_signer(services, work), body, encrypted=encrypted)


def _signed_headers(body: bytes, key: SigningKey, now: Micros) -> dict[str, str]:
    return rest_response_headers(
        body,
        key.private_key,
        timestamp_millis=now // 1000,
        nonce=secrets.token_hex(16),
        trace_id=secrets.token_hex(16),
        cert_sn=key.cert_sn,
    )


def _response(status: int, signed: dict[str, str], body: bytes, *, encrypted: bool = False) -> Response:
    kind = "text/plain;charset=utf-8" if encrypted else "application/json;charset=utf-8"
    headers = [("content-type", kind), ("cache-control", "no-store"), ("x-content-type-options", "nosniff")]
    return Response(status, [*headers, *signed.items()], body)


def refuse_v3(services: Services, request: Request, error: ChuanliuError) -> Response:
    """The signed answer to a request that no handler was reached for. Signs on the spot, which takes half a
    millisecond: these answers carry the time.
    """
    key = signing_key_of_app(services, _named_app(services, _rest_request(request)))
    method = method_of_path(request.path) or ""
    status, body = rest_error(answer_for(error, method))
    return _response(status, _signed_headers(body, key, now_micros()), body)


def _rest_request(request: Request) -> RestRequest:
    target = f"{request.path}?{request.query_string}" if request.query_string else request.path
    headers = {name: value for name in _READ if (value := request.headers.get(name)) is not None}
    return RestRequest(request.method, target, headers, request.body)


def _named_app(services: Services, rest: RestRequest) -> App | None:
    _, _, named = rest.headers.get("authorization", "").partition("app_id=")
    return app_of(services, named.partition(",")[0])


def _addresses(content: bytes) -> _Addresses:
    """Raises `GatewayRefused`; a body that is no JSON object is left to the reader of the business fields."""
    try:
        found = _ADDRESSES.decode(content)
    except msgspec.DecodeError:
        return _Addresses()
    for name in ("notify_url", "return_url"):
        url = getattr(found, name)
        if url and not (url.startswith(("http://", "https://")) and len(url) <= _URL_MAX and url.isprintable()):
            raise GatewayRefused("isv.invalid-parameter", f"参数无效：{name}")
    return found
