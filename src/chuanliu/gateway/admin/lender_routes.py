"""Lenders and products in the admin API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chuanliu.engine import Reference
from chuanliu.errors import Invalid, NotFound
from chuanliu.gateway.admin.documents import Document
from chuanliu.gateway.admin.lender_documents import StatusChanges, lender_view, product_view
from chuanliu.gateway.admin.operation import Operation, RawBody
from chuanliu.gateway.composition import Services
from chuanliu.lenders import (
    ApplyLender,
    ChangeLender,
    Problem,
    SuspendProduct,
    find_lender,
    lender_of_bin,
    lenders,
    product_by_code,
    read_lender_file,
)
from chuanliu.parties import ReadReference

Params = Mapping[str, str]
_PROBLEMS_SHOWN: Final = 20


async def _fresh(services: Services) -> Reference:
    return await services.engine.ask(ReadReference())


async def list_lenders(services: Services, _body: None, _params: Params) -> Document:
    """All lenders."""
    reference = await _fresh(services)
    return {"lenders": [lender_view(reference, lender) for lender in lenders(reference)]}


async def show_lender(services: Services, _body: None, params: Params) -> Document:
    """One lender."""
    reference = await _fresh(services)
    return lender_view(reference, find_lender(reference, params["lender_code"]))


async def put_lender(services: Services, body: RawBody, params: Params) -> Document:
    """A lender with its products, as JSON or as the YAML of a file: all of it or, with a problem, nothing."""
    read = read_lender_file(body.text, as_json=body.media_type == "application/json")
    if read.spec is None:
        raise problems_error(read.problems)
    if read.spec.code != params["lender_code"]:
        raise Invalid("invalid_parameter", "code: is another than the path's", field="code")
    applied = await services.engine.submit(ApplyLender(read.spec))
    return {
        **lender_view(await _fresh(services), applied.lender),
        "added": list(applied.added),
        "changed": list(applied.changed),
    }


def problems_error(problems: list[Problem]) -> Invalid:
    """All problems of a file as one error: the first as its sentence, each with its place among the details."""
    first = problems[0]
    shown = "\n".join(map(str, problems[:_PROBLEMS_SHOWN]))
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Invalid("invalid_parameter", f"{first}{more}", field=first.path or None, problems=shown)


async def change_lender(services: Services, body: StatusChanges, params: Params) -> Document:
    """Suspend a lender or open it again."""
    lender = find_lender(await _fresh(services), params["lender_code"])
    changed = await services.engine.submit(ChangeLender(lender.lender_id, suspended=body.suspended))
    return lender_view(await _fresh(services), changed)


async def show_product(services: Services, _body: None, params: Params) -> Document:
    """One product with its consent."""
    reference = await _fresh(services)
    return product_view(reference, product_by_code(reference, params["product_code"]))


async def change_product(services: Services, body: StatusChanges, params: Params) -> Document:
    """Suspend a product or open it again."""
    product = product_by_code(await _fresh(services), params["product_code"])
    changed = await services.engine.submit(SuspendProduct(product.product_id, body.suspended))
    return product_view(await _fresh(services), changed)


async def show_product_of_bin(services: Services, _body: None, params: Params) -> Document:
    """The product whose cards begin with these eight digits: what a wallet asks before it shows a consent."""
    reference = await _fresh(services)
    digits = params["digits"]
    product = lender_of_bin(reference, digits) if len(digits) == 8 and digits.isascii() and digits.isdigit() else None
    if product is None:
        raise NotFound("product_not_found", "no product has cards that begin so; ask with the first eight digits")
    return product_view(reference, product)


_LENDER: Final = "/admin/v1/lenders/{lender_code}"
_PRODUCT: Final = "/admin/v1/products/{product_code}"

LENDER_OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", "/admin/v1/lenders", None, list_lenders),
    Operation("GET", _LENDER, None, show_lender),
    Operation("PUT", _LENDER, RawBody, put_lender),
    Operation("PATCH", _LENDER, StatusChanges, change_lender),
    Operation("GET", _PRODUCT, None, show_product),
    Operation("PATCH", _PRODUCT, StatusChanges, change_product),
    Operation("GET", "/admin/v1/bins/{digits}", None, show_product_of_bin),
)
