"""Paying: by the code that a wallet shows, by a consumer who chose to, and by confirming what waits."""

from __future__ import annotations

from chuanliu.clock import Micros
from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen
from chuanliu.errors import Refused
from chuanliu.ids import cell_of_id, cell_of_party, is_shadow
from chuanliu.instalments import lock_plan, plan_of
from chuanliu.parties import PAYMENT_CODE, PaymentCode, payment_code_key, usable_code
from chuanliu.trade import states
from chuanliu.trade.ordering import OrderSpec, new_order, require_payable, require_same
from chuanliu.trade.settling import (
    AWAITING,
    IN_PROGRESS,
    PAID,
    REFUSED,
    PayOutcome,
    charge,
    put_order,
    start_payment,
)
from chuanliu.trade.tables import LEGS_OF_PAYMENT, ORDER, PAYMENT, Order, Payment
from chuanliu.trade.tendering import Choice, choose_tender, discover_tender, keep_choice, kept_choice


def look_payment(keys: Keys, payment_id: int | None) -> None:
    """Ask for the payment that an order points to and its plan, locked, with its legs."""
    if payment_id is not None:
        cell = cell_of_id(payment_id)
        keys.lock(PAYMENT, cell, payment_id)
        keys.read(LEGS_OF_PAYMENT, cell, payment_id)
        lock_plan(keys, payment_id)


def first_outcome(rows: Rows, order: Order) -> PayOutcome:
    """The outcome of an order that is paid already."""
    if order.payment_id is None:
        raise Refused("order_already_paid")
    cell = cell_of_id(order.payment_id)
    legs = rows.find(LEGS_OF_PAYMENT, cell, order.payment_id)
    plan = plan_of(rows, order.payment_id)
    return PayOutcome(PAID, order, rows.get(PAYMENT, cell, order.payment_id), tuple(legs), plan=plan)


def open_payment(rows: Rows, order: Order) -> Payment | None:
    """The payment that an unpaid order waits for: for its payer, or for a bank."""
    if order.payment_id is None:
        return None
    return rows.get(PAYMENT, cell_of_id(order.payment_id), order.payment_id)


def waiting_payment(rows: Rows, order: Order) -> Payment | None:
    """The payment that waits for its payer, if the order has one."""
    payment = open_payment(rows, order)
    return payment if payment is not None and payment.status == "AWAITING_PAYER" else None


_RESULTS = {
    "AWAITING_PAYER": AWAITING,
    "AUTHORISING": IN_PROGRESS,
    "UNKNOWN": IN_PROGRESS,
    "SUCCEEDED": PAID,
    "REFUSED": REFUSED,
    "CLOSED": REFUSED,
}


def shown_outcome(rows: Rows, order: Order, payment: Payment) -> PayOutcome:
    """A payment as it stands, for whoever asks again."""
    legs = tuple(rows.find(LEGS_OF_PAYMENT, payment.cell, payment.payment_id))
    result = _RESULTS[payment.status]
    reason = (payment.reason or "order_closed") if result == REFUSED else None
    return PayOutcome(result, order, payment, legs, reason=reason, plan=plan_of(rows, payment.payment_id))


class PayByCode(Command[PayOutcome], frozen=True):
    """Pay an order with a payment code, making the order if there is none under its number.

    A code is used up by any attempt that is put on record. The same order asked again after it was paid gives the first
    outcome; a refused attempt leaves the order payable with a new code.
    Raises `Refused`: payment_code_invalid, buyer_is_seller, buyer_mismatch, order_closed, order_finished,
    order_inconsistent, order_expired, and what `new_order` raises.
    """

    spec: OrderSpec
    code: int
    choice: Choice | None = None
    asked_at: Micros = 0

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        order = self.spec.ref.discover(seen, keys)
        if order is not None:
            look_payment(keys, order.payment_id)
        key = payment_code_key(self.code)
        keys.look(PAYMENT_CODE, *key)
        code = seen.get(PAYMENT_CODE, *key)
        keys.lock(PAYMENT_CODE, *key)
        if code is not None:
            asked = self.spec if order is None else order
            discover_tender(seen, keys, reference, code.consumer_id, asked, self.choice, self.asked_at)

    def decide(self, rows: Rows, context: Context) -> PayOutcome:
        order = self.spec.ref.locked(rows)
        if order is not None:
            if order.scene == "tombstone":
                raise Refused("order_closed")
            require_same(order, self.spec)
            if order.status == "TRADE_SUCCESS":
                return first_outcome(rows, order)
            require_payable(order, context.now)
            under_way = open_payment(rows, order)
            if under_way is not None:
                return shown_outcome(rows, order, under_way)
        code = usable_code(rows.get(PAYMENT_CODE, *payment_code_key(self.code)), context.now)
        if order is None:
            order = new_order(self.spec, context)
        self._check_buyer(order, code)
        rows.update(PAYMENT_CODE, code.changed(used_at=context.now))
        if order.amount_minor > code.confirm_above_minor:
            return self._await_payer(rows, context, order, code)
        payment = start_payment(order, code.consumer_id, context, "AUTHORISING")
        tender = choose_tender(rows, context, order, code.consumer_id, self.choice)
        return charge(rows, context, order, payment, tender, known=False)

    def _check_buyer(self, order: Order, code: PaymentCode) -> None:
        if code.consumer_id in (order.merchant_id, order.sub_merchant_id):
            raise Refused("buyer_is_seller")
        if order.buyer_id is not None and order.buyer_id != code.consumer_id:
            raise Refused("buyer_mismatch")
        if is_shadow(cell_of_party(code.consumer_id)) != is_shadow(order.cell):
            raise Refused("payment_code_invalid", field="auth_code")

    def _await_payer(self, rows: Rows, context: Context, order: Order, code: PaymentCode) -> PayOutcome:
        payment = start_payment(order, code.consumer_id, context, "AWAITING_PAYER")
        rows.insert(PAYMENT, payment)
        waiting = order.changed(payment_id=payment.payment_id, wish=keep_choice(order.wish, self.choice))
        put_order(rows, waiting)
        return PayOutcome(AWAITING, waiting, payment)


class PayOrder(Command[PayOutcome], frozen=True):
    """Pay an existing order by a consumer who has proven who she is and chosen to pay: cashier, QR code, order string.

    Raises `Refused`: order_not_found, order_already_paid, order_closed, order_finished, order_expired, buyer_mismatch,
    buyer_is_seller, payment_in_progress. Asked again by the payer who paid, the outcome is the first one.
    """

    order_id: int
    payer_id: int
    choice: Choice | None = None
    asked_at: Micros = 0

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_id(self.order_id)
        keys.look(ORDER, cell, self.order_id)
        order = seen.get(ORDER, cell, self.order_id)
        if order is not None:
            keys.lock(ORDER, cell, self.order_id)
            look_payment(keys, order.payment_id)
            discover_tender(seen, keys, reference, self.payer_id, order, self.choice, self.asked_at)

    def decide(self, rows: Rows, context: Context) -> PayOutcome:
        order = rows.get(ORDER, cell_of_id(self.order_id), self.order_id)
        if order is None or order.scene == "tombstone":
            raise Refused("order_not_found")
        if order.status == "TRADE_SUCCESS" and order.buyer_id == self.payer_id:
            return first_outcome(rows, order)
        require_payable(order, context.now)
        if self.payer_id in (order.merchant_id, order.sub_merchant_id):
            raise Refused("buyer_is_seller")
        if order.buyer_id is not None and order.buyer_id != self.payer_id:
            raise Refused("buyer_mismatch")
        if is_shadow(cell_of_party(self.payer_id)) != is_shadow(order.cell):
            raise Refused("buyer_not_found")
        under_way = open_payment(rows, order)
        if under_way is not None:
            if under_way.payer_id != self.payer_id:
                raise Refused("payment_in_progress")
            if under_way.status != "AWAITING_PAYER":
                return shown_outcome(rows, order, under_way)
        tender = choose_tender(rows, context, order, self.payer_id, self.choice)
        payment = under_way or start_payment(order, self.payer_id, context, "AUTHORISING")
        return charge(rows, context, order, payment, tender, known=under_way is not None)


class ConfirmPayment(Command[PayOutcome], frozen=True):
    """The payer confirms, or refuses, a payment that waits for her. Without a `choice` it is by the offer that it was
    begun with.

    Raises `Refused`: payment_not_found, confirmation_too_late, order_expired, order_closed.
    """

    payment_id: int
    payer_id: int
    agreed: bool = True
    choice: Choice | None = None
    asked_at: Micros = 0

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_id(self.payment_id)
        keys.look(PAYMENT, cell, self.payment_id)
        payment = seen.get(PAYMENT, cell, self.payment_id)
        if payment is None:
            return
        look_payment(keys, self.payment_id)
        for order_id in payment.order_ids:
            keys.look(ORDER, cell_of_id(order_id), order_id)
            keys.lock(ORDER, cell_of_id(order_id), order_id)
            order = seen.get(ORDER, cell_of_id(order_id), order_id)
            if order is not None:
                choice = self.choice or kept_choice(order)
                discover_tender(seen, keys, reference, payment.payer_id, order, choice, self.asked_at)

    def decide(self, rows: Rows, context: Context) -> PayOutcome:
        payment = rows.get(PAYMENT, cell_of_id(self.payment_id), self.payment_id)
        if payment is None or payment.payer_id != self.payer_id:
            raise Refused("payment_not_found")
        (order_id,) = payment.order_ids
        order = rows.get(ORDER, cell_of_id(order_id), order_id)
        if order is None:
            raise Refused("order_not_found")
        if payment.status == "SUCCEEDED":
            return first_outcome(rows, order)
        if payment.status in ("AUTHORISING", "UNKNOWN"):
            return shown_outcome(rows, order, payment)
        if payment.status != "AWAITING_PAYER":
            raise Refused("confirmation_too_late")
        require_payable(order, context.now)
        if self.agreed:
            tender = choose_tender(
                rows, context, order, payment.payer_id, self.choice or kept_choice(order), agreed=True
            )
            return charge(rows, context, order, payment, tender, known=True)
        refused = payment.changed(
            status=states.move(states.PAYMENT, payment.status, "REFUSED"),
            reason="payment_refused",
            completed_at=context.now,
        )
        rows.update(PAYMENT, refused)
        still_open = order.changed(payment_id=None)
        rows.update(ORDER, still_open)
        return PayOutcome(REFUSED, still_open, refused, reason="payment_refused")
