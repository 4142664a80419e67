"""`chuanliu admin-key`: keys of the admin API, and the platform's signing key."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import typer

from chuanliu.cli.installation import Data, DatabaseUrl, Json, run, show, show_rows
from chuanliu.clock import iso_text
from chuanliu.errors import Invalid
from chuanliu.gateway import Services
from chuanliu.parties import API_KEY, API_KEY_RANDOMNESS, AddApiKey, EndApiKey, api_key_text, new_api_key

app = typer.Typer(no_args_is_help=True, help="Keys of the admin API.")


@app.command("add")
def add_admin_key(data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Make a key for the admin API and print it; it is shown only here."""

    async def act(services: Services) -> dict[str, Any]:
        text = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS), "admin")
        key = await services.engine.submit(AddApiKey(0, new_api_key(text)))
        return {"key_id": str(key.key_id), "admin_key": text}

    show(run(data, database_url, act), as_json=as_json)


@app.command("list")
def list_admin_keys(data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """List the keys of the admin API by how they begin."""

    async def act(services: Services) -> list[dict[str, Any]]:
        return [
            {
                "key_id": str(key.key_id),
                "begins": key.hint,
                "created_at": iso_text(key.created_at),
                "valid_until": iso_text(key.valid_until) if key.valid_until is not None else None,
            }
            for key in services.engine.reference.find(API_KEY, "scope", "admin")
        ]

    show_rows("admin_keys", run(data, database_url, act), as_json=as_json)


@app.command("revoke")
def revoke_admin_key(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `list` prints it.", metavar="KEY_ID")],
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Revoke a key of the admin API at once."""
    if not key_id.isascii() or not key_id.isdigit() or int(key_id) >= 2**63:
        raise Invalid("invalid_parameter", "a key id is a number", field="key_id")

    async def act(services: Services) -> dict[str, Any]:
        key = await services.engine.submit(EndApiKey(0, int(key_id)))
        return {"key_id": key_id, "valid_until": iso_text(key.valid_until or 0)}

    show(run(data, database_url, act), as_json=as_json)
