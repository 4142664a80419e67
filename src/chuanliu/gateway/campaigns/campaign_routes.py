"""Campaigns on somebody's behalf: an owner's number, or None for an administrator who sees all."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from chuanliu.engine import Command, Reference
from chuanliu.errors import Invalid, NotFound
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.reading_store import reading
from chuanliu.lenders import Problem
from chuanliu.money import parse_amount
from chuanliu.parties import ReadReference
from chuanliu.promotions import (
    AddBudget,
    CampaignFile,
    CampaignView,
    CloseCampaign,
    PauseCampaign,
    PublishCampaign,
    ResumeCampaign,
    ScheduleCampaign,
    all_campaigns,
    budget_store,
    campaign_document,
    campaign_of_code,
    changed_campaign,
    find_campaign,
    new_campaign,
    read_campaign_file,
    read_instant,
)

Document = dict[str, Any]
_PROBLEMS_SHOWN: Final = 20

MOVES: Final[dict[str, type[Command[CampaignView]]]] = {
    "publish": PublishCampaign,
    "pause": PauseCampaign,
    "resume": ResumeCampaign,
    "close": CloseCampaign,
}
"""The moves that an owner asks for, by their names in paths and on the command line."""

MOVE_TEXTS: Final = {
    "publish": "Let a campaign run: at once, or from its start on, until when it is scheduled.",
    "pause": "Give no more subsidies until it is resumed.",
    "resume": "Let a paused campaign run again.",
    "close": "End a campaign for good; refunds go on giving back to its budgets.",
}
"""What each move does, in a sentence."""


async def fresh(services: Services) -> Reference:
    """A snapshot that has every change committed so far, those of other processes too."""
    return await services.engine.ask(ReadReference())


async def find(services: Services, text: str, owner_id: int | None = None) -> CampaignView:
    """A campaign by its id or its code. Raises `NotFound(campaign_not_found)`, also for another owner's."""
    reference = await fresh(services)
    view = campaign_of_code(reference, text)
    if view is None and text.isascii() and text.isdigit() and len(text) < 20:
        view = find_campaign(reference, int(text))
    if view is None or (owner_id is not None and view.campaign.owner_id != owner_id):
        raise NotFound("campaign_not_found")
    return view


async def document_of(services: Services, view: CampaignView) -> Document:
    """A campaign with what is left of its budgets."""
    async with reading(services) as connection:
        budgets = {(sponsor.cell, sponsor.sponsor_id) for sponsor in view.sponsors}
        left = await budget_store.budgets_left(connection, budgets)
    return campaign_document(await fresh(services), view, left)


async def list_all(services: Services, owner_id: int | None = None) -> list[Document]:
    """All campaigns of an owner, or all there are."""
    reference = await fresh(services)
    views = all_campaigns(reference, owner_id)
    async with reading(services) as connection:
        budgets = {(sponsor.cell, sponsor.sponsor_id) for view in views for sponsor in view.sponsors}
        left = await budget_store.budgets_left(connection, budgets)
    return [campaign_document(reference, view, left) for view in views]


async def create(services: Services, text: str, *, as_json: bool, owner_id: int | None = None) -> CampaignView:
    """A new campaign from a file's text. Raises `Invalid` with the place, `Conflict(campaign_exists)`, `Forbidden`."""
    file = read_campaign_file(text, as_json=as_json)
    if file.spec is None:
        raise problems_error(file.problems)
    try:
        command = new_campaign(await fresh(services), file.spec, owner_id, agreed=owner_id is None)
        return await services.engine.submit(command)
    except Invalid as error:
        raise _placed(file, error) from None


async def change(
    services: Services, view: CampaignView, text: str, *, as_json: bool, owner_id: int | None = None
) -> CampaignView:
    """Change a campaign by a file's text, of which every member may be absent. Raises as `create` does."""
    file = read_campaign_file(text, as_json=as_json, changing=True, currency=view.campaign.currency)
    if file.spec is None:
        raise problems_error(file.problems)
    try:
        command = changed_campaign(await fresh(services), file.spec, view.campaign_id, owner_id)
        return await services.engine.submit(command)
    except Invalid as error:
        raise _placed(file, error) from None


async def move(services: Services, view: CampaignView, name: str, owner_id: int | None = None) -> CampaignView:
    """One of `MOVES`. Raises `NotFound`, `Refused`: campaign_status_invalid, campaign_ended."""
    return await services.engine.submit(MOVES[name](view.campaign_id, owner_id))


class ScheduleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From when to when a campaign runs, as its file has it; what is absent stays."""

    starts_at: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    ends_at: Annotated[str, msgspec.Meta(max_length=64)] | None = None


async def schedule(
    services: Services, view: CampaignView, body: ScheduleBody, owner_id: int | None = None
) -> CampaignView:
    """Let a campaign run from one instant to another: a draft, a paused or a scheduled one.

    Raises `Invalid(invalid_parameter)`, `Refused(campaign_status_invalid)`.
    """
    campaign = view.campaign
    starts_at = campaign.starts_at if body.starts_at is None else read_instant(body.starts_at, "starts_at")
    ends_at = campaign.ends_at if body.ends_at is None else read_instant(body.ends_at, "ends_at")
    return await services.engine.submit(ScheduleCampaign(view.campaign_id, owner_id, starts_at, ends_at))


class BudgetBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount to add to a budget, in the campaign's currency; with a minus it is taken back."""

    amount: str


async def add_budget(
    services: Services, view: CampaignView, sponsor_id: int, amount: str, owner_id: int | None = None
) -> CampaignView:
    """Add to a sponsor's budget, or take back with a minus. Raises as `AddBudget` does."""
    minor = parse_amount(amount.removeprefix("-"), view.campaign.currency)
    amount_minor = -minor if amount.startswith("-") else minor
    return await services.engine.submit(AddBudget(view.campaign_id, sponsor_id, amount_minor, owner_id))


def problems_error(problems: list[Problem]) -> Invalid:
    """All problems of a file as one error: the first as its sentence, each with its place among the details."""
    first = problems[0]
    shown = "\n".join(map(str, problems[:_PROBLEMS_SHOWN]))
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Invalid("invalid_parameter", f"{first}{more}", field=first.path or None, problems=shown)


def _placed(file: CampaignFile, error: Invalid) -> Invalid:
    """What a command found wrong, with the line where the file has it."""
    problem = file.problem_of(error)
    if problem.line is None:
        return error
    sentence = error.message.removeprefix(f"{error.field} ")
    return Invalid(error.code, str(problem._replace(message=sentence)), field=error.field)
