"""Ending orders that are not, or no longer, to be paid: close, cancel, time-out, finish."""

from __future__ import annotations

import msgspec

from chuanliu.clock import business_date
from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen
from chuanliu.errors import Refused
from chuanliu.ids import cell_of_id, cell_of_order
from chuanliu.trade import states
from chuanliu.trade.events import ORDER_CLOSED, emit
from chuanliu.trade.order_ref import OrderRef
from chuanliu.trade.paying import look_payment, waiting_payment
from chuanliu.trade.refunding import RefundOutcome, discover_refund, refund_order
from chuanliu.trade.tables import ORDER, PAYMENT, REFUND_BY_NUMBER, Order


def close_order(rows: Rows, context: Context, order: Order) -> Order:
    """Close an unpaid, locked order and the payment that waits for its payer."""
    waiting = waiting_payment(rows, order)
    if waiting is not None:
        closed = waiting.changed(status=states.move(states.PAYMENT, waiting.status, "CLOSED"), completed_at=context.now)
        rows.update(PAYMENT, closed)
    after = order.changed(
        status=states.move(states.ORDER, order.status, "TRADE_CLOSED"), closed_at=context.now, payment_id=None
    )
    rows.update(ORDER, after)
    emit(rows, context, ORDER_CLOSED, after)
    return after


class CloseOrder(Command[Order], frozen=True):
    """Close an unpaid order. Closing a closed one gives it again.

    Raises `Refused`: order_not_found, order_status_invalid when it was paid.
    """

    ref: OrderRef

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        order = self.ref.discover(seen, keys)
        if order is not None:
            look_payment(keys, order.payment_id)

    def decide(self, rows: Rows, context: Context) -> Order:
        order = self.ref.require(rows)
        if order.status == "TRADE_CLOSED" and order.paid_at is None:
            return order
        if order.status != "WAIT_BUYER_PAY":
            raise Refused("order_status_invalid")
        return close_order(rows, context, order)


class ExpireOrder(Command[bool], frozen=True):
    """Close an order whose time to pay is over; the outcome says whether this did it. For the sweeper."""

    order_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_id(self.order_id)
        keys.look(ORDER, cell, self.order_id)
        order = seen.get(ORDER, cell, self.order_id)
        if order is not None:
            keys.lock(ORDER, cell, self.order_id)
            look_payment(keys, order.payment_id)

    def decide(self, rows: Rows, context: Context) -> bool:
        order = rows.get(ORDER, cell_of_id(self.order_id), self.order_id)
        if order is None or order.status != "WAIT_BUYER_PAY" or order.expires_at > context.now:
            return False
        close_order(rows, context, order)
        return True


class FinishOrder(Command[bool], frozen=True):
    """End the refund window of a paid order: TRADE_FINISHED. The outcome says whether this did it. For the sweeper."""

    order_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.lock(ORDER, cell_of_id(self.order_id), self.order_id)

    def decide(self, rows: Rows, context: Context) -> bool:
        order = rows.get(ORDER, cell_of_id(self.order_id), self.order_id)
        if order is None or order.status != "TRADE_SUCCESS":
            return False
        rows.update(ORDER, order.changed(status=states.move(states.ORDER, order.status, "TRADE_FINISHED")))
        return True


class CancelOutcome(msgspec.Struct, frozen=True, gc=False):
    """`action` is close, refund, or None where there was nothing to do. `order` is None for a number never seen."""

    order: Order | None
    action: str | None
    refund: RefundOutcome | None = None


class CancelOrder(Command[CancelOutcome], frozen=True):
    """Undo an order whose outcome the merchant does not know: close it if unpaid, refund it in full if paid today.

    A number never seen is marked, so that a payment that arrives later is refused. Asking again is harmless.
    Raises `Refused`: cancel_too_late (paid on an earlier business day), order_finished, seller_balance_insufficient.
    """

    ref: OrderRef
    app_id: int = 0

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        order = self.ref.discover(seen, keys)
        if order is None:
            return
        look_payment(keys, order.payment_id)
        keys.read(REFUND_BY_NUMBER, order.cell, order.order_id, _request_no(order))
        discover_refund(order, seen, keys, reference)

    def decide(self, rows: Rows, context: Context) -> CancelOutcome:
        order = self.ref.locked(rows)
        if order is None:
            # Only a number that names the order by itself is marked: beside an id of ours it may well have an order.
            if self.ref.out_trade_no is None or self.ref.order_id is not None:
                raise Refused("order_not_found")
            rows.insert(ORDER, _tombstone(self.ref.merchant_id, self.app_id, self.ref.out_trade_no, context))
            return CancelOutcome(None, None)
        if order.scene == "tombstone":
            return CancelOutcome(None, None)
        if order.status == "WAIT_BUYER_PAY":
            return CancelOutcome(close_order(rows, context, order), "close")
        if order.status == "TRADE_CLOSED":
            if order.paid_at is None:
                return CancelOutcome(order, "close")
            refunded = rows.one(REFUND_BY_NUMBER, order.cell, order.order_id, _request_no(order))
            return CancelOutcome(order, "refund" if refunded is not None else None)
        if order.status == "TRADE_FINISHED":
            raise Refused("order_finished")
        if order.paid_at is not None and business_date(order.paid_at) != business_date(context.now):
            raise Refused("cancel_too_late")
        left = order.amount_minor - order.refunded_minor
        outcome = refund_order(rows, context, order, _request_no(order), left, "cancelled")
        return CancelOutcome(outcome.order, "refund", outcome)


def _request_no(order: Order) -> str:
    """The request number of the refund that a cancel makes; merchants cannot use it, for theirs have no colon."""
    return f"cancel:{order.order_id}"


def _tombstone(merchant_id: int, app_id: int, out_trade_no: str, context: Context) -> Order:
    cell = cell_of_order(merchant_id, out_trade_no)
    now = context.now
    return Order(
        cell,
        context.new_id(cell),
        merchant_id,
        app_id,
        out_trade_no,
        None,
        "tombstone",
        "",
        "CNY",
        0,
        "TRADE_CLOSED",
        None,
        None,
        0,
        0,
        0,
        None,
        None,
        None,
        now,
        now,
        None,
        now,
    )
