"""Rows of merchants, their apps and keys, consumers and payment codes."""

from __future__ import annotations

from chuanliu.engine import Instant, Integer, Row, SmallInt, Table


class Merchant(Row, frozen=True, gc=False):
    """A seller. `platform_id` is set for a sub-merchant; `fee_bps` is the platform's fee on each payment, rounded half
    up.

    With `refund_needs_funds` a refund is refused when the merchant's receivable does not cover it. `category` is the
    merchant category code (ISO 18245); empty where it is not known.
    """

    cell: SmallInt
    merchant_id: int
    platform_id: int | None
    name: str
    status: str
    fee_bps: Integer
    refund_needs_funds: bool
    category: str
    created_at: Instant
    version: int


class App(Row, frozen=True, gc=False):
    """An application of a merchant on the Alipay dialect. `platform_key_id` is the platform key that it was given."""

    cell: SmallInt
    app_id: int
    merchant_id: int
    name: str
    status: str
    notify_url: str | None
    aes_key_sealed: bytes | None
    platform_key_id: int
    created_at: Instant
    version: int


class AppKey(Row, frozen=True, gc=False):
    """A public key (bare base64 SPKI) of an app, in certificate mode with its certificate (PEM) and serial hash."""

    cell: SmallInt
    key_id: int
    app_id: int
    public_key: str
    certificate: str | None
    cert_sn: str | None
    valid_until: Instant | None
    created_at: Instant
    version: int


class PlatformKey(Row, frozen=True, gc=False):
    """A key pair of the platform: signing answers, or one of the certificate authority's."""

    cell: SmallInt
    key_id: int
    purpose: str
    status: str
    private_key_sealed: bytes
    public_key: str
    certificate: str
    cert_sn: str
    created_at: Instant
    version: int


class ApiKey(Row, frozen=True, gc=False):
    """A key of the native, lender or admin API; only its SHA-256 is kept.

    `merchant_id` is the merchant's number, a lender's with the scope `lender`, or 0 for an admin key.
    """

    cell: SmallInt
    key_id: int
    merchant_id: int
    scope: str
    sha256: bytes
    hint: str
    valid_until: Instant | None
    created_at: Instant
    version: int


class WebhookEndpoint(Row, frozen=True, gc=False):
    """Where a merchant wants its events. `kinds` is a comma list, or `*`."""

    cell: SmallInt
    endpoint_id: int
    merchant_id: int
    url: str
    kinds: str
    status: str
    secret_sealed: bytes
    previous_secret_sealed: bytes | None
    previous_valid_until: Instant | None
    created_at: Instant
    version: int


class Consumer(Row, frozen=True, gc=False):
    """A person with a wallet. Payments by code above `confirm_above_minor` wait for the payer to confirm.

    `failed_attempts` counts wrong pay passwords in a row; until `locked_until` none is tried at all.
    """

    cell: SmallInt
    consumer_id: int
    name: str
    status: str
    pay_password_hash: str
    confirm_above_minor: int
    created_at: Instant
    failed_attempts: SmallInt = 0
    locked_until: Instant | None = None


class PartyCounter(Row, frozen=True, gc=False):
    """The last numbers given to parties and apps."""

    cell: SmallInt
    last_serial: int
    last_shadow_serial: int
    last_app: int


class PaymentCode(Row, frozen=True, gc=False):
    """What a wallet shows at a till: valid once and until `expires_at`. One quote can be made by it: `quote_id`."""

    cell: SmallInt
    code: int
    consumer_id: int
    confirm_above_minor: int
    expires_at: Instant
    used_at: Instant | None
    quote_id: int | None = None


MERCHANT: Table[Merchant] = Table("merchant", Merchant, ("cell", "merchant_id"), rank=10)
APP: Table[App] = Table("app", App, ("cell", "app_id"), rank=11)
APP_KEY: Table[AppKey] = Table("app_key", AppKey, ("cell", "key_id"), rank=12)
PLATFORM_KEY: Table[PlatformKey] = Table("platform_key", PlatformKey, ("cell", "key_id"), rank=13)
API_KEY: Table[ApiKey] = Table("api_key", ApiKey, ("cell", "key_id"), rank=14)
WEBHOOK_ENDPOINT: Table[WebhookEndpoint] = Table("webhook_endpoint", WebhookEndpoint, ("cell", "endpoint_id"), rank=15)
PARTY_COUNTER: Table[PartyCounter] = Table("party_counter", PartyCounter, ("cell",), rank=2)
CONSUMER: Table[Consumer] = Table("consumer", Consumer, ("cell", "consumer_id"), rank=20)
PAYMENT_CODE: Table[PaymentCode] = Table("payment_code", PaymentCode, ("cell", "code"), rank=30)

KEYS_OF_APP = APP_KEY.index("of_app", "cell", "app_id")
KEYS_OF_PURPOSE = PLATFORM_KEY.index("of_purpose", "cell", "purpose")

REFERENCE_TABLES = (MERCHANT, APP, APP_KEY, PLATFORM_KEY, API_KEY, WEBHOOK_ENDPOINT)
"""Tables kept as a snapshot in each process."""
