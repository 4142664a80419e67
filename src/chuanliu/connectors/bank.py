"""What is asked of a bank and what it answers, whatever wire lies between."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from chuanliu.clock import Micros

CallKind = Literal["authorise", "complete", "refund", "reverse", "inquire"]
Verdict = Literal["succeeded", "refused", "unknown"]


class CardData(msgspec.Struct, frozen=True):
    """A card as the wire needs it: the number in digits and the expiry as YYMM. Its text shows neither."""

    pan: str
    expiry: str

    def __repr__(self) -> str:
        return f"CardData(…{self.pan[-4:]})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("pan", f"…{self.pan[-4:]}")]


class BankRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call to a bank.

    `call_id` is ours, unique for ever and the bank's key of idempotency: a repeat (`attempt` above 1) has the same one.
    `original_call_id` and `original_sent_at` name the authorisation that a completion, refund or reversal is about; of
    an inquiry, the call that it asks about. `instalments` is 0 for a payment in full; `plan` goes into the private
    field. Amounts in minor units.
    """

    kind: CallKind
    call_id: int
    amount_minor: int
    currency: str
    sent_at: Micros
    attempt: int = 1
    original_call_id: int | None = None
    original_sent_at: Micros | None = None
    card: CardData | None = None
    account: str | None = None
    instalments: int = 0
    plan: str = ""
    merchant_id: int = 0
    merchant_name: str = ""
    category: str = ""
    order_no: str = ""


class BankAnswer(msgspec.Struct, frozen=True):
    """What a call came to.

    `unknown` is not `refused`: the call may have taken effect. `reason` is one of `errors.CODES`, `reference` the
    bank's own number, `raw_code` its answer code. To an inquiry `succeeded` says that the call asked about took effect,
    `refused` that it did not.
    """

    verdict: Verdict
    reason: str | None = None
    reference: str | None = None
    raw_code: str | None = None
