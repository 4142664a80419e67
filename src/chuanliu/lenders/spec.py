"""What a lender and its products are to be: what files, the API and commands hand on, and what can be wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

from chuanliu.lenders.bins import bin_flaw, bin_text, overlap
from chuanliu.lenders.terms import CARD_KINDS, Connector, Flaw, Funding, ProductKind, ProductTerms, terms_flaws
from chuanliu.money import CURRENCIES

LenderKind = Literal["bank", "platform"]

CODE_LENGTH_MAX: Final = 32
NAME_LENGTH_MAX: Final = 64

_CODE: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_HOST_AND_PORT: Final = re.compile(r"[A-Za-z0-9._-]{1,253}:([0-9]{1,5})|\[[0-9A-Fa-f:]{2,45}\]:([0-9]{1,5})", re.ASCII)
_URL: Final = re.compile(r"https?://[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]{0,500})?", re.ASCII)


class ProductSpec(msgspec.Struct, frozen=True):
    """A product as somebody wants it. `suspended` None leaves it as it is; a new one is then open."""

    code: str
    kind: ProductKind
    name: str
    name_zh: str
    currency: str
    funding: Funding
    connector: Connector | None
    endpoint: str | None
    terms: ProductTerms
    suspended: bool | None = None


class LenderSpec(msgspec.Struct, frozen=True):
    """A lender with products as somebody wants them."""

    code: str
    kind: LenderKind
    name: str
    name_zh: str
    products: tuple[ProductSpec, ...]
    suspended: bool | None = None


def lender_flaws(spec: LenderSpec) -> Iterator[Flaw]:
    """All that is wrong with a lender and its products, as far as it can be told without other lenders."""
    yield from naming_flaws(spec.code, spec.name, spec.name_zh)
    yield from products_flaws(list(enumerate(spec.products)), spec.kind)


def products_flaws(products: Sequence[tuple[int, ProductSpec]], lender_kind: str) -> Iterator[Flaw]:
    """All that is wrong with these products of one lender, each with its number in the list that paths count in."""
    for position, (number, product) in enumerate(products):
        at = f"products[{number}]"
        yield from (Flaw(f"{at}.{flaw.path}", flaw.message) for flaw in product_flaws(product, lender_kind))
        yield from _flaws_among(products[:position], product, at)


def product_flaws(spec: ProductSpec, lender_kind: str) -> Iterator[Flaw]:
    """All that is wrong with one product of a lender of this kind."""
    yield from naming_flaws(spec.code, spec.name, spec.name_zh)
    if spec.currency not in CURRENCIES:
        yield Flaw("currency", "is not a currency that is supported here")
    if spec.kind in CARD_KINDS and spec.funding != "external":
        yield Flaw("funding", "a card is external: its bank lends")
    if spec.kind == "credit_line" and spec.funding != "own":
        yield Flaw("funding", "a credit line is own: its debt is in our books")
    if lender_kind == "platform" and spec.funding != "own":
        yield Flaw("funding", "the platform asks no bank: its products are own")
    if spec.funding == "own" and spec.terms.line_limit_minor == 0:
        yield Flaw("line_limit", "must be more than nothing: it is what a new line gets")
    yield from _connection_flaws(spec)
    yield from terms_flaws(spec.terms, spec.kind)


def naming_flaws(code: str, name: str, name_zh: str) -> Iterator[Flaw]:
    """What is wrong with a code and the two names."""
    if len(code) > CODE_LENGTH_MAX or _CODE.fullmatch(code) is None:
        yield Flaw("code", f"must be 1 to {CODE_LENGTH_MAX} of a-z, 0-9 and single hyphens, and begin with a letter")
    for field, text in (("name", name), ("name_zh", name_zh)):
        if text != text.strip() or not 1 <= len(text) <= NAME_LENGTH_MAX or not text.isprintable():
            yield Flaw(field, f"must be 1 to {NAME_LENGTH_MAX} printable characters without blanks at its ends")


def _connection_flaws(spec: ProductSpec) -> Iterator[Flaw]:
    given = {"connector": spec.connector, "endpoint": spec.endpoint}
    if spec.funding == "own":
        yield from (Flaw(name, "an own product calls no bank") for name, value in given.items() if value is not None)
        return
    missing = [name for name, value in given.items() if value is None]
    yield from (Flaw(name, "is missing: an external product is asked for at the bank") for name in missing)
    if missing or spec.connector is None or spec.endpoint is None:
        return
    if (spec.connector == "credit-pay") != (spec.kind == "bank_credit_pay"):
        yield Flaw("connector", f"a {spec.kind} does not speak {spec.connector}")
    elif spec.connector == "credit-pay":
        if _URL.fullmatch(spec.endpoint) is None:
            yield Flaw("endpoint", "must be an http(s) URL")
    else:
        match = _HOST_AND_PORT.fullmatch(spec.endpoint)
        if match is None or not 1 <= int(match[1] or match[2]) <= 65_535:
            yield Flaw("endpoint", "must be host:port")


def _flaws_among(earlier: Sequence[tuple[int, ProductSpec]], product: ProductSpec, at: str) -> Iterator[Flaw]:
    for number, other in earlier:
        if other.code == product.code:
            yield Flaw(f"{at}.code", f"{product.code} is that of products[{number}]")
        for each, span in enumerate(product.terms.bins):
            for other_span in other.terms.bins:
                if bin_flaw(span) or bin_flaw(other_span) or not overlap(span, other_span):
                    continue
                yield Flaw(
                    f"{at}.bins[{each}]",
                    f"{bin_text(span)} overlaps with {bin_text(other_span)} of products[{number}] ({other.code})",
                )
