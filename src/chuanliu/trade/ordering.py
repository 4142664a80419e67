"""Making orders: what a merchant asks for, and the order that comes of it."""

from __future__ import annotations

from typing import Final

import msgspec

from chuanliu.clock import DAY, HOUR, MINUTE, Micros
from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen
from chuanliu.errors import Refused
from chuanliu.ids import cell_of_order, cell_of_party
from chuanliu.parties import MERCHANT, Merchant
from chuanliu.trade.order_ref import OrderRef
from chuanliu.trade.tables import ORDER, Order

AMOUNT_MAX_MINOR: Final = 10_000_000_000
"""100 000 000.00: the largest amount of one order."""

_TIMEOUTS: Final[dict[str, Micros]] = {"barcode": 3 * HOUR, "qr": 2 * HOUR}
TIMEOUT_DEFAULT: Final = 15 * DAY
TIMEOUT_MIN: Final = MINUTE


class OrderSpec(msgspec.Struct, frozen=True, gc=False):
    """What the merchant asks for. `expires_in` counts from acceptance; `expires_at` is absolute and has priority.

    The identity fields are amount, currency and the seller: the same number with others is another order.
    """

    merchant_id: int
    app_id: int
    out_trade_no: str
    scene: str
    subject: str
    amount_minor: int
    currency: str = "CNY"
    buyer_id: int | None = None
    sub_merchant_id: int | None = None
    expires_in: Micros | None = None
    expires_at: Micros | None = None
    notify_url: str | None = None
    return_url: str | None = None
    details: bytes | None = None
    wish: bytes | None = None

    @property
    def ref(self) -> OrderRef:
        """The order's name."""
        return OrderRef(self.merchant_id, self.out_trade_no)


def merchant_of(reference: Reference, merchant_id: int) -> Merchant:
    """The merchant, blocked or not. Raises `Refused(seller_not_found)`."""
    merchant = reference.get(MERCHANT, cell_of_party(merchant_id), merchant_id)
    if merchant is None:
        raise Refused("seller_not_found")
    return merchant


def seller(reference: Reference, merchant_id: int) -> Merchant:
    """The merchant, if it may sell. Raises `Refused`: seller_not_found, seller_blocked."""
    merchant = merchant_of(reference, merchant_id)
    if merchant.status != "active":
        raise Refused("seller_blocked")
    return merchant


def require_orderable(reference: Reference, spec: OrderSpec) -> None:
    """Whether these sellers may sell for this amount. Raises `Refused`: amount_too_large, seller_not_found,
    seller_blocked.
    """
    if not 0 < spec.amount_minor <= AMOUNT_MAX_MINOR:
        raise Refused("amount_too_large", field="total_amount")
    merchant = seller(reference, spec.merchant_id)
    if spec.sub_merchant_id is not None:
        sub = seller(reference, spec.sub_merchant_id)
        if sub.platform_id != merchant.merchant_id:
            raise Refused("seller_not_found", field="sub_merchant_id")


def new_order(spec: OrderSpec, context: Context) -> Order:
    """An unpaid order. Raises `Refused`: order_expired, and what `require_orderable` raises."""
    require_orderable(context.reference, spec)
    now = context.now
    expires_at = spec.expires_at
    if expires_at is None:
        expires_at = now + (spec.expires_in or _TIMEOUTS.get(spec.scene, TIMEOUT_DEFAULT))
    if expires_at <= now:
        raise Refused("order_expired", field="time_expire")
    cell = cell_of_order(spec.merchant_id, spec.out_trade_no)
    return Order(
        cell,
        context.new_id(cell),
        spec.merchant_id,
        spec.app_id,
        spec.out_trade_no,
        spec.sub_merchant_id,
        spec.scene,
        spec.subject,
        spec.currency,
        spec.amount_minor,
        "WAIT_BUYER_PAY",
        spec.buyer_id,
        None,
        0,
        0,
        0,
        spec.notify_url,
        spec.return_url,
        spec.details,
        now,
        min(expires_at, now + TIMEOUT_DEFAULT),
        None,
        None,
        spec.wish,
    )


def require_same(order: Order, spec: OrderSpec) -> None:
    """Compare the identity fields. Raises `Refused(order_inconsistent)` naming the field that differs."""
    if order.amount_minor != spec.amount_minor:
        raise Refused("order_inconsistent", field="total_amount")
    if order.currency != spec.currency:
        raise Refused("order_inconsistent", field="currency")
    if order.sub_merchant_id != spec.sub_merchant_id:
        raise Refused("order_inconsistent", field="sub_merchant_id")
    if spec.buyer_id is not None and order.buyer_id is not None and order.buyer_id != spec.buyer_id:
        raise Refused("buyer_mismatch", field="buyer_id")


def require_payable(order: Order, now: Micros) -> None:
    """Raises `Refused`: order_already_paid, order_finished, order_closed, order_expired."""
    match order.status:
        case "WAIT_BUYER_PAY":
            if order.expires_at <= now:
                raise Refused("order_expired")
        case "TRADE_SUCCESS":
            raise Refused("order_already_paid")
        case "TRADE_FINISHED":
            raise Refused("order_finished")
        case _:
            raise Refused("order_closed")


class CreateOrder(Command[Order], frozen=True):
    """Create an order to be paid later. Asked again with the same identity, the outcome is the order as it is.

    Raises `Refused`: order_inconsistent, order_already_paid, order_closed, order_finished, and what `new_order` raises.
    """

    spec: OrderSpec

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        self.spec.ref.discover(seen, keys)

    def decide(self, rows: Rows, context: Context) -> Order:
        order = self.spec.ref.locked(rows)
        if order is not None:
            if order.scene == "tombstone":
                raise Refused("order_closed")
            require_same(order, self.spec)
            require_payable(order, context.now)
            return order
        order = new_order(self.spec, context)
        rows.insert(ORDER, order)
        return order
