"""The routes of the admin API: who may, what is asked, and the answer as JSON or problem details."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from chuanliu.errors import Forbidden, Invalid, Unauthenticated
from chuanliu.gateway.admin.campaign_routes import CAMPAIGN_OPERATIONS
from chuanliu.gateway.admin.consumer_routes import CONSUMER_OPERATIONS
from chuanliu.gateway.admin.instrument_routes import INSTRUMENT_OPERATIONS
from chuanliu.gateway.admin.lender_routes import LENDER_OPERATIONS
from chuanliu.gateway.admin.merchant_routes import MERCHANT_OPERATIONS
from chuanliu.gateway.admin.operation import Operation, RawBody
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.fields import unreadable
from chuanliu.parties import api_key_of
from chuanliu.serving import Request, Response, Router

OPERATIONS: Final[tuple[Operation, ...]] = (
    *MERCHANT_OPERATIONS,
    *CONSUMER_OPERATIONS,
    *LENDER_OPERATIONS,
    *INSTRUMENT_OPERATIONS,
    *CAMPAIGN_OPERATIONS,
)

RAW_MEDIA_TYPES: Final = ("application/json", "application/yaml")


def add_routes(router: Router, services: Services) -> None:
    """Route all operations under /admin/v1."""
    for operation in OPERATIONS:
        router.add(operation.method, operation.path, _handler(operation, services))


def _handler(operation: Operation, services: Services) -> Callable[[Request], Awaitable[Response]]:
    read = _reader(operation.body)

    async def answer(request: Request) -> Response:
        _require_admin(services, request)
        body = read(request)
        return Response.json(await operation.handle(services, body, request.path_params), operation.status)

    return answer


def _reader(body: type[Any] | None) -> Callable[[Request], Any]:
    """What reads the body of a request, or makes sure that there is none."""
    if body is None:
        return _read_nothing
    if body is RawBody:
        return _read_raw
    decode = msgspec.json.Decoder(body).decode

    def read(request: Request) -> Any:
        if request.body and request.media_type != "application/json":
            raise Invalid("unsupported_media_type", "send application/json")
        try:
            return decode(request.body or b"{}")
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise unreadable(error) from None

    return read


def _read_nothing(request: Request) -> None:
    if request.body:
        raise Invalid("invalid_parameter", "this operation takes no body")


def _read_raw(request: Request) -> RawBody:
    if request.media_type not in RAW_MEDIA_TYPES:
        raise Invalid("unsupported_media_type", f"send {' or '.join(RAW_MEDIA_TYPES)}")
    try:
        return RawBody(request.media_type, request.body.decode())
    except UnicodeDecodeError:
        raise Invalid("invalid_parameter", "the body is not UTF-8") from None


def _require_admin(services: Services, request: Request) -> None:
    """Raises `Unauthenticated` without a valid key, `Forbidden` for a merchant's."""
    scheme, _, text = str(request.headers.get("authorization", "")).partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise Unauthenticated("api_key_missing", "the Authorization header must be Bearer and an admin key")
    key = api_key_of(services.engine.reference, text, time.time_ns() // 1000)
    if key is None:
        raise Unauthenticated("api_key_invalid")
    if key.scope != "admin":
        raise Forbidden("forbidden")
