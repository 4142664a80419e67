"""Who calls: the merchant of the API key in the `Authorization` header."""

from __future__ import annotations

from chuanliu.clock import Micros
from chuanliu.engine import Context, Keys, Query, Reference, Seen
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


class NewestReference(Query[Reference], frozen=True):
    """Reference data that is not older than the database: asked for before an unknown key is refused.

    A key may have been made by another process a moment ago, and the notice of it may still be on its way.
    """

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        """Nothing: the snapshot is refreshed before the answer where it is stale."""

    def answer(self, seen: Seen, context: Context) -> Reference:
        return context.reference
