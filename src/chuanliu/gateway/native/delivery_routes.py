"""Operations on the log of deliveries."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import psycopg

from chuanliu import notifications
from chuanliu.clock import iso_text
from chuanliu.errors import NotFound
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.account_documents import Attempt, Deliveries, DeliveriesQuery, Delivery
from chuanliu.gateway.native.delivery_store import AttemptRow, DeliveryRow, find_delivery, read_deliveries
from chuanliu.gateway.native.operation import Answer, Call, Operation
from chuanliu.gateway.native.reading_store import reading
from chuanliu.gateway.native.rendering import encode, time_or_none


def _attempt(row: AttemptRow) -> Attempt:
    return Attempt(
        attempt=row.attempt,
        started_at=iso_text(row.started_at),
        outcome=row.outcome,
        latency_ms=row.latency_ms,
        http_status=row.http_status,
        response=row.response,
    )


def _document(row: DeliveryRow, log: list[AttemptRow]) -> Delivery:
    return Delivery(
        delivery_id=str(row.delivery_id),
        event_id=str(row.event_id),
        type=row.kind,
        dialect="alipay" if row.dialect == "alipay" else "native",
        url=row.url,
        status="delivered" if row.status == "delivered" else "exhausted" if row.status == "exhausted" else "due",
        attempts=row.attempts,
        created_at=iso_text(row.created_at),
        due_at=iso_text(row.due_at),
        webhook_id=str(row.endpoint_id) if row.endpoint_id else None,
        completed_at=time_or_none(row.completed_at),
        log=tuple(_attempt(each) for each in log),
    )


async def show_sent(connection: psycopg.AsyncConnection[Any], merchant_id: int, delivery_id: int) -> Answer:
    """202 and a delivery that was just made due. Raises `NotFound(delivery_not_found)`."""
    found = await find_delivery(connection, merchant_id, delivery_id)
    if found is None:
        raise NotFound("delivery_not_found")
    return Answer(202, encode(_document(*found)))


async def list_deliveries(services: Services, call: Call) -> Answer:
    """Deliveries behind a cursor."""
    query: DeliveriesQuery = call.query
    status = None if query.status is msgspec.UNSET else query.status
    async with reading(services) as connection:
        rows = await read_deliveries(connection, call.merchant_id, query.after, status, query.limit)
    cursor = rows[-1].delivery_id if rows else query.after
    return Answer(200, encode(Deliveries(tuple(_document(row, []) for row in rows), str(cursor))))


async def show_delivery(services: Services, call: Call) -> Answer:
    """A delivery with its attempts."""
    delivery_id = call.id("delivery")
    async with reading(services) as connection:
        found = await find_delivery(connection, call.merchant_id, delivery_id)
    if found is None:
        raise NotFound("delivery_not_found")
    return Answer(200, encode(_document(*found)))


async def redeliver(services: Services, call: Call) -> Answer:
    """Make a delivery due now."""
    delivery_id = call.id("delivery")
    async with reading(services) as connection:
        if not await notifications.redeliver(connection, call.merchant_id, delivery_id):
            raise NotFound("delivery_not_found")
        return await show_sent(connection, call.merchant_id, delivery_id)


_ONE: Final = "/v1/deliveries/{delivery_id}"

OPERATIONS: Final = (
    Operation(
        "GET",
        "/v1/deliveries",
        list_deliveries,
        "List deliveries",
        tag="Webhooks",
        query=DeliveriesQuery,
        response=Deliveries,
    ),
    Operation("GET", _ONE, show_delivery, "Read a delivery with its attempts", tag="Webhooks", response=Delivery),
    Operation(
        "POST",
        _ONE + "/redeliver",
        redeliver,
        "Send a delivery again now",
        tag="Webhooks",
        description="Whatever became of it before. The event keeps its id, so your server can tell that it knows it.",
        response=Delivery,
        status=202,
    ),
)
