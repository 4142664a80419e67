"""Key material made from randomness that the caller brings: API keys, webhook secrets, authorities, certificates."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from chuanliu.clock import DAY, Micros
from chuanliu.crypto import (
    SEAL_RANDOMNESS,
    DistinguishedName,
    Issuer,
    RsaKeyPair,
    Validity,
    certificate_public_key,
    certificate_sn,
    issue_certificate,
    issue_from_request,
    issuing_authority,
    root_authority,
    serial_from,
)
from chuanliu.engine import Reference
from chuanliu.errors import Invalid, NotFound
from chuanliu.parties.lookups import current_platform_key
from chuanliu.parties.tables import App, PlatformKey
from chuanliu.parties.vault import Vault, platform_key_context

API_KEY_RANDOMNESS: Final = 32
SERIAL_RANDOMNESS: Final = 15

_PREFIXES: Final = {"merchant": "cl_", "admin": "cla_", "lender": "cll_"}
_BACKDATED: Final = DAY
"""Certificates begin a day ago: clients check them with clocks of their own."""
_AUTHORITY_YEARS: Final = 20
_LEAF_YEARS: Final = 5
_YEAR: Final = 365 * DAY


class NewApiKey(msgspec.Struct, frozen=True):
    """What is stored of an API key: never its text, only the SHA-256 of it and its beginning to know it by."""

    sha256: bytes
    hint: str


class NewPlatformKey(msgspec.Struct, frozen=True):
    """A sealed key pair of the platform with its certificate, ready to be stored."""

    key_id: int
    private_key_sealed: bytes
    public_key: str
    certificate: str
    cert_sn: str


class NewCertificate(NamedTuple):
    """An app's certificate (PEM), its number on the wire, and the key (bare base64 SPKI) that it is for."""

    certificate: str
    cert_sn: str
    public_key: str


def api_key_text(randomness: bytes, scope: str = "merchant") -> str:
    """The text of an API key: a prefix that tells its scope (merchant, admin or lender), and 256 random bits."""
    if len(randomness) != API_KEY_RANDOMNESS:
        raise ValueError(f"an API key takes {API_KEY_RANDOMNESS} bytes of randomness")
    return _PREFIXES[scope] + urlsafe_b64encode(randomness).decode().rstrip("=")


def new_api_key(text: str) -> NewApiKey:
    """What to store of an API key."""
    return NewApiKey(sha256(text.encode()).digest(), f"{text[:8]}…")


class AuthorityMaterial(NamedTuple):
    """A key pair, its id, and fresh random bytes: `SERIAL_RANDOMNESS` and `SEALING_RANDOMNESS` of them."""

    pair: RsaKeyPair
    key_id: int
    serial: bytes
    sealing: bytes


def _name(common_name: str, unit: str = "Certification Authority") -> DistinguishedName:
    return DistinguishedName("CN", "Chuanliu", unit, common_name)


def _sealed(vault: Vault, material: AuthorityMaterial, certificate: str) -> NewPlatformKey:
    context = platform_key_context(material.key_id)
    return NewPlatformKey(
        material.key_id,
        vault.seal(material.pair.private.encode(), context, material.sealing),
        material.pair.public,
        certificate,
        certificate_sn(certificate),
    )


def found_authority(
    vault: Vault, root: AuthorityMaterial, issuing: AuthorityMaterial, signing: AuthorityMaterial, now: Micros
) -> tuple[NewPlatformKey, NewPlatformKey, NewPlatformKey]:
    """The platform's first keys: root, issuing authority, and the signing key with its certificate."""
    long = Validity(now - _BACKDATED, now + _AUTHORITY_YEARS * _YEAR)
    top = root_authority(root.pair.private, _name("Chuanliu Root CA"), serial_from(root.serial), long)
    middle = issuing_authority(
        top, issuing.pair.private, _name("Chuanliu Issuing CA"), serial_from(issuing.serial), long
    )
    return (
        _sealed(vault, root, top.certificate),
        _sealed(vault, issuing, middle.certificate),
        _signing_key(vault, middle, signing, now),
    )


def new_signing_key(reference: Reference, vault: Vault, material: AuthorityMaterial, now: Micros) -> NewPlatformKey:
    """A further signing key of the platform, certified by its issuing authority. Raises `NotFound(key_not_found)`."""
    return _signing_key(vault, issuer_of(reference, vault), material, now)


def _signing_key(vault: Vault, issuer: Issuer, material: AuthorityMaterial, now: Micros) -> NewPlatformKey:
    validity = Validity(now - _BACKDATED, now + _LEAF_YEARS * _YEAR)
    subject = _name("Chuanliu Platform", "Gateway")
    return _sealed(
        vault,
        material,
        issue_certificate(issuer, material.pair.public, subject, serial_from(material.serial), validity),
    )


def issuer_of(reference: Reference, vault: Vault) -> Issuer:
    """The issuing authority, opened. Raises `NotFound(key_not_found)` before the platform has keys."""
    key: PlatformKey | None = current_platform_key(reference, "issuing")
    if key is None:
        raise NotFound("key_not_found", "the platform has no certificate authority yet")
    return Issuer(key.certificate, vault.platform_private_key(key))


def certify_app(
    reference: Reference, vault: Vault, app: App, public_key: str, randomness: bytes, now: Micros
) -> NewCertificate:
    """A certificate for an app's public key. The subject is ours: the app's number, and its merchant's as the unit."""
    certificate = issue_certificate(
        issuer_of(reference, vault), public_key, _subject(app), serial_from(randomness), _leaf_validity(now)
    )
    return _certified(certificate)


def certify_request(
    reference: Reference, vault: Vault, app: App, csr: str, randomness: bytes, now: Micros
) -> NewCertificate:
    """As `certify_app`, for the key of a PKCS #10 request. Raises `Invalid(invalid_parameter, field="csr")`."""
    certificate = issue_from_request(
        issuer_of(reference, vault), csr, _subject(app), serial_from(randomness), _leaf_validity(now)
    )
    return _certified(certificate)


def _subject(app: App) -> DistinguishedName:
    return DistinguishedName("CN", "Chuanliu Merchants", str(app.merchant_id), str(app.app_id))


def _leaf_validity(now: Micros) -> Validity:
    return Validity(now - _BACKDATED, now + _LEAF_YEARS * _YEAR)


def _certified(certificate: str) -> NewCertificate:
    return NewCertificate(certificate, certificate_sn(certificate), certificate_public_key(certificate))


def require_name(name: str, field: str = "name") -> str:
    """A name of 1 to 128 printable characters, without blanks at its ends. Raises `Invalid(invalid_parameter)`."""
    plain = name.strip()
    if not 1 <= len(plain) <= 128 or not plain.isprintable():
        raise Invalid("invalid_parameter", f"{field} must be 1 to 128 printable characters", field=field)
    return plain


SEALING_RANDOMNESS: Final = SEAL_RANDOMNESS
"""Bytes of randomness that sealing one secret takes."""
