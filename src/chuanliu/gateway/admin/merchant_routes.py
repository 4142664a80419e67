"""Merchants, apps and keys in the admin API."""

from __future__ import annotations

import asyncio
import secrets
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

from chuanliu.clock import SECOND
from chuanliu.crypto import generate_key_pair, pkcs1_private
from chuanliu.engine import Reference
from chuanliu.errors import NotFound
from chuanliu.gateway.admin.certifying_routes import certify, set_encrypt_key
from chuanliu.gateway.admin.documents import (
    ApiKeyBody,
    AppBody,
    CertificateBody,
    Document,
    EncryptKeyBody,
    KeyBody,
    MerchantBody,
    MerchantChanges,
    api_key_document,
    app_document,
    app_key_document,
    merchant_document,
    platform_key_document,
    platform_key_documents,
)
from chuanliu.gateway.admin.operation import Operation
from chuanliu.gateway.bodies import NothingBody
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.fields import id_of, party_in
from chuanliu.ids import with_cell
from chuanliu.parties import (
    API_KEY_RANDOMNESS,
    MERCHANT,
    PLATFORM_CELL,
    SEALING_RANDOMNESS,
    SERIAL_RANDOMNESS,
    AddApiKey,
    AddApp,
    AddMerchant,
    App,
    AuthorityMaterial,
    ChangeMerchant,
    EndApiKey,
    Merchant,
    MoveToPlatformKey,
    ReadReference,
    RevokeApp,
    RotateApiKey,
    RotateAppKey,
    RotatePlatformKey,
    api_key_text,
    find_app,
    find_merchant,
    new_api_key,
    new_signing_key,
    root_certificate,
    signing_key_of,
)

Params = Mapping[str, str]


async def _fresh(services: Services) -> Reference:
    """A snapshot that has every change committed so far, those of other processes too."""
    return await services.engine.ask(ReadReference())


async def _merchant(services: Services, params: Params) -> Merchant:
    merchant = find_merchant(await _fresh(services), party_in(params["merchant_id"], "merchant_not_found"))
    if merchant is None:
        raise NotFound("merchant_not_found")
    return merchant


async def _app(services: Services, params: Params) -> App:
    app = find_app(await _fresh(services), params["app_id"])
    if app is None:
        raise NotFound("app_not_found")
    return app


async def _private_and_public(public_key: str | None) -> tuple[str | None, str]:
    if public_key is not None:
        return None, public_key
    pair = await asyncio.to_thread(generate_key_pair)
    return pair.private, pair.public


def _private_members(private: str | None) -> Document:
    if private is None:
        return {}
    return {"app_private_key": private, "app_private_key_pkcs1": pkcs1_private(private)}


async def list_merchants(services: Services, _body: None, _params: Params) -> Document:
    """All merchants."""
    reference = await _fresh(services)
    merchants = sorted(reference.all(MERCHANT), key=lambda merchant: merchant.merchant_id)
    return {"merchants": [merchant_document(reference, merchant) for merchant in merchants]}


async def add_merchant(services: Services, body: MerchantBody, _params: Params) -> Document:
    """A new merchant with all that its developer needs; the private key and the API key are shown only here."""
    if body.platform_id is not None:
        platform_id = party_in(body.platform_id, "merchant_not_found")
        command = AddMerchant(
            body.name, body.fee_bps, body.refund_needs_funds, platform_id, with_app=False, category=body.category
        )
        added = await services.engine.submit(command)
        return merchant_document(await _fresh(services), added.merchant)
    private, public = await _private_and_public(body.public_key)
    text = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS))
    command = AddMerchant(
        body.name,
        body.fee_bps,
        body.refund_needs_funds,
        public_key=public,
        api_key=new_api_key(text),
        category=body.category,
    )
    added = await services.engine.submit(command)
    document = merchant_document(await _fresh(services), added.merchant)
    (app,) = document["apps"]
    app |= _private_members(private)
    return {**document, "api_key": text}


async def show_merchant(services: Services, _body: None, params: Params) -> Document:
    """One merchant."""
    return merchant_document(await _fresh(services), await _merchant(services, params))


async def change_merchant(services: Services, body: MerchantChanges, params: Params) -> Document:
    """Rename, block, unblock, or change the terms of a merchant."""
    merchant_id = party_in(params["merchant_id"], "merchant_not_found")
    changed = await services.engine.submit(
        ChangeMerchant(merchant_id, body.name, body.blocked, body.fee_bps, body.refund_needs_funds, body.category)
    )
    return merchant_document(await _fresh(services), changed)


async def add_api_key(services: Services, body: ApiKeyBody, params: Params) -> Document:
    """A further API key of a merchant, or one in place of all others."""
    merchant = await _merchant(services, params)
    text = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS))
    command: AddApiKey | RotateApiKey = AddApiKey(merchant.merchant_id, new_api_key(text))
    if body.replace:
        command = RotateApiKey(merchant.merchant_id, new_api_key(text), body.overlap_s * SECOND)
    return {**api_key_document(await services.engine.submit(command)), "api_key": text}


async def revoke_api_key(services: Services, _body: None, params: Params) -> Document:
    """Revoke an API key of a merchant at once."""
    merchant = await _merchant(services, params)
    key_id = id_of(params["key_id"], "key_not_found")
    return api_key_document(await services.engine.submit(EndApiKey(merchant.merchant_id, key_id)))


async def add_app(services: Services, body: AppBody, params: Params) -> Document:
    """A further app of a merchant."""
    private, public = await _private_and_public(body.public_key)
    merchant_id = party_in(params["merchant_id"], "merchant_not_found")
    app, _ = await services.engine.submit(AddApp(merchant_id, body.name, public))
    return {**app_document(await _fresh(services), app), **_private_members(private)}


async def show_app(services: Services, _body: None, params: Params) -> Document:
    """One app."""
    return app_document(await _fresh(services), await _app(services, params))


async def revoke_app(services: Services, _body: None, params: Params) -> Document:
    """Take an app off the wire."""
    revoked = await services.engine.submit(RevokeApp((await _app(services, params)).app_id))
    return app_document(await _fresh(services), revoked)


async def rotate_app_key(services: Services, body: KeyBody, params: Params) -> Document:
    """Another key of an app, the former valid for a while."""
    app = await _app(services, params)
    private, public = await _private_and_public(body.public_key)
    key = await services.engine.submit(RotateAppKey(app.app_id, public, body.overlap_s * SECOND))
    return {**app_key_document(key), **_private_members(private)}


async def certify_app_key(services: Services, body: CertificateBody, params: Params) -> Document:
    """The three certificates of certificate mode; key mode goes on working."""
    app = await _app(services, params)
    key = await certify(services, app, csr=body.csr, renew=body.renew)
    reference = await _fresh(services)
    return {
        **app_key_document(key),
        "app_certificate": key.certificate,
        "platform_certificate": signing_key_of(reference, app).certificate,
        "root_certificate": root_certificate(reference),
    }


async def change_encrypt_key(services: Services, body: EncryptKeyBody, params: Params) -> Document:
    """A fresh key of content encryption, shown only here, or none."""
    app = await _app(services, params)
    key = b64encode(secrets.token_bytes(16)).decode() if body.enabled else None
    await set_encrypt_key(services, app, key)
    return {"app_id": str(app.app_id), "encrypt_key": key}


async def move_to_platform_key(services: Services, _body: NothingBody, params: Params) -> Document:
    """Sign for an app with the platform's current key from now on."""
    moved = await services.engine.submit(MoveToPlatformKey((await _app(services, params)).app_id))
    return app_document(await _fresh(services), moved)


async def list_platform_keys(services: Services, _body: None, _params: Params) -> Document:
    """The platform's keys and certificates."""
    return {"platform_keys": platform_key_documents(await _fresh(services))}


async def rotate_platform_key(services: Services, _body: NothingBody, _params: Params) -> Document:
    """Another signing key; each app keeps the former until it moves over."""
    material = AuthorityMaterial(
        await asyncio.to_thread(generate_key_pair),
        with_cell(services.engine.ids.next(), PLATFORM_CELL),
        secrets.token_bytes(SERIAL_RANDOMNESS),
        secrets.token_bytes(SEALING_RANDOMNESS),
    )
    reference = await _fresh(services)
    signing = await asyncio.to_thread(new_signing_key, reference, services.vault, material, time.time_ns() // 1000)
    return platform_key_document(await services.engine.submit(RotatePlatformKey(signing)))


_MERCHANTS: Final = "/admin/v1/merchants"
_MERCHANT: Final = f"{_MERCHANTS}/{{merchant_id}}"
_APP: Final = "/admin/v1/apps/{app_id}"

MERCHANT_OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", _MERCHANTS, None, list_merchants),
    Operation("POST", _MERCHANTS, MerchantBody, add_merchant, 201),
    Operation("GET", _MERCHANT, None, show_merchant),
    Operation("PATCH", _MERCHANT, MerchantChanges, change_merchant),
    Operation("POST", f"{_MERCHANT}/api-keys", ApiKeyBody, add_api_key, 201),
    Operation("DELETE", f"{_MERCHANT}/api-keys/{{key_id}}", None, revoke_api_key),
    Operation("POST", f"{_MERCHANT}/apps", AppBody, add_app, 201),
    Operation("GET", _APP, None, show_app),
    Operation("DELETE", _APP, None, revoke_app),
    Operation("POST", f"{_APP}/keys", KeyBody, rotate_app_key, 201),
    Operation("POST", f"{_APP}/certificate", CertificateBody, certify_app_key),
    Operation("PUT", f"{_APP}/encrypt-key", EncryptKeyBody, change_encrypt_key),
    Operation("POST", f"{_APP}/platform-key", NothingBody, move_to_platform_key),
    Operation("GET", "/admin/v1/platform-keys", None, list_platform_keys),
    Operation("POST", "/admin/v1/platform-keys", NothingBody, rotate_platform_key, 201),
)
