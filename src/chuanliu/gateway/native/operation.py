"""What an operation of the API is: a row of the table that both the routes and the OpenAPI document are made from."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.fields import id_of

SELLER_ERRORS: Final = ("seller_not_found", "seller_blocked")
"""Errors of operations in which a seller sells or gives back."""

ORDER_ERRORS: Final = (
    "order_inconsistent",
    "order_closed",
    "order_expired",
    "buyer_mismatch",
    "amount_too_large",
    *SELLER_ERRORS,
)
"""Errors of operations that make an order, or meet it again."""


QUOTE_ERRORS: Final = (
    "quote_not_found",
    "quote_expired",
    "quote_used",
    "offer_not_found",
)
"""Errors of operations on one offer of a quote."""

CREDIT_ERRORS: Final = (
    "quote_mismatch",
    "budget_exhausted",
    "campaign_ended",
    "campaign_limit_reached",
    "instrument_suspended",
    "product_suspended",
    "instalments_not_offered",
    "excluded_by_merchant",
    "order_below_minimum",
    "order_above_maximum",
    "credit_line_insufficient",
    "card_declined",
    "card_expired",
    "card_invalid",
    "card_funds_insufficient",
    "card_limit_exceeded",
    "card_not_allowed",
    "card_stolen_or_lost",
    "credit_line_suspended",
    "bank_refused",
    "bank_unavailable",
    "own_stop_exceeded",
    "cooling_off",
)
"""Errors of payments that draw on a card or line."""


class Answer(NamedTuple):
    """Status and JSON body. From 400 on the body is problem details."""

    status: int
    body: bytes


class Call(NamedTuple):
    """A request whose caller is known and whose body and query have been read into the operation's structs.

    `key` is the value of the `Idempotency-Key` header, well-formed, or None.
    """

    merchant_id: int
    key: str | None
    body: Any
    query: Any
    params: Mapping[str, str]

    def id(self, of: str) -> int:
        """The id of an order, say, in a path with `{order_id}`. Raises `NotFound(order_not_found)`."""
        return id_of(self.params[f"{of}_id"], f"{of}_not_found")


class Handle(Protocol):
    """What carries an operation out."""

    __name__: str

    def __call__(self, services: Services, call: Call, /) -> Awaitable[Answer]:
        """Answer, or raise a `ChuanliuError`."""


@dataclass(frozen=True, slots=True)
class Operation:
    """`errors` are the codes that this operation may give besides those that follow from its shape.

    A `keyed` operation takes an `Idempotency-Key`. The function that handles it has the name that the document shows.
    """

    method: str
    path: str
    handle: Handle
    summary: str
    _: KW_ONLY
    tag: str
    description: str = ""
    request: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None
    response: type[msgspec.Struct] | None
    status: int = 200
    errors: tuple[str, ...] = ()
    keyed: bool = False

    @property
    def name(self) -> str:
        """Its id in the OpenAPI document."""
        return self.handle.__name__

    @property
    def codes(self) -> tuple[str, ...]:
        """All its errors besides those that every operation may give: its own, of the path, the amount and the key."""
        missing = tuple(f"{of}_not_found" for of in re.findall(r"\{(\w+)_id\}", self.path))
        amount = ("currency_not_supported", "invalid_amount") if self._takes_amount() else ()
        key = ("idempotency_conflict",) if self.keyed else ()
        return (*missing, *self.errors, *amount, *key)

    def _takes_amount(self) -> bool:
        return self.request is not None and "amount" in self.request.__struct_fields__
