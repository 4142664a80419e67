"""Standard Webhooks signatures (standardwebhooks.com, specification 1.0).

A signature is `v1,base64(hmac_sha256(secret, "id.timestamp.body"))`.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final

from chuanliu.errors import Invalid

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = range(24, 65)


def secret_text(randomness: bytes) -> str:
    """A secret as it is shown: `whsec_` and base64. 24 to 64 bytes, else `ValueError`."""
    if len(randomness) not in _SECRET_BYTES:
        raise ValueError("a webhook secret has 24 to 64 bytes")
    return _PREFIX + b64encode(randomness).decode()


def sign_webhook(secrets: Sequence[str], message_id: str, timestamp_seconds: int, body: bytes) -> str:
    """Value of the `webhook-signature` header: one signature a secret (several during rotation), blanks between."""
    return " ".join(_signature(secret, message_id, timestamp_seconds, body) for secret in secrets)


def verify_webhook(secret: str, message_id: str, timestamp_seconds: int, body: bytes, header: str) -> bool:
    """Whether one of the header's signatures is the secret's. The caller judges the age of the timestamp."""
    expected = _signature(secret, message_id, timestamp_seconds, body).encode()
    # All are compared, each in constant time, so that timing says nothing about position or content.
    return sum(hmac.compare_digest(expected, given.encode()) for given in header.split(" ")) > 0


def _signature(secret: str, message_id: str, timestamp_seconds: int, body: bytes) -> str:
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        raise Invalid("invalid_parameter", "a webhook secret is whsec_ and base64", field="secret") from None
    signed = f"{message_id}.{timestamp_seconds}.".encode() + body
    return "v1," + b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
