"""A campaign's terms: for what it is, how often it may be used, and what it goes together with."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

import msgspec

from chuanliu.errors import Invalid

CONSUMERS_MAX: Final = 10_000
MERCHANTS_MAX: Final = 10_000
LIST_MAX: Final = 1_000
INSTALMENTS: Final = frozenset({3, 6, 9, 12, 18, 24})
PRODUCT_KINDS: Final = frozenset({"credit_card", "bank_credit_pay", "credit_line", "debit_card"})
USES_MAX: Final = 2**31 - 1
WARN_AT_DEFAULT_BPS: Final = 8_000

_CATEGORIES: Final = re.compile(r"([0-9]{4})(?:-([0-9]{4}))?\Z", re.ASCII)
_GROUP: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z", re.ASCII)
_STORE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z", re.ASCII)


class CampaignTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an order must be like; an empty list means any. Lists of one kind are alternatives, kinds add up.

    `categories` are merchant category codes, single or as inclusive ranges (`5732`, `5000-5999`). `amount_*_minor` are
    inclusive. `first_use_only`: the consumer has never used the product. `per_day_uses` counts all consumers on one
    business day in Asia/Shanghai. Stackable campaigns of one `stack_group` go together, the lower `priority` first.
    `warn_at_bps` of a sponsor's budget used warns the owner.
    """

    lenders: frozenset[int] = frozenset()
    products: frozenset[int] = frozenset()
    product_kinds: frozenset[str] = frozenset()
    merchants: frozenset[int] = frozenset()
    stores: frozenset[str] = frozenset()
    categories: tuple[str, ...] = ()
    instalments: frozenset[int] = frozenset()
    amount_min_minor: int = 0
    amount_max_minor: int | None = None
    consumers: frozenset[int] = frozenset()
    first_use_only: bool = False
    per_consumer_uses: int | None = None
    per_consumer_day_uses: int | None = None
    per_day_uses: int | None = None
    stacking: Literal["exclusive", "stackable"] = "exclusive"
    stack_group: str = ""
    priority: int = 100
    warn_at_bps: int = WARN_AT_DEFAULT_BPS

    @property
    def limits_uses(self) -> bool:
        """Whether uses by one consumer are counted."""
        counted = (self.per_consumer_uses, self.per_consumer_day_uses)
        return self.first_use_only or any(most is not None for most in counted)


_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder(CampaignTerms).decode


def terms_bytes(terms: CampaignTerms) -> bytes:
    """Terms as a campaign's row keeps them."""
    return _encode(terms)


@lru_cache(maxsize=1024)
def terms_of(stored: bytes) -> CampaignTerms:
    """The terms in a campaign's row."""
    return _decode(stored)


def category_range(text: str) -> tuple[str, str] | None:
    """First and last code of a category or range, or None where it is malformed."""
    match = _CATEGORIES.match(text)
    if match is None:
        return None
    first, last = match.group(1), match.group(2) or match.group(1)
    return (first, last) if first <= last else None


def check_terms(terms: CampaignTerms) -> CampaignTerms:
    """The same terms. Raises `Invalid(invalid_parameter)` naming the place, such as `terms.categories[1]`."""
    for name, most in (("consumers", CONSUMERS_MAX), ("merchants", MERCHANTS_MAX)):
        _require(len(getattr(terms, name)) <= most, name, f"at most {most} are possible")
    for name in ("lenders", "products", "stores", "categories"):
        _require(len(getattr(terms, name)) <= LIST_MAX, name, f"at most {LIST_MAX} are possible")
    _require(terms.product_kinds <= PRODUCT_KINDS, "product_kinds", f"must be among {', '.join(sorted(PRODUCT_KINDS))}")
    _require(terms.instalments <= INSTALMENTS, "instalments", f"must be among {sorted(INSTALMENTS)}")
    for place, text in enumerate(terms.categories):
        _require(category_range(text) is not None, f"categories[{place}]", "must be a code or a range, as 5000-5999")
    for store in terms.stores:
        _require(_STORE.match(store) is not None, "stores", "must be 1 to 64 of A-Z a-z 0-9 _ . : -")
    _require(terms.amount_min_minor >= 0, "amount_min", "must not be negative")
    if terms.amount_max_minor is not None:
        _require(terms.amount_max_minor >= max(1, terms.amount_min_minor), "amount_max", "must not be below amount_min")
    for name in ("per_consumer_uses", "per_consumer_day_uses", "per_day_uses"):
        uses = getattr(terms, name)
        _require(uses is None or 1 <= uses <= USES_MAX, name, "must be at least 1")
    _require(
        not terms.stack_group or _GROUP.match(terms.stack_group) is not None, "stack_group", "must be a short name"
    )
    _require(terms.stacking == "stackable" or not terms.stack_group, "stack_group", "is for stackable campaigns")
    _require(0 <= terms.priority <= 10_000, "priority", "must be 0 to 10000")
    _require(1 <= terms.warn_at_bps <= 10_000, "warn_at_bps", "must be 1 to 10000")
    return terms


def _require(holds: bool, name: str, sentence: str) -> None:
    if not holds:
        raise Invalid("invalid_parameter", f"{name} {sentence}", field=f"terms.{name}")
