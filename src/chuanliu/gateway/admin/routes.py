"""The routes of the admin API: who may, what is asked, and the answer as JSON or problem details."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from chuanliu.errors import Forbidden, Invalid, Unauthenticated
from chuanliu.gateway.admin.calendar_routes import CALENDAR_OPERATIONS
from chuanliu.gateway.admin.campaign_routes import CAMPAIGN_OPERATIONS
from chuanliu.gateway.admin.consumer_routes import CONSUMER_OPERATIONS
from chuanliu.gateway.admin.instrument_routes import INSTRUMENT_OPERATIONS
from chuanliu.gateway.admin.lender_routes import LENDER_OPERATIONS
from chuanliu.gateway.admin.merchant_routes import MERCHANT_OPERATIONS
from chuanliu.gateway.admin.operation import Operation
from chuanliu.gateway.bodies import body_reader
from chuanliu.gateway.composition import Services
from chuanliu.gateway.described import api_document, described
from chuanliu.gateway.document_routes import serve_document
from chuanliu.parties import api_key_of
from chuanliu.serving import Request, Response, Router

OPERATIONS: Final[tuple[Operation, ...]] = (
    *MERCHANT_OPERATIONS,
    *CONSUMER_OPERATIONS,
    *LENDER_OPERATIONS,
    *INSTRUMENT_OPERATIONS,
    *CAMPAIGN_OPERATIONS,
    *CALENDAR_OPERATIONS,
)

DOCUMENT_PATH: Final = "/admin/v1/openapi.json"
_DESCRIPTION: Final = """\
What administrators do: merchants, apps and keys, consumers, lenders, cards and lines, campaigns, calendars of
events.

Send an administrator's key as `Authorization: Bearer KEY`; `chuanliu admin-key add` prints one. Unknown fields are
refused. Secrets are shown once, in the answer that makes them. Every error is a problem document (RFC 9457).
"""


def add_routes(router: Router, services: Services) -> None:
    """Route all operations under /admin/v1."""
    for operation in OPERATIONS:
        router.add(operation.method, operation.path, _handler(operation, services))
    serve_document(router, DOCUMENT_PATH, openapi_document(services.public_url))


def openapi_document(public_url: str) -> dict[str, Any]:
    """The OpenAPI document of all operations."""
    operations = [described(each.method, each.path, each.handle, each.status, request=each.body) for each in OPERATIONS]
    return api_document("Chuanliu administration", _DESCRIPTION, operations, public_url)


def _handler(operation: Operation, services: Services) -> Callable[[Request], Awaitable[Response]]:
    read = body_reader(operation.body)

    async def answer(request: Request) -> Response:
        _require_admin(services, request)
        if request.query_string:
            raise Invalid("invalid_parameter", "this operation takes no query parameters")
        body = read(request)
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
