"""The routes of a lender: who asks is the key's lender, and other owners' campaigns do not exist for it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from chuanliu.errors import Forbidden, Invalid, Unauthenticated
from chuanliu.gateway import campaigns
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.account_documents import Events, EventsQuery
from chuanliu.gateway.native.event_routes import events_behind
from chuanliu.gateway.native.fields import id_of, read_query, unreadable
from chuanliu.money import parse_amount
from chuanliu.parties import ReadReference, api_key_of
from chuanliu.serving import Request, Response, Router

Document = dict[str, Any]


class Ask(NamedTuple):
    """A request whose lender is known."""

    lender_id: int
    request: Request
    params: Mapping[str, str]


_T = TypeVar("_T", bound=msgspec.Struct)
Handle = Callable[[Services, Ask], Awaitable[Document | Events]]


class Operation(NamedTuple):
    """One operation of the lender API."""

    method: str
    path: str
    handle: Handle
    status: int = 200


class BudgetBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount to add to a budget, in the campaign's currency; with a minus it is taken back."""

    amount: str


async def list_campaigns(services: Services, ask: Ask) -> Document:
    """The lender's campaigns."""
    return {"campaigns": await campaigns.list_all(services, ask.lender_id)}


async def create_campaign(services: Services, ask: Ask) -> Document:
    """A new campaign for the lender's own products, on its own budget: a draft until it is published."""
    text, as_json = _text(ask.request)
    view = await campaigns.create(services, text, as_json=as_json, owner_id=ask.lender_id)
    return await campaigns.document_of(services, view)


async def show_campaign(services: Services, ask: Ask) -> Document:
    """One campaign, by id or code."""
    return await campaigns.document_of(services, await campaigns.find(services, ask.params["campaign"], ask.lender_id))


async def change_campaign(services: Services, ask: Ask) -> Document:
    """Names at any time; dates, terms and shares while it is a draft or paused."""
    view = await campaigns.find(services, ask.params["campaign"], ask.lender_id)
    text, as_json = _text(ask.request)
    changed = await campaigns.change(services, view, text, as_json=as_json, owner_id=ask.lender_id)
    return await campaigns.document_of(services, changed)


async def add_budget(services: Services, ask: Ask) -> Document:
    """Add to a sponsor's budget, or take back of what is not spent."""
    view = await campaigns.find(services, ask.params["campaign"], ask.lender_id)
    sponsor_id = id_of(ask.params["sponsor_id"], "sponsor_not_found")
    body = _body(ask.request, BudgetBody)
    minor = parse_amount(body.amount.removeprefix("-"), view.campaign.currency)
    signed = -minor if body.amount.startswith("-") else minor
    changed = await campaigns.add_budget(services, view, sponsor_id, signed, ask.lender_id)
    return await campaigns.document_of(services, changed)


async def schedule_campaign(services: Services, ask: Ask) -> Document:
    """From when to when a draft, a paused or a scheduled campaign runs."""
    view = await campaigns.find(services, ask.params["campaign"], ask.lender_id)
    body = _body(ask.request, campaigns.ScheduleBody)
    return await campaigns.document_of(services, await campaigns.schedule(services, view, body, ask.lender_id))


def _move(name: str) -> Handle:
    async def move(services: Services, ask: Ask) -> Document:
        view = await campaigns.find(services, ask.params["campaign"], ask.lender_id)
        return await campaigns.document_of(services, await campaigns.move(services, view, name, ask.lender_id))

    return move


async def report(services: Services, ask: Ask) -> Document:
    """What the lender's campaigns brought, by day and merchant, and growth against a past period."""
    query = read_query(ask.request.query_string, campaigns.ReportQuery)
    view = None if query.campaign is None else await campaigns.find(services, query.campaign, ask.lender_id)
    return await campaigns.report(services, query, ask.lender_id, view, lender_id=ask.lender_id)


async def list_events(services: Services, ask: Ask) -> Events:
    """What campaigns came to that the lender runs or sponsors, behind a cursor."""
    return await events_behind(services, ask.lender_id, read_query(ask.request.query_string, EventsQuery))


def _body(request: Request, kind: type[_T]) -> _T:
    """The JSON of a body. Raises `Invalid`: unsupported_media_type, invalid_json, invalid_parameter."""
    if request.media_type != "application/json":
        raise Invalid("unsupported_media_type", "send application/json")
    try:
        return msgspec.json.decode(request.body, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise unreadable(error) from None


def _text(request: Request) -> tuple[str, bool]:
    """The text of a campaign, and whether it is JSON."""
    if request.media_type not in ("application/json", "application/yaml"):
        raise Invalid("unsupported_media_type", "send application/json or application/yaml")
    try:
        return request.body.decode(), request.media_type == "application/json"
    except UnicodeDecodeError:
        raise Invalid("invalid_parameter", "the body is not UTF-8") from None


_CAMPAIGNS: Final = "/lender/v1/campaigns"
_CAMPAIGN: Final = f"{_CAMPAIGNS}/{{campaign}}"

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", _CAMPAIGNS, list_campaigns),
    Operation("POST", _CAMPAIGNS, create_campaign, 201),
    Operation("GET", _CAMPAIGN, show_campaign),
    Operation("PATCH", _CAMPAIGN, change_campaign),
    Operation("POST", f"{_CAMPAIGN}/sponsors/{{sponsor_id}}/budget", add_budget),
    Operation("POST", f"{_CAMPAIGN}/schedule", schedule_campaign),
    *(Operation("POST", f"{_CAMPAIGN}/{name}", _move(name)) for name in campaigns.MOVES),
    Operation("GET", "/lender/v1/events", list_events),
    Operation("GET", "/lender/v1/reports", report),
)


def add_routes(router: Router, services: Services) -> None:
    """Route all operations under /lender/v1."""
    for operation in OPERATIONS:
        router.add(operation.method, operation.path, _handler(operation, services))


def _handler(operation: Operation, services: Services) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        lender_id = await _lender_of(services, request)
        document = await operation.handle(services, Ask(lender_id, request, request.path_params))
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
