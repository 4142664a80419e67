"""`chuanliu drill`: kill processes of a platform under load, and prove that no payment was lost or doubled."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from chuanliu.bench import PlatformFailed
from chuanliu.drill import DrillPlan, DrillReport, run_drill
from chuanliu.runtime import read_settings

_SHOWN_MAX = 50


def drill(
    kills: Annotated[int, typer.Option("--kills", min=1, help="How many processes to kill.")] = 30,
    between: Annotated[
        str, typer.Option("--seconds-between", help="Seconds from a recovery to the next kill.", metavar="LEAST..MOST")
    ] = "1..4",
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Draw a former drill's victims again.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Gateway processes.")] = 3,
    connections: Annotated[int, typer.Option("--connections", min=1, help="Connections of the load.")] = 32,
    data: Annotated[Path | None, typer.Option("--data", help="Where the drill's own folder is made.")] = None,
    database_url: Annotated[
        str | None,
        typer.Option("--database-url", help="A PostgreSQL server instead of our own; of it only sessions are ended."),
    ] = None,
    banks: Annotated[
        bool, typer.Option("--banks", help="Cards pay too, at banks with every fault, which are killed as well.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Kill processes of a platform under load, and check that no acknowledged payment was lost or doubled.

    The status is 1 when anything is amiss; then the run's folder is kept.
    """
    plan = DrillPlan(
        kills=kills,
        between=_bounds(between),
        workers=workers,
        connections=connections,
        database_url=database_url,
        banks=banks,
    )
    if seed is not None:
        plan = msgspec.structs.replace(plan, seed=seed)
    home = read_settings(os.environ, Path.home(), os.geteuid() == 0, data=data).data / "drill"
    try:
        with Console(stderr=True).status("starting the platform") as status:
            report = run_drill(plan, home, status.update)
    except PlatformFailed as failure:
        sys.stderr.write(f"chuanliu drill: {failure}\n")
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        Console().print(_table(report))
    if not report.is_clean:
        raise typer.Exit(1)


def _bounds(text: str) -> tuple[float, float]:
    least, separator, most = text.partition("..")
    try:
        bounds = float(least), float(most if separator else least)
    except ValueError:
        raise typer.BadParameter("two numbers of seconds such as 1..4") from None
    if not 0 <= bounds[0] <= bounds[1]:
        raise typer.BadParameter("the first number of seconds must not be above the second")
    return bounds


def _table(report: DrillReport) -> Table:
    table = Table(title="drill", show_header=False)
    for field, value in msgspec.to_builtins(report).items():
        if value is None or value == []:
            continue
        if isinstance(value, dict):
            shown = "\n".join(f"{name}: {one:,}" for name, one in value.items())
        elif isinstance(value, list):
            more = [f"and {len(value) - _SHOWN_MAX:,} more"] if len(value) > _SHOWN_MAX else []
            shown = "\n".join([*value[:_SHOWN_MAX], *more])
        else:
            shown = f"{value:,.1f}" if isinstance(value, float) else str(value)
        table.add_row(field, shown)
    return table
