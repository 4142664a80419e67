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
    return await calendars.put(services, name, events_of_file(file))


@command(app, "list", rows="calendars")
async def list_calendars(services: Services, /) -> list[dict[str, Any]]:
    """List all calendars with their events."""
    return await calendars.list_all(services)


@command(app, "remove")
async def remove_calendar(services: Services, /, name: Name) -> dict[str, Any]:
    """Take a calendar off the record."""
    return await calendars.remove(services, name)


@command(app, "overlaps", rows="overlaps")
async def show_overlaps(services: Services, /) -> list[Any]:
    """List events of all calendars that fall together; a conflict is a tenant that promises twice at once."""
    return await calendars.overlaps(services)
