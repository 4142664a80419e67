"""How a request names an order: by the merchant's number or by ours. A merchant finds only its own."""

from __future__ import annotations

import msgspec

from chuanliu.engine import Keys, Rows, Seen
from chuanliu.errors import Refused
from chuanliu.ids import cell_of_id, cell_of_order
from chuanliu.trade.tables import ORDER, ORDER_BY_NUMBER, Order


class OrderRef(msgspec.Struct, frozen=True):
    """Our `order_id` has priority over the merchant's `out_trade_no`; one of them is given."""

    merchant_id: int
    out_trade_no: str | None = None
    order_id: int | None = None

    def look(self, keys: Keys) -> None:
        """Look the order up, without a lock."""
        if self.order_id is not None:
            keys.look(ORDER, cell_of_id(self.order_id), self.order_id)
        elif self.out_trade_no is not None:
            cell = cell_of_order(self.merchant_id, self.out_trade_no)
            keys.look(ORDER_BY_NUMBER, cell, self.merchant_id, self.out_trade_no)

    def seen(self, seen: Seen) -> Order | None:
        """The order as discovery found it, if it is this merchant's."""
        order: Order | None = None
        if self.order_id is not None:
            order = seen.get(ORDER, cell_of_id(self.order_id), self.order_id)
        elif self.out_trade_no is not None:
            cell = cell_of_order(self.merchant_id, self.out_trade_no)
            order = seen.one(ORDER_BY_NUMBER, cell, self.merchant_id, self.out_trade_no)
        return order if order is not None and order.merchant_id == self.merchant_id else None

    def discover(self, seen: Seen, keys: Keys) -> Order | None:
        """Look the order up and ask for its lock; the order as seen."""
        self.look(keys)
        order = self.seen(seen)
        if order is not None:
            keys.lock(ORDER, order.cell, order.order_id)
        return order

    def locked(self, rows: Rows) -> Order | None:
        """The locked order, or None where this merchant has none such."""
        if self.order_id is not None:
            order = rows.get(ORDER, cell_of_id(self.order_id), self.order_id)
        elif self.out_trade_no is not None:
            cell = cell_of_order(self.merchant_id, self.out_trade_no)
            order = rows.one(ORDER_BY_NUMBER, cell, self.merchant_id, self.out_trade_no)
        else:
            order = None
        if order is None or order.merchant_id != self.merchant_id:
            return None
        if self.order_id is not None and self.out_trade_no is not None and order.out_trade_no != self.out_trade_no:
            return None
        return order

    def require(self, rows: Rows) -> Order:
        """The locked order. Raises `Refused(order_not_found)`, for a tombstone too."""
        order = self.locked(rows)
        if order is None or order.scene == "tombstone":
            raise Refused("order_not_found")
        return order
