"""`chuanliu campaign`: campaigns that bear instalment fees, and their budgets."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from chuanliu.cli.installation import command, read_text
from chuanliu.errors import Invalid, NotFound
from chuanliu.gateway import Services, campaigns

app = typer.Typer(no_args_is_help=True, help="Campaigns, their sponsors and budgets.")

Which = Annotated[str, typer.Argument(help="The campaign's code or id.", metavar="CAMPAIGN")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


@command(app, "create")
async def create_campaign(
    services: Services,
    /,
    file: Annotated[Path, typer.Argument(help="The campaign's YAML file; - for standard input.")],
    publish: Annotated[bool, typer.Option("--publish", help="Let it run at once, or from its start on.")] = False,
) -> dict[str, Any]:
    """Create a campaign from a file, as a draft. What is wrong is told with its line."""
    text = read_text(file)
    view = await campaigns.create(services, text, as_json=file.suffix == ".json")
    if publish:
        view = await campaigns.move(services, view, "publish")
    return await campaigns.document_of(services, view)


@command(app, "change")
async def change_campaign(
    services: Services,
    /,
    which: Which,
    file: Annotated[Path, typer.Argument(help="YAML with what is to change; - for standard input.")],
) -> dict[str, Any]:
    """Change names at any time; dates, terms and shares while it is a draft or paused."""
    text = read_text(file)
    view = await campaigns.find(services, which)
    changed = await campaigns.change(services, view, text, as_json=file.suffix == ".json")
    return await campaigns.document_of(services, changed)


@command(app, "list", rows="campaigns")
async def list_campaigns(services: Services, /) -> list[dict[str, Any]]:
    """List all campaigns."""
    return [
        {
            "code": document["code"],
            "name": document["name"],
            "owner": document["owner"],
            "status": document["status"],
            "starts_at": document["starts_at"],
            "ends_at": document["ends_at"],
            "left": " ".join(f"{each['left']}/{each['budget']}" for each in document["sponsors"]),
        }
        for document in await campaigns.list_all(services)
    ]


@command(app, "show")
async def show_campaign(services: Services, /, which: Which) -> dict[str, Any]:
    """Show a campaign with its terms, and what is left of each budget."""
    return await campaigns.document_of(services, await campaigns.find(services, which))


async def _move(services: Services, name: str, which: str) -> dict[str, Any]:
    moved = await campaigns.move(services, await campaigns.find(services, which), name)
    return {"code": moved.campaign.code, "status": moved.campaign.status}


@command(app, "publish")
async def publish_campaign(services: Services, /, which: Which) -> dict[str, Any]:
    """Let a campaign run: at once, or from its start on, until when it is scheduled."""
    return await _move(services, "publish", which)


@command(app, "pause")
async def pause_campaign(services: Services, /, which: Which) -> dict[str, Any]:
    """Give no more subsidies until it is resumed."""
    return await _move(services, "pause", which)


@command(app, "resume")
async def resume_campaign(services: Services, /, which: Which) -> dict[str, Any]:
    """Let a paused campaign run again."""
    return await _move(services, "resume", which)


@command(app, "close")
async def close_campaign(services: Services, /, which: Which) -> dict[str, Any]:
    """End a campaign for good; refunds go on giving back to its budgets."""
    return await _move(services, "close", which)


@command(app, "schedule")
async def schedule_campaign(
    services: Services,
    /,
    which: Which,
    starts: Annotated[
        str | None, typer.Option("--starts", help="Such as '2026-11-01 00:00' in Asia/Shanghai; stays if absent.")
    ] = None,
    ends: Annotated[str | None, typer.Option("--ends", help="The first instant at which it no longer runs.")] = None,
) -> dict[str, Any]:
    """Let a draft, a paused or a scheduled campaign run from one instant to another."""
    view = await campaigns.find(services, which)
    scheduled = await campaigns.schedule(services, view, campaigns.ScheduleBody(starts, ends))
    return await campaigns.document_of(services, scheduled)


@command(app, "add-budget", context_settings={"ignore_unknown_options": True})
async def add_budget(
    services: Services,
    /,
    which: Which,
    amount: Annotated[str, typer.Argument(help="In the campaign's currency; with a minus it is taken back.")],
    sponsor: Annotated[
        str | None, typer.Option("--sponsor", help="The sponsor's number, where there are several.")
    ] = None,
) -> dict[str, Any]:
    """Add to a sponsor's budget, or take back of what is not spent."""
    view = await campaigns.find(services, which)
    numbers = [str(each.sponsor_id) for each in view.sponsors]
    if sponsor is None and len(numbers) > 1:
        raise Invalid("invalid_parameter", f"say which with --sponsor: {', '.join(numbers)}", field="sponsor")
    chosen = numbers[0] if sponsor is None else sponsor
    if chosen not in numbers:
        raise NotFound("sponsor_not_found")
    return await campaigns.document_of(services, await campaigns.add_budget(services, view, int(chosen), amount))


def _date(day: datetime | None) -> date | None:
    return None if day is None else day.date()


@command(app, "report")
async def report_campaign(
    services: Services,
    /,
    which: Which,
    first: Day = None,
    last: Day = None,
    past_first: Day = None,
    past_last: Day = None,
) -> dict[str, Any]:
    """What a campaign brought by day and merchant, in the last seven days or others, and growth against former ones."""
    query = campaigns.ReportQuery(_date(first), _date(last), _date(past_first), _date(past_last))
    view = await campaigns.find(services, which)
    return await campaigns.report(services, query, view.campaign.owner_id, view)
