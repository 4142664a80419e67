"""`chuanliu capacity windows`: what the plan sets aside for offline jobs, put in force on an installation."""

from __future__ import annotations

import psycopg
import typer

from chuanliu.capacity import windows_of
from chuanliu.cli.capacity import Planned, on_plan
from chuanliu.cli.installation import Data, DatabaseUrl, Json, installation, show_rows
from chuanliu.clock import wall_text
from chuanliu.elastic import SLOT
from chuanliu.errors import Invalid
from chuanliu.offline import Span, job_store


@on_plan("windows")
def set_windows(
    found: Planned, /, *, data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False
) -> None:
    """Have the offline jobs of --jobs work in the windows that the plan gives them; times in Asia/Shanghai."""
    windows = windows_of(found.plan, found.start, SLOT)
    if not windows:
        raise Invalid("invalid_parameter", "there are no jobs to set windows aside for: give --jobs", field="jobs")
    url = installation(data, database_url).database_url or ""
    with psycopg.connect(url, autocommit=True, application_name="chuanliu cli") as connection:
        job_store.set_windows(
            connection, {name: [Span(one.begin, one.end) for one in spans] for name, spans in windows.items()}
        )
    rows = [
        {"job": name, "from": wall_text(one.begin), "until": wall_text(one.end)}
        for name, spans in windows.items()
        for one in spans
    ]
    show_rows("windows", rows, as_json=as_json)
    if not rows:
        typer.echo("no windows", err=True)
