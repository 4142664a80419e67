"""The command line's entry: sub-commands, and errors as one line with a status."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from chuanliu.errors import ChuanliuError

COMMANDS: Final[dict[str, str]] = {
    "up": "chuanliu.cli.up:up",
    "demo": "chuanliu.cli.demo:demo",
    "merchant": "chuanliu.cli.merchant:app",
    "consumer": "chuanliu.cli.consumer:app",
    "tenant": "chuanliu.cli.tenant:app",
    "lender": "chuanliu.cli.lender:app",
    "campaign": "chuanliu.cli.campaign:app",
    "lender-key": "chuanliu.cli.lender_key:app",
    "bills": "chuanliu.cli.bills:app",
    "offline": "chuanliu.cli.offline:app",
    "admin-key": "chuanliu.cli.admin_key:app",
    "key": "chuanliu.cli.key:app",
    "audit": "chuanliu.cli.audit:audit_books",
    "calc": "chuanliu.cli.calc:app",
    "calendar": "chuanliu.cli.calendar:app",
    "capacity": "chuanliu.cli.capacity_commands:app",
    "db": "chuanliu.cli.db:app",
    "bank-simulator": "chuanliu.cli.bank_simulator:bank_simulator",
    "bench": "chuanliu.cli.bench:app",
    "drill": "chuanliu.cli.drill:drill",
    "rehearse": "chuanliu.cli.rehearse:rehearse_scenario",
}
"""Each command, and what carries it out: a group of commands, or a function. In the order of the help text."""


class _Commands(TyperGroup):
    """Imports a command when it is asked for: one command should not wait for the imports of all."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            group = get_group(found)
            group.name = cmd_name
            return group
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name)(found)
        return get_command(alone)


app = typer.Typer(
    name="chuanliu",
    cls=_Commands,
    help="Chuanliu (川流): a payment platform that anyone can run.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as installed_version  # noqa: PLC0415 - slow to import

        typer.echo(f"chuanliu {installed_version('chuanliu')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Chuanliu (川流): a payment platform that anyone can run."""


def main() -> None:
    """Run the command line. What the user can mend is one line on standard error and status 1, never a stack trace."""
    try:
        app()
    except Exception as failure:
        line = _mendable(failure)
        if line is None:
            raise
        sys.stderr.write(f"chuanliu: {line}\n")
        sys.exit(1)


def _mendable(failure: Exception) -> str | None:
    """What to tell the user, or None for a failure that is ours."""
    import psycopg  # noqa: PLC0415 - only a failure waits for these

    from chuanliu.runtime import CannotStart  # noqa: PLC0415

    if isinstance(failure, CannotStart | ChuanliuError):
        return str(failure)
    if isinstance(failure, psycopg.Error):
        return f"the database says: {str(failure).splitlines()[0]}"
    return None
