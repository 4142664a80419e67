"""Once a second: how many units there are to be, from the plan, the metered load and the operator's wish."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Final

import psycopg
import structlog

from chuanliu.clock import Micros
from chuanliu.elastic.need import Need, NeedOfUnits
from chuanliu.elastic.plan_store import PlanFeed
from chuanliu.elastic.slot_store import write_slots
from chuanliu.metering import meter_store

log = structlog.get_logger()

_PERIOD_S: Final = 1.0
_PATIENCE_S: Final = 2.0


class Planner:
    """`publish` hears each second what is needed. Without a URL no load is known, and no calendar on record."""

    def __init__(
        self,
        need: NeedOfUnits,
        publish: Callable[[Need], None],
        *,
        url: str | None,
        feed: PlanFeed,
        wish: Callable[[Micros], int],
    ) -> None:
        self._need = need
        self._publish = publish
        self._url = url
        self._feed = feed
        self._wish = wish
        self._problem = ""
        self._load_per_s = 0.0
        self._units = -1
        self._recorded: tuple[int, int] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Plan until `stop`. While the database does not answer, the load that was known last counts."""
        while not stop.is_set():
            if self._url is None:
                await self._plan(stop)
                continue
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, connect_timeout=2, application_name="chuanliu planner"
                ) as connection:
                    while not stop.is_set():
                        async with asyncio.timeout(_PATIENCE_S):
                            self._load_per_s = await meter_store.load_per_s(connection)
                            await self._feed.look(connection)
                            await self._record(connection)
                        await self._plan(stop)
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("the load is not known", error=str(error)[:200])
                await self._plan(stop)

    async def _plan(self, stop: asyncio.Event) -> None:
        now = time.time_ns() // 1000
        need = self._need.need(
            time.monotonic(), planned=self._planned(now), load_per_s=self._load_per_s, by_hand=self._wish(now)
        )
        if need.units != self._units:
            self._units = need.units
            log.info("units wanted", units=need.units, planned=need.planned, load=need.by_load, hand=need.by_hand)
        self._publish(need)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PERIOD_S):
                await stop.wait()

    async def _record(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """A plan that is new goes on record, for the operations screen."""
        if self._feed.made != self._recorded:
            now = time.time_ns() // 1000
            await write_slots(connection, self._feed.slots, now, shadow=False)
            self._recorded = self._feed.made

    def _planned(self, now: Micros) -> int:
        wanted = self._feed.wanted(now)
        if self._feed.problem != self._problem:
            self._problem = self._feed.problem
            log.warning("no new plan", problem=self._problem) if self._problem else log.info("a plan again")
        return 0 if wanted is None else wanted.units
