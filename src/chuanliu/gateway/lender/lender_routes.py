"""The routes of a lender: who asks is the key's lender, and other owners' campaigns do not exist for it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from chuanliu.errors import Forbidden, Invalid, Unauthenticated
from chuanliu.gateway import campaigns
from chuanliu.gateway.bodies import NothingBody, RawBody, body_reader
from chuanliu.gateway.composition import Services
from chuanliu.gateway.described import api_document, described
from chuanliu.gateway.document_routes import serve_document
from chuanliu.gateway.lender.feed_routes import FeedBody, take_feed
from chuanliu.gateway.native.account_documents import Events, EventsQuery
from chuanliu.gateway.native.event_routes import events_behind
from chuanliu.gateway.native.fields import id_of, read_query
from chuanliu.parties import ReadReference, api_key_of
from chuanliu.serving import Request, Response, Router

Document = dict[str, Any]


class Ask(NamedTuple):
    """A request whose lender is known, and whose body and query are read."""

    lender_id: int
    body: Any
    query: Any
    params: Mapping[str, str]


Handle = Callable[[Services, Ask], Awaitable[Document | Events]]


class Operation(NamedTuple):
    """One operation of the lender API. `body` is a struct, `RawBody`, or None where it has none."""

    method: str
    path: str
    body: type[Any] | None
    handle: Handle
    status: int = 200
    query: type[msgspec.Struct] | None = None


async def list_campaigns(services: Services, ask: Ask) -> Document:
    """The lender's campaigns."""
    return {"campaigns": await campaigns.list_all(services, ask.lender_id)}


async def create_campaign(services: Services, ask: Ask) -> Document:
    """A new campaign for the lender's own products, on its own budget: a draft until it is published."""
    view = await campaigns.create(services, ask.body.text, as_json=ask.body.is_json, owner_id=ask.lender_id)
    return await campaigns.document_of(services, view)


async def show_campaign(services: Services, ask: Ask) -> Document:
    """One campaign, by id or code."""
    return await campaigns.document_of(services, await campaigns.find(services, ask.params["campaign"], ask.lender_id))


async def change_campaign(services: Services, ask: Ask) -> Document:
    """Names at any time; dates, terms and shares while it is a draft or paused."""
    view = await campaigns.find(services, ask.params["campaign"], ask.lender_id)
    body = ask.body
    changed = await campaigns.change(services, view, body.text, as_json=body.is_json, owner_id=ask.lender_id)
    return await campaigns.document_of(services, changed)


async def add_budget(services: Services, ask: Ask) -> Document:
    """Add to a sponsor's budget, or take back of what is not spent."""
    view = await campaigns.find(services, ask.params["campaign"], ask.lender_id)
    sponsor_id = id_of(ask.params["sponsor_id"], "sponsor_not_found")
    changed = await campaigns.add_budget(services, view, sponsor_id, ask.body.amount, ask.lender_id)
    return await campaigns.document_of(services, changed)


async def schedule_campaign(services: Services, ask: Ask) -> Document:
    """From when to when a draft, a paused or a scheduled campaign runs."""
    view = await campaigns.find(services, ask.params["campaign"], ask.lender_id)
    return await campaigns.document_of(services, await campaigns.schedule(services, view, ask.body, ask.lender_id))


def _move(name: str) -> Handle:
    async def move(services: Services, ask: Ask) -> Document:
        view = await campaigns.find(services, ask.params["campaign"], ask.lender_id)
        return await campaigns.document_of(services, await campaigns.move(services, view, name, ask.lender_id))

    move.__name__, move.__doc__ = f"{name}_campaign", campaigns.MOVE_TEXTS[name]
    return move


async def report(services: Services, ask: Ask) -> Document:
    """What the lender's campaigns brought, by day and merchant, and growth against a past period."""
    query: campaigns.ReportQuery = ask.query
    view = None if query.campaign is None else await campaigns.find(services, query.campaign, ask.lender_id)
    return await campaigns.report(services, query, ask.lender_id, view, lender_id=ask.lender_id)


async def take_lines(services: Services, ask: Ask) -> Document:
    """Take lines of bills that the lender makes itself: each once by its reference, or refused by itself."""
    return {"lines": await take_feed(services, ask.lender_id, ask.body.lines)}


async def list_events(services: Services, ask: Ask) -> Events:
    """What campaigns came to that the lender runs or sponsors, behind a cursor."""
    return await events_behind(services, ask.lender_id, ask.query)


_CAMPAIGNS: Final = "/lender/v1/campaigns"
_CAMPAIGN: Final = f"{_CAMPAIGNS}/{{campaign}}"

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", _CAMPAIGNS, None, list_campaigns),
    Operation("POST", _CAMPAIGNS, RawBody, create_campaign, 201),
    Operation("GET", _CAMPAIGN, None, show_campaign),
    Operation("PATCH", _CAMPAIGN, RawBody, change_campaign),
    Operation("POST", f"{_CAMPAIGN}/sponsors/{{sponsor_id}}/budget", campaigns.BudgetBody, add_budget),
    Operation("POST", f"{_CAMPAIGN}/schedule", campaigns.ScheduleBody, schedule_campaign),
    *(Operation("POST", f"{_CAMPAIGN}/{name}", NothingBody, _move(name)) for name in campaigns.MOVES),
    Operation("POST", "/lender/v1/feed", FeedBody, take_lines),
    Operation("GET", "/lender/v1/events", None, list_events, query=EventsQuery),
    Operation("GET", "/lender/v1/reports", None, report, query=campaigns.ReportQuery),
)

DOCUMENT_PATH: Final = "/lender/v1/openapi.json"
_DESCRIPTION: Final = """\
What a bank does with its own campaigns: makes, schedules, publishes and ends them, tops their budgets up, sees what
they brought, and reads what became of those that it runs or sponsors. Gives lines of bills that it makes itself.

Send the lender's key as `Authorization: Bearer KEY`. Unknown fields are refused. Every error is a problem document
(RFC 9457). Campaigns of other owners do not exist here.
"""


def add_routes(router: Router, services: Services) -> None:
    """Route all operations under /lender/v1, and their OpenAPI document."""
    for operation in OPERATIONS:
        router.add(operation.method, operation.path, _handler(operation, services))
    serve_document(router, DOCUMENT_PATH, openapi_document(services.public_url))


def openapi_document(public_url: str) -> dict[str, Any]:
    """The OpenAPI document of all operations."""
    operations = [
        described(each.method, each.path, each.handle, each.status, request=each.body, query=each.query)
        for each in OPERATIONS
    ]
    return api_document("Chuanliu for lenders", _DESCRIPTION, operations, public_url)


def _handler(operation: Operation, services: Services) -> Callable[[Request], Awaitable[Response]]:
    read = body_reader(operation.body)
    query_type = operation.query

    async def answer(request: Request) -> Response:
        lender_id = await _lender_of(services, request)
        query = None
        if query_type is not None:
            query = read_query(request.query_string, query_type)
        elif request.query_string:
            raise Invalid("invalid_parameter", "this operation takes no query parameters")
        document = await operation.handle(services, Ask(lender_id, read(request), query, request.path_params))
        return Response.json(document, operation.status)

    return answer


async def _lender_of(services: Services, request: Request) -> int:
    """The key's lender. Raises `Unauthenticated` without a valid key, `Forbidden` for a key of another scope."""
    scheme, _, text = str(request.headers.get("authorization", "")).partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise Unauthenticated("api_key_missing", "the Authorization header must be Bearer and a lender's key")
    now = time.time_ns() // 1000
    # A key may have been made by another process a moment ago.
    key = api_key_of(services.engine.reference, text, now)
    key = key or api_key_of(await services.engine.ask(ReadReference()), text, now)
    if key is None:
        raise Unauthenticated("api_key_invalid")
    if key.scope != "lender":
        raise Forbidden("forbidden")
    return key.merchant_id
