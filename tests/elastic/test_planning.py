"""The planner follows calendars on record: units for what is declared, and a plan that goes on record itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import psycopg

from chuanliu.calendars import EventFeed, declared_store, read_calendar
from chuanliu.clock import MINUTE, iso_text
from chuanliu.elastic import Need, NeedOfUnits, PlanFeed, Planner

WITHIN_S = 30
IN_FORCE = "SELECT units, promised_per_s FROM planned_slot WHERE NOT shadow AND now() BETWEEN starts_at AND ends_at"


def calendar_from_now(peak_per_s: float) -> str:
    start = iso_text(time.time_ns() // 1000 - MINUTE)
    peak = f"{{p50: 1, p90: 2, p99: {peak_per_s}}}"
    return f"events: [{{tenant: cashier, start: '{start}', duration_minutes: 30, peak_per_s: {peak}}}]"


async def holds(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds."""
    for _ in range(WITHIN_S * 20):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never held")


def test_units_follow_what_is_declared_changed_and_taken_back(database_url: str) -> None:
    heard: list[Need] = []
    feed = PlanFeed(EventFeed(), unit_rate=100.0, units_max=9, lag=MINUTE)
    need = NeedOfUnits(least=1, most=9, unit_rate=100.0)
    planner = Planner(need, heard.append, url=database_url, feed=feed, wish=lambda _: 0)

    def planned(units: int) -> Callable[[], Awaitable[bool]]:
        async def look() -> bool:
            return bool(heard) and heard[-1].planned == units

        return look

    async def is_refused() -> bool:
        return "promises_conflict" in feed.problem

    async def main() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(planner.run(stop))
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:

            async def is_on_record() -> bool:
                return await (await connection.execute(IN_FORCE)).fetchone() == (3, 250.0)

            await holds(planned(0))
            assert feed.made is None, "a plan of nothing is none"
            await declared_store.put(connection, "planned", read_calendar(calendar_from_now(450)))
            await holds(planned(5))
            assert heard[-1].units == 5
            await declared_store.put(connection, "planned", read_calendar(calendar_from_now(5000)))
            await holds(is_refused)
            assert heard[-1].units == 5, "the last plan stays in force"
            await declared_store.put(connection, "planned", read_calendar(calendar_from_now(250)))
            await holds(planned(3))
            assert feed.problem == ""
            await holds(is_on_record)
            await declared_store.remove(connection, "planned")
            await holds(planned(0))
        stop.set()
        await running

    asyncio.run(main())
