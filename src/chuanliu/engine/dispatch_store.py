"""The dispatcher: moves events from the outbox to the event log and numbers them as it goes.

Numbers are given by this one writer in the order of its commits, so a reader with a cursor never misses an event whose
transaction committed late.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import psycopg
from psycopg.rows import class_row

from chuanliu.engine.kinds import Instant
from chuanliu.engine.table import Row

_DISPATCH = """
    WITH taken AS (
        DELETE FROM outbox o
        USING (SELECT cell, event_id FROM outbox ORDER BY event_id LIMIT %(limit)s) c
        WHERE o.cell = c.cell AND o.event_id = c.event_id
        RETURNING o.*
    ), numbered AS (
        SELECT t.*, s.last_seq + row_number() OVER (ORDER BY t.event_id) AS seq
        FROM taken t CROSS JOIN dispatch_state s
    ), logged AS (
        INSERT INTO event (cell, merchant_id, seq, event_id, kind, subject_id, payload, created_at)
        SELECT cell, merchant_id, seq, event_id, kind, subject_id, payload, created_at FROM numbered
    ), advanced AS (
        UPDATE dispatch_state SET last_seq = last_seq + (SELECT count(*) FROM numbered)
        WHERE EXISTS (SELECT FROM numbered)
    ), counted AS (
        SELECT count(*) AS events FROM numbered
    )
    SELECT c.events, n.cell, n.merchant_id, n.seq, n.event_id, n.kind, n.subject_id, n.notify_url, n.payload
    FROM counted c
    LEFT JOIN numbered n ON n.notify_url IS NOT NULL OR n.merchant_id = ANY (%(subscribers)s)
"""


class DispatchedEvent(Row, frozen=True, gc=False):
    """An event that somebody wants delivered."""

    cell: int
    merchant_id: int
    seq: int
    event_id: int
    kind: str
    subject_id: int
    notify_url: str | None
    payload: bytes


class LoggedEvent(Row, frozen=True, gc=False):
    """An event as readers with a cursor get it."""

    seq: int
    event_id: int
    kind: str
    subject_id: int
    payload: bytes
    created_at: Instant


Deliver = Callable[[psycopg.AsyncConnection[Any], Sequence[DispatchedEvent]], Awaitable[None]]


async def dispatch(
    connection: psycopg.AsyncConnection[Any], subscribers: Sequence[int], deliver: Deliver, *, limit: int = 5000
) -> int:
    """Number and log up to `limit` events in one transaction, oldest first; return how many.

    `deliver` is called inside the transaction with those that have a notification address or a subscribed merchant, to
    write deliveries. Only one dispatcher may run: the caller holds the leader's lock.
    """
    async with connection.transaction():
        cursor = await connection.execute(_DISPATCH, {"limit": limit, "subscribers": list(subscribers)}, binary=True)
        rows = await cursor.fetchall()
        wanted = [DispatchedEvent(*row[1:]) for row in rows if row[1] is not None]
        if wanted:
            await deliver(connection, wanted)
        return int(rows[0][0]) if rows else 0


async def dispatch_backlog(connection: psycopg.AsyncConnection[Any]) -> int:
    """How many events wait for the dispatcher."""
    row = await (await connection.execute("SELECT count(*) FROM outbox")).fetchone()
    return int(row[0]) if row else 0


async def read_events(
    connection: psycopg.AsyncConnection[Any], cell: int, merchant_id: int, after_seq: int, limit: int
) -> list[LoggedEvent]:
    """Events of a merchant behind a cursor, in order."""
    async with connection.cursor(row_factory=class_row(LoggedEvent), binary=True) as cursor:
        await cursor.execute(
            """
            SELECT seq, event_id, kind, subject_id, payload,
                (extract(epoch FROM created_at) * 1000000)::bigint AS created_at
            FROM event WHERE cell = %s AND merchant_id = %s AND seq > %s ORDER BY seq LIMIT %s
            """,
            [cell, merchant_id, after_seq, limit],
        )
        return await cursor.fetchall()
