"""`chuanliu admin-key`: keys of the admin API, and the platform's signing key."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import typer

from chuanliu.cli.installation import command
from chuanliu.clock import iso_text
from chuanliu.errors import Invalid
from chuanliu.gateway import Services
from chuanliu.parties import API_KEY, API_KEY_RANDOMNESS, AddApiKey, ApiKey, EndApiKey, api_key_text, new_api_key

app = typer.Typer(no_args_is_help=True, help="Keys of the admin API.")


KeyId = Annotated[str, typer.Argument(help="The key's id, as `list` prints it.", metavar="KEY_ID")]


def key_row(key: ApiKey) -> dict[str, Any]:
    """A key as lists show it."""
    return {
        "key_id": str(key.key_id),
        "begins": key.hint,
        "created_at": iso_text(key.created_at),
        "valid_until": iso_text(key.valid_until) if key.valid_until is not None else None,
    }


async def revoke_key(services: Services, owner_id: int, key_id: str) -> dict[str, Any]:
    """End a key of an owner at once. Raises `Invalid(invalid_parameter)`, `NotFound(key_not_found)`."""
    if not key_id.isascii() or not key_id.isdigit() or int(key_id) >= 2**63:
        raise Invalid("invalid_parameter", "a key id is a number", field="key_id")
    key = await services.engine.submit(EndApiKey(owner_id, int(key_id)))
    return {"key_id": key_id, "valid_until": iso_text(key.valid_until or 0)}


@command(app, "add")
async def add_admin_key(services: Services, /) -> dict[str, Any]:
    """Make a key for the admin API and print it; it is shown only here."""
    text = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS), "admin")
    key = await services.engine.submit(AddApiKey(0, new_api_key(text)))
    return {"key_id": str(key.key_id), "admin_key": text}


@command(app, "list", rows="admin_keys")
async def list_admin_keys(services: Services, /) -> list[dict[str, Any]]:
    """List the keys of the admin API by how they begin."""
    return [key_row(key) for key in services.engine.reference.find(API_KEY, "scope", "admin")]


@command(app, "revoke")
async def revoke_admin_key(
    services: Services,
    /,
    key_id: KeyId,
) -> dict[str, Any]:
    """Revoke a key of the admin API at once."""
    return await revoke_key(services, 0, key_id)
