"""What keeps a gateway process's meter and gates going: buckets that fill, leases that come, rows that are written.

Tenants of rehearsals have a gate of their own, which gives way sooner. Without the database the gates go on by their
last leases, and what was metered waits in memory for ten minutes.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Iterator
from typing import Any, Final

import psycopg
import structlog
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chuanliu.admission import SHADOW_TARGET_S, Congestion, Gate, Lease, Report, lease_store
from chuanliu.engine import Engine
from chuanliu.metering import MeteredRow, TrafficMeter, meter_store

log = structlog.get_logger()

_TICK_S: Final = 0.05
_PERIOD_S: Final = 1.0
_PATIENCE_S: Final = 2.0
_PENDING_MAX: Final = 200_000

Connection = psycopg.AsyncConnection[Any]


class TrafficControl(Collector):
    """One process's `meter`, `gate`, and `shadow_gate` for rehearsals. Enter `run` as a task; it ends by `stop`."""

    def __init__(self, engine: Engine, url: str) -> None:
        self.meter = TrafficMeter()
        self.gate = Gate()
        self.shadow_gate = Gate(Congestion(SHADOW_TARGET_S))
        self.process = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._engine = engine
        self._url = url
        self._pending: list[MeteredRow] = []
        self._epoch = 0
        self._has_lease = False

    def collect(self) -> Iterator[Metric]:
        """What a `CollectorRegistry` reads of the gate."""
        limit = self.gate.limit_per_s
        yield GaugeMetricFamily(
            "chuanliu_admission_limit_per_second",
            "What this process may admit; infinite without a limit.",
            value=float("inf") if limit is None else limit,
        )
        yield GaugeMetricFamily(
            "chuanliu_admission_severity",
            "How far later classes are turned away for their waiting: 0 nobody, 1 batch, 2 queries, 3 refunds.",
            value=self.gate.congestion.severity,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Tick and exchange until `stop`; then write what was metered last, and give the lease back."""
        ticking = asyncio.create_task(self._tick())
        try:
            await self._keep_exchanging(stop)
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)

    async def _tick(self) -> None:
        """A loop that comes late has requests waiting before it, which no queue shows."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            now = loop.time()
            late = max(0.0, now - due)
            for gate in (self.gate, self.shadow_gate):
                gate.tick(now)
                gate.congestion.sample(max(late, self._engine.wait_s), now)
            due = now + _TICK_S
            await asyncio.sleep(_TICK_S)

    async def _keep_exchanging(self, stop: asyncio.Event) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, connect_timeout=2, application_name="chuanliu traffic"
                ) as connection:
                    await self._exchange_each_second(connection, stop)
                return
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("no leases come", error=str(error)[:200])
            if await _stopped(stop, _PERIOD_S):
                return
            self._collect()

    async def _exchange_each_second(self, connection: Connection, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        if not self._has_lease:
            async with asyncio.timeout(_PATIENCE_S):
                self._adopt(await lease_store.first(connection, self.process), loop.time())
            self._has_lease = True
        due = loop.time()
        while True:
            async with asyncio.timeout(_PATIENCE_S):
                issued = await lease_store.exchange(connection, self.process, self._report(loop.time()))
                if issued is not None and issued.epoch != self._epoch:
                    self._epoch = issued.epoch
                    self._adopt(issued.lease, loop.time())
                self._collect()
                await meter_store.write_rows(connection, self._pending)
                self._pending.clear()
                if stop.is_set():
                    await lease_store.leave(connection, self.process)
                    return
            due = max(due + _PERIOD_S, loop.time())
            await _stopped(stop, due - loop.time())

    def _report(self, now: float) -> Report:
        wants = {**self.gate.report(now).wants, **self.shadow_gate.report(now).wants}
        return Report(wants, self.gate.congestion.wait_s)

    def _adopt(self, lease: Lease, now: float) -> None:
        self.gate.adopt(lease, now)
        if lease.shadow is not None:
            self.shadow_gate.adopt(lease.shadow, now)

    def _collect(self) -> None:
        self._pending += self.meter.take(time.time_ns() // 1000)
        if len(self._pending) > _PENDING_MAX:
            log.warning("metered rows are lost", rows=len(self._pending) - _PENDING_MAX)
            del self._pending[:-_PENDING_MAX]


async def _stopped(stop: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await stop.wait()
    except TimeoutError:
        return False
    return True
