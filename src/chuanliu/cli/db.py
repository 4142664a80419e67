"""`chuanliu db`: migrations, partitions and backups."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from chuanliu.runtime import (
    MigrationState,
    Settings,
    back_up,
    database_of,
    ensure_database,
    migrate,
    migration_state,
    read_settings,
)

app = typer.Typer(no_args_is_help=True, help="Migrations and backups of the database.")

DatabaseUrl = Annotated[
    str | None, typer.Option("--database-url", help="An own PostgreSQL instead of the embedded one.")
]
Data = Annotated[Path | None, typer.Option("--data", help="The data folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@contextmanager
def _database(database_url: str | None, data: Path | None) -> Iterator[str]:
    settings: Settings = read_settings(os.environ, Path.home(), os.geteuid() == 0, database_url=database_url, data=data)
    with database_of(settings) as url:
        yield url


def _print_state(state: MigrationState, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"applied": list(state.applied), "pending": list(state.pending)}))
        return
    for name in state.applied:
        typer.echo(f"applied  {name}")
    for name in state.pending:
        typer.echo(f"pending  {name}")


@app.command("migrate")
def migrate_database(database_url: DatabaseUrl = None, data: Data = None, as_json: Json = False) -> None:
    """Apply pending migrations; safe to run beside traffic and more than once."""
    with _database(database_url, data) as url:
        ensure_database(url)
        _print_state(migrate(url), as_json)


@app.command("status")
def show_status(database_url: DatabaseUrl = None, data: Data = None, as_json: Json = False) -> None:
    """Show applied and pending migrations; status 1 when some are pending."""
    with _database(database_url, data) as url:
        state = migration_state(url)
    _print_state(state, as_json)
    if state.pending:
        raise typer.Exit(1)


@app.command("backup")
def make_backup(
    file: Annotated[Path, typer.Argument(help="Where to write the archive; it must not exist.")],
    database_url: DatabaseUrl = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Write a consistent backup that `pg_restore` reads, beside running traffic."""
    with _database(database_url, data) as url, Console(stderr=True).status("Backing up …"):
        size = back_up(url, file)
    typer.echo(json.dumps({"file": str(file), "bytes": size}) if as_json else f"{file}: {size} bytes")
