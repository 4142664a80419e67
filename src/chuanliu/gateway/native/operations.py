"""The table of all operations, in the order in which the documentation shows them."""

from __future__ import annotations

from typing import Final

from chuanliu.gateway.native import (
    account_routes,
    delivery_routes,
    event_routes,
    order_routes,
    payment_routes,
    quote_routes,
    webhook_routes,
)
from chuanliu.gateway.native.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
    *payment_routes.OPERATIONS,
    *order_routes.OPERATIONS,
    *quote_routes.OPERATIONS,
    *event_routes.OPERATIONS,
    *webhook_routes.OPERATIONS,
    *delivery_routes.OPERATIONS,
    *account_routes.OPERATIONS,
)
