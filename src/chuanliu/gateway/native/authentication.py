"""Who calls: the merchant of the API key in the `Authorization` header."""

from __future__ import annotations

from chuanliu.clock import Micros
from chuanliu.engine import Reference
from chuanliu.errors import Forbidden, Unauthenticated
from chuanliu.parties import api_key_of


def merchant_of(authorization: str | None, reference: Reference, now: Micros) -> int:
    """The merchant's number. Raises `Unauthenticated` without a valid key, `Forbidden` for an administrator's key."""
    if authorization is None:
        raise Unauthenticated("api_key_missing")
    scheme, _, text = authorization.partition(" ")
    if scheme != "Bearer" and scheme.lower() != "bearer":
        raise Unauthenticated("api_key_missing", "the Authorization header must be Bearer and an API key")
    key = api_key_of(reference, text, now)
    if key is None:
        raise Unauthenticated("api_key_invalid")
    if key.scope != "merchant":
        raise Forbidden("forbidden")
    return key.merchant_id
