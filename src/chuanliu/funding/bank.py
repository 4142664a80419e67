"""A bank as a funding method: external. Its operations record calls; the money moves on our books when it has answered.

The source account of a leg is the bank's clearing account: what the bank owes us for what it approved.
"""

from __future__ import annotations

from typing import Final

from chuanliu.clock import HOUR, SECOND, Micros
from chuanliu.engine import Context, Keys, Rows
from chuanliu.funding.method import Answer, FundingMethod, Leg, Verdict
from chuanliu.funding.tables import BANK_CALL, CALLS_OF_PAYMENT, BankCall
from chuanliu.ids import cell_of_id
from chuanliu.ledger import post

ANSWER_WITHIN: Final[Micros] = 20 * SECOND
"""How long the process that recorded an authorisation, or a completion, has to bring its answer; then the sweeper
inquires, or completes.
"""

SET_ASIDE: Final[Micros] = 365 * 24 * HOUR
"""For a call that waits for another call's answer, which makes it due."""


def _call_key(leg: Leg) -> tuple[int, int]:
    call_id = int(leg.reference or 0)
    return cell_of_id(call_id), call_id


def record_call(
    rows: Rows, context: Context, leg: Leg, kind: str, due_at: Micros, refund_id: int | None = None
) -> BankCall:
    """Write a call of a leg; for all kinds but an authorisation the leg's reference names the original."""
    call = BankCall(
        leg.cell,
        context.new_id(leg.cell),
        leg.payment_id,
        leg.order_id,
        refund_id,
        leg.lender_id,
        leg.product_id,
        leg.instrument_id,
        kind,
        None if kind == "authorise" else int(leg.reference or 0),
        leg.amount_minor,
        leg.currency,
        leg.instalments,
        "due",
        0,
        due_at,
        None,
        None,
        None,
        context.now,
        None,
    )
    rows.insert(BANK_CALL, call)
    return call


class _Bank:
    external: bool = True

    def __init__(self, name: str) -> None:
        self.name = name

    def lock(self, keys: Keys, source: int, reference: str | None = None) -> None:
        if reference is not None:
            keys.read(BANK_CALL, cell_of_id(int(reference)), int(reference))

    def authorise(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        call = record_call(rows, context, leg, "authorise", context.now + ANSWER_WITHIN)
        return Answer(Verdict.UNKNOWN, reference=str(call.call_id))

    def charge(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        return self.authorise(rows, context, leg)

    def capture(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        post(rows, context, leg.cell, leg.source, leg.destination, leg.amount_minor, "payment", leg.payment_id)
        call = record_call(rows, context, leg, "complete", context.now + ANSWER_WITHIN)
        return Answer(Verdict.SUCCEEDED, reference=str(call.call_id))

    def void(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        record_call(rows, context, leg, "reverse", context.now)
        return Answer(Verdict.UNKNOWN, reference=leg.reference)

    def refund(self, rows: Rows, context: Context, leg: Leg, refund_id: int) -> Answer:
        post(rows, context, leg.cell, leg.destination, leg.source, leg.amount_minor, "refund", refund_id)
        original = rows.get(BANK_CALL, *_call_key(leg))
        if original is None:
            raise ValueError(f"payment {leg.payment_id} has no authorisation {leg.reference}")
        same = leg._replace(
            order_id=original.order_id,
            lender_id=original.lender_id,
            product_id=original.product_id,
            instrument_id=original.instrument_id,
            currency=original.currency,
        )
        # Before the payment is completed the bank has nothing to give back.
        calls = rows.find(CALLS_OF_PAYMENT, leg.cell, leg.payment_id)
        waits = any(call.kind == "complete" and call.status == "due" for call in calls)
        record_call(rows, context, same, "refund", context.now + SET_ASIDE if waits else context.now, refund_id)
        return Answer(Verdict.SUCCEEDED)

    def inquire(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        call = rows.get(BANK_CALL, *_call_key(leg))
        if call is None or call.status == "due":
            return Answer(Verdict.UNKNOWN, reference=leg.reference)
        if call.status == "succeeded":
            return Answer(Verdict.SUCCEEDED, reference=leg.reference)
        return Answer(Verdict.REFUSED, call.reason or "payment_refused")


BANK_METHODS: Final[tuple[FundingMethod, ...]] = tuple(
    _Bank(kind) for kind in ("credit_card", "debit_card", "bank_credit_pay")
)
"""Pay with a bank's card or credit pay whose debt is the bank's; named like the kinds of product."""
