"""What the admin API takes and gives. Secrets are given once, in the answer that makes them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from chuanliu.clock import Micros, iso_text
from chuanliu.engine import Reference
from chuanliu.gateway.native.fields import END, Amount, amount
from chuanliu.parties import (
    API_KEY,
    APP,
    APP_KEY,
    PLATFORM_KEY,
    ApiKey,
    App,
    AppKey,
    ConsumerView,
    Merchant,
    PlatformKey,
    signing_key_of,
)

OverlapSeconds = Annotated[int, msgspec.Meta(ge=0, le=90 * 86_400)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Category = Annotated[str, msgspec.Meta(pattern="^([0-9]{4})?" + END)]
_FeeBps = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class MerchantBody(_Body, frozen=True):
    """A new merchant. Without `public_key` a key pair is made.

    With `platform_id` it is a sub-merchant, which gets neither app nor keys.
    """

    name: _Name
    fee_bps: _FeeBps = 0
    refund_needs_funds: bool = False
    platform_id: str | None = None
    public_key: str | None = None
    category: _Category = ""


class MerchantChanges(_Body, frozen=True):
    """What to change; absent fields stay."""

    name: _Name | None = None
    blocked: bool | None = None
    fee_bps: _FeeBps | None = None
    refund_needs_funds: bool | None = None
    category: _Category | None = None


class AppBody(_Body, frozen=True):
    """A further app. Without `public_key` a key pair is made."""

    name: _Name
    public_key: str | None = None


class KeyBody(_Body, frozen=True):
    """Another key of an app; without `public_key` a pair is made. The former stays valid for `overlap_s`."""

    public_key: str | None = None
    overlap_s: OverlapSeconds = 86_400


class ApiKeyBody(_Body, frozen=True):
    """A further API key. With `replace` all others end after `overlap_s`."""

    replace: bool = False
    overlap_s: OverlapSeconds = 86_400


class CertificateBody(_Body, frozen=True):
    """A certificate for the app's key, or for the key of a request (`csr`, PEM)."""

    csr: str | None = None
    renew: bool = False


class EncryptKeyBody(_Body, frozen=True):
    """Switches content encryption on under a fresh key, or off."""

    enabled: bool = True


class ConsumerBody(_Body, frozen=True):
    """A new sandbox consumer. Without `pay_password` one is made up."""

    name: _Name = "沙箱用户"
    balance: Amount | None = None
    confirm_above: Amount | None = None
    pay_password: str | None = None


class ConsumerChanges(_Body, frozen=True):
    """What to change; absent fields stay."""

    blocked: bool | None = None
    confirm_above: Amount | None = None
    pay_password: str | None = None


class CodesBody(_Body, frozen=True):
    """Payment codes of a sandbox consumer."""

    count: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    valid_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 60


class TopUpBody(_Body, frozen=True):
    """Sandbox money for a consumer."""

    amount: Amount


Document = dict[str, Any]


def _until(at: Micros | None) -> str | None:
    return None if at is None else iso_text(at)


def merchant_document(reference: Reference, merchant: Merchant) -> Document:
    """A merchant with its apps and API keys."""
    merchant_id = merchant.merchant_id
    return {
        "seller_id": str(merchant_id),
        "name": merchant.name,
        "status": merchant.status,
        "platform_id": str(merchant.platform_id) if merchant.platform_id is not None else None,
        "fee_bps": merchant.fee_bps,
        "refund_needs_funds": merchant.refund_needs_funds,
        "category": merchant.category,
        "created_at": iso_text(merchant.created_at),
        "apps": [app_document(reference, app) for app in reference.find(APP, "merchant_id", merchant_id)],
        "api_keys": [api_key_document(key) for key in reference.find(API_KEY, "merchant_id", merchant_id)],
    }


def app_document(reference: Reference, app: App) -> Document:
    """An app with its public keys and the platform's that signs for it."""
    signing = signing_key_of(reference, app)
    return {
        "app_id": str(app.app_id),
        "seller_id": str(app.merchant_id),
        "name": app.name,
        "status": app.status,
        "encrypted": app.aes_key_sealed is not None,
        "platform_public_key": signing.public_key,
        "platform_cert_sn": signing.cert_sn,
        "keys": [app_key_document(key) for key in reference.find(APP_KEY, "app_id", app.app_id)],
    }


def app_key_document(key: AppKey) -> Document:
    """A public key of an app."""
    return {
        "key_id": str(key.key_id),
        "public_key": key.public_key,
        "cert_sn": key.cert_sn,
        "created_at": iso_text(key.created_at),
        "valid_until": _until(key.valid_until),
    }


def api_key_document(key: ApiKey) -> Document:
    """An API key, known by how it begins."""
    return {
        "key_id": str(key.key_id),
        "begins": key.hint,
        "created_at": iso_text(key.created_at),
        "valid_until": _until(key.valid_until),
    }


def platform_key_document(key: PlatformKey) -> Document:
    """A key of the platform, without its private half."""
    return {
        "key_id": str(key.key_id),
        "purpose": key.purpose,
        "status": key.status,
        "public_key": key.public_key,
        "cert_sn": key.cert_sn,
        "certificate": key.certificate,
        "created_at": iso_text(key.created_at),
    }


def platform_key_documents(reference: Reference) -> list[Document]:
    """All keys of the platform."""
    return [platform_key_document(key) for key in reference.all(PLATFORM_KEY)]


def consumer_document(view: ConsumerView) -> Document:
    """A consumer with the balance."""
    consumer = view.consumer
    balance_minor = view.account.balance_minor if view.account is not None else 0
    return {
        "user_id": str(consumer.consumer_id),
        "name": consumer.name,
        "status": consumer.status,
        "balance": amount(balance_minor, "CNY"),
        "confirm_above": amount(consumer.confirm_above_minor, "CNY"),
        "created_at": iso_text(consumer.created_at),
        "locked_until": _until(consumer.locked_until),
    }
