"""The table of all operations, in the order in which the documentation shows them."""

from __future__ import annotations

from typing import Final

from chuanliu.gateway.native import order_routes, payment_routes
from chuanliu.gateway.native.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
    *payment_routes.OPERATIONS,
    *order_routes.OPERATIONS,
)
