"""`chuanliu audit`: recompute everything, and fail on the first cent that is off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from chuanliu.cli.settings_of_command import settings_from
from chuanliu.runtime import AuditReport, audit, database_of

DatabaseUrl = Annotated[
    str | None, typer.Option("--database-url", help="An own PostgreSQL instead of the embedded one.")
]
Data = Annotated[Path | None, typer.Option("--data", help="The data folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def audit_books(database_url: DatabaseUrl = None, data: Data = None, as_json: Json = False) -> None:
    """Recompute balances, orders, refunds and budgets from the transfers; status 1 when a cent is off.

    Reads one snapshot, beside running traffic; writes and locks nothing.
    """
    settings = settings_from(data=data, database_url=database_url)
    with database_of(settings) as url, Console(stderr=True).status("Auditing …") as status:
        report = audit(url, before_check=lambda name: status.update(f"Auditing: {name} …"))
    typer.echo(_json(report) if as_json else _text(report))
    if not report.clean:
        raise typer.Exit(1)


def _json(report: AuditReport) -> str:
    checks = [
        {
            "name": check.name,
            "clean": not check.offenders_count,
            "offenders_count": check.offenders_count,
            "offenders": list(check.offenders),
            "seconds": round(check.seconds, 3),
        }
        for check in report.checks
    ]
    return json.dumps({"clean": report.clean, "checks": checks}, ensure_ascii=False)


def _text(report: AuditReport) -> str:
    lines = []
    for check in report.checks:
        found = f"{check.offenders_count} offenders" if check.offenders_count else "clean"
        lines.append(f"{check.name:<45}{found:>16}{check.seconds:>10.2f} s")
        lines += ["    " + " ".join(f"{key}={value}" for key, value in row.items()) for row in check.offenders]
        if check.offenders_count > len(check.offenders):
            lines.append(f"    … and {check.offenders_count - len(check.offenders)} more")
    lines.append("clean" if report.clean else "NOT CLEAN")
    return "\n".join(lines)
