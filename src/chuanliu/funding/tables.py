"""Calls to banks: recorded before they are made."""

from __future__ import annotations

from typing import Final

from chuanliu.engine import Instant, Integer, Row, SmallInt, Table

BANK_CALL_STATES: Final[dict[str, frozenset[str]]] = {
    "due": frozenset({"due", "succeeded", "refused", "reversed"}),
    "succeeded": frozenset(),
    "refused": frozenset(),
    "reversed": frozenset(),
}
"""`due` lasts until the bank has answered; `reversed` is an authorisation that a reversal has undone for certain."""


class BankCall(Row, frozen=True, gc=False):
    """What a bank is to be asked, in the cell of the payment. `call_id` is the bank's key of idempotency.

    Until `due_at` the process that recorded the call makes it; from then on the sweeper does. A call that waits for
    another one's answer is set aside: due in a year. `original_call_id` is the authorisation that all other kinds are
    about. All calls of a payment change under the lock of the payment.
    """

    cell: SmallInt
    call_id: int
    payment_id: int
    order_id: int
    refund_id: int | None
    lender_id: int
    product_id: int
    instrument_id: int
    kind: str
    original_call_id: int | None
    amount_minor: int
    currency: str
    instalments: SmallInt
    status: str
    attempts: Integer
    due_at: Instant
    reference: str | None
    raw_code: str | None
    reason: str | None
    created_at: Instant
    completed_at: Instant | None


BANK_CALL: Table[BankCall] = Table("bank_call", BankCall, ("cell", "call_id"), rank=53)
CALLS_OF_PAYMENT = BANK_CALL.index("of_payment", "cell", "payment_id")
