"""Lenders as files: one lender with its products, read into specifications or into everything that is wrong with it.

The JSON of the admin API has the same shape. `docs/lenders.md` explains each member.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast, get_args

import yaml

from chuanliu.lenders.billing_file import billing_document, read_billing
from chuanliu.lenders.bins import bin_text, overlap
from chuanliu.lenders.marked_values import Marked, Problem, Unreadable, Value, read_json, read_yaml
from chuanliu.lenders.members import Members
from chuanliu.lenders.spec import LenderKind, LenderSpec, ProductSpec, naming_flaws, products_flaws
from chuanliu.lenders.terms import Connector, FeeMethod, Flaw, Funding, InstalmentTerms, ProductKind, ProductTerms
from chuanliu.money import format_amount

FILE_LENGTH_MAX: Final = 512 * 1024
_STATUSES: Final = ("active", "suspended")
_HOLIDAY_RULES: Final = ("none", "next-business-day")
_REFUND_POLICIES: Final = ("from-the-last", "evenly")
_ROUNDINGS: Final = ("half-even", "half-up", "up", "down")
_REMAINDERS: Final = ("first", "last")


class LenderFile:
    """What was read: `spec`, or the `problems` for which there is none. `marked` tells where things are."""

    def __init__(self, spec: LenderSpec | None, problems: list[Problem], marked: Marked | None = None) -> None:
        self.spec = spec
        self.problems = problems
        self.marked = marked


def read_lender_file(text: str, *, as_json: bool = False) -> LenderFile:
    """Read a lender's YAML, or the JSON of the same shape. Raises nothing: whatever is wrong is a problem."""
    if len(text) > FILE_LENGTH_MAX:
        return LenderFile(None, [Problem(None, None, "", f"longer than {FILE_LENGTH_MAX} characters")])
    try:
        marked = read_json(text) if as_json else read_yaml(text)
    except Unreadable as error:
        return LenderFile(None, [error.problem])
    flaws: list[Flaw] = []
    spec = _read_lender(marked.value, flaws)
    if flaws:
        return LenderFile(None, marked.problems(flaws), marked)
    return LenderFile(spec, [], marked)


def _read_lender(value: Value, flaws: list[Flaw]) -> LenderSpec:
    members = Members(value, "", flaws)
    code, name, name_zh = members.text("code"), members.text("name"), members.text("name_zh")
    kind = members.choice("kind", get_args(LenderKind), "bank")
    suspended = _read_status(members)
    products = list(members.each("products")) if members.is_mapping else []
    members.end()
    if not flaws:
        flaws.extend(naming_flaws(code, name, name_zh))
    read: list[ProductSpec] = []
    sound: list[tuple[int, ProductSpec]] = []
    for number, (path, product) in enumerate(products):
        before = len(flaws)
        read.append(_read_product(product, path, flaws))
        # What could not be read is not weighed: one mistake, one line.
        if len(flaws) == before:
            sound.append((number, read[-1]))
    flaws.extend(products_flaws(sound, kind))
    return LenderSpec(code, cast("LenderKind", kind), name, name_zh, tuple(read), suspended)


def _read_status(members: Members) -> bool | None:
    status = members.optional_text("status")
    if status is None:
        return None
    return members.choice("status", _STATUSES) == "suspended"


def _read_product(value: Value, path: str, flaws: list[Flaw]) -> ProductSpec:
    members = Members(value, path, flaws)
    code, name, name_zh = members.text("code"), members.text("name"), members.text("name_zh")
    kind = members.choice("kind", get_args(ProductKind))
    currency = members.text("currency", "CNY")
    funding = members.choice("funding", get_args(Funding))
    connector = None
    if members.optional_text("connector") is not None:
        connector = members.choice("connector", get_args(Connector))
    terms = ProductTerms(
        bins=tuple(_read_bin(each, at, flaws) for at, each in members.each("bins", required=False)),
        order_min_minor=members.amount("order_min", currency),
        order_max_minor=members.amount("order_max", currency),
        line_limit_minor=members.amount("line_limit", currency, "0"),
        instalments=tuple(
            _read_instalment(each, at, flaws) for at, each in members.each("instalments", required=False)
        ),
        statement_day=members.optional_whole("statement_day"),
        due_day=members.optional_whole("due_day"),
        due_after_days=members.optional_whole("due_after_days"),
        holiday_rule=cast("Any", members.choice("holiday_rule", _HOLIDAY_RULES, "none")),
        refund_policy=cast("Any", members.choice("refund_policy", _REFUND_POLICIES, "from-the-last")),
        early_repayment_fee_refunded=members.truth("early_repayment_fee_refunded", True),
        fee_refunded=members.truth("fee_refunded", True),
        rounding=cast("Any", members.choice("rounding", _ROUNDINGS, "half-even")),
        remainder=cast("Any", members.choice("remainder", _REMAINDERS, "first")),
        consent_text=members.text("consent"),
        bank_keys=tuple(_read_bank_key(each, at, flaws) for at, each in members.each("bank_keys", required=False)),
        billing=read_billing(members.mapping("billing"), currency, flaws),
    )
    endpoint, suspended = members.optional_text("endpoint"), _read_status(members)
    members.end()
    return ProductSpec(
        code,
        cast("ProductKind", kind),
        name,
        name_zh,
        currency,
        cast("Funding", funding),
        cast("Connector | None", connector),
        endpoint,
        terms,
        suspended,
    )


def _read_bin(value: Value, path: str, flaws: list[Flaw]) -> tuple[str, str]:
    if not isinstance(value, str):
        flaws.append(Flaw(path, "must be text such as 900101-900199"))
        return "", ""
    first, hyphen, last = value.partition("-")
    return first.strip(), last.strip() if hyphen else first.strip()


def _read_bank_key(value: Value, path: str, flaws: list[Flaw]) -> tuple[str, str]:
    members = Members(value, path, flaws)
    key = members.text("id"), members.text("public_key")
    members.end()
    return key


def _read_instalment(value: Value, path: str, flaws: list[Flaw]) -> InstalmentTerms:
    members = Members(value, path, flaws)
    instalment = InstalmentTerms(
        members.whole("count"),
        cast("FeeMethod", members.choice("method", get_args(FeeMethod), "flat")),
        members.optional_text("buyer_pct"),
        members.optional_text("sponsored_pct"),
    )
    members.end()
    return instalment


def problems_across(files: Sequence[LenderFile]) -> list[tuple[int, Problem]]:
    """What files of several lenders dispute about, each with the number of the later file: codes and card numbers."""
    found: list[tuple[int, Problem]] = []
    earlier: list[LenderSpec] = []
    for number, file in enumerate(files):
        if file.spec is None or file.marked is None:
            continue
        for other in earlier:
            found += [(number, problem) for problem in file.marked.problems(_disputes(file.spec, other))]
        earlier.append(file.spec)
    return found


def _disputes(spec: LenderSpec, other: LenderSpec) -> Iterator[tuple[str, str]]:
    if spec.code == other.code:
        yield "code", f"{spec.code} is the code of another file's lender"
    for number, product in enumerate(spec.products):
        at = f"products[{number}]"
        for theirs in other.products:
            if product.code == theirs.code:
                yield f"{at}.code", f"{product.code} is a product of {other.code}"
            for each, span in enumerate(product.terms.bins):
                for their_span in theirs.terms.bins:
                    if overlap(span, their_span):
                        message = f"overlaps with {bin_text(their_span)} of {theirs.code} of {other.code}"
                        yield f"{at}.bins[{each}]", f"{bin_text(span)} {message}"


def lender_document(spec: LenderSpec) -> dict[str, Any]:
    """A lender as files and the API write it. What it says is read back as the same specification."""
    return {
        "code": spec.code,
        "kind": spec.kind,
        "name": spec.name,
        "name_zh": spec.name_zh,
        **_status_member(spec.suspended),
        "products": [_product_document(product) for product in spec.products],
    }


def _status_member(suspended: bool | None) -> dict[str, Any]:
    return {} if suspended is None else {"status": "suspended" if suspended else "active"}


def _product_document(spec: ProductSpec) -> dict[str, Any]:
    terms = spec.terms
    document: dict[str, Any] = {
        "code": spec.code,
        "kind": spec.kind,
        "name": spec.name,
        "name_zh": spec.name_zh,
        **_status_member(spec.suspended),
        "currency": spec.currency,
        "funding": spec.funding,
        "connector": spec.connector,
        "endpoint": spec.endpoint,
        "bins": [bin_text(span) for span in terms.bins] or None,
        "order_min": format_amount(terms.order_min_minor, spec.currency),
        "order_max": format_amount(terms.order_max_minor, spec.currency),
        "line_limit": format_amount(terms.line_limit_minor, spec.currency) if spec.funding == "own" else None,
        "statement_day": terms.statement_day,
        "due_day": terms.due_day,
        "due_after_days": terms.due_after_days,
        "holiday_rule": terms.holiday_rule,
        "refund_policy": terms.refund_policy,
        "early_repayment_fee_refunded": terms.early_repayment_fee_refunded,
        "fee_refunded": terms.fee_refunded,
        "rounding": terms.rounding,
        "remainder": terms.remainder,
        "instalments": [_instalment_document(each) for each in terms.instalments] or None,
        "consent": terms.consent_text,
        "billing": billing_document(terms.billing, spec.currency),
        "bank_keys": [{"id": key_id, "public_key": key} for key_id, key in terms.bank_keys] or None,
    }
    return {name: value for name, value in document.items() if value is not None}


def _instalment_document(instalment: InstalmentTerms) -> dict[str, Any]:
    prices = {"buyer_pct": instalment.buyer_pct, "sponsored_pct": instalment.sponsored_pct}
    given = {name: price for name, price in prices.items() if price is not None}
    return {"count": instalment.count, "method": instalment.method, **given}


def lender_yaml(spec: LenderSpec) -> str:
    """A lender's file."""
    text: str = yaml.safe_dump(lender_document(spec), allow_unicode=True, sort_keys=False, width=100)
    return text
