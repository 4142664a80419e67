"""Webhook endpoints: where a merchant wants its events, and the secrets that sign for them."""

from __future__ import annotations

import re
from typing import Final

from chuanliu.clock import DAY, Micros
from chuanliu.engine import (
    Command,
    Context,
    Keys,
    Reference,
    Rows,
    Seen,
    change_reference,
    lock_reference,
    raise_version,
)
from chuanliu.errors import Invalid, NotFound
from chuanliu.ids import cell_of_id, cell_of_party
from chuanliu.parties.merchants import require_merchant
from chuanliu.parties.tables import MERCHANT, WEBHOOK_ENDPOINT, WebhookEndpoint

URL_CHARACTERS_MAX: Final = 1024
SECRET_OVERLAP_DEFAULT: Final = DAY

_URL: Final = re.compile(r"https?://[^\s/?#]+[^\s]*\Z")
_KINDS: Final = re.compile(r"\*|[a-z][a-z_.]{0,63}(,[a-z][a-z_.]{0,63}){0,31}\Z")


def _require_url(url: str) -> str:
    if len(url) > URL_CHARACTERS_MAX or not url.isprintable() or not _URL.match(url):
        raise Invalid("invalid_parameter", "url must be http:// or https:// and at most 1024 characters", field="url")
    return url


def _require_kinds(kinds: str) -> str:
    if not _KINDS.match(kinds):
        raise Invalid("invalid_parameter", "kinds must be * or a list of event kinds", field="kinds")
    return kinds


def _lock_endpoint(keys: Keys, endpoint_id: int) -> None:
    lock_reference(keys)
    keys.lock(WEBHOOK_ENDPOINT, cell_of_id(endpoint_id), endpoint_id)


def _owned(rows: Rows, merchant_id: int, endpoint_id: int) -> WebhookEndpoint:
    """The locked endpoint. One of another merchant, or deleted, does not exist."""
    endpoint = rows.get(WEBHOOK_ENDPOINT, cell_of_id(endpoint_id), endpoint_id)
    if endpoint is None or endpoint.merchant_id != merchant_id or endpoint.status == "deleted":
        raise NotFound("webhook_not_found")
    return endpoint


class AddWebhook(Command[WebhookEndpoint], frozen=True):
    """Add an endpoint. `endpoint_id` is a fresh id in the merchant's cell, as the sealed secret is bound to it.

    `kinds` is `*` or a comma list of event kinds. Raises `NotFound(merchant_not_found)`, `Invalid` for url and kinds.
    """

    merchant_id: int
    endpoint_id: int
    url: str
    kinds: str
    secret_sealed: bytes

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_endpoint(keys, self.endpoint_id)
        keys.lock(MERCHANT, cell_of_party(self.merchant_id), self.merchant_id)

    def decide(self, rows: Rows, context: Context) -> WebhookEndpoint:
        merchant = require_merchant(rows, self.merchant_id)
        if cell_of_id(self.endpoint_id) != merchant.cell:
            raise ValueError("the id of an endpoint carries its merchant's cell")
        endpoint = WebhookEndpoint(
            merchant.cell,
            self.endpoint_id,
            self.merchant_id,
            _require_url(self.url),
            _require_kinds(self.kinds),
            "active",
            self.secret_sealed,
            None,
            None,
            context.now,
            raise_version(rows),
        )
        rows.insert(WEBHOOK_ENDPOINT, endpoint)
        return endpoint


class UpdateWebhook(Command[WebhookEndpoint], frozen=True):
    """Change what is not None. A disabled endpoint gets nothing until it is active again.

    Raises `NotFound(webhook_not_found)`, `Invalid` for url and kinds.
    """

    merchant_id: int
    endpoint_id: int
    url: str | None = None
    kinds: str | None = None
    disabled: bool | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_endpoint(keys, self.endpoint_id)

    def decide(self, rows: Rows, context: Context) -> WebhookEndpoint:
        endpoint = _owned(rows, self.merchant_id, self.endpoint_id)
        changed = endpoint.changed(
            url=endpoint.url if self.url is None else _require_url(self.url),
            kinds=endpoint.kinds if self.kinds is None else _require_kinds(self.kinds),
            status=endpoint.status if self.disabled is None else ("disabled" if self.disabled else "active"),
        )
        return change_reference(rows, WEBHOOK_ENDPOINT, endpoint, changed)


class DeleteWebhook(Command[None], frozen=True):
    """Delete an endpoint; its deliveries stay on record. Raises `NotFound(webhook_not_found)`."""

    merchant_id: int
    endpoint_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_endpoint(keys, self.endpoint_id)

    def decide(self, rows: Rows, context: Context) -> None:
        endpoint = _owned(rows, self.merchant_id, self.endpoint_id)
        rows.update(WEBHOOK_ENDPOINT, endpoint.changed(status="deleted", version=raise_version(rows)))


class RotateWebhookSecret(Command[WebhookEndpoint], frozen=True):
    """A new secret, sealed by the caller. The former one signs beside it for `overlap` microseconds more.

    Raises `NotFound(webhook_not_found)`.
    """

    merchant_id: int
    endpoint_id: int
    secret_sealed: bytes
    overlap: Micros = SECRET_OVERLAP_DEFAULT

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_endpoint(keys, self.endpoint_id)

    def decide(self, rows: Rows, context: Context) -> WebhookEndpoint:
        endpoint = _owned(rows, self.merchant_id, self.endpoint_id)
        changed = endpoint.changed(
            secret_sealed=self.secret_sealed,
            previous_secret_sealed=endpoint.secret_sealed,
            previous_valid_until=context.now + self.overlap,
            version=raise_version(rows),
        )
        rows.update(WEBHOOK_ENDPOINT, changed)
        return changed
