"""The outbox: events written in the transaction of the change that they tell of."""

from __future__ import annotations

from chuanliu.engine.kinds import Instant, SmallInt
from chuanliu.engine.table import Row, Table


class OutboxEvent(Row, frozen=True, gc=False):
    """An event that waits for the dispatcher. `payload` is JSON and complete: nothing is looked up when it is sent.

    `notify_url` is where the order's own notifications go, beside the merchant's webhook endpoints.
    """

    cell: SmallInt
    event_id: int
    merchant_id: int
    kind: str
    subject_id: int
    notify_url: str | None
    payload: bytes
    created_at: Instant


OUTBOX: Table[OutboxEvent] = Table("outbox", OutboxEvent, ("cell", "event_id"), rank=99, append_only=True)
