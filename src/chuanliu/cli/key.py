"""`chuanliu key`: the master key, under which all secrets at rest are sealed."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from chuanliu.cli.installation import Data, DatabaseUrl, Json, installation, run, show
from chuanliu.gateway import Services
from chuanliu.lenders import STORED_CARD, resealed_card
from chuanliu.parties import SEALED_TABLES, SealedTable
from chuanliu.runtime import (
    CannotStart,
    change_master_key,
    forget_master_keys,
    keys_needed,
    master_key_names,
    prepare_master_key,
    reseal,
)

app = typer.Typer(no_args_is_help=True, help="The master key, under which all secrets at rest are sealed.")

TABLES: Final = (*SEALED_TABLES, SealedTable(STORED_CARD, ("sealed",), resealed_card))
"""All tables with sealed columns."""

_SETTLED_S: Final = 60.0
"""Longer than a command under way can take that was sealed under the former key."""


@app.command("status")
def show_keys(data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Show the keys of the file, and how many secrets need each."""
    file = installation(data, database_url).master_key_file

    async def act(services: Services) -> dict[str, Any]:
        names = master_key_names(file)
        needed = await keys_needed(services.reads, TABLES)
        return {
            "file": str(file),
            "current": names.current,
            "next": names.next,
            "older": list(names.older),
            "secrets": dict(sorted(needed.items())),
        }

    show(run(data, database_url, act), as_json=as_json)


@app.command("rotate-master")
def rotate_master(
    prepare: Annotated[
        bool,
        typer.Option("--prepare", help="Only put the next key into the file, to be copied to other machines."),
    ] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Make a new master key and seal everything under it, beside running traffic.

    Interrupted, it is run again and goes on. The former key stays in the file until `chuanliu key forget-old`: backups
    need it.
    """
    file = installation(data, database_url).master_key_file
    if prepare:
        show({"file": str(file), "next": prepare_master_key(file)}, as_json=as_json)
        return

    async def act(services: Services) -> dict[str, Any]:
        needed = await keys_needed(services.reads, TABLES)
        names = master_key_names(file)
        # What an interrupted run left comes first; only when nothing is left is there a new key.
        goes_on = any(name != names.current for name in needed)
        current = names.current if goes_on else change_master_key(file)
        with Console(stderr=True).status("Sealing …") as status:
            done = await reseal(
                services.engine,
                services.reads,
                services.vault,
                TABLES,
                lambda rows: status.update(f"Sealing … {rows} rows"),
            )
        return {
            "file": str(file),
            "current": current,
            "went_on": goes_on,
            "resealed_rows": done,
            "older": list(master_key_names(file).older),
        }

    show(run(data, database_url, act), as_json=as_json)


@app.command("forget-old")
def forget_old(data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Take the older keys that nothing in the database needs out of the file. Backups of before need a copy of it."""
    file = installation(data, database_url).master_key_file

    async def act(services: Services) -> dict[str, Any]:
        names = master_key_names(file)
        wait_s = names.changed_at_s + _SETTLED_S - time.time()
        if names.older and wait_s > 0:
            raise CannotStart(f"the master key was changed a moment ago: run this again in {wait_s:.0f} s")
        needed = await keys_needed(services.reads, TABLES)
        gone = [name for name in names.older if not needed[name]]
        if gone:
            forget_master_keys(file, gone)
        return {"file": str(file), "forgotten": gone, "older": [name for name in names.older if name not in gone]}

    show(run(data, database_url, act), as_json=as_json)
