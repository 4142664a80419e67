"""Lenders, products and instruments as the admin API and the command line show them. A card is shown by four digits."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chuanliu.clock import iso_text
from chuanliu.engine import Reference
from chuanliu.gateway.admin.documents import Document
from chuanliu.gateway.native.fields import Amount, amount
from chuanliu.lenders import (
    PRODUCT,
    InstrumentView,
    Lender,
    Product,
    consent_of,
    lender_document,
    lender_of,
    spec_of,
)

_Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class StatusChanges(_Body, frozen=True):
    """Whether a lender or product is suspended."""

    suspended: bool


class CardBody(_Body, frozen=True):
    """A card that a consumer links: its number, `MM/YY`, and her signature under the product's consent.

    `consent_sha256` is that of the text which she read, in hex. The text of this body shows nothing.
    """

    pan: str
    expiry: str
    pay_password: str
    consent_sha256: _Sha256

    def __repr__(self) -> str:
        return "CardBody(…)"


class LineBody(_Body, frozen=True):
    """A line that a consumer opens, or an account at a bank that she links, with her signature as in `CardBody`."""

    product: str
    pay_password: str
    consent_sha256: _Sha256
    limit: Amount | None = None
    account_ref: str | None = None

    def __repr__(self) -> str:
        return f"LineBody(product={self.product!r}, …)"


class InstrumentChanges(_Body, frozen=True):
    """What to change; absent fields stay."""

    suspended: bool | None = None
    limit: Amount | None = None


def lender_view(reference: Reference, lender: Lender) -> Document:
    """A lender with all its products. `definition` is what can be put back."""
    found = reference.find(PRODUCT, "lender_id", lender.lender_id)
    products = tuple(sorted(found, key=lambda product: product.product_id))
    return {
        "lender_id": str(lender.lender_id),
        "code": lender.code,
        "status": lender.status,
        "created_at": iso_text(lender.created_at),
        "products": [
            {"code": product.code, "product_id": str(product.product_id), "status": product.status}
            for product in products
        ],
        "definition": lender_document(spec_of(lender, products)),
    }


def product_view(reference: Reference, product: Product) -> Document:
    """A product with its lender's name and the consent that a consumer signs."""
    lender = lender_of(reference, product)
    consent = consent_of(lender, product)
    (definition,) = lender_document(spec_of(lender, (product,)))["products"]
    return {
        "product_id": str(product.product_id),
        "code": product.code,
        "status": product.status,
        "lender": _lender_names(lender),
        "consent": {"text": consent.text, "sha256": consent.sha256.hex()},
        "definition": definition,
    }


def _lender_names(lender: Lender) -> Document:
    return {"code": lender.code, "name": lender.name, "name_zh": lender.name_zh}


def instrument_view(view: InstrumentView) -> Document:
    """What a consumer has, under its lender's name. Amounts only of lines in our books: others are the bank's."""
    instrument, product = view.instrument, view.product
    document: Document = {
        "instrument_id": str(instrument.instrument_id),
        "kind": instrument.kind,
        "status": instrument.status,
        "masked": instrument.masked,
        "lender": _lender_names(view.lender),
        "product": {"code": product.code, "name": product.name, "name_zh": product.name_zh},
        "consent_sha256": instrument.consent_sha256.hex(),
        "consented_at": iso_text(instrument.consented_at),
    }
    if instrument.limit_minor is not None and view.used_minor is not None:
        document["limit"] = amount(instrument.limit_minor, product.currency)
        document["used"] = amount(max(0, view.used_minor), product.currency)
    return document
