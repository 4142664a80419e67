"""Rows of lenders and their products, and of what consumers have with them."""

from __future__ import annotations

from chuanliu.engine import Instant, Row, SmallInt, Table


class Lender(Row, frozen=True, gc=False):
    """A bank, or the platform as a lender: a party with accounts of its own."""

    cell: SmallInt
    lender_id: int
    code: str
    name: str
    name_zh: str
    kind: str
    status: str
    created_at: Instant
    version: int


class Product(Row, frozen=True, gc=False):
    """What a lender offers, in the lender's cell. `terms` is the JSON of `ProductTerms`: read it by `terms_of`.

    An `external` product is asked for at the bank, by `connector` at `endpoint`; an `own` one is in our books.
    """

    cell: SmallInt
    product_id: int
    lender_id: int
    code: str
    kind: str
    name: str
    name_zh: str
    currency: str
    funding: str
    status: str
    connector: str | None
    endpoint: str | None
    terms: bytes
    created_at: Instant
    version: int


class StoredCard(Row, frozen=True, gc=False):
    """A card in the vault. `sealed` holds number and expiry; `fingerprint` tells equal cards without opening them."""

    cell: SmallInt
    card_id: int
    consumer_id: int
    fingerprint: bytes
    sealed: bytes
    last4: str
    created_at: Instant


class Instrument(Row, frozen=True, gc=False):
    """A consumer's card, account at a bank, or line in our books, under her own consent.

    One of `card_id`, `account_ref` and `line_no` is set. `limit_minor` is that of a line in our books.
    """

    cell: SmallInt
    instrument_id: int
    consumer_id: int
    product_id: int
    kind: str
    line_no: SmallInt | None
    card_id: int | None
    account_ref: str | None
    masked: str
    limit_minor: int | None
    status: str
    consent_sha256: bytes
    consented_at: Instant
    created_at: Instant


LENDER: Table[Lender] = Table("lender", Lender, ("cell", "lender_id"), rank=16)
PRODUCT: Table[Product] = Table("product", Product, ("cell", "product_id"), rank=17)
STORED_CARD: Table[StoredCard] = Table("stored_card", StoredCard, ("cell", "card_id"), rank=24)
INSTRUMENT: Table[Instrument] = Table("instrument", Instrument, ("cell", "instrument_id"), rank=25)

LENDERS_OF_CELL = LENDER.index("of_cell", "cell")
PRODUCTS_OF_CELL = PRODUCT.index("of_cell", "cell")
CARDS_OF_CONSUMER = STORED_CARD.index("of_consumer", "cell", "consumer_id")
INSTRUMENTS_OF_CONSUMER = INSTRUMENT.index("of_consumer", "cell", "consumer_id")

LENDER_TABLES = (LENDER, PRODUCT)
"""Tables kept as a snapshot in each process."""
