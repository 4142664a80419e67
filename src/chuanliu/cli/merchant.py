"""`chuanliu merchant`: merchants, their apps, keys and certificates.

What only one command needs of a dialect is imported there: a dialect takes longer to import than a command to run.
"""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode
from pathlib import Path
from typing import Annotated, Any

import typer

from chuanliu.cli.installation import Data, DatabaseUrl, Json, number, read_text, run, show, show_rows
from chuanliu.clock import HOUR
from chuanliu.crypto import generate_key_pair, pkcs1_private
from chuanliu.errors import NotFound
from chuanliu.gateway import Services
from chuanliu.parties import (
    API_KEY_RANDOMNESS,
    APP,
    MERCHANT,
    AddMerchant,
    App,
    ChangeMerchant,
    Merchant,
    MoveToPlatformKey,
    RotateApiKey,
    RotateAppKey,
    api_key_text,
    find_app,
    find_merchant,
    new_api_key,
    root_certificate,
    signing_key_of,
)

app = typer.Typer(no_args_is_help=True, help="Merchants, their apps, keys and certificates.")

AppId = Annotated[str, typer.Argument(help="The app's number (2021…).", metavar="APP_ID")]
WhoseId = Annotated[str, typer.Argument(help="The merchant's number (2088…), or one of its apps'.", metavar="ID")]
PublicKey = Annotated[
    Path | None,
    typer.Option("--public-key", help="File with the app's public key, PEM or base64."),
]
OverlapHours = Annotated[int, typer.Option("--overlap", min=0, max=24 * 90, help="Hours that the former keeps.")]


def _app_of(services: Services, app_id: str) -> App:
    found = find_app(services.engine.reference, str(number(app_id, "app_id")))
    if found is None:
        raise NotFound("app_not_found")
    return found


def _merchant_of(services: Services, text: str) -> Merchant:
    found = find_merchant(services.engine.reference, number(text, "id"))
    if found is None:
        apps = services.engine.reference.find(APP, "app_id", int(text))
        found = find_merchant(services.engine.reference, apps[0].merchant_id) if apps else None
    if found is None:
        raise NotFound("merchant_not_found")
    return found


async def _key_pair(public_key: Path | None) -> tuple[str | None, str]:
    """The private key, where it is made here, and the public key."""
    if public_key is not None:
        return None, read_text(public_key)
    pair = await asyncio.to_thread(generate_key_pair)
    return pair.private, pair.public


def _platform_public_key(services: Services, of_app: App) -> str:
    return signing_key_of(services.engine.reference, of_app).public_key


def _key_members(services: Services, of_app: App, private: str | None) -> dict[str, Any]:
    return {
        "app_id": str(of_app.app_id),
        "seller_id": str(of_app.merchant_id),
        "app_private_key": private,
        "app_private_key_pkcs1": pkcs1_private(private) if private is not None else None,
        "platform_public_key": _platform_public_key(services, of_app),
    }


@app.command("add")
def add_merchant(
    name: Annotated[str, typer.Argument(help="The merchant's name.")],
    public_key: PublicKey = None,
    fee_bps: Annotated[int, typer.Option("--fee-bps", help="The platform's fee in basis points: 60 is 0.6 %.")] = 0,
    refund_needs_funds: Annotated[
        bool, typer.Option("--refund-needs-funds", help="Refuse refunds that the merchant's receivable does not cover.")
    ] = False,
    platform: Annotated[
        str | None, typer.Option("--platform", help="Add a sub-merchant of this merchant (2088…): no app, no keys.")
    ] = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Add a merchant with an app and an API key, and print what it needs to begin; the keys are shown only here."""

    async def act(services: Services) -> dict[str, Any]:
        if platform is not None:
            sub = AddMerchant(name, fee_bps, refund_needs_funds, number(platform, "platform"), with_app=False)
            added = await services.engine.submit(sub)
            return {"seller_id": str(added.merchant.merchant_id), "platform_id": platform}
        private, public = await _key_pair(public_key)
        api_key = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS))
        added = await services.engine.submit(
            AddMerchant(name, fee_bps, refund_needs_funds, public_key=public, api_key=new_api_key(api_key))
        )
        if added.app is None:
            raise NotFound("app_not_found")
        return {**_key_members(services, added.app, private), "api_key": api_key}

    show(run(data, database_url, act), as_json=as_json)


@app.command("list")
def list_merchants(data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """List all merchants."""

    async def act(services: Services) -> list[dict[str, Any]]:
        reference = services.engine.reference
        return [
            {
                "seller_id": str(merchant.merchant_id),
                "name": merchant.name,
                "status": merchant.status,
                "fee_bps": merchant.fee_bps,
                "apps": " ".join(str(each.app_id) for each in reference.find(APP, "merchant_id", merchant.merchant_id)),
            }
            for merchant in sorted(reference.all(MERCHANT), key=lambda merchant: merchant.merchant_id)
        ]

    show_rows("merchants", run(data, database_url, act), as_json=as_json)


@app.command("show")
def show_merchant(who: WhoseId, data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Show a merchant with its apps, and its keys by what may be shown of them."""

    async def act(services: Services) -> dict[str, Any]:
        from chuanliu.gateway.admin import merchant_document  # noqa: PLC0415

        return merchant_document(services.engine.reference, _merchant_of(services, who))

    show(run(data, database_url, act), as_json=as_json)


def _set_blocked(who: str, data: Path | None, database_url: str | None, *, blocked: bool, as_json: bool) -> None:
    async def act(services: Services) -> dict[str, Any]:
        merchant_id = _merchant_of(services, who).merchant_id
        merchant = await services.engine.submit(ChangeMerchant(merchant_id, blocked=blocked))
        return {"seller_id": str(merchant.merchant_id), "status": merchant.status}

    show(run(data, database_url, act), as_json=as_json)


@app.command("block")
def block_merchant(who: WhoseId, data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Stop a merchant's new orders and payments; its refunds and queries go on."""
    _set_blocked(who, data, database_url, blocked=True, as_json=as_json)


@app.command("unblock")
def unblock_merchant(who: WhoseId, data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Let a blocked merchant sell again."""
    _set_blocked(who, data, database_url, blocked=False, as_json=as_json)


@app.command("rotate-key")
def rotate_key(
    app_id: AppId,
    public_key: PublicKey = None,
    overlap: OverlapHours = 24,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Give an app another key; the former one stays valid for the overlap."""

    async def act(services: Services) -> dict[str, Any]:
        of_app = _app_of(services, app_id)
        private, public = await _key_pair(public_key)
        await services.engine.submit(RotateAppKey(of_app.app_id, public, overlap * HOUR))
        return _key_members(services, of_app, private)

    show(run(data, database_url, act), as_json=as_json)


@app.command("rotate-api-key")
def rotate_api_key(
    who: WhoseId,
    overlap: OverlapHours = 24,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Give a merchant another API key; all earlier ones stay valid for the overlap."""

    async def act(services: Services) -> dict[str, Any]:
        merchant = _merchant_of(services, who)
        text = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS))
        await services.engine.submit(RotateApiKey(merchant.merchant_id, new_api_key(text), overlap * HOUR))
        return {"seller_id": str(merchant.merchant_id), "api_key": text}

    show(run(data, database_url, act), as_json=as_json)


@app.command("move-key")
def move_to_platform_key(
    app_id: AppId, data: Data = None, database_url: DatabaseUrl = None, as_json: Json = False
) -> None:
    """From now on sign for an app with the platform's current key, once its owner knows that key."""

    async def act(services: Services) -> dict[str, Any]:
        moved = await services.engine.submit(MoveToPlatformKey(_app_of(services, app_id).app_id))
        return {"app_id": app_id, "platform_public_key": _platform_public_key(services, moved)}

    show(run(data, database_url, act), as_json=as_json)


@app.command("certificates")
def show_certificates(
    app_id: AppId,
    csr: Annotated[Path | None, typer.Option("--csr", help="Certify the key of this certificate request.")] = None,
    renew: Annotated[bool, typer.Option("--renew", help="Issue another certificate though there is one.")] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Print the three certificates of certificate mode, issuing the app's when it has none."""

    async def act(services: Services) -> dict[str, Any]:
        from chuanliu.gateway.admin import certify  # noqa: PLC0415

        of_app = _app_of(services, app_id)
        request = read_text(csr) if csr is not None else None
        key = await certify(services, of_app, csr=request, renew=renew)
        reference = services.engine.reference
        return {
            "app_certificate": key.certificate,
            "platform_certificate": signing_key_of(reference, of_app).certificate,
            "root_certificate": root_certificate(reference),
        }

    show(run(data, database_url, act), as_json=as_json)


@app.command("encrypt-key")
def show_encrypt_key(
    app_id: AppId,
    new: Annotated[bool, typer.Option("--new", help="Make another key though there is one.")] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Print the app's key for content encryption (AES), making one when it has none."""

    async def act(services: Services) -> dict[str, Any]:
        from chuanliu.gateway.admin import set_encrypt_key  # noqa: PLC0415

        of_app = _app_of(services, app_id)
        known = services.vault.aes_key(of_app)
        if known is None or new:
            known = b64encode(secrets.token_bytes(16)).decode()
            await set_encrypt_key(services, of_app, known)
        return {"app_id": app_id, "encrypt_key": known}

    show(run(data, database_url, act), as_json=as_json)
