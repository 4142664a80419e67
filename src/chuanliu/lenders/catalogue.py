"""Commands of the catalogue: lenders and their products, put and changed under the one lock of reference data.

All lenders and products are read behind that lock, so that two operators at once cannot claim the same card numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen, lock_reference, raise_version
from chuanliu.errors import Conflict, Invalid, NotFound
from chuanliu.ids import CELLS, SHADOW_OFFSET, cell_of_id, cell_of_party, is_shadow
from chuanliu.ledger import Chart
from chuanliu.lenders.bins import bin_text, overlap
from chuanliu.lenders.spec import LenderKind, LenderSpec, ProductSpec, lender_flaws, product_flaws
from chuanliu.lenders.tables import LENDER, LENDERS_OF_CELL, PRODUCT, PRODUCTS_OF_CELL, Lender, Product
from chuanliu.lenders.terms import Flaw, read_terms, terms_of
from chuanliu.parties import lock_counter, next_party, open_first_account

_ACCOUNTS: Final = (Chart.LENDER_FUNDING, Chart.LENDER_FEE_INCOME, Chart.BANK_CLEARING)


class AppliedLender(msgspec.Struct, frozen=True):
    """A lender after a change. `added` and `changed` are the codes of what was new and of what is now otherwise."""

    lender: Lender
    products: tuple[Product, ...]
    added: tuple[str, ...]
    changed: tuple[str, ...]


def _cells(shadow: bool) -> range:
    first = SHADOW_OFFSET if shadow else 0
    return range(first, first + CELLS)


def _lock_catalogue(keys: Keys, *, shadow: bool) -> None:
    lock_reference(keys)
    for cell in _cells(shadow):
        keys.read(LENDERS_OF_CELL, cell)
        keys.read(PRODUCTS_OF_CELL, cell)


def _all_lenders(rows: Rows, shadow: bool) -> Iterator[Lender]:
    for cell in _cells(shadow):
        yield from rows.find(LENDERS_OF_CELL, cell)


def _all_products(rows: Rows, shadow: bool) -> Iterator[Product]:
    for cell in _cells(shadow):
        yield from rows.find(PRODUCTS_OF_CELL, cell)


def _require_lender(rows: Rows, lender_id: int) -> Lender:
    cell = cell_of_party(lender_id)
    for lender in rows.find(LENDERS_OF_CELL, cell):
        if lender.lender_id == lender_id:
            return lender
    raise NotFound("lender_not_found")


def _require_sound(flaws: Iterator[Flaw]) -> None:
    flaw = next(flaws, None)
    if flaw is not None:
        raise Invalid("invalid_parameter", f"{flaw.path}: {flaw.message}", field=flaw.path)


class _Changes:
    """What one command changes of the catalogue: written at the end under one version, or not at all."""

    def __init__(self, rows: Rows, context: Context, *, shadow: bool) -> None:
        self._rows = rows
        self._context = context
        self._shadow = shadow
        self._version = 0
        self.added: list[str] = []
        self.changed: list[str] = []

    def _next_version(self) -> int:
        if not self._version:
            self._version = raise_version(self._rows)
        return self._version

    def add_lender(self, code: str, name: str, name_zh: str, kind: str, suspended: bool | None) -> Lender:
        """A new lender with its accounts. Raises `Conflict(code_taken)`."""
        if any(other.code == code for other in _all_lenders(self._rows, self._shadow)):
            raise Conflict("code_taken", f"{code} is another lender's code", field="code")
        lender_id = next_party(self._rows, shadow=self._shadow)
        status = "suspended" if suspended else "active"
        now = self._context.now
        cell = cell_of_party(lender_id)
        lender = Lender(cell, lender_id, code, name, name_zh, kind, status, now, self._next_version())
        self._rows.insert(LENDER, lender)
        for chart in _ACCOUNTS:
            open_first_account(self._rows, self._context, lender_id, chart, "CNY")
        self.added.append(code)
        return lender

    def put_lender(self, lender: Lender, name: str | None, name_zh: str | None, suspended: bool | None) -> Lender:
        """Names and status of a lender; what is None stays."""
        wanted = lender.changed(
            name=name or lender.name,
            name_zh=name_zh or lender.name_zh,
            status=_status(lender.status, suspended),
        )
        if wanted == lender:
            return lender
        wanted = wanted.changed(version=self._next_version())
        self._rows.update(LENDER, wanted)
        self.changed.append(lender.code)
        return wanted

    def put_product(self, lender: Lender, spec: ProductSpec, beside: frozenset[str] = frozenset()) -> Product:
        """A new product, or other terms of the one with this code. `beside` are codes that this command puts too.

        Raises `Conflict(code_taken)`, `Invalid`: bin_overlap, invalid_parameter for another kind, currency or funding.
        """
        known = None
        for other in _all_products(self._rows, self._shadow):
            if other.code != spec.code:
                # Ranges may wander between products of one file, whatever their order there.
                if other.code not in beside:
                    self._require_apart(spec, other)
            elif other.lender_id != lender.lender_id:
                raise Conflict("code_taken", f"{spec.code} is a product of another lender", field="code")
            else:
                known = other
        return self._add_product(lender, spec) if known is None else self._change_product(known, spec)

    def _require_apart(self, spec: ProductSpec, other: Product) -> None:
        for span in spec.terms.bins:
            for other_span in terms_of(other).bins:
                if overlap(span, other_span):
                    raise Invalid(
                        "bin_overlap",
                        f"{bin_text(span)} of {spec.code} overlaps with {bin_text(other_span)} of {other.code}",
                        field="bins",
                    )

    def _add_product(self, lender: Lender, spec: ProductSpec) -> Product:
        product = Product(
            lender.cell,
            self._context.new_id(lender.cell),
            lender.lender_id,
            spec.code,
            spec.kind,
            spec.name,
            spec.name_zh,
            spec.currency,
            spec.funding,
            "suspended" if spec.suspended else "active",
            spec.connector,
            spec.endpoint,
            msgspec.json.encode(spec.terms),
            self._context.now,
            self._next_version(),
        )
        self._rows.insert(PRODUCT, product)
        self.added.append(spec.code)
        return product

    def _change_product(self, product: Product, spec: ProductSpec) -> Product:
        for field in ("kind", "currency", "funding"):
            if getattr(product, field) != getattr(spec, field):
                message = f"{field} of {spec.code} never changes: put another product under a code of its own"
                raise Invalid("invalid_parameter", message, field=field)
        wanted = product.changed(
            name=spec.name,
            name_zh=spec.name_zh,
            connector=spec.connector,
            endpoint=spec.endpoint,
            # Equal terms stay the bytes that they were, whatever wrote them.
            terms=product.terms if terms_of(product) == spec.terms else msgspec.json.encode(spec.terms),
            status=_status(product.status, spec.suspended),
        )
        return self.put_row(product, wanted)

    def put_row(self, product: Product, wanted: Product) -> Product:
        """A product's row, where it differs."""
        if wanted == product:
            return product
        wanted = wanted.changed(version=self._next_version())
        self._rows.update(PRODUCT, wanted)
        self.changed.append(product.code)
        return wanted


def _status(status: str, suspended: bool | None) -> str:
    return status if suspended is None else "suspended" if suspended else "active"


class AddLender(Command[Lender], frozen=True):
    """Add a lender, with accounts in CNY, and without products.

    Raises `Invalid` for code and names, `Conflict(code_taken)`.
    """

    code: str
    name: str
    name_zh: str
    kind: LenderKind = "bank"
    shadow: bool = False

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_counter(keys)
        _lock_catalogue(keys, shadow=self.shadow)

    def decide(self, rows: Rows, context: Context) -> Lender:
        _require_sound(lender_flaws(LenderSpec(self.code, self.kind, self.name, self.name_zh, ())))
        changes = _Changes(rows, context, shadow=self.shadow)
        return changes.add_lender(self.code, self.name, self.name_zh, self.kind, None)


class ChangeLender(Command[Lender], frozen=True):
    """Change what is not None. A suspended lender's products are offered to nobody; what is owed stays owed.

    Raises `NotFound(lender_not_found)`, `Invalid` for names.
    """

    lender_id: int
    name: str | None = None
    name_zh: str | None = None
    suspended: bool | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_catalogue(keys, shadow=is_shadow(cell_of_party(self.lender_id)))

    def decide(self, rows: Rows, context: Context) -> Lender:
        lender = _require_lender(rows, self.lender_id)
        name = lender.name if self.name is None else self.name
        name_zh = lender.name_zh if self.name_zh is None else self.name_zh
        _require_sound(lender_flaws(LenderSpec(lender.code, "bank", name, name_zh, ())))
        changes = _Changes(rows, context, shadow=is_shadow(lender.cell))
        return changes.put_lender(lender, name, name_zh, self.suspended)


class PutProduct(Command[Product], frozen=True):
    """Add a product to a lender, or give the one with this code other terms.

    Raises `NotFound(lender_not_found)`, `Conflict(code_taken)` where another lender has the code, `Invalid`:
    bin_overlap naming both products and ranges, invalid_parameter naming the field.
    """

    lender_id: int
    spec: ProductSpec

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_catalogue(keys, shadow=is_shadow(cell_of_party(self.lender_id)))

    def decide(self, rows: Rows, context: Context) -> Product:
        lender = _require_lender(rows, self.lender_id)
        _require_sound(product_flaws(self.spec, lender.kind))
        return _Changes(rows, context, shadow=is_shadow(lender.cell)).put_product(lender, self.spec)


class SuspendProduct(Command[Product], frozen=True):
    """Offer a product to nobody, or, with `suspended` false, to everybody again. Raises `NotFound(product_not_found)`.

    Refunds of what was paid with it go on.
    """

    product_id: int
    suspended: bool = True

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_reference(keys)
        keys.lock(PRODUCT, cell_of_id(self.product_id), self.product_id)

    def decide(self, rows: Rows, context: Context) -> Product:
        product = rows.get(PRODUCT, cell_of_id(self.product_id), self.product_id)
        if product is None:
            raise NotFound("product_not_found")
        changes = _Changes(rows, context, shadow=is_shadow(product.cell))
        return changes.put_row(product, product.changed(status=_status(product.status, self.suspended)))


class ApplyLender(Command[AppliedLender], frozen=True):
    """Make a lender and its products what a file says, all or nothing. What the file does not name stays as it is.

    Raises as `AddLender` and `PutProduct` do, with paths into the file, and `Invalid` for another kind of lender.
    """

    spec: LenderSpec
    shadow: bool = False

    @property
    def weight(self) -> int:
        """Rows that this may touch."""
        return 8 + 2 * len(self.spec.products)

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_counter(keys)
        _lock_catalogue(keys, shadow=self.shadow)

    def decide(self, rows: Rows, context: Context) -> AppliedLender:
        spec = self.spec
        _require_sound(lender_flaws(spec))
        changes = _Changes(rows, context, shadow=self.shadow)
        lender = next((each for each in _all_lenders(rows, self.shadow) if each.code == spec.code), None)
        if lender is None:
            lender = changes.add_lender(spec.code, spec.name, spec.name_zh, spec.kind, spec.suspended)
        elif lender.kind != spec.kind:
            raise Invalid("invalid_parameter", "kind: a lender's kind never changes", field="kind")
        else:
            lender = changes.put_lender(lender, spec.name, spec.name_zh, spec.suspended)
        products = []
        codes = frozenset(product.code for product in spec.products)
        for number, each in enumerate(spec.products):
            try:
                products.append(changes.put_product(lender, each, codes))
            except (Invalid, Conflict) as error:
                at = f"products[{number}].{error.field}"
                raise type(error)(error.code, f"{at}: {error.message}", field=at) from None
        return AppliedLender(lender, tuple(products), tuple(changes.added), tuple(changes.changed))


def spec_of(lender: Lender, products: tuple[Product, ...]) -> LenderSpec:
    """A lender as a file would say it; what is suspended says so."""
    return msgspec.convert(
        {
            "code": lender.code,
            "kind": lender.kind,
            "name": lender.name,
            "name_zh": lender.name_zh,
            "suspended": True if lender.status == "suspended" else None,
            "products": [
                {
                    "code": product.code,
                    "kind": product.kind,
                    "name": product.name,
                    "name_zh": product.name_zh,
                    "currency": product.currency,
                    "funding": product.funding,
                    "connector": product.connector,
                    "endpoint": product.endpoint,
                    "terms": msgspec.to_builtins(read_terms(product.terms)),
                    "suspended": True if product.status == "suspended" else None,
                }
                for product in products
            ],
        },
        LenderSpec,
    )
