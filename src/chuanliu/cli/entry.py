"""The command line's entry: sub-commands, and errors as one line with a status."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from typing import Annotated

import psycopg
import typer

from chuanliu.cli import bench, db
from chuanliu.errors import ChuanliuError
from chuanliu.runtime import CannotStart

app = typer.Typer(
    name="chuanliu",
    help="Chuanliu (川流): a payment platform that anyone can run.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(bench.app, name="bench")
app.add_typer(db.app, name="db")


def _show_version(wanted: bool) -> None:
    if wanted:
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
    except (CannotStart, ChuanliuError) as failure:
        sys.stderr.write(f"chuanliu: {failure}\n")
        sys.exit(1)
    except psycopg.Error as failure:
        sys.stderr.write(f"chuanliu: the database says: {str(failure).splitlines()[0]}\n")
        sys.exit(1)
