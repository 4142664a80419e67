"""The running installation as a command reaches it: its settings, an engine of the command's own, and the output."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import structlog
import typer

from chuanliu.cli.settings_of_command import settings_from
from chuanliu.cli.shared_options import parameters_of, with_parameters
from chuanliu.errors import Forbidden, Invalid, Unavailable
from chuanliu.gateway import Services
from chuanliu.ids import is_party_number
from chuanliu.runtime import CannotStart, Settings, engine_session, read_status

Data = Annotated[Path | None, typer.Option("--data", help="The data folder of the running platform.")]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database-url", help="The platform's PostgreSQL, where it is its own.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

Answer = TypeVar("Answer")


def installation(data: Path | None, database_url: str | None) -> Settings:
    """Settings of the platform that runs on the data folder, or of the database that a flag or the environment names.

    Where the data folder's platform runs, its address and its being a sandbox are taken from its status file. Raises
    `CannotStart` when nothing runs.
    """
    settings = settings_from(data=data, database_url=database_url)
    status = read_status(settings.data) or {}
    if status.get("state") != "running" and settings.database_url is None:
        raise CannotStart(
            f"nothing runs on {settings.data}: start it with `chuanliu up`, or say which with --data or --database-url"
        )
    if settings.database_url is None or settings.database_url == status.get("database_url"):
        settings = replace(
            settings,
            database_url=settings.database_url or str(status.get("database_url")),
            sandbox=settings.sandbox or bool(status.get("sandbox")),
            public_url=settings.public_url or status.get("url"),
        )
    return settings


def run(data: Path | None, database_url: str | None, action: Callable[[Services], Awaitable[Answer]]) -> Answer:
    """Run an action against the running installation, and close everything after it.

    Raises `CannotStart` when nothing runs or its database does not answer.
    """
    settings = installation(data, database_url)
    # Standard output is for the answer alone; the stream is looked up for each line, as tests replace it.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))

    async def act() -> Answer:
        try:
            async with engine_session(replace(settings, lanes=1)) as services:
                return await action(services)
        except Unavailable as failure:
            raise CannotStart(f"the platform's database does not answer: {failure.message.splitlines()[0]}") from None

    return asyncio.run(act())


@dataclass(frozen=True)
class Failed:
    """Members to show of what was carried out, yet did not succeed: the status is 1."""

    members: Mapping[str, Any]


def command(
    app: typer.Typer, name: str, *, rows: str | None = None, **settings: Any
) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., None]]:
    """Make an action a command of `app`: run against the installation that the common options name, and shown.

    The action takes the services (positional only), then the command's own arguments. It returns members, or `Failed`
    with them; with `rows`, the list to print under that name. `settings` are Typer's own.
    """

    def register(action: Callable[..., Awaitable[Any]]) -> Callable[..., None]:
        def carry_out(data: Path | None, database_url: str | None, as_json: bool, **arguments: Any) -> None:
            answer = run(data, database_url, lambda services: action(services, **arguments))
            if rows is not None:
                show_rows(rows, answer, as_json=as_json)
            elif isinstance(answer, Failed):
                show(answer.members, as_json=as_json)
                raise typer.Exit(1)
            else:
                show(answer, as_json=as_json)

        parameters = [*parameters_of(action), *parameters_of(_options)]
        return app.command(name, **settings)(with_parameters(carry_out, parameters, action.__doc__ or ""))

    return register


def _options(data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    pass


def require_sandbox(services: Services) -> None:
    """Raises `Forbidden(forbidden)` outside the sandbox, where no money may be made from nothing."""
    if not services.sandbox:
        raise Forbidden("forbidden", "only a sandbox makes consumers and money: start it with `chuanliu up --sandbox`")


def show(members: Mapping[str, Any], *, as_json: bool) -> None:
    """Print members as one JSON object, or one a line for people; what is None is left out there."""
    if as_json:
        typer.echo(json.dumps(members, ensure_ascii=False))
        return
    width = max(len(name) for name in members)
    for name, value in members.items():
        if value is None:
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        typer.echo(f"{name:<{width}}  {text}" if "\n" not in text else f"{name}\n{text}")


def show_rows(name: str, rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print a list as one JSON object under `name`, or as a table for people."""
    if as_json:
        typer.echo(json.dumps({name: rows}, ensure_ascii=False))
        return
    from rich.console import Console  # noqa: PLC0415 - only people wait for it
    from rich.table import Table  # noqa: PLC0415

    first, *others = rows[0] if rows else [name]
    table = Table(box=None)
    # What commands take as their argument is never cut.
    table.add_column(first, no_wrap=True)
    for other in others:
        table.add_column(other, overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table)


def number(text: str, field: str) -> int:
    """A party's number from an argument. Raises `Invalid(invalid_parameter)` naming the field."""
    if not is_party_number(text):
        raise Invalid("invalid_parameter", f"{field} has 16 digits and begins with 2088", field=field)
    return int(text)


def read_text(file: Path) -> str:
    """A file's text; `-` is standard input. Raises `CannotStart` when it cannot be read."""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as failure:
        raise CannotStart(f"cannot read {file}: {failure}") from failure
