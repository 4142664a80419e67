"""Counting by tenant and class, and the rows that come of it, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from prometheus_client.parser import text_string_to_metric_families

from chuanliu.clock import HOUR, MINUTE, SECOND
from chuanliu.metering import MeteredRow, TrafficClass, TrafficMeter, meter_store, tenant_name, tenant_of_name
from chuanliu.serving import metrics_text

NOW = 1_790_000_000 * SECOND
TENANT = 2088_0000_0000_0011


def metered() -> TrafficMeter:
    meter = TrafficMeter()
    paid = meter.tally(TENANT, TrafficClass.PAY)
    paid.offered, paid.admitted, paid.rejected = 5, 3, 2
    for seconds in (0.0005, 0.003, 99.0):
        paid.answer(seconds)
    meter.tally(0, TrafficClass.BATCH).offered = 1
    return meter


def test_each_request_is_taken_once_and_second_by_second() -> None:
    meter = metered()
    rows = meter.take(NOW + 17)
    assert [(row.starts_at, row.tenant_id, row.traffic_class) for row in rows] == [
        (NOW, 0, TrafficClass.BATCH),
        (NOW, TENANT, TrafficClass.PAY),
    ]
    pay = rows[1]
    assert (pay.offered, pay.admitted, pay.answered, pay.rejected, pay.cost_units) == (5, 3, 3, 2, 24)
    assert (sum(pay.latency), pay.latency[0], pay.latency[2], pay.latency[-1]) == (3, 1, 1, 1)
    assert meter.take(NOW + SECOND) == []
    meter.tally(TENANT, TrafficClass.PAY).offered += 1
    assert [row.offered for row in meter.take(NOW + SECOND)] == [1]


def test_metrics_name_tenant_and_class() -> None:
    families = {one.name: one for one in text_string_to_metric_families(metrics_text(metered()))}
    offered = {(s.labels["tenant"], s.labels["class"]): s.value for s in families["chuanliu_tenant_offered"].samples}
    assert offered == {(str(TENANT), "pay"): 5, ("unknown", "batch"): 1}
    assert families["chuanliu_tenant_latency_seconds"].type == "histogram"


def test_names_of_tenants_are_read_back() -> None:
    for tenant_id in (0, 1, TENANT):
        assert tenant_of_name(tenant_name(tenant_id)) == tenant_id
    assert tenant_of_name("nobody") is tenant_of_name("12") is None


def on(url: str, work: Callable[[psycopg.AsyncConnection[Any]], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            return await work(connection)

    return asyncio.run(run())


def row(starts_at: int, offered: int, traffic_class: TrafficClass = TrafficClass.PAY) -> MeteredRow:
    return MeteredRow(starts_at, TENANT, traffic_class, offered, offered - 1, 2, 1, 8, (1, 0, *[0] * 11, 1))


def test_parts_of_a_row_add_up_and_old_rows_move_to_a_coarser_grain(database_url: str) -> None:
    async def work(connection: psycopg.AsyncConnection[Any]) -> None:
        cursor = await connection.execute("SELECT (extract(epoch FROM now()) * 1000000)::bigint")
        now = ((await cursor.fetchone() or [0])[0]) // HOUR * HOUR
        await meter_store.write_rows(connection, [row(now, 3), row(now, 4), row(now, 2, TrafficClass.QUERY)])
        await meter_store.write_rows(connection, [row(now, 5)])
        long_ago, older = now - 2 * HOUR, now - 5 * 24 * HOUR
        await meter_store.write_rows(connection, [row(long_ago + n * SECOND, 10) for n in range(90)])
        await meter_store.write_rows(connection, [row(older + n * MINUTE, 1) for n in range(30)])
        fresh = await meter_store.read_rows(connection, now, now + SECOND)
        assert [(one.traffic_class, one.offered, one.latency[0]) for one in fresh] == [
            (TrafficClass.PAY, 12, 3),
            (TrafficClass.QUERY, 2, 1),
        ]
        for _ in range(2):  # what has moved moves no second time
            await meter_store.roll_up(connection)
            minutes = await meter_store.read_rows(connection, long_ago, long_ago + HOUR)
            assert [(one.starts_at - long_ago, one.offered, one.latency[-1]) for one in minutes] == [
                (0, 600, 60),
                (MINUTE, 300, 30),
            ]
            (hour,) = await meter_store.read_rows(connection, older, older + HOUR, [3600])
            assert (hour.starts_at, hour.offered, hour.cost_units) == (older, 30, 240)
        late = [row(long_ago, 1), row(now - 401 * 24 * HOUR, 1)]
        await meter_store.write_rows(connection, late)
        await meter_store.roll_up(connection)
        assert (await meter_store.read_rows(connection, long_ago, long_ago + MINUTE))[0].offered == 601
        await meter_store.roll_up(connection)
        assert await meter_store.read_rows(connection, 0, now - 400 * 24 * HOUR) == []

    on(database_url, work)


def test_processes_that_write_the_same_row_at_once_lose_nothing(database_url: str) -> None:
    at = NOW + HOUR

    async def work(_: psycopg.AsyncConnection[Any]) -> None:
        async def write() -> None:
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as own:
                for _ in range(20):
                    await meter_store.write_rows(own, [row(at, 1), row(at, 1, TrafficClass.QUERY)])

        await asyncio.gather(*(write() for _ in range(4)))

    on(database_url, work)
    found = on(database_url, lambda connection: meter_store.read_rows(connection, at, at + SECOND))
    assert [one.offered for one in found] == [80, 80]
