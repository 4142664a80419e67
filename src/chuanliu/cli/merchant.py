"""`chuanliu merchant`: merchants, their apps, keys and certificates.

What only one command needs of a dialect is imported there: a dialect takes longer to import than a command to run.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from base64 import b64encode
from pathlib import Path
from typing import Annotated, Any

import typer

from chuanliu.cli.installation import command, number, read_text
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

_APP_NUMBER = re.compile(r"2021[0-9]{12}", re.ASCII)
AppId = Annotated[str, typer.Argument(help="The app's number (2021…).", metavar="APP_ID")]
WhoseId = Annotated[str, typer.Argument(help="The merchant's number (2088…), or one of its apps'.", metavar="ID")]
PublicKey = Annotated[
    Path | None,
    typer.Option("--public-key", help="File with the app's public key, PEM or base64."),
]
OverlapHours = Annotated[int, typer.Option("--overlap", min=0, max=24 * 90, help="Hours that the former keeps.")]


def _app_of(services: Services, app_id: str) -> App:
    found = find_app(services.engine.reference, app_id)
    if found is None:
        raise NotFound("app_not_found")
    return found


def _merchant_of(services: Services, text: str) -> Merchant:
    reference = services.engine.reference
    if _APP_NUMBER.fullmatch(text):
        apps = reference.find(APP, "app_id", int(text))
        found = find_merchant(reference, apps[0].merchant_id) if apps else None
    else:
        found = find_merchant(reference, number(text, "id"))
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


@command(app, "add")
async def add_merchant(
    services: Services,
    /,
    name: Annotated[str, typer.Argument(help="The merchant's name.")],
    public_key: PublicKey = None,
    fee_bps: Annotated[int, typer.Option("--fee-bps", help="The platform's fee in basis points: 60 is 0.6 %.")] = 0,
    refund_needs_funds: Annotated[
        bool, typer.Option("--refund-needs-funds", help="Refuse refunds that the merchant's receivable does not cover.")
    ] = False,
    platform: Annotated[
        str | None, typer.Option("--platform", help="Add a sub-merchant of this merchant (2088…): no app, no keys.")
    ] = None,
    category: Annotated[
        str, typer.Option("--category", help="Its merchant category code (MCC), four digits; campaigns look at it.")
    ] = "",
) -> dict[str, Any]:
    """Add a merchant with an app and an API key, and print what it needs to begin; the keys are shown only here."""
    if platform is not None:
        sub = AddMerchant(
            name, fee_bps, refund_needs_funds, number(platform, "platform"), with_app=False, category=category
        )
        added = await services.engine.submit(sub)
        return {"seller_id": str(added.merchant.merchant_id), "platform_id": platform}
    private, public = await _key_pair(public_key)
    api_key = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS))
    added = await services.engine.submit(
        AddMerchant(
            name, fee_bps, refund_needs_funds, public_key=public, api_key=new_api_key(api_key), category=category
        )
    )
    if added.app is None:
        raise NotFound("app_not_found")
    return {**_key_members(services, added.app, private), "api_key": api_key}


@command(app, "list", rows="merchants")
async def list_merchants(services: Services, /) -> list[dict[str, Any]]:
    """List all merchants."""
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


@command(app, "show")
async def show_merchant(services: Services, /, who: WhoseId) -> dict[str, Any]:
    """Show a merchant with its apps, and its keys by what may be shown of them."""
    from chuanliu.gateway.admin import merchant_document  # noqa: PLC0415

    return merchant_document(services.engine.reference, _merchant_of(services, who))


async def _set_blocked(services: Services, who: str, *, blocked: bool) -> dict[str, Any]:
    merchant_id = _merchant_of(services, who).merchant_id
    merchant = await services.engine.submit(ChangeMerchant(merchant_id, blocked=blocked))
    return {"seller_id": str(merchant.merchant_id), "status": merchant.status}


@command(app, "block")
async def block_merchant(services: Services, /, who: WhoseId) -> dict[str, Any]:
    """Stop a merchant's new orders and payments; its refunds and queries go on."""
    return await _set_blocked(services, who, blocked=True)


@command(app, "unblock")
async def unblock_merchant(services: Services, /, who: WhoseId) -> dict[str, Any]:
    """Let a blocked merchant sell again."""
    return await _set_blocked(services, who, blocked=False)


@command(app, "rotate-key")
async def rotate_key(
    services: Services, /, app_id: AppId, public_key: PublicKey = None, overlap: OverlapHours = 24
) -> dict[str, Any]:
    """Give an app another key; the former one stays valid for the overlap."""
    of_app = _app_of(services, app_id)
    private, public = await _key_pair(public_key)
    await services.engine.submit(RotateAppKey(of_app.app_id, public, overlap * HOUR))
    return _key_members(services, of_app, private)


@command(app, "rotate-api-key")
async def rotate_api_key(services: Services, /, who: WhoseId, overlap: OverlapHours = 24) -> dict[str, Any]:
    """Give a merchant another API key; all earlier ones stay valid for the overlap."""
    merchant = _merchant_of(services, who)
    text = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS))
    await services.engine.submit(RotateApiKey(merchant.merchant_id, new_api_key(text), overlap * HOUR))
    return {"seller_id": str(merchant.merchant_id), "api_key": text}


@command(app, "move-key")
async def move_to_platform_key(services: Services, /, app_id: AppId) -> dict[str, Any]:
    """From now on sign for an app with the platform's current key, once its owner knows that key."""
    moved = await services.engine.submit(MoveToPlatformKey(_app_of(services, app_id).app_id))
    return {"app_id": app_id, "platform_public_key": _platform_public_key(services, moved)}


@command(app, "certificates")
async def show_certificates(
    services: Services,
    /,
    app_id: AppId,
    csr: Annotated[Path | None, typer.Option("--csr", help="Certify the key of this certificate request.")] = None,
    renew: Annotated[bool, typer.Option("--renew", help="Issue another certificate though there is one.")] = False,
) -> dict[str, Any]:
    """Print the three certificates of certificate mode, issuing the app's when it has none."""
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


@command(app, "encrypt-key")
async def show_encrypt_key(
    services: Services,
    /,
    app_id: AppId,
    new: Annotated[bool, typer.Option("--new", help="Make another key though there is one.")] = False,
) -> dict[str, Any]:
    """Print the app's key for content encryption (AES), making one when it has none."""
    from chuanliu.gateway.admin import set_encrypt_key  # noqa: PLC0415

    of_app = _app_of(services, app_id)
    known = services.vault.aes_key(of_app)
    if known is None or new:
        known = b64encode(secrets.token_bytes(16)).decode()
        await set_encrypt_key(services, of_app, known)
    return {"app_id": app_id, "encrypt_key": known}
