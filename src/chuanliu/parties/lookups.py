"""Who asks, and who signs: answers from the snapshot of reference data, on the path of every request."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

import msgspec

from chuanliu.clock import Micros
from chuanliu.crypto import certificate_public_key, root_certificates_sn
from chuanliu.engine import Reference
from chuanliu.errors import NotFound
from chuanliu.ids import cell_of_party
from chuanliu.parties.tables import (
    API_KEY,
    APP,
    APP_KEY,
    MERCHANT,
    PLATFORM_KEY,
    ApiKey,
    App,
    AppKey,
    Merchant,
    PlatformKey,
)
from chuanliu.parties.vault import Vault

_FOR_EVER: Micros = 2**63 - 1


class AppKeys(msgspec.Struct, frozen=True):
    """What the gateway knows of an app to prove who asks.

    `public_keys` (key mode) are all that are valid now, the newest first; `certificates` (certificate mode) maps
    `app_cert_sn` to the certificate's public key; `encrypt_key` is the AES key as base64.
    """

    app_id: str
    public_keys: tuple[str, ...] = ()
    certificates: Mapping[str, str] = {}
    root_cert_sn: str | None = None
    encrypt_key: str | None = None


class SigningKey(NamedTuple):
    """What the platform signs with: bare base64 PKCS #8, the certificate's number on the wire, and its PEM."""

    private_key: str
    cert_sn: str
    certificate: str


def find_app(reference: Reference, app_id: str) -> App | None:
    """The app by its number on the wire; None for an unknown or revoked one."""
    if not app_id.isascii() or not app_id.isdigit():
        return None
    apps = reference.find(APP, "app_id", int(app_id))
    return apps[0] if apps and apps[0].status == "active" and str(apps[0].app_id) == app_id else None


def find_app_keys(reference: Reference, vault: Vault, app_id: str, now: Micros) -> AppKeys | None:
    """The app's keys that are valid now; None for an unknown or revoked app.

    Kept with the vault for as long as the snapshot is the same and no key of the app runs out.
    """
    known = vault.memory_of(reference)
    entry: tuple[AppKeys, Micros, Micros] | None = known.get(app_id)
    if entry is not None and entry[1] <= now < entry[2]:
        return entry[0]
    app = find_app(reference, app_id)
    if app is None:
        return None
    usable = valid_app_keys(reference, app.app_id, now)
    ends = min((key.valid_until for key in usable if key.valid_until is not None), default=_FOR_EVER)
    root = current_platform_key(reference, "root")
    keys = AppKeys(
        app_id,
        tuple(dict.fromkeys(key.public_key for key in usable)),
        {key.cert_sn: certificate_public_key(key.certificate) for key in usable if key.certificate and key.cert_sn},
        root_certificates_sn(root.certificate) if root is not None else None,
        vault.aes_key(app),
    )
    known[app_id] = (keys, now, ends)
    return keys


def valid_app_keys(reference: Reference, app_id: int, now: Micros) -> list[AppKey]:
    """Keys of an app that are current or in their overlap, the newest first."""
    keys = reference.find(APP_KEY, "app_id", app_id)
    usable = [key for key in keys if key.valid_until is None or key.valid_until > now]
    return sorted(usable, key=lambda key: (key.valid_until is not None, -key.created_at, -key.key_id))


def current_platform_key(reference: Reference, purpose: str) -> PlatformKey | None:
    """The current key pair of a purpose: signing, root or issuing."""
    keys = reference.find(PLATFORM_KEY, "purpose", purpose)
    return next((key for key in keys if key.status == "current"), None)


def signing_key_of(reference: Reference, app: App | None) -> PlatformKey:
    """The platform key that signs for an app, or the current one for whoever has no app.

    Raises `NotFound(key_not_found)` before the platform has keys.
    """
    if app is not None:
        keys = reference.find(PLATFORM_KEY, "key_id", app.platform_key_id)
        if keys:
            return keys[0]
    current = current_platform_key(reference, "signing")
    if current is None:
        raise NotFound("key_not_found", "the platform has no signing key yet")
    return current


def signing_key_for(reference: Reference, vault: Vault, app: App | None) -> SigningKey:
    """As `signing_key_of`, opened and ready to sign."""
    known = vault.memory_of(reference)
    entry: SigningKey | None = known.get(app.platform_key_id if app is not None else None)
    if entry is None:
        key = signing_key_of(reference, app)
        entry = SigningKey(vault.platform_private_key(key), key.cert_sn, key.certificate)
        known[app.platform_key_id if app is not None else None] = entry
    return entry


def platform_certificate(reference: Reference, cert_sn: str) -> str | None:
    """A signing certificate of the platform by its number, with the issuing authority's behind it (PEM blocks).

    Certificates of earlier signing keys are found too. None for any other number.
    """
    keys = reference.find(PLATFORM_KEY, "cert_sn", cert_sn)
    if not keys or keys[0].purpose != "signing":
        return None
    issuing = current_platform_key(reference, "issuing")
    return keys[0].certificate if issuing is None else f"{keys[0].certificate}\n{issuing.certificate}"


def root_certificate(reference: Reference) -> str:
    """The root certificate (PEM) that merchants pin. Raises `NotFound(key_not_found)` before the platform has keys."""
    root = current_platform_key(reference, "root")
    if root is None:
        raise NotFound("key_not_found", "the platform has no certificates yet")
    return root.certificate


def api_key_of(reference: Reference, text: str, now: Micros) -> ApiKey | None:
    """The API key (of a merchant or an administrator) with this text, if it is valid now.

    Only digests are compared, so the time that it takes says nothing about a stored key.
    """
    keys = reference.find(API_KEY, "sha256", sha256(text.encode("utf-8", "surrogatepass")).digest())
    if not keys or (keys[0].valid_until is not None and keys[0].valid_until <= now):
        return None
    return keys[0]


def merchant_of_api_key(reference: Reference, text: str, now: Micros) -> Merchant | None:
    """The merchant that holds this API key; None for an unknown, revoked or administrator's key."""
    key = api_key_of(reference, text, now)
    return find_merchant(reference, key.merchant_id) if key is not None and key.scope == "merchant" else None


def find_merchant(reference: Reference, merchant_id: int) -> Merchant | None:
    """The merchant by its number, blocked or not."""
    return reference.get(MERCHANT, cell_of_party(merchant_id), merchant_id)
