"""`chuanliu lender-key`: keys of the lender API, by which a bank runs its campaigns by itself."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import typer

from chuanliu.cli.admin_key import KeyId, key_row, revoke_key
from chuanliu.cli.installation import command
from chuanliu.gateway import Services
from chuanliu.lenders import AddLenderKey, find_lender
from chuanliu.parties import API_KEY, API_KEY_RANDOMNESS, api_key_text, new_api_key

app = typer.Typer(no_args_is_help=True, help="Keys of the lender API.")

Code = Annotated[str, typer.Argument(help="The lender's code.", metavar="LENDER_CODE")]


@command(app, "add")
async def add_lender_key(services: Services, /, code: Code) -> dict[str, Any]:
    """Make a key for a lender; it is shown only here."""
    lender = find_lender(services.engine.reference, code)
    text = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS), "lender")
    key = await services.engine.submit(AddLenderKey(lender.lender_id, new_api_key(text)))
    return {"lender": code, "key_id": str(key.key_id), "lender_key": text}


@command(app, "list", rows="lender_keys")
async def list_lender_keys(services: Services, /, code: Code) -> list[dict[str, Any]]:
    """List a lender's keys by how they begin."""
    reference = services.engine.reference
    return [key_row(key) for key in reference.find(API_KEY, "merchant_id", find_lender(reference, code).lender_id)]


@command(app, "revoke")
async def revoke_lender_key(services: Services, /, code: Code, key_id: KeyId) -> dict[str, Any]:
    """Revoke a key of a lender at once."""
    return await revoke_key(services, find_lender(services.engine.reference, code).lender_id, key_id)
