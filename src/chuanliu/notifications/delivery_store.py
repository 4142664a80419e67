"""Deliveries in the database: made from dispatched events, claimed when due, and every attempt on record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
import psycopg

from chuanliu.clock import Micros
from chuanliu.engine import Reference, dispatch_store
from chuanliu.errors import Refused
from chuanliu.ids import cell_of_id, with_cell
from chuanliu.notifications.destination import DestinationPolicy
from chuanliu.notifications.places import Line
from chuanliu.parties import WEBHOOK_ENDPOINT
from chuanliu.trade import ORDER_CLOSED, snapshot_of

_TOLD_OF_CLOSING: Final = frozenset({"page", "wap", "app"})
"""Scenes whose closing is notified on the Alipay wire; a till or a QR code asks for itself."""

_INSERT: Final = """
    INSERT INTO delivery (cell, delivery_id, merchant_id, event_id, event_seq, dialect, endpoint_id, url, destination,
        kind, subject_id, payload, status, attempts, due_at, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'due', 0, now(), now())
"""
_CLAIM: Final = """
    SELECT cell, delivery_id, merchant_id, event_id, event_seq, dialect, endpoint_id, url, destination, kind, payload,
        attempts, (extract(epoch FROM created_at) * 1000000)::bigint
    FROM delivery
    WHERE status = 'due' AND due_at <= now()
        AND destination <> ALL (%(full_hosts)s) AND delivery_id <> ALL (%(under_way)s)
        AND (merchant_id, destination) NOT IN (SELECT * FROM unnest(%(full_merchants)s::bigint[], %(full_at)s::text[]))
    ORDER BY due_at LIMIT %(limit)s
"""
_ATTEMPT: Final = """
    INSERT INTO delivery_attempt (cell, delivery_id, attempt, started_at, outcome, http_status, latency_ms, response)
    VALUES (%s, %s, %s, to_timestamp(%s / 1000000.0), %s, %s, %s, %s)
    ON CONFLICT (cell, delivery_id, attempt) DO NOTHING
"""
_SETTLE: Final = """
    UPDATE delivery SET status = %s, attempts = %s, due_at = coalesce(to_timestamp(%s / 1000000.0), due_at),
        completed_at = CASE WHEN %s = 'due' THEN NULL ELSE now() END
    WHERE cell = %s AND delivery_id = %s
"""
_POSTPONE: Final = """
    UPDATE delivery SET due_at = now() + make_interval(secs => %(seconds)s)
    WHERE status = 'due' AND due_at <= now() AND merchant_id = %(merchant_id)s AND destination = %(destination)s
        AND delivery_id <> ALL (%(under_way)s)
"""


class DueDelivery(msgspec.Struct, frozen=True):
    """A delivery whose time has come. `attempts` have been made before."""

    cell: int
    delivery_id: int
    merchant_id: int
    event_id: int
    event_seq: int
    dialect: str
    endpoint_id: int
    url: str
    destination: str
    kind: str
    payload: bytes
    attempts: int
    created_at: Micros

    @property
    def line(self) -> Line:
        """What limits are kept for."""
        return self.merchant_id, self.destination


class AttemptRecord(msgspec.Struct, frozen=True):
    """One attempt and what follows: delivered, exhausted, or due again at `next_due`."""

    delivery: DueDelivery
    started_at: Micros
    outcome: str
    http_status: int | None
    latency_ms: int
    response: str
    next_due: Micros | None

    @property
    def status(self) -> str:
        """The delivery's status after the attempt."""
        if self.outcome == "delivered":
            return "delivered"
        return "due" if self.next_due is not None else "exhausted"


def destination_key(policy: DestinationPolicy, url: str) -> str:
    """What limits are kept for; for a URL that may not be called, the URL's beginning."""
    try:
        return policy.parse(url).key
    except Refused:
        return url[:100]


def subscribers(reference: Reference) -> list[int]:
    """Merchants with an active webhook endpoint."""
    return sorted({e.merchant_id for e in reference.all(WEBHOOK_ENDPOINT) if e.status == "active"})


def _wants(kinds: str, kind: str) -> bool:
    return kinds == "*" or kind in kinds.split(",")


async def write_deliveries(
    connection: psycopg.AsyncConnection[Any],
    events: Sequence[dispatch_store.DispatchedEvent],
    reference: Reference,
    policy: DestinationPolicy,
    next_id: Callable[[], int],
) -> None:
    """Make the deliveries of events, in the dispatcher's transaction."""
    rows: list[tuple[Any, ...]] = []

    def add(event: dispatch_store.DispatchedEvent, dialect: str, endpoint_id: int, url: str) -> None:
        delivery_id = with_cell(next_id(), event.cell)
        head = (event.cell, delivery_id, event.merchant_id, event.event_id, event.seq, dialect, endpoint_id, url)
        rows.append((*head, destination_key(policy, url), event.kind, event.subject_id, event.payload))

    for event in events:
        told = event.kind != ORDER_CLOSED or snapshot_of(event.payload).scene in _TOLD_OF_CLOSING
        if event.notify_url is not None and told:
            add(event, "alipay", 0, event.notify_url)
        for endpoint in reference.find(WEBHOOK_ENDPOINT, "merchant_id", event.merchant_id):
            if endpoint.status == "active" and _wants(endpoint.kinds, event.kind):
                add(event, "native", endpoint.endpoint_id, endpoint.url)
    if rows:
        async with connection.cursor() as cursor:
            await cursor.executemany(_INSERT, rows)


async def claim_due(
    connection: psycopg.AsyncConnection[Any],
    limit: int,
    full_hosts: Iterable[str],
    full_lines: Iterable[Line],
    under_way: Iterable[int],
) -> list[DueDelivery]:
    """Up to `limit` due deliveries, oldest first: none to a host that is full, none of a merchant that has no room
    there, and none that is under way.
    """
    lines = list(full_lines)
    values = {
        "limit": limit,
        "full_hosts": list(full_hosts),
        "full_merchants": [merchant_id for merchant_id, _ in lines],
        "full_at": [host for _, host in lines],
        "under_way": list(under_way),
    }
    cursor = await connection.execute(_CLAIM, values)
    return [DueDelivery(*row) for row in await cursor.fetchall()]


async def record_attempts(connection: psycopg.AsyncConnection[Any], records: Sequence[AttemptRecord]) -> None:
    """Put attempts on record and settle their deliveries, in one transaction."""
    async with connection.transaction(), connection.cursor() as cursor:
        await cursor.executemany(
            _ATTEMPT,
            [
                (
                    r.delivery.cell,
                    r.delivery.delivery_id,
                    r.delivery.attempts + 1,
                    r.started_at,
                    r.outcome,
                    r.http_status,
                    r.latency_ms,
                    r.response,
                )
                for r in records
            ],
        )
        await cursor.executemany(
            _SETTLE,
            [
                (r.status, r.delivery.attempts + 1, r.next_due, r.status, r.delivery.cell, r.delivery.delivery_id)
                for r in records
            ],
        )


async def postpone(
    connection: psycopg.AsyncConnection[Any], line: Line, seconds: float, under_way: Iterable[int]
) -> None:
    """Move all that is due of a merchant to a host into the future, without counting it as an attempt."""
    values = {"merchant_id": line[0], "destination": line[1], "seconds": seconds, "under_way": list(under_way)}
    await connection.execute(_POSTPONE, values)


async def redeliver(connection: psycopg.AsyncConnection[Any], merchant_id: int, delivery_id: int) -> bool:
    """Send a delivery again now, whatever became of it; False where the merchant has none such.

    The attempts made so far stay on record and the schedule goes on from where it was, with at least this one attempt.
    """
    cursor = await connection.execute(
        "UPDATE delivery SET status = 'due', due_at = now(), completed_at = NULL"
        " WHERE cell = %s AND delivery_id = %s AND merchant_id = %s",
        [cell_of_id(delivery_id), delivery_id, merchant_id],
    )
    return cursor.rowcount == 1
