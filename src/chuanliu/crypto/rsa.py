"""RSA keys as bare base64 or PEM, and PKCS #1 v1.5 signatures (RFC 8017, section 8.2).

Every key travels as text. Parsing one costs more than verifying with it, so parsed keys are kept in bounded caches.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from chuanliu.errors import Invalid

SignType = Literal["RSA2", "RSA"]
"""Names of the Alipay wire: RSA2 is SHA-256, RSA is SHA-1 (old merchants only)."""

_KEY_BITS: Final = 2048
_ACCEPTED_BITS: Final = range(1024, 4097)
_PADDING: Final = padding.PKCS1v15()
_DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    "RSA2": hashes.SHA256(),
    "RSA": hashes.SHA1(),  # noqa: S303 - the wire's `RSA`, kept for merchants that still sign with it
}


class RsaKeyPair(NamedTuple):
    """PKCS #8 private and SPKI public key, both bare base64."""

    private: str
    public: str


def generate_key_pair() -> RsaKeyPair:
    """A fresh 2048-bit pair. Takes tens of milliseconds: keep it off the event loop."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return RsaKeyPair(b64encode(pkcs8).decode(), _spki_text(key.public_key()))


@lru_cache(maxsize=512)
def private_key(text: str) -> rsa.RSAPrivateKey:
    """Read a PKCS #8 or PKCS #1 private key, PEM or bare base64. Raises `Invalid(invalid_parameter)`."""
    try:
        key = load_der_private_key(_der(text, "private_key"), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Invalid("invalid_parameter", "private_key is not an RSA key", field="private_key") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size not in _ACCEPTED_BITS:
        raise Invalid("invalid_parameter", "private_key must be RSA of 1024 to 4096 bits", field="private_key")
    return key


@lru_cache(maxsize=8192)
def public_key(text: str) -> rsa.RSAPublicKey:
    """Read an SPKI or PKCS #1 public key, PEM or bare base64. Raises `Invalid(invalid_parameter)`."""
    try:
        key = load_der_public_key(_der(text, "public_key"))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Invalid("invalid_parameter", "public_key is not an RSA key", field="public_key") from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size not in _ACCEPTED_BITS:
        raise Invalid("invalid_parameter", "public_key must be RSA of 1024 to 4096 bits", field="public_key")
    return key


def pkcs1_private(text: str) -> str:
    """The private key as bare base64 of PKCS #1, the only form that the official Python SDK reads."""
    der = private_key(text).private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return b64encode(der).decode()


def pkcs8_private(text: str) -> str:
    """The private key as bare base64 of PKCS #8."""
    return b64encode(private_key(text).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


def spki_public(text: str) -> str:
    """The public key as bare base64 of its SubjectPublicKeyInfo: one canonical text for one key."""
    return _spki_text(public_key(text))


def public_of_private(text: str) -> str:
    """The public half of a private key, as bare base64 SPKI."""
    return _spki_text(private_key(text).public_key())


def sign(message: bytes, key: str, sign_type: SignType = "RSA2") -> str:
    """Base64 signature. About 0.5 ms for 2048 bits with the GIL released: run it in a thread where it is hot."""
    return b64encode(private_key(key).sign(message, _PADDING, _DIGESTS[sign_type])).decode()


def verify(message: bytes, signature: str, key: str, sign_type: SignType = "RSA2") -> bool:
    """Whether the base64 signature is the key's over the message. Malformed base64 is False, never an exception.

    Raises `Invalid` only for a key that cannot be read.
    """
    try:
        raw = b64decode(signature, validate=True)
        public_key(key).verify(raw, message, _PADDING, _DIGESTS[sign_type])
    except (InvalidSignature, ValueError):  # binascii.Error and a non-ASCII text are ValueErrors
        return False
    return True


def _spki_text(key: rsa.RSAPublicKey) -> str:
    return b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def _der(text: str, field: str) -> bytes:
    """Bytes of a PEM block or of bare base64; line breaks and blanks are ignored in both."""
    lines = [line.strip() for line in text.strip().splitlines()]
    if lines and lines[0].startswith("-----BEGIN"):
        lines = [line for line in lines if not line.startswith("-----")]
    try:
        return b64decode("".join(lines).replace(" ", ""), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("invalid_parameter", f"{field} is neither PEM nor base64", field=field) from None
