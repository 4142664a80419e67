"""Who calls: the merchant of the API key in the `Authorization` header."""

from __future__ import annotations

from hashlib import sha256

from chuanliu.clock import Micros
from chuanliu.engine import Reference
from chuanliu.errors import Forbidden, Unauthenticated
from chuanliu.parties import API_KEY, ApiKey


class Keyring:
    """Answers from a cache of the keys that were used under the present snapshot of reference data.

    Only keys that exist are cached, so the cache is never larger than the table.
    """

    def __init__(self) -> None:
        self._reference: Reference | None = None
        self._known: dict[str, ApiKey] = {}

    def merchant_of(self, authorization: str | None, reference: Reference, now: Micros) -> int:
        """The merchant's number. Raises `Unauthenticated` without a valid key, `Forbidden` for an admin key."""
        if authorization is None:
            raise Unauthenticated("api_key_missing")
        scheme, _, text = authorization.partition(" ")
        if scheme != "Bearer" and scheme.lower() != "bearer":
            raise Unauthenticated("api_key_missing", "the Authorization header must be Bearer and an API key")
        if reference is not self._reference:
            self._reference = reference
            self._known = {}
        key = self._known.get(text)
        if key is None:
            rows = reference.find(API_KEY, "sha256", sha256(text.encode("utf-8", "surrogateescape")).digest())
            if not rows:
                raise Unauthenticated("api_key_invalid")
            key = self._known[text] = rows[0]
        if key.valid_until is not None and key.valid_until <= now:
            raise Unauthenticated("api_key_invalid")
        if key.scope != "merchant":
            raise Forbidden("forbidden")
        return key.merchant_id
