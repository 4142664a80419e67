"""What is due in the life of orders and holds, found set-based; the commands that end them go through the engine."""

from __future__ import annotations

from typing import Any, Final

import psycopg

from chuanliu.clock import Micros
from chuanliu.engine import OldRows
from chuanliu.ids import first_id_at

_DUE_ORDERS = """
    SELECT order_id FROM orders WHERE status = 'WAIT_BUYER_PAY' AND expires_at <= now() ORDER BY expires_at LIMIT %s
"""
_DUE_HOLDS = "SELECT hold_id FROM hold WHERE status = 'active' AND expires_at <= now() ORDER BY expires_at LIMIT %s"
_FINISHED = """
    SELECT order_id FROM orders
    WHERE cell = %s AND order_id >= %s AND order_id < %s AND status = 'TRADE_SUCCESS' ORDER BY order_id LIMIT %s
"""
LEFTOVERS: Final = (
    OldRows("payment_code", ("cell", "code"), "expires_at < now() - interval '1 day'"),
    OldRows("idempotency", ("cell", "merchant_id", "operation", "key"), "created_at < now() - interval '35 days'"),
    OldRows(
        "batch_marker",
        ("cell", "batch_id"),
        "batch_id < %(before)s",
        lambda now: {"before": first_id_at(now // 1000 - 86_400_000)},
    ),
)
"""What nobody can ask for any more: old payment codes, idempotency rows over 35 days, commit markers over a day."""


async def due_orders(connection: psycopg.AsyncConnection[Any], limit: int) -> list[int]:
    """Unpaid orders whose time to pay is over."""
    return [order_id for (order_id,) in await (await connection.execute(_DUE_ORDERS, [limit])).fetchall()]


async def due_holds(connection: psycopg.AsyncConnection[Any], limit: int) -> list[int]:
    """Active holds whose time is over."""
    return [hold_id for (hold_id,) in await (await connection.execute(_DUE_HOLDS, [limit])).fetchall()]


async def finished_orders(
    connection: psycopg.AsyncConnection[Any], cell: int, after_id: int, before: Micros, limit: int
) -> list[int]:
    """Paid orders of a cell that were made before an instant, behind an id: those whose refund window is over."""
    values = [cell, after_id, first_id_at(before // 1000), limit]
    return [order_id for (order_id,) in await (await connection.execute(_FINISHED, values)).fetchall()]
