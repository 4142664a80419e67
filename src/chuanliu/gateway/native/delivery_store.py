"""The log of deliveries as their merchant reads it, and the delivery of a test."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import psycopg
from psycopg.rows import class_row

from chuanliu.clock import Micros
from chuanliu.ids import cell_of_id, cell_of_party
from chuanliu.parties import WebhookEndpoint

_SELECT: Final = """
    SELECT delivery_id, event_id, kind, dialect, endpoint_id, url, status, attempts,
    (extract(epoch FROM due_at) * 1000000)::bigint AS due_at,
    (extract(epoch FROM created_at) * 1000000)::bigint AS created_at,
    (extract(epoch FROM completed_at) * 1000000)::bigint AS completed_at
    FROM delivery
"""
_LIST: Final = (
    _SELECT
    + """
    WHERE cell = %(cell)s AND merchant_id = %(merchant)s AND delivery_id > %(after)s
        AND (%(status)s::text IS NULL OR status = %(status)s)
    ORDER BY delivery_id LIMIT %(limit)s
"""
)
_ONE: Final = (
    _SELECT
    + """
    WHERE cell = %(cell)s AND delivery_id = %(delivery)s AND merchant_id = %(merchant)s
"""
)
_ATTEMPTS: Final = """
    SELECT attempt, (extract(epoch FROM started_at) * 1000000)::bigint AS started_at, outcome, http_status, latency_ms,
        response
    FROM delivery_attempt WHERE cell = %(cell)s AND delivery_id = %(delivery)s ORDER BY attempt
"""
_INSERT_TEST: Final = """
    INSERT INTO delivery (cell, delivery_id, merchant_id, event_id, event_seq, dialect, endpoint_id, url, destination,
        kind, subject_id, payload, status, attempts, due_at, created_at)
    VALUES (%(cell)s, %(delivery)s, %(merchant)s, %(event)s, 0, 'native', %(endpoint)s, %(url)s, %(destination)s,
        %(kind)s, %(endpoint)s, %(payload)s, 'due', 0, now(), now())
"""


class DeliveryRow(msgspec.Struct, frozen=True):
    """One event to one destination, and how far it got."""

    delivery_id: int
    event_id: int
    kind: str
    dialect: str
    endpoint_id: int
    url: str
    status: str
    attempts: int
    due_at: Micros
    created_at: Micros
    completed_at: Micros | None


class AttemptRow(msgspec.Struct, frozen=True):
    """One attempt: what came of it, and the beginning of what the receiver answered."""

    attempt: int
    started_at: Micros
    outcome: str
    http_status: int | None
    latency_ms: int
    response: str | None


async def read_deliveries(
    connection: psycopg.AsyncConnection[Any], merchant_id: int, after: int, status: str | None, limit: int
) -> list[DeliveryRow]:
    """Deliveries of a merchant behind a delivery id, oldest first."""
    values = {
        "cell": cell_of_party(merchant_id),
        "merchant": merchant_id,
        "after": after,
        "status": status,
        "limit": limit,
    }
    async with connection.cursor(row_factory=class_row(DeliveryRow)) as cursor:
        await cursor.execute(_LIST, values)
        return await cursor.fetchall()


async def find_delivery(
    connection: psycopg.AsyncConnection[Any], merchant_id: int, delivery_id: int
) -> tuple[DeliveryRow, list[AttemptRow]] | None:
    """A delivery with its attempts; None where the merchant has none such."""
    values = {"cell": cell_of_id(delivery_id), "merchant": merchant_id, "delivery": delivery_id}
    async with connection.cursor(row_factory=class_row(DeliveryRow)) as cursor:
        await cursor.execute(_ONE, values)
        delivery = await cursor.fetchone()
    if delivery is None:
        return None
    async with connection.cursor(row_factory=class_row(AttemptRow)) as attempts:
        await attempts.execute(_ATTEMPTS, values)
        return delivery, await attempts.fetchall()


async def write_test_delivery(
    connection: psycopg.AsyncConnection[Any],
    endpoint: WebhookEndpoint,
    *,
    delivery_id: int,
    event_id: int,
    destination: str,
    kind: str,
    payload: bytes,
) -> None:
    """A delivery of an event that stands in no log, due now. Both ids are in the endpoint's cell."""
    values = {
        "cell": endpoint.cell,
        "delivery": delivery_id,
        "merchant": endpoint.merchant_id,
        "event": event_id,
        "endpoint": endpoint.endpoint_id,
        "url": endpoint.url,
        "destination": destination,
        "kind": kind,
        "payload": payload,
    }
    await connection.execute(_INSERT_TEST, values)
