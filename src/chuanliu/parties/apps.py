"""Apps on the Alipay dialect: their keys, certificates, content encryption, and which platform key signs for them."""

from __future__ import annotations

from typing import Final

from chuanliu.clock import DAY, Micros
from chuanliu.crypto import spki_public
from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen, lock_reference, raise_version
from chuanliu.errors import NotFound
from chuanliu.ids import cell_of_party
from chuanliu.parties.key_material import require_name
from chuanliu.parties.merchants import require_merchant, store_app, store_app_key
from chuanliu.parties.numbering import lock_counter
from chuanliu.parties.platform_keys import current_signing_key, read_signing_keys
from chuanliu.parties.tables import APP, APP_KEY, KEYS_OF_APP, MERCHANT, App, AppKey

OVERLAP_DEFAULT: Final = DAY
"""How long a key that was rotated away stays valid, unless the merchant says otherwise."""


def _lock_app(keys: Keys, reference: Reference, app_id: int) -> None:
    """Apps live in their merchant's cell, which the snapshot tells and which never changes."""
    lock_reference(keys)
    for app in reference.find(APP, "app_id", app_id):
        keys.lock(APP, app.cell, app_id)
        keys.read(KEYS_OF_APP, app.cell, app_id)


def _locked_app(rows: Rows, context: Context, app_id: int) -> App:
    for known in context.reference.find(APP, "app_id", app_id):
        app = rows.get(APP, known.cell, app_id)
        if app is not None:
            return app
    raise NotFound("app_not_found")


def _end_keys(rows: Rows, app: App, end: Micros, version: int) -> None:
    for key in rows.find(KEYS_OF_APP, app.cell, app.app_id):
        if key.valid_until is None or key.valid_until > end:
            rows.update(APP_KEY, key.changed(valid_until=end, version=version))


class AddApp(Command[tuple[App, AppKey | None]], frozen=True):
    """A further app of a merchant. Raises `NotFound(merchant_not_found)`, `Invalid` for a malformed name or key."""

    merchant_id: int
    name: str
    public_key: str | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_reference(keys)
        lock_counter(keys)
        read_signing_keys(keys)
        keys.lock(MERCHANT, cell_of_party(self.merchant_id), self.merchant_id)

    def decide(self, rows: Rows, context: Context) -> tuple[App, AppKey | None]:
        merchant = require_merchant(rows, self.merchant_id)
        return store_app(rows, context, merchant, require_name(self.name), self.public_key, raise_version(rows))


class RevokeApp(Command[App], frozen=True):
    """Take an app off the wire for good. Raises `NotFound(app_not_found)`."""

    app_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_app(keys, reference, self.app_id)

    def decide(self, rows: Rows, context: Context) -> App:
        app = _locked_app(rows, context, self.app_id).changed(status="revoked", version=raise_version(rows))
        rows.update(APP, app)
        return app


class RotateAppKey(Command[AppKey], frozen=True):
    """A new public key of an app. Earlier ones, with their certificates, stay valid for `overlap` microseconds more.

    The key that is current already stays as it is. Raises `NotFound(app_not_found)`, `Invalid(invalid_parameter,
    field="public_key")`.
    """

    app_id: int
    public_key: str
    overlap: Micros = OVERLAP_DEFAULT

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_app(keys, reference, self.app_id)

    def decide(self, rows: Rows, context: Context) -> AppKey:
        app = _locked_app(rows, context, self.app_id)
        current = _current_key(rows, app)
        if current is not None and current.public_key == spki_public(self.public_key):
            return current
        version = raise_version(rows)
        _end_keys(rows, app, context.now + self.overlap, version)
        return store_app_key(rows, context, app, self.public_key, version)


class AddAppCertificate(Command[AppKey], frozen=True):
    """Give an app a certificate, as made by `certify_app` or `certify_request`.

    For the current public key it joins that key, which also goes on working without it (key mode). For another key it
    rotates to that one, with `overlap`. Raises `NotFound(app_not_found)`.
    """

    app_id: int
    public_key: str
    certificate: str
    cert_sn: str
    overlap: Micros = OVERLAP_DEFAULT

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_app(keys, reference, self.app_id)

    def decide(self, rows: Rows, context: Context) -> AppKey:
        app = _locked_app(rows, context, self.app_id)
        version = raise_version(rows)
        current = _current_key(rows, app)
        if current is not None and current.public_key == self.public_key and current.certificate is None:
            certified = current.changed(certificate=self.certificate, cert_sn=self.cert_sn, version=version)
            rows.update(APP_KEY, certified)
            return certified
        _end_keys(rows, app, context.now + self.overlap, version)
        return store_app_key(
            rows, context, app, self.public_key, version, certificate=self.certificate, cert_sn=self.cert_sn
        )


class SetEncryptKey(Command[App], frozen=True):
    """Set or, with None, remove the sealed key of content encryption. Raises `NotFound(app_not_found)`."""

    app_id: int
    aes_key_sealed: bytes | None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_app(keys, reference, self.app_id)

    def decide(self, rows: Rows, context: Context) -> App:
        app = _locked_app(rows, context, self.app_id)
        changed = app.changed(aes_key_sealed=self.aes_key_sealed, version=raise_version(rows))
        rows.update(APP, changed)
        return changed


class MoveToPlatformKey(Command[App], frozen=True):
    """From now on the platform's current signing key signs for this app. Raises `NotFound(app_not_found)`."""

    app_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_app(keys, reference, self.app_id)
        read_signing_keys(keys)

    def decide(self, rows: Rows, context: Context) -> App:
        app = _locked_app(rows, context, self.app_id)
        current = current_signing_key(rows)
        if app.platform_key_id == current.key_id:
            return app
        changed = app.changed(platform_key_id=current.key_id, version=raise_version(rows))
        rows.update(APP, changed)
        return changed


def _current_key(rows: Rows, app: App) -> AppKey | None:
    current = (key for key in rows.find(KEYS_OF_APP, app.cell, app.app_id) if key.valid_until is None)
    return next(current, None)
