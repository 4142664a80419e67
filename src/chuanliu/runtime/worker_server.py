"""The worker process: dispatcher, folder, sender, sweeps. Several may run; one leads at a time, by advisory lock.

Each loop has a connection of its own. When one loses it, all end and the process stands for election again: after a
restart of the database they begin where the data says they are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import psycopg
import structlog

from chuanliu.acquiring import CALLS_MAX, BankSweeper, BillCollector, due_quotes
from chuanliu.admission import lease_store
from chuanliu.bills import due_lines
from chuanliu.calendars import EventFeed, promised_at
from chuanliu.clock import DAY, Micros, business_date, day_number
from chuanliu.engine import dispatch_store
from chuanliu.errors import ChuanliuError
from chuanliu.gateway import Services
from chuanliu.ids import CELLS, SHADOW_OFFSET
from chuanliu.instalments import ReleaseQuote
from chuanliu.ledger import EndHold, fold_store
from chuanliu.metering import meter_store, tenant_of_name
from chuanliu.notifications import DeliveryClient, DestinationPolicy, Sender, subscribers, write_deliveries
from chuanliu.parties import ReadReference
from chuanliu.promotions import budget_store, due_moves, watched_budgets
from chuanliu.runtime.engine_session_store import engine_session, settings_of_process
from chuanliu.runtime.partition_store import ensure_partitions
from chuanliu.runtime.process_log import configure_log
from chuanliu.runtime.rendering_server import renderer
from chuanliu.runtime.settings import Settings
from chuanliu.runtime.stopping_server import stop_on_signals
from chuanliu.trade import ExpireOrder, FinishOrder, sweep_store

log = structlog.get_logger()

_LEADER_LOCK: Final = 0x6368_756F_6C69_7501
_SWEEP_MAX: Final = 2000
_REFUND_WINDOW: Final = 365 * DAY
_PAY_WINDOW: Final = 15 * DAY

Connection = psycopg.AsyncConnection[Any]


def _now() -> Micros:
    return time.time_ns() // 1000


async def _connect(url: str, name: str) -> Connection:
    return await psycopg.AsyncConnection.connect(
        url, autocommit=True, connect_timeout=5, application_name=f"chuanliu {name}"
    )


async def _repeat(step: Callable[[], Awaitable[int]], idle_s: float, full: int) -> None:
    """Run a step for ever; pause unless it had a full load, so that a backlog is worked off at once."""
    while True:
        if await step() < full:
            await asyncio.sleep(idle_s)


class Worker:
    """The loops of the leader."""

    def __init__(self, services: Services, settings: Settings, url: str) -> None:
        self._services = services
        self._url = url
        self._calendar = settings.calendar
        self._policy = DestinationPolicy(own_networks_allowed=settings.sandbox)

    async def run(self) -> None:
        """Stand for election, lead, and stand again when the database went away. Runs until cancelled."""
        while True:
            try:
                async with await _connect(self._url, "leader") as leader:
                    await self._elected(leader)
                    log.info("leading")
                    await self._lead(leader)
            except* (psycopg.Error, OSError, ChuanliuError) as errors:
                log.warning("not leading", error=str(errors.exceptions[0])[:200])
            await asyncio.sleep(0.5)

    async def _elected(self, connection: Connection) -> None:
        while True:
            cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", [_LEADER_LOCK])
            row = await cursor.fetchone()
            if row is not None and row[0]:
                return
            await asyncio.sleep(1.0)

    async def _lead(self, leader: Connection) -> None:
        async with (
            await _connect(self._url, "dispatcher") as dispatching,
            await _connect(self._url, "folder") as folding,
            await _connect(self._url, "sender") as sending,
            await _connect(self._url, "sweeper") as sweeping,
            await _connect(self._url, "banks") as acquiring,
            await _connect(self._url, "campaigns") as counting,
            await _connect(self._url, "bills") as billing,
            await _connect(self._url, "coordinator") as dealing,
            asyncio.TaskGroup() as tasks,
        ):
            client = DeliveryClient(self._policy)
            sender = Sender(client, renderer(self._services))
            tasks.create_task(self._hold_office(leader))
            tasks.create_task(_repeat(lambda: self._dispatch(dispatching), 0.05, 5000))
            tasks.create_task(_repeat(lambda: fold_store.fold(folding), 0.2, 20_000))
            tasks.create_task(sender.run(sending))
            tasks.create_task(_repeat(lambda: self._sweep(sweeping), 0.5, _SWEEP_MAX))
            tasks.create_task(_repeat(lambda: self._sweep_campaigns(counting), 0.5, _SWEEP_MAX))
            tasks.create_task(self._call_banks(acquiring))
            tasks.create_task(_repeat(lambda: self._collect_bills(billing), 60.0, _SWEEP_MAX))
            tasks.create_task(self._deal(dealing))
            tasks.create_task(self._keep_house())

    async def _hold_office(self, leader: Connection) -> None:
        """The lock lasts as long as its connection: notice when that is gone."""
        while True:
            await leader.execute("SELECT 1")
            await asyncio.sleep(1.0)

    async def _dispatch(self, connection: Connection) -> int:
        reference = self._services.engine.reference
        next_id = self._services.engine.ids.next

        async def deliver(connection: Connection, events: Any) -> None:
            found: list[dispatch_store.DispatchedEvent] = list(events)
            await write_deliveries(connection, found, reference, self._policy, next_id)

        self._services.engine.ids.advance(time.time_ns() // 1_000_000)
        return await dispatch_store.dispatch(connection, subscribers(reference), deliver)

    async def _sweep(self, connection: Connection) -> int:
        """Close orders whose time is over, expire holds, release quotes: through the engine like any other command."""
        orders = await sweep_store.due_orders(connection, _SWEEP_MAX)
        holds = await sweep_store.due_holds(connection, _SWEEP_MAX)
        quotes = await due_quotes(connection, _SWEEP_MAX)
        engine = self._services.engine
        futures = [engine.submit(ExpireOrder(order_id)) for order_id in orders]
        answers = await asyncio.gather(
            *futures,
            *(engine.submit(EndHold(hold_id, expired=True)) for hold_id in holds),
            *(engine.submit(ReleaseQuote(quote_id)) for quote_id in quotes),
            return_exceptions=True,
        )
        for answer in answers:
            if isinstance(answer, ChuanliuError) and answer.code not in ("hold_not_active", "order_not_found"):
                log.warning("a due order, hold or quote was not ended", error=str(answer))
        return max(len(orders), len(holds), len(quotes))

    async def _sweep_campaigns(self, connection: Connection) -> int:
        """Start and end campaigns by their dates, and count budgets whose marks no longer hold."""
        engine = self._services.engine
        reference, now = await engine.ask(ReadReference()), _now()
        left = await budget_store.budgets_left(connection, watched_budgets(reference, now))
        moves = due_moves(reference, left, now)
        for answer in await asyncio.gather(*map(engine.submit, moves), return_exceptions=True):
            if isinstance(answer, ChuanliuError) and answer.code != "campaign_status_invalid":
                log.warning("a campaign was not swept", error=str(answer))
        return len(moves)

    async def _collect_bills(self, connection: Connection) -> int:
        """Once a day for each line whose statement is due: agreed repayment, charges, reminders. Tells how many of them
        are done with: those whose bank is silent are looked at again after a pause.
        """
        lines = await due_lines(connection, day_number(business_date(_now())), _SWEEP_MAX)
        collector = BillCollector(self._services.engine, self._services.banks)
        waiting = 0
        for answer in await collector.collect_all(lines):
            if isinstance(answer, ChuanliuError):
                log.warning("a bill was not collected", error=str(answer))
            else:
                waiting += answer.charge is not None
        return len(lines) - waiting

    async def _call_banks(self, connection: Connection) -> None:
        sweeper = BankSweeper(self._services.engine, self._services.banks)
        try:
            await _repeat(lambda: sweeper.sweep(connection), 0.1, CALLS_MAX)
        finally:
            await sweeper.close()

    async def _deal(self, connection: Connection) -> None:
        """Leases of the pool, once a second by the clock. Declared events guarantee their tenants what they promise."""
        feed, problem = EventFeed(self._calendar), ""
        while True:
            await feed.look(connection)
            if feed.problem != problem:
                problem = feed.problem
                log.warning("the calendar file is not read", problem=problem or "none any more")
            promised = promised_at(feed.events, _now())
            tenants = {tenant_of_name(name): rate for name, rate in promised.items()}
            await lease_store.coordinate(connection, {one: rate for one, rate in tenants.items() if one is not None})
            await asyncio.sleep(1.0 - time.time() % 1.0)

    async def _keep_house(self) -> None:
        """Once a minute: partitions ahead, refund windows ended."""
        marks: dict[int, int] = {}
        while True:
            await asyncio.to_thread(self._partition)
            async with await _connect(self._url, "housekeeper") as connection:
                await self._finish(connection, marks)
                await meter_store.roll_up(connection)
            await asyncio.sleep(60.0)

    def _partition(self) -> None:
        with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
            ensure_partitions(connection, _now())

    async def _finish(self, connection: Connection, marks: dict[int, int]) -> None:
        before = _now() - _REFUND_WINDOW - _PAY_WINDOW
        for cell in (*range(CELLS), *range(SHADOW_OFFSET, SHADOW_OFFSET + CELLS)):
            found = await sweep_store.finished_orders(connection, cell, marks.get(cell, 0), before, _SWEEP_MAX)
            await asyncio.gather(*(self._services.engine.submit(FinishOrder(order_id)) for order_id in found))
            if found:
                marks[cell] = found[-1] + 1


async def work(settings: Settings) -> None:
    """Run the worker until SIGTERM or SIGINT."""
    stop = stop_on_signals()
    async with engine_session(settings) as services:
        if settings.database_url is None:
            raise ValueError("the worker needs a database URL")
        leading = asyncio.create_task(Worker(services, settings, settings.database_url).run())
        await asyncio.wait([leading, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        # A task group that fails while it is cancelled tells of its failure only, and the worker would lead on.
        while not leading.done():
            leading.cancel()
            await asyncio.wait([leading], timeout=1.0)
        await asyncio.gather(leading, return_exceptions=True)


if __name__ == "__main__":
    import uvloop

    settings_given = settings_of_process()
    configure_log(settings_given.log_level)
    uvloop.run(work(settings_given))
