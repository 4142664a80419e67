"""What a bank answered, put on record: the payment succeeds, is refused, or is asked about again.

An authorisation whose answer is lost is asked about. If the bank has ruled on it, that is its answer; if the bank does
not know it, a reversal makes sure that it cannot still come, and only then is the payment refused. Of an order that was
closed meanwhile, whatever the bank approved is reversed. Nothing that is unknown is ever taken for a failure.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from chuanliu.clock import HOUR, MINUTE, SECOND, Micros
from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen
from chuanliu.errors import NotFound
from chuanliu.funding import BANK_CALL, BANK_CALL_STATES, CALLS_OF_PAYMENT, METHODS, SET_ASIDE, BankCall, Leg
from chuanliu.ids import cell_of_id
from chuanliu.instalments import (
    PLAN,
    PLANS_OF_PAYMENT,
    Plan,
    activate_plan,
    lock_plan_budgets,
    plan_of,
    return_to_budgets,
)
from chuanliu.ledger import Chart, account_of, platform_of, post
from chuanliu.promotions import count_product_use, lock_product_use
from chuanliu.trade import states
from chuanliu.trade.paying import look_payment, shown_outcome
from chuanliu.trade.settling import PayOutcome, abandon, receivable_account, settle
from chuanliu.trade.tables import LEGS_OF_PAYMENT, ORDER, PAYMENT, PAYMENT_LEG, Order, Payment, PaymentLeg
from chuanliu.trade.tendering import pending_call

BACK_OFF: Final[tuple[Micros, ...]] = (
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    HOUR,
)
"""Pauses before the next try of a call whose outcome is unknown; the last one repeats."""

_NOT_ASKED_MAX: Final = 5 * MINUTE
"""The longest pause before a bank that could not be asked is tried again: it may be back at any time."""

_GONE_AFTER: Final = HOUR
"""A bank that does not know a call after so long will not come to know it: nothing stays that long on its way."""

_NOT_KNOWN: Final = "bank_call_not_found"

_FOLLOWING: Final = ("complete", "refund")
"""Calls about a payment that has succeeded, whatever the bank says."""


class RecordBankAnswer(Command[PayOutcome | None], frozen=True):
    """Record the answer to a due call; `inquired` says that it answers a question about the call, not the call itself.

    An answer to a call that has its answer changes nothing. The outcome is the payment as it stands, with the call to
    be made next as `pending`; None for what follows a payment that succeeded, a completion or a refund. `asked` is the
    call as who makes it knows it, which spares a look. Raises `NotFound(payment_not_found)`.
    """

    call_id: int
    verdict: Literal["succeeded", "refused", "unknown"]
    reason: str | None = None
    reference: str | None = None
    raw_code: str | None = None
    inquired: bool = False
    asked: BankCall | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_id(self.call_id)
        call = self.asked
        if call is None:
            keys.look(BANK_CALL, cell, self.call_id)
            call = seen.get(BANK_CALL, cell, self.call_id)
        if call is None:
            return
        keys.lock(BANK_CALL, cell, self.call_id)
        keys.read(CALLS_OF_PAYMENT, cell, call.payment_id)
        if call.kind in _FOLLOWING:
            # Whoever records another call of the payment holds it, too.
            keys.lock(PAYMENT, cell, call.payment_id)
            return
        if call.original_call_id is not None:
            keys.lock(BANK_CALL, cell_of_id(call.original_call_id), call.original_call_id)
        look_payment(keys, call.payment_id)
        keys.lock(ORDER, cell_of_id(call.order_id), call.order_id)
        if self.verdict == "refused" or call.kind == "reverse":
            for plan in seen.find(PLANS_OF_PAYMENT, cell, call.payment_id):
                lock_plan_budgets(keys, reference, plan)
                lock_product_use(keys, plan.product_id, plan.consumer_id)

    def decide(self, rows: Rows, context: Context) -> PayOutcome | None:
        call = rows.get(BANK_CALL, cell_of_id(self.call_id), self.call_id)
        if call is None:
            raise NotFound("payment_not_found")
        if call.kind in _FOLLOWING:
            if call.status == "due":
                self._follow_up(rows, context, call)
            return None
        payment = rows.get(PAYMENT, call.cell, call.payment_id)
        order = rows.get(ORDER, cell_of_id(call.order_id), call.order_id)
        if payment is None or order is None:
            raise NotFound("payment_not_found")
        if call.status != "due":
            return shown_outcome(rows, order, payment)
        if call.kind == "reverse":
            return self._reverse(rows, context, call, order, payment)
        return self._authorise(rows, context, call, order, payment)

    def _authorise(self, rows: Rows, context: Context, call: BankCall, order: Order, payment: Payment) -> PayOutcome:
        (leg,) = rows.find(LEGS_OF_PAYMENT, payment.cell, payment.payment_id)
        plan = plan_of(rows, payment.payment_id)
        expected = order.status == "WAIT_BUYER_PAY" and order.payment_id == payment.payment_id
        calls = rows.find(CALLS_OF_PAYMENT, call.cell, call.payment_id)
        reversing = any(other.kind == "reverse" for other in calls)
        ruled = not self.inquired or (self.reason != _NOT_KNOWN and not reversing)
        if self.verdict == "refused" and ruled:
            self._close_call(rows, context, call, "refused")
            return _give_up(rows, context, order, payment, leg, plan, self.reason or "payment_refused")
        if self.verdict == "succeeded" and expected and not reversing:
            self._close_call(rows, context, call, "succeeded")
            return _capture(rows, context, order, payment, leg, plan, call)
        if self.verdict == "unknown" and expected and not reversing:
            self._postpone(rows, context, call)
        else:
            # Approved for an order that no longer waits for it, or not known to the bank, or nobody waits for it.
            if not reversing:
                METHODS[leg.method].void(rows, context, _asked(order, leg, call))
            self._set_aside(rows, context, call)
        unknown = _mark_unknown(rows, payment, leg)
        return shown_outcome(rows, order, unknown)

    def _set_aside(self, rows: Rows, context: Context, call: BankCall) -> None:
        """Ask no more about an authorisation that is being reversed: the reversal's answer settles it."""
        rows.update(
            BANK_CALL,
            call.changed(
                attempts=call.attempts + 1,
                due_at=context.now + SET_ASIDE,
                reference=self.reference or call.reference,
                raw_code=self.raw_code,
            ),
        )

    def _reverse(self, rows: Rows, context: Context, call: BankCall, order: Order, payment: Payment) -> PayOutcome:
        gone = self.reason == _NOT_KNOWN and not self.inquired and context.now - call.created_at >= _GONE_AFTER
        if self.verdict != "succeeded" and not (self.verdict == "refused" and gone):
            self._postpone(rows, context, call)
            return shown_outcome(rows, order, payment)
        self._close_call(rows, context, call, self.verdict)
        original_id = call.original_call_id or 0
        original = rows.get(BANK_CALL, cell_of_id(original_id), original_id)
        if original is not None and original.status == "due":
            self._close_call(rows, context, original, "reversed")
        (leg,) = rows.find(LEGS_OF_PAYMENT, payment.cell, payment.payment_id)
        if payment.status not in ("AUTHORISING", "UNKNOWN"):
            return shown_outcome(rows, order, payment)
        plan = plan_of(rows, payment.payment_id)
        reason = "order_closed" if order.status == "TRADE_CLOSED" else "bank_unavailable"
        return _give_up(rows, context, order, payment, leg, plan, reason)

    def _follow_up(self, rows: Rows, context: Context, call: BankCall) -> None:
        """A completion or refund is an obligation: repeated while unknown; what the bank refuses is in suspense.

        One that the bank was asked about, and does not know, has not been refused: it is made again.
        """
        if self.verdict == "unknown" or (self.inquired and self.reason == _NOT_KNOWN):
            self._postpone(rows, context, call)
            return
        self._close_call(rows, context, call, self.verdict)
        if call.kind == "complete":
            for waiting in rows.find(CALLS_OF_PAYMENT, call.cell, call.payment_id):
                if waiting.kind == "refund" and waiting.status == "due":
                    rows.update(BANK_CALL, waiting.changed(due_at=context.now))
        if self.verdict == "refused":
            clearing = account_of(call.lender_id, Chart.BANK_CLEARING, call.currency)
            suspense = account_of(platform_of(call.cell), Chart.SUSPENSE, call.currency)
            debit, credit = (suspense, clearing) if call.kind == "complete" else (clearing, suspense)
            post(rows, context, call.cell, debit, credit, call.amount_minor, f"{call.kind}_refused", call.call_id)

    def _postpone(self, rows: Rows, context: Context, call: BankCall) -> None:
        pause = BACK_OFF[min(call.attempts, len(BACK_OFF) - 1)]
        if self.reason == "bank_unavailable":
            pause = min(pause, _NOT_ASKED_MAX)
        rows.update(
            BANK_CALL,
            call.changed(
                attempts=call.attempts + 1, due_at=context.now + pause, raw_code=self.raw_code, reason=self.reason
            ),
        )

    def _close_call(self, rows: Rows, context: Context, call: BankCall, status: str) -> None:
        rows.update(
            BANK_CALL,
            call.changed(
                status=states.move(BANK_CALL_STATES, call.status, status),
                attempts=call.attempts + (call.call_id == self.call_id and not self.inquired),
                reference=self.reference or call.reference,
                raw_code=self.raw_code or call.raw_code,
                reason=self.reason,
                completed_at=context.now,
            ),
        )


def _asked(order: Order, leg: PaymentLeg, call: BankCall) -> Leg:
    return Leg(
        leg.cell,
        leg.payment_id,
        leg.account_id,
        receivable_account(order),
        leg.amount_minor,
        leg.reference,
        order.order_id,
        call.lender_id,
        call.product_id,
        call.instrument_id,
        call.currency,
        call.instalments,
    )


def _capture(
    rows: Rows,
    context: Context,
    order: Order,
    payment: Payment,
    leg: PaymentLeg,
    plan: Plan | None,
    call: BankCall,
) -> PayOutcome:
    answer = METHODS[leg.method].capture(rows, context, _asked(order, leg, call))
    captured = leg.changed(status=states.move(states.LEG, leg.status, "CAPTURED"))
    rows.update(PAYMENT_LEG, captured)
    if plan is not None:
        plan = activate_plan(rows, context, plan, leg.account_id)
        rows.update(PLAN, plan)
    outcome = settle(rows, context, order, payment, (captured,), plan)
    return msgspec.structs.replace(outcome, pending=pending_call(rows, answer.reference))


def _give_up(
    rows: Rows, context: Context, order: Order, payment: Payment, leg: PaymentLeg, plan: Plan | None, reason: str
) -> PayOutcome:
    rows.update(PAYMENT_LEG, leg.changed(status=states.move(states.LEG, leg.status, "REFUSED")))
    abandon(rows, context, order, payment, plan, reason)
    if plan is not None:
        return_to_budgets(rows, context, plan, plan.subsidies, uses_too=True)
        count_product_use(rows, plan.product_id, plan.consumer_id, by=-1)
    after = rows.get(ORDER, order.cell, order.order_id)
    closed = rows.get(PAYMENT, payment.cell, payment.payment_id)
    assert after is not None and closed is not None
    return shown_outcome(rows, after, closed)


def _mark_unknown(rows: Rows, payment: Payment, leg: PaymentLeg) -> Payment:
    if payment.status == "UNKNOWN":
        return payment
    rows.update(PAYMENT_LEG, leg.changed(status=states.move(states.LEG, leg.status, "UNKNOWN")))
    unknown = payment.changed(status=states.move(states.PAYMENT, payment.status, "UNKNOWN"))
    rows.update(PAYMENT, unknown)
    return unknown
