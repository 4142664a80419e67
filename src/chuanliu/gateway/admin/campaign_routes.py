"""Campaigns and lenders' keys in the admin API."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date
from typing import Final

import msgspec

from chuanliu.gateway import campaigns
from chuanliu.gateway.admin.documents import Document, api_key_document
from chuanliu.gateway.admin.operation import Handle, Operation, RawBody
from chuanliu.gateway.bodies import NothingBody
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.fields import id_of
from chuanliu.lenders import AddLenderKey, find_lender
from chuanliu.parties import API_KEY, API_KEY_RANDOMNESS, EndApiKey, ReadReference, api_key_text, new_api_key

Params = Mapping[str, str]


class ReportBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Business days in Asia/Shanghai, both included; without dates the last seven."""

    first: date | None = None
    last: date | None = None
    past_first: date | None = None
    past_last: date | None = None


async def list_campaigns(services: Services, _body: None, _params: Params) -> Document:
    """All campaigns."""
    return {"campaigns": await campaigns.list_all(services)}


async def create_campaign(services: Services, body: RawBody, _params: Params) -> Document:
    """A new campaign, as JSON or as the YAML of a file: a draft until it is published."""
    view = await campaigns.create(services, body.text, as_json=body.is_json)
    return await campaigns.document_of(services, view)


async def show_campaign(services: Services, _body: None, params: Params) -> Document:
    """One campaign, by id or code."""
    return await campaigns.document_of(services, await campaigns.find(services, params["campaign"]))


async def change_campaign(services: Services, body: RawBody, params: Params) -> Document:
    """Names at any time; dates, terms and shares while it is a draft or paused."""
    view = await campaigns.find(services, params["campaign"])
    changed = await campaigns.change(services, view, body.text, as_json=body.is_json)
    return await campaigns.document_of(services, changed)


async def add_budget(services: Services, body: campaigns.BudgetBody, params: Params) -> Document:
    """Add to a sponsor's budget, or take back of what is not spent."""
    view = await campaigns.find(services, params["campaign"])
    sponsor_id = id_of(params["sponsor_id"], "sponsor_not_found")
    return await campaigns.document_of(services, await campaigns.add_budget(services, view, sponsor_id, body.amount))


async def schedule_campaign(services: Services, body: campaigns.ScheduleBody, params: Params) -> Document:
    """From when to when a draft, a paused or a scheduled campaign runs."""
    view = await campaigns.find(services, params["campaign"])
    return await campaigns.document_of(services, await campaigns.schedule(services, view, body))


def _move(name: str) -> Handle:
    async def move(services: Services, _body: NothingBody, params: Params) -> Document:
        view = await campaigns.find(services, params["campaign"])
        return await campaigns.document_of(services, await campaigns.move(services, view, name))

    move.__name__, move.__doc__ = f"{name}_campaign", campaigns.MOVE_TEXTS[name]
    return move


async def report_campaign(services: Services, body: ReportBody, params: Params) -> Document:
    """What one campaign brought, and growth against a past period."""
    view = await campaigns.find(services, params["campaign"])
    query = campaigns.ReportQuery(body.first, body.last, body.past_first, body.past_last)
    return await campaigns.report(services, query, view.campaign.owner_id, view)


async def list_lender_keys(services: Services, _body: None, params: Params) -> Document:
    """A lender's API keys, known by how they begin."""
    reference = await services.engine.ask(ReadReference())
    lender_id = find_lender(reference, params["lender_code"]).lender_id
    return {"api_keys": [api_key_document(key) for key in reference.find(API_KEY, "merchant_id", lender_id)]}


async def add_lender_key(services: Services, _body: NothingBody, params: Params) -> Document:
    """A further API key of a lender, shown only here."""
    lender = find_lender(await services.engine.ask(ReadReference()), params["lender_code"])
    text = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS), "lender")
    key = await services.engine.submit(AddLenderKey(lender.lender_id, new_api_key(text)))
    return {**api_key_document(key), "api_key": text}


async def revoke_lender_key(services: Services, _body: None, params: Params) -> Document:
    """Revoke an API key of a lender at once."""
    lender = find_lender(await services.engine.ask(ReadReference()), params["lender_code"])
    key_id = id_of(params["key_id"], "key_not_found")
    return api_key_document(await services.engine.submit(EndApiKey(lender.lender_id, key_id)))


_CAMPAIGNS: Final = "/admin/v1/campaigns"
_CAMPAIGN: Final = f"{_CAMPAIGNS}/{{campaign}}"
_KEYS: Final = "/admin/v1/lenders/{lender_code}/api-keys"

CAMPAIGN_OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", _CAMPAIGNS, None, list_campaigns),
    Operation("POST", _CAMPAIGNS, RawBody, create_campaign, 201),
    Operation("GET", _CAMPAIGN, None, show_campaign),
    Operation("PATCH", _CAMPAIGN, RawBody, change_campaign),
    Operation("POST", f"{_CAMPAIGN}/sponsors/{{sponsor_id}}/budget", campaigns.BudgetBody, add_budget),
    Operation("POST", f"{_CAMPAIGN}/schedule", campaigns.ScheduleBody, schedule_campaign),
    Operation("POST", f"{_CAMPAIGN}/report", ReportBody, report_campaign),
    *(Operation("POST", f"{_CAMPAIGN}/{name}", NothingBody, _move(name)) for name in campaigns.MOVES),
    Operation("GET", _KEYS, None, list_lender_keys),
    Operation("POST", _KEYS, NothingBody, add_lender_key, 201),
    Operation("DELETE", f"{_KEYS}/{{key_id}}", None, revoke_lender_key),
)
