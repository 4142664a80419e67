"""The routes of the native API: from a request to an operation and back."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Final

from chuanliu.errors import Busy, ChuanliuError, Unauthenticated, Unavailable
from chuanliu.gateway.composition import Services
from chuanliu.gateway.document_routes import serve_document
from chuanliu.gateway.native.authentication import NewestReference, merchant_of
from chuanliu.gateway.native.fields import check_key
from chuanliu.gateway.native.openapi import openapi_document
from chuanliu.gateway.native.operation import Call, Operation
from chuanliu.gateway.native.operations import OPERATIONS
from chuanliu.gateway.native.problems import problem_answer
from chuanliu.gateway.request_reading import request_reader
from chuanliu.serving import Request, Response, Router
from chuanliu.web import Language, ReferenceView, choose_language, render_reference

DOCUMENT_PATH: Final = "/v1/openapi.json"
PAGE_PATH: Final = "/docs"
RETRY_AFTER_S: Final = {Busy: "1", Unavailable: "2"}

_Ids = Callable[[], str]


def add_routes(router: Router, services: Services) -> None:
    """Route all operations, the OpenAPI document and its page."""
    request_ids = _request_ids()
    for operation in OPERATIONS:
        router.add(operation.method, operation.path, _handler(operation, services, request_ids))
    _add_reference(router, services)


def _request_ids() -> _Ids:
    """Ids unique among processes by a random prefix and within one by a counter."""
    prefix = secrets.token_hex(6)
    numbers = count(1)
    return lambda: f"{prefix}-{next(numbers):x}"


def _handler(operation: Operation, services: Services, request_ids: _Ids) -> Callable[[Request], Awaitable[Response]]:
    read_request = request_reader(operation.query, operation.request)
    keyed = operation.keyed
    handle = operation.handle
    engine = services.engine

    async def caller_of(request: Request) -> int:
        authorization = request.headers.get("authorization")
        now = time.time_ns() // 1000
        try:
            return merchant_of(authorization, engine.reference, now)
        except Unauthenticated as error:
            if error.code != "api_key_invalid":
                raise
            return merchant_of(authorization, await engine.ask(NewestReference()), now)

    def read(request: Request, merchant_id: int) -> Call:
        key = check_key(request.headers.get("idempotency-key")) if keyed else None
        query, body = read_request(request)
        return Call(merchant_id, key, body, query, request.path_params)

    async def answer(request: Request) -> Response:
        retry_after: str | None = None
        try:
            status, body = await handle(services, read(request, await caller_of(request)))
        except ChuanliuError as error:
            retry_after = RETRY_AFTER_S.get(type(error))
            status, body = problem_answer(error)
        return _response(status, body, request_ids(), retry_after)

    return answer


def _response(status: int, body: bytes, request_id: str, retry_after: str | None) -> Response:
    headers = [("cache-control", "no-store"), ("x-request-id", request_id)]
    if body:
        headers.append(("content-type", "application/json" if status < 400 else "application/problem+json"))
    if retry_after is not None:
        headers.append(("retry-after", retry_after))
    if status == 401:
        headers.append(("www-authenticate", "Bearer"))
    return Response(status, headers, body)


def _add_reference(router: Router, services: Services) -> None:
    document = openapi_document(OPERATIONS, services.public_url)
    serve_document(router, DOCUMENT_PATH, document)
    pages: dict[Language, str] = {}

    async def show_page(request: Request) -> Response:
        language = choose_language(request.query().get("lang"), request.headers.get("accept-language"))
        page = pages.get(language)
        if page is None:
            page = pages[language] = render_reference(ReferenceView(language, PAGE_PATH, document, DOCUMENT_PATH))
        return Response.html(page)

    router.add("GET", PAGE_PATH, show_page)
