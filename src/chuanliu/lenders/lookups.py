"""Which lenders and products there are, and whose card a number is: answers from the snapshot of reference data."""

from __future__ import annotations

from bisect import bisect_right

from chuanliu.engine import Reference
from chuanliu.errors import NotFound
from chuanliu.ids import cell_of_id, cell_of_party, is_shadow
from chuanliu.lenders.bins import BIN_DIGITS_MAX, edges
from chuanliu.lenders.tables import LENDER, PRODUCT, Lender, Product
from chuanliu.lenders.terms import terms_of

_Span = tuple[str, str, Product]


def lenders(reference: Reference, *, shadow: bool = False) -> tuple[Lender, ...]:
    """All lenders, in the order in which they came; those of rehearsals apart."""
    return reference.derived(_shadow_lenders if shadow else _real_lenders)


def products(reference: Reference, *, shadow: bool = False) -> tuple[Product, ...]:
    """All products that can be used: active ones of active lenders, by lender and then in the order of their making."""
    return reference.derived(_shadow_products if shadow else _real_products)


def serviced_products(reference: Reference, *, shadow: bool = False) -> list[Product]:
    """All products whose lines are in our books, suspended ones too, in the order of their making."""
    found = reference.find(PRODUCT, "funding", "own")
    return sorted((each for each in found if is_shadow(each.cell) == shadow), key=lambda each: each.product_id)


def find_lender(reference: Reference, code: str, *, shadow: bool = False) -> Lender:
    """A lender by its code. Raises `NotFound(lender_not_found)`."""
    for lender in reference.find(LENDER, "code", code):
        if is_shadow(lender.cell) == shadow:
            return lender
    raise NotFound("lender_not_found")


def lender_of(reference: Reference, product: Product) -> Lender:
    """The lender that offers a product."""
    lender = reference.get(LENDER, cell_of_party(product.lender_id), product.lender_id)
    if lender is None:
        raise NotFound("lender_not_found")
    return lender


def find_product(reference: Reference, product_id: int) -> Product | None:
    """A product by its number, suspended or not."""
    return reference.get(PRODUCT, cell_of_id(product_id), product_id)


def product_by_code(reference: Reference, code: str, *, shadow: bool = False) -> Product:
    """A product by its code, suspended or not. Raises `NotFound(product_not_found)`."""
    for product in reference.find(PRODUCT, "code", code):
        if is_shadow(product.cell) == shadow:
            return product
    raise NotFound("product_not_found")


def lender_of_bin(reference: Reference, pan: str, *, shadow: bool = False) -> Product | None:
    """The usable product whose cards begin as this number does; None for a card of nobody here.

    Eight digits are enough.
    """
    spans = reference.derived(_shadow_spans if shadow else _real_spans)
    start = pan[:BIN_DIGITS_MAX]
    at = bisect_right(spans, start, key=lambda span: span[0]) - 1
    return spans[at][2] if at >= 0 and len(start) == BIN_DIGITS_MAX and start <= spans[at][1] else None


def _lenders(reference: Reference, *, shadow: bool) -> tuple[Lender, ...]:
    found = (lender for lender in reference.all(LENDER) if is_shadow(lender.cell) == shadow)
    return tuple(sorted(found, key=lambda lender: lender.lender_id))


def _products(reference: Reference, *, shadow: bool) -> tuple[Product, ...]:
    return tuple(
        product
        for lender in lenders(reference, shadow=shadow)
        if lender.status == "active"
        for product in sorted(
            reference.find(PRODUCT, "lender_id", lender.lender_id), key=lambda product: product.product_id
        )
        if product.status == "active"
    )


def _spans(reference: Reference, *, shadow: bool) -> list[_Span]:
    found = [
        (*edges(span), product) for product in products(reference, shadow=shadow) for span in terms_of(product).bins
    ]
    return sorted(found, key=lambda span: span[0])


def _real_lenders(reference: Reference) -> tuple[Lender, ...]:
    return _lenders(reference, shadow=False)


def _shadow_lenders(reference: Reference) -> tuple[Lender, ...]:
    return _lenders(reference, shadow=True)


def _real_products(reference: Reference) -> tuple[Product, ...]:
    return _products(reference, shadow=False)


def _shadow_products(reference: Reference) -> tuple[Product, ...]:
    return _products(reference, shadow=True)


def _real_spans(reference: Reference) -> list[_Span]:
    return _spans(reference, shadow=False)


def _shadow_spans(reference: Reference) -> list[_Span]:
    return _spans(reference, shadow=True)
