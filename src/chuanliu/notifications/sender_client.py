"""The sender: takes what is due, renders, posts, and puts the outcome on record. One at a time in an installation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import structlog

from chuanliu.clock import Micros
from chuanliu.notifications.acknowledgement import alipay_acknowledged, native_acknowledged
from chuanliu.notifications.delivery_client import DeliveryClient, DeliveryResult
from chuanliu.notifications.delivery_store import AttemptRecord, DueDelivery, claim_due, postpone, record_attempts
from chuanliu.notifications.places import Line, Places
from chuanliu.notifications.schedule import ALIPAY, NATIVE

log = structlog.get_logger()

_CLAIM_MAX: Final = 256
_BREAKER_PAUSE_S: Final = 15.0
_EXCERPT: Final = 500


@dataclass(frozen=True)
class Rendered:
    """What is posted."""

    headers: Mapping[str, str]
    body: bytes


Render = Callable[[DueDelivery, Micros], Awaitable[Rendered | None]]
"""Makes the signed request of a delivery at an instant; None where it can no longer be made (endpoint deleted)."""


def _now() -> Micros:
    return time.time_ns() // 1000


class Sender:
    """Runs until cancelled. `render` is called once an attempt, so that timestamps and keys are fresh."""

    def __init__(self, client: DeliveryClient, render: Render) -> None:
        self._client = client
        self._render = render
        self._under_way: dict[int, DueDelivery] = {}
        self._finished: list[AttemptRecord] = []
        self._places = Places()
        self._closed_lines: set[Line] = set()
        self._wake = asyncio.Event()

    async def run(self, connection: psycopg.AsyncConnection[Any], idle_s: float = 0.2) -> None:
        """Claim, send and record, round after round. Raises what the database raises; then start anew."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    started = await self._round(connection, tasks)
                    if not started and not self._finished:
                        self._wake.clear()
                        try:
                            await asyncio.wait_for(self._wake.wait(), idle_s)
                        except TimeoutError:
                            continue
        finally:
            self._under_way.clear()
            self._places = Places()
            self._finished.clear()

    async def _round(self, connection: psycopg.AsyncConnection[Any], tasks: asyncio.TaskGroup) -> int:
        finished, self._finished = self._finished, []
        if finished:
            await record_attempts(connection, finished)
            for record in finished:
                self._leave(record.delivery)
        closed, self._closed_lines = self._closed_lines, set()
        for line in closed:
            await postpone(connection, line, _BREAKER_PAUSE_S, self._under_way)
        room = min(_CLAIM_MAX, self._client.room - len(self._under_way))
        if room <= 0:
            return 0
        places = self._places
        started = 0
        for delivery in await claim_due(connection, room, places.full_hosts(), places.full_lines(), self._under_way):
            if not places.take(delivery.line):
                continue
            self._under_way[delivery.delivery_id] = delivery
            tasks.create_task(self._send(delivery))
            started += 1
        return started

    def _leave(self, delivery: DueDelivery) -> None:
        if self._under_way.pop(delivery.delivery_id, None) is not None:
            self._places.give_back(delivery.line)

    async def _send(self, delivery: DueDelivery) -> None:
        started_at = _now()
        try:
            rendered = await self._render(delivery, started_at)
        except Exception:
            log.exception("a notification could not be rendered", delivery_id=delivery.delivery_id)
            rendered = None
        if rendered is None:
            result = DeliveryResult("refused_destination", detail="The notification can no longer be made.")
        else:
            acknowledged = alipay_acknowledged if delivery.dialect == "alipay" else native_acknowledged
            result = await self._client.deliver(
                delivery.url, rendered.headers, rendered.body, acknowledged, merchant_id=delivery.merchant_id
            )
        if result.attempted:
            self._finished.append(_record(delivery, started_at, result))
        else:
            self._leave(delivery)
            self._closed_lines.add(delivery.line)
        self._wake.set()


def _record(delivery: DueDelivery, started_at: Micros, result: DeliveryResult) -> AttemptRecord:
    schedule = ALIPAY if delivery.dialect == "alipay" else NATIVE
    final = result.outcome in ("delivered", "refused_destination")
    next_due = None if final else schedule.next_due(delivery.attempts + 1, _now())
    response = (result.body_excerpt.decode("utf-8", "replace")[:_EXCERPT] or result.detail).replace("\x00", "")
    return AttemptRecord(delivery, started_at, result.outcome, result.status, result.latency_ms, response, next_due)
