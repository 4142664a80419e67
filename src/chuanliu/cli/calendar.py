"""`chuanliu calendar`: the events that tenants declare, on record, for planner, admission and the operations screen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chuanliu.calendars import events_of_file
from chuanliu.cli.installation import command
from chuanliu.gateway import Services, calendars

app = typer.Typer(
    no_args_is_help=True, help="Calendars of events on record; `chuanliu capacity` plans from files without a platform."
)

Name = Annotated[str, typer.Argument(help="1 to 64 of a-z, 0-9, . _ and -", metavar="NAME")]


@command(app, "put")
async def put_calendar(
    services: Services,
    /,
    name: Name,
    file: Annotated[Path, typer.Argument(help="Events as YAML or .ics; see docs/capacity.md.")],
) -> dict[str, Any]:
    """Put a calendar on record, in the place of the one that had its name. Planners plan anew within two seconds."""
    found = await calendars.put(services, name, events_of_file(file))
    conflicts = [each for each in found["overlaps"] if each["is_conflict"]]
    return {
        "calendar": name,
        "events": len(found["events"]),
        "overlaps": len(found["overlaps"]),
        "conflicts": conflicts,
    }


@command(app, "list", rows="events")
async def list_calendars(services: Services, /) -> list[dict[str, Any]]:
    """List the events of all calendars."""
    return [
        {"calendar": each["calendar"], **_row(event)}
        for each in await calendars.list_all(services)
        for event in each["events"]
    ]


@command(app, "remove")
async def remove_calendar(services: Services, /, name: Name) -> dict[str, Any]:
    """Take a calendar off the record."""
    return {"calendar": (await calendars.remove(services, name))["calendar"], "removed": True}


@command(app, "overlaps", rows="overlaps")
async def show_overlaps(services: Services, /) -> list[dict[str, Any]]:
    """List events of all calendars that fall together; a conflict is a tenant that promises twice at once."""
    return [
        {**each, "tenants": ", ".join(each["tenants"]), "names": ", ".join(each["names"])}
        for each in await calendars.overlaps(services)
    ]


def _row(event: dict[str, Any]) -> dict[str, Any]:
    """An event on one line."""
    window = event.get("window")
    peak = event["peak_per_s"]
    return {
        "tenant": event["tenant"],
        "name": event["name"],
        "start": event["start"] if window is None else f"{window['from']} to {window['to']}",
        "duration_minutes": event["duration_minutes"],
        "shape": event["shape"],
        "peak_per_s": f"{peak['p50']:g} / {peak['p90']:g} / {peak['p99']:g}",
    }
