"""Merchants: adding, blocking, and the API keys by which they are known."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from chuanliu.clock import Micros
from chuanliu.crypto import spki_public
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
from chuanliu.errors import Invalid, NotFound, Refused
from chuanliu.ids import cell_of_id, cell_of_party
from chuanliu.ledger import Chart
from chuanliu.parties.key_material import NewApiKey, require_name
from chuanliu.parties.numbering import lock_counter, next_app, next_party, open_first_account
from chuanliu.parties.platform_keys import PLATFORM_CELL, current_signing_key, read_signing_keys
from chuanliu.parties.tables import API_KEY, APP, APP_KEY, MERCHANT, ApiKey, App, AppKey, Merchant

FEE_BPS_MAX = 10_000
_CATEGORY: Final = re.compile(r"([0-9]{4})?\Z", re.ASCII)


class AddedMerchant(msgspec.Struct, frozen=True):
    """A new merchant with its first app, that app's key, and its first API key."""

    merchant: Merchant
    app: App | None
    app_key: AppKey | None
    api_key: ApiKey | None


def require_merchant(rows: Rows, merchant_id: int) -> Merchant:
    """The merchant whose row the command has locked. Raises `NotFound(merchant_not_found)`."""
    merchant = rows.get(MERCHANT, cell_of_party(merchant_id), merchant_id)
    if merchant is None:
        raise NotFound("merchant_not_found")
    return merchant


def _require_category(category: str) -> str:
    if not _CATEGORY.match(category):
        raise Invalid("invalid_parameter", "category must be a merchant category code of four digits", field="category")
    return category


def store_app(
    rows: Rows, context: Context, merchant: Merchant, name: str, public_key: str | None, version: int
) -> tuple[App, AppKey | None]:
    """A new app of a merchant under the current platform key, with its public key where that is known already."""
    signing = current_signing_key(rows)
    app = App(
        merchant.cell,
        next_app(rows),
        merchant.merchant_id,
        name,
        "active",
        None,
        None,
        signing.key_id,
        context.now,
        version,
    )
    rows.insert(APP, app)
    if public_key is None:
        return app, None
    return app, store_app_key(rows, context, app, public_key, version)


def store_app_key(
    rows: Rows,
    context: Context,
    app: App,
    public_key: str,
    version: int,
    *,
    certificate: str | None = None,
    cert_sn: str | None = None,
) -> AppKey:
    """A new current key of an app. Raises `Invalid(invalid_parameter, field="public_key")`."""
    key_id = context.new_id(app.cell)
    spki = spki_public(public_key)
    key = AppKey(app.cell, key_id, app.app_id, spki, certificate, cert_sn, None, context.now, version)
    rows.insert(APP_KEY, key)
    return key


def _store_api_key(rows: Rows, context: Context, merchant_id: int, new: NewApiKey, version: int) -> ApiKey:
    scope = "merchant" if merchant_id else "admin"
    cell = cell_of_party(merchant_id) if merchant_id else PLATFORM_CELL
    key = ApiKey(cell, context.new_id(cell), merchant_id, scope, new.sha256, new.hint, None, context.now, version)
    rows.insert(API_KEY, key)
    return key


class AddMerchant(Command[AddedMerchant], frozen=True):
    """Add a merchant with accounts in CNY and, unless it is only a sub-merchant, an app and an API key.

    `fee_bps` is the platform's fee, 0 to 10 000. With `platform_id` it is a sub-merchant of that merchant.
    `public_key` is the app's; without one nobody can sign for the app until it gets one.
    Raises `Invalid` for a malformed name, fee, category or key, `NotFound(merchant_not_found)` for an unknown platform.
    """

    name: str
    fee_bps: int = 0
    refund_needs_funds: bool = False
    platform_id: int | None = None
    public_key: str | None = None
    api_key: NewApiKey | None = None
    with_app: bool = True
    shadow: bool = False
    category: str = ""

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_reference(keys)
        lock_counter(keys)
        read_signing_keys(keys)
        if self.platform_id is not None:
            keys.lock(MERCHANT, cell_of_party(self.platform_id), self.platform_id)

    def decide(self, rows: Rows, context: Context) -> AddedMerchant:
        name = require_name(self.name)
        if not 0 <= self.fee_bps <= FEE_BPS_MAX:
            raise Invalid("invalid_parameter", "fee_bps must be 0 to 10000", field="fee_bps")
        if self.platform_id is not None and require_merchant(rows, self.platform_id).platform_id is not None:
            raise Refused("merchant_not_found", "a sub-merchant has none of its own", field="platform_id")
        version = raise_version(rows)
        merchant_id = next_party(rows, shadow=self.shadow)
        merchant = Merchant(
            cell_of_party(merchant_id),
            merchant_id,
            self.platform_id,
            name,
            "active",
            self.fee_bps,
            self.refund_needs_funds,
            _require_category(self.category),
            context.now,
            version,
        )
        rows.insert(MERCHANT, merchant)
        for chart in (Chart.MERCHANT_RECEIVABLE, Chart.MERCHANT_SETTLED):
            open_first_account(rows, context, merchant_id, chart, "CNY")
        app: App | None = None
        app_key: AppKey | None = None
        if self.with_app:
            app, app_key = store_app(rows, context, merchant, name, self.public_key, version)
        api_key = None
        if self.api_key is not None:
            api_key = _store_api_key(rows, context, merchant_id, self.api_key, version)
        return AddedMerchant(merchant, app, app_key, api_key)


class OpenSeller(Command[Merchant], frozen=True):
    """Let a party that is there already, such as a lender, receive payments under its own number, without a fee.

    Asked again, the outcome is the merchant as it is. Raises `Invalid` for a malformed name.
    """

    party_id: int
    name: str

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_reference(keys)
        keys.lock(MERCHANT, cell_of_party(self.party_id), self.party_id)

    def decide(self, rows: Rows, context: Context) -> Merchant:
        known = rows.get(MERCHANT, cell_of_party(self.party_id), self.party_id)
        if known is not None:
            return known
        version = raise_version(rows)
        cell = cell_of_party(self.party_id)
        merchant = Merchant(
            cell, self.party_id, None, require_name(self.name), "active", 0, False, "", context.now, version
        )
        rows.insert(MERCHANT, merchant)
        for chart in (Chart.MERCHANT_RECEIVABLE, Chart.MERCHANT_SETTLED):
            open_first_account(rows, context, self.party_id, chart, "CNY")
        return merchant


class ChangeMerchant(Command[Merchant], frozen=True):
    """Change what is not None: `blocked` stops new orders and payments; refunds and queries go on.

    Raises `NotFound(merchant_not_found)` and `Invalid` as `AddMerchant` does.
    """

    merchant_id: int
    name: str | None = None
    blocked: bool | None = None
    fee_bps: int | None = None
    refund_needs_funds: bool | None = None
    category: str | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_reference(keys)
        keys.lock(MERCHANT, cell_of_party(self.merchant_id), self.merchant_id)

    def decide(self, rows: Rows, context: Context) -> Merchant:
        merchant = require_merchant(rows, self.merchant_id)
        if self.fee_bps is not None and not 0 <= self.fee_bps <= FEE_BPS_MAX:
            raise Invalid("invalid_parameter", "fee_bps must be 0 to 10000", field="fee_bps")
        changed = merchant.changed(
            name=merchant.name if self.name is None else require_name(self.name),
            status=merchant.status if self.blocked is None else ("blocked" if self.blocked else "active"),
            fee_bps=merchant.fee_bps if self.fee_bps is None else self.fee_bps,
            refund_needs_funds=(
                merchant.refund_needs_funds if self.refund_needs_funds is None else self.refund_needs_funds
            ),
            category=merchant.category if self.category is None else _require_category(self.category),
        )
        return change_reference(rows, MERCHANT, merchant, changed)


class AddApiKey(Command[ApiKey], frozen=True):
    """A further API key of a merchant, or an administrator's (merchant 0). Raises `NotFound(merchant_not_found)`."""

    merchant_id: int
    api_key: NewApiKey

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_reference(keys)
        if self.merchant_id:
            keys.lock(MERCHANT, cell_of_party(self.merchant_id), self.merchant_id)

    def decide(self, rows: Rows, context: Context) -> ApiKey:
        if self.merchant_id:
            require_merchant(rows, self.merchant_id)
        return _store_api_key(rows, context, self.merchant_id, self.api_key, raise_version(rows))


class EndApiKey(Command[ApiKey], frozen=True):
    """Revoke an API key at once, or after `overlap` microseconds. It never lives longer than was said before.

    Raises `NotFound(key_not_found)`, also for a key of somebody other than `merchant_id`.
    """

    merchant_id: int
    key_id: int
    overlap: Micros = 0

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_reference(keys)
        keys.lock(API_KEY, cell_of_id(self.key_id), self.key_id)

    def decide(self, rows: Rows, context: Context) -> ApiKey:
        key = rows.get(API_KEY, cell_of_id(self.key_id), self.key_id)
        if key is None or key.merchant_id != self.merchant_id:
            raise NotFound("key_not_found")
        return _end_api_key(rows, key, context.now + self.overlap, raise_version(rows))


class RotateApiKey(Command[ApiKey], frozen=True):
    """A new API key; all others of the merchant end after `overlap`. Raises `NotFound(merchant_not_found)`."""

    merchant_id: int
    api_key: NewApiKey
    overlap: Micros

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_reference(keys)
        cell = cell_of_party(self.merchant_id)
        keys.lock(MERCHANT, cell, self.merchant_id)
        keys.read(KEYS_OF_MERCHANT, cell, self.merchant_id)

    def decide(self, rows: Rows, context: Context) -> ApiKey:
        merchant = require_merchant(rows, self.merchant_id)
        version = raise_version(rows)
        for key in rows.find(KEYS_OF_MERCHANT, merchant.cell, merchant.merchant_id):
            _end_api_key(rows, key, context.now + self.overlap, version)
        return _store_api_key(rows, context, self.merchant_id, self.api_key, version)


def _end_api_key(rows: Rows, key: ApiKey, end: Micros, version: int) -> ApiKey:
    if key.valid_until is not None and key.valid_until <= end:
        return key
    ended = key.changed(valid_until=end, version=version)
    rows.update(API_KEY, ended)
    return ended


KEYS_OF_MERCHANT = API_KEY.index("of_merchant", "cell", "merchant_id")
