"""Keys and certificates of an app, as the admin API and the command line give them out."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Final

from chuanliu.clock import DAY
from chuanliu.errors import NotFound
from chuanliu.gateway.composition import Services
from chuanliu.parties import (
    SEALING_RANDOMNESS,
    SERIAL_RANDOMNESS,
    AddAppCertificate,
    App,
    AppKey,
    ReadReference,
    SetEncryptKey,
    aes_key_context,
    certify_app,
    certify_request,
    valid_app_keys,
)

_OVERLAP: Final = DAY


async def certify(services: Services, app: App, *, csr: str | None = None, renew: bool = False) -> AppKey:
    """The app's current key with its certificate: the one that it has, or a new one for its key or for a request's.

    Raises `NotFound(key_not_found)` for an app without a public key, `Invalid(invalid_parameter, field="csr")`.
    """
    reference = await services.engine.ask(ReadReference())
    now = time.time_ns() // 1000
    serial = secrets.token_bytes(SERIAL_RANDOMNESS)
    if csr is not None:
        made = await asyncio.to_thread(certify_request, reference, services.vault, app, csr, serial, now)
    else:
        key = next((key for key in valid_app_keys(reference, app.app_id, now) if key.valid_until is None), None)
        if key is None:
            raise NotFound("key_not_found", "the app has no public key yet")
        if key.certificate is not None and not renew:
            return key
        made = await asyncio.to_thread(certify_app, reference, services.vault, app, key.public_key, serial, now)
    return await services.engine.submit(
        AddAppCertificate(app.app_id, made.public_key, made.certificate, made.cert_sn, _OVERLAP)
    )


async def set_encrypt_key(services: Services, app: App, key: str | None) -> App:
    """Seal and set the app's content encryption key (base64 of 16 bytes), or remove it."""
    sealed = None
    if key is not None:
        sealed = services.vault.seal(key.encode(), aes_key_context(app.app_id), secrets.token_bytes(SEALING_RANDOMNESS))
    return await services.engine.submit(SetEncryptKey(app.app_id, sealed))
