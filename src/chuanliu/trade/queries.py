"""Questions about orders and refunds, answered from one snapshot without locks."""

from __future__ import annotations

import msgspec

from chuanliu.engine import Context, Keys, Query, Reference, Seen
from chuanliu.errors import Refused
from chuanliu.funding import CALLS_OF_PAYMENT, BankCall
from chuanliu.ids import cell_of_id
from chuanliu.instalments import PLANS_OF_PAYMENT, Plan
from chuanliu.trade.order_ref import OrderRef
from chuanliu.trade.tables import (
    LEGS_OF_PAYMENT,
    ORDER,
    PAYMENT,
    REFUND,
    REFUND_BY_NUMBER,
    REFUNDS_OF_ORDER,
    Order,
    Payment,
    PaymentLeg,
    Refund,
)


class OrderView(msgspec.Struct, frozen=True, gc=False):
    """An order with the payment that it points to, that payment's legs and plan, and its refunds if asked for.

    `refund_calls` are those that a bank is told of a refund by, where that refund was asked for.
    """

    order: Order
    payment: Payment | None
    legs: tuple[PaymentLeg, ...]
    refunds: tuple[Refund, ...] = ()
    plan: Plan | None = None
    refund_calls: tuple[BankCall, ...] = ()


class PaymentView(msgspec.Struct, frozen=True, gc=False):
    """A payment with its legs, the orders that it pays as far as the caller may see them, and its plan."""

    payment: Payment
    legs: tuple[PaymentLeg, ...]
    orders: tuple[Order, ...]
    plan: Plan | None


def _look_payment(keys: Keys, payment_id: int | None) -> None:
    if payment_id is not None:
        keys.look(PAYMENT, cell_of_id(payment_id), payment_id)
        keys.look(LEGS_OF_PAYMENT, cell_of_id(payment_id), payment_id)
        keys.look(PLANS_OF_PAYMENT, cell_of_id(payment_id), payment_id)


def _view(order: Order, seen: Seen, refunds: tuple[Refund, ...] = ()) -> OrderView:
    payment_id = order.payment_id
    if payment_id is None:
        return OrderView(order, None, (), refunds)
    cell = cell_of_id(payment_id)
    legs = sorted(seen.find(LEGS_OF_PAYMENT, cell, payment_id), key=lambda leg: leg.leg_no)
    plan = seen.one(PLANS_OF_PAYMENT, cell, payment_id)
    return OrderView(order, seen.get(PAYMENT, cell, payment_id), tuple(legs), refunds, plan)


class FindOrder(Query[OrderView], frozen=True):
    """One order of a merchant. Raises `Refused(order_not_found)`."""

    ref: OrderRef
    with_refunds: bool = False

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        self.ref.look(keys)
        order = self.ref.seen(seen)
        if order is not None:
            _look_payment(keys, order.payment_id)
            if self.with_refunds:
                keys.look(REFUNDS_OF_ORDER, order.cell, order.order_id)

    def answer(self, seen: Seen, context: Context) -> OrderView:
        order = self.ref.seen(seen)
        if order is None or order.scene == "tombstone":
            raise Refused("order_not_found")
        refunds = seen.find(REFUNDS_OF_ORDER, order.cell, order.order_id) if self.with_refunds else []
        return _view(order, seen, tuple(sorted(refunds, key=lambda refund: refund.refund_id)))


class FindOrderById(Query[OrderView], frozen=True):
    """One order by our id, for the cashier and the wallet: whoever has the id may see it. Raises
    `Refused(order_not_found)`.
    """

    order_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_id(self.order_id)
        keys.look(ORDER, cell, self.order_id)
        order = seen.get(ORDER, cell, self.order_id)
        if order is not None:
            _look_payment(keys, order.payment_id)

    def answer(self, seen: Seen, context: Context) -> OrderView:
        order = seen.get(ORDER, cell_of_id(self.order_id), self.order_id)
        if order is None or order.scene == "tombstone":
            raise Refused("order_not_found")
        return _view(order, seen)


class FindRefund(Query[tuple[OrderView, Refund | None]], frozen=True):
    """A refund of an order by its request number; None where there is none. Raises `Refused(order_not_found)`."""

    ref: OrderRef
    request_no: str | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        self.ref.look(keys)
        order = self.ref.seen(seen)
        if order is not None:
            _look_payment(keys, order.payment_id)
            keys.look(REFUND_BY_NUMBER, order.cell, order.order_id, self.request_no or order.out_trade_no)
            if order.payment_id is not None:
                keys.look(CALLS_OF_PAYMENT, cell_of_id(order.payment_id), order.payment_id)

    def answer(self, seen: Seen, context: Context) -> tuple[OrderView, Refund | None]:
        order = self.ref.seen(seen)
        if order is None or order.scene == "tombstone":
            raise Refused("order_not_found")
        request_no = self.request_no or order.out_trade_no
        view, refund = _view(order, seen), seen.one(REFUND_BY_NUMBER, order.cell, order.order_id, request_no)
        if refund is not None:
            calls = seen.find(CALLS_OF_PAYMENT, cell_of_id(refund.payment_id), refund.payment_id)
            asked = tuple(call for call in calls if call.refund_id == refund.refund_id)
            view = msgspec.structs.replace(view, refund_calls=asked)
        return view, refund


class FindRefundById(Query[tuple[Order, Refund]], frozen=True):
    """A refund of a merchant by our id. Raises `Refused(refund_not_found)`."""

    merchant_id: int
    refund_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.look(REFUND, cell_of_id(self.refund_id), self.refund_id)
        refund = seen.get(REFUND, cell_of_id(self.refund_id), self.refund_id)
        if refund is not None:
            keys.look(ORDER, refund.cell, refund.order_id)

    def answer(self, seen: Seen, context: Context) -> tuple[Order, Refund]:
        refund = seen.get(REFUND, cell_of_id(self.refund_id), self.refund_id)
        order = seen.get(ORDER, refund.cell, refund.order_id) if refund is not None else None
        if refund is None or order is None or order.merchant_id != self.merchant_id:
            raise Refused("refund_not_found")
        return order, refund


class FindPayment(Query[PaymentView], frozen=True):
    """A payment, for its payer or a merchant it pays. Raises `Refused(payment_not_found)`."""

    payment_id: int
    merchant_id: int | None = None
    payer_id: int | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _look_payment(keys, self.payment_id)
        payment = seen.get(PAYMENT, cell_of_id(self.payment_id), self.payment_id)
        if payment is not None:
            for order_id in payment.order_ids:
                keys.look(ORDER, cell_of_id(order_id), order_id)

    def answer(self, seen: Seen, context: Context) -> PaymentView:
        cell = cell_of_id(self.payment_id)
        payment = seen.get(PAYMENT, cell, self.payment_id)
        if payment is None or (self.payer_id is not None and payment.payer_id != self.payer_id):
            raise Refused("payment_not_found")
        found = (seen.get(ORDER, cell_of_id(order_id), order_id) for order_id in payment.order_ids)
        orders = tuple(order for order in found if order is not None)
        if self.merchant_id is not None:
            orders = tuple(order for order in orders if order.merchant_id == self.merchant_id)
            if not orders:
                raise Refused("payment_not_found")
        legs = tuple(seen.find(LEGS_OF_PAYMENT, cell, self.payment_id))
        return PaymentView(payment, legs, orders, seen.one(PLANS_OF_PAYMENT, cell, self.payment_id))
