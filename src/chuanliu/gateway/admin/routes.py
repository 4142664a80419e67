"""The routes of the admin API: who may, what is asked, and the answer as JSON or problem details."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from chuanliu.errors import Forbidden, Invalid, Unauthenticated
from chuanliu.gateway.admin.consumer_routes import CONSUMER_OPERATIONS
from chuanliu.gateway.admin.merchant_routes import MERCHANT_OPERATIONS
from chuanliu.gateway.admin.operation import Operation
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.fields import unreadable
from chuanliu.parties import api_key_of
from chuanliu.serving import Request, Response, Router

OPERATIONS: Final[tuple[Operation, ...]] = (*MERCHANT_OPERATIONS, *CONSUMER_OPERATIONS)


def add_routes(router: Router, services: Services) -> None:
    """Route all operations under /admin/v1."""
    for operation in OPERATIONS:
        router.add(operation.method, operation.path, _handler(operation, services))


def _handler(operation: Operation, services: Services) -> Callable[[Request], Awaitable[Response]]:
    decode = msgspec.json.Decoder(operation.body).decode if operation.body is not None else None

    async def answer(request: Request) -> Response:
        _require_admin(services, request)
        body: Any = None
        if decode is not None:
            if request.body and request.media_type != "application/json":
                raise Invalid("unsupported_media_type", "send application/json")
            try:
                body = decode(request.body or b"{}")
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                raise unreadable(error) from None
        elif request.body:
            raise Invalid("invalid_parameter", "this operation takes no body")
        return Response.json(await operation.handle(services, body, request.path_params), operation.status)

    return answer


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
