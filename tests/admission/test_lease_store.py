"""Leases through a real database: dealt, obeyed, swept, and what happens when they no longer come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import psycopg
import pytest

from alipay_world.world import World, world
from chuanliu.admission import Lease, Report, TenantSettings, Verdict, lease_store
from chuanliu.ids import SHADOW_PARTIES
from chuanliu.metering import TrafficClass, meter_store
from chuanliu.runtime.traffic_server import TrafficControl

TENANT, OTHER = 2088_0000_0000_0001, 2088_0000_0000_0002
Connection = psycopg.AsyncConnection[Any]


def on(url: str, work: Callable[[Connection], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            return await work(connection)

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def clean(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table in ("admission_report", "admission_lease", "admission_tenant", "metered"):
            connection.execute(f"DELETE FROM {table}")
        connection.execute("UPDATE admission_pool SET limit_per_s = NULL")
        connection.execute("UPDATE rehearsal_pool SET limit_per_s = 0, until = '-infinity'")


def test_settings_are_read_as_they_were_set(database_url: str) -> None:
    async def work(connection: Connection) -> None:
        before = await lease_store.read_settings(connection)
        assert (before.limit_per_s, before.tenants) == (None, {})
        await lease_store.set_limit(connection, 1000)
        terms = TenantSettings(10, 2.5, 40, 1000)
        await lease_store.set_tenant(connection, TENANT, TenantSettings(1))
        await lease_store.set_tenant(connection, TENANT, terms)
        await lease_store.set_tenant(connection, OTHER, terms)
        await lease_store.reset_tenant(connection, OTHER)
        after = await lease_store.read_settings(connection)
        assert (after.limit_per_s, after.tenants) == (1000, {TENANT: terms})

    on(database_url, work)


def test_the_database_refuses_settings_that_make_no_sense(database_url: str) -> None:
    wrong = ("limit_per_s = 0", "limit_per_s = 'NaN'", "limit_per_s = 'Infinity'")
    for assignment in wrong:
        with psycopg.connect(database_url, autocommit=True) as connection, pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(f"UPDATE admission_pool SET {assignment}")


def test_leases_are_dealt_to_who_reports_and_taken_from_who_is_gone(database_url: str) -> None:
    async def work(connection: Connection) -> None:
        await lease_store.set_limit(connection, 100)
        assert (await lease_store.first(connection, "p")).spare_per_s == 100
        assert await lease_store.exchange(connection, "p", Report({TENANT: (90, 0, 0, 0)})) is None
        await lease_store.exchange(connection, "q", Report({TENANT: (30, 0, 0, 0)}))
        assert (await lease_store.first(connection, "new")).spare_per_s == pytest.approx(100 / 3)
        assert await lease_store.coordinate(connection) == 2
        issued = await lease_store.exchange(connection, "p", Report({TENANT: (90, 0, 0, 0)}))
        assert issued is not None and issued.lease.tenants[TENANT].total == pytest.approx(75)
        await lease_store.coordinate(connection)
        again = await lease_store.exchange(connection, "p", Report({}))
        assert again is not None and again.epoch == issued.epoch + 1
        await lease_store.leave(connection, "q")
        assert await lease_store.coordinate(connection) == 1
        await connection.execute("UPDATE admission_report SET seen_at = seen_at - interval '1 minute'")
        assert await lease_store.coordinate(connection) == 0
        cursor = await connection.execute("SELECT count(*) FROM admission_lease")
        assert await cursor.fetchone() == (0,)

    on(database_url, work)


def test_what_is_promised_is_guaranteed_while_it_is_promised(database_url: str) -> None:
    wants = {TENANT: (500.0, 0.0, 0.0, 0.0), OTHER: (500.0, 0.0, 0.0, 0.0)}

    async def shares(connection: Connection, promised: dict[int, float]) -> tuple[float, float]:
        await lease_store.exchange(connection, "p", Report(wants))
        await lease_store.coordinate(connection, promised)
        issued = await lease_store.exchange(connection, "p", Report(wants))
        assert issued is not None
        return issued.lease.tenants[TENANT].total, issued.lease.tenants[OTHER].total

    async def work(connection: Connection) -> None:
        await lease_store.set_limit(connection, 100)
        await lease_store.reset_tenant(connection, TENANT)
        assert await shares(connection, {}) == pytest.approx((50, 50))
        assert await shares(connection, {TENANT: 80.0}) == pytest.approx((90, 10))
        await lease_store.set_tenant(connection, OTHER, TenantSettings(20))
        assert await shares(connection, {TENANT: 80.0, OTHER: 5.0}) == pytest.approx((80, 20))
        await lease_store.reset_tenant(connection, OTHER)
        assert await shares(connection, {}) == pytest.approx((50, 50))
        await lease_store.leave(connection, "p")

    on(database_url, work)


def test_rehearsals_have_a_pool_of_their_own_while_somebody_says_so(database_url: str) -> None:
    shadow = SHADOW_PARTIES + 1

    async def lease(connection: Connection) -> tuple[Lease, Lease]:
        wants = {TENANT: (50.0, 0.0, 0.0, 0.0), shadow: (500.0, 0.0, 0.0, 0.0)}
        await lease_store.exchange(connection, "p", Report(wants))
        assert await lease_store.coordinate(connection) == 1
        issued = await lease_store.exchange(connection, "p", Report(wants))
        assert issued is not None and issued.lease.shadow is not None
        return issued.lease, issued.lease.shadow

    async def work(connection: Connection) -> None:
        await lease_store.set_limit(connection, 100)
        await lease_store.set_tenants(connection, {shadow: TenantSettings(80), TENANT: TenantSettings(20)})
        first = await lease_store.first(connection, "p")
        assert first.shadow is not None and (first.pool_per_s, first.shadow.pool_per_s) == (100, 0)
        real, none = await lease(connection)
        assert (sum(share.total for share in none.tenants.values()), none.spare_per_s) == (0, 0)
        await lease_store.hold_rehearsal(connection, 90, 60)
        held, own = await lease(connection)
        # What the rehearsal is promised takes nothing from real tenants.
        assert (held.tenants, held.spare_per_s) == (real.tenants, real.spare_per_s)
        assert set(held.tenants) == {TENANT} and set(own.tenants) == {shadow}
        assert own.tenants[shadow].total + own.spare_per_s == pytest.approx(90)
        await lease_store.hold_rehearsal(connection, 90, -1)
        assert (await lease(connection))[1].pool_per_s == 0
        await lease_store.hold_rehearsal(connection, 90, 60)
        await lease_store.end_rehearsal(connection)
        assert (await lease(connection))[1].tenants[shadow].total == 0
        assert set((await lease_store.read_settings(connection)).tenants) == {TENANT}

    on(database_url, work)


@pytest.fixture(scope="module")
def platform(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not check():  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0.05)


def test_two_processes_share_a_limit_and_go_on_without_a_coordinator(platform: World, database_url: str) -> None:
    """Real loops against a real database; the coordinator stops, then the database refuses them."""

    async def run() -> None:
        engine = platform.services.engine
        controls = [TrafficControl(engine, database_url) for _ in range(2)]
        stop = asyncio.Event()
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            await lease_store.set_limit(connection, 200)
            await lease_store.set_tenant(connection, TENANT, TenantSettings(50))
            tasks = [asyncio.create_task(control.run(stop)) for control in controls]

            async def deal() -> None:
                while True:
                    await lease_store.coordinate(connection)
                    await asyncio.sleep(0.2)

            def limits() -> list[float]:
                return [control.gate.limit_per_s or 0.0 for control in controls]

            dealing = asyncio.create_task(deal())
            # The sum of what both may admit is the limit, once both have been dealt to.
            await until(lambda: abs(sum(limits()) - 200) < 1e-6)
            tally = controls[0].meter.tally(TENANT, TrafficClass.PAY)
            tally.offered += 3
            tally.admitted += 3
            dealing.cancel()
            await asyncio.gather(dealing, return_exceptions=True)
            held = limits()
            await asyncio.sleep(1.5)
            assert sum(limits()) == pytest.approx(sum(held))
            assert controls[0].gate.decide(TENANT, TrafficClass.PAY) is Verdict.ADMITTED
            cursor = await connection.execute("SELECT count(*) FROM admission_report")
            assert await cursor.fetchone() == (2,)
            stop.set()
            await asyncio.gather(*tasks)
            cursor = await connection.execute("SELECT count(*) FROM admission_report")
            assert await cursor.fetchone() == (0,)
            rows = await meter_store.read_rows(connection, 0, 2**53)
            assert [(row.tenant_id, row.offered, row.cost_units) for row in rows] == [(TENANT, 3, 24)]

    platform.run(run())


def test_without_a_database_a_process_admits_by_what_it_has(platform: World) -> None:
    async def run() -> None:
        control = TrafficControl(platform.services.engine, "postgresql://127.0.0.1:1/none")
        stop = asyncio.Event()
        task = asyncio.create_task(control.run(stop))
        await asyncio.sleep(0.3)
        assert control.gate.decide(TENANT, TrafficClass.PAY) is Verdict.ADMITTED
        stop.set()
        await asyncio.wait_for(task, 10)

    platform.run(run())
