"""The merchants' side of a drill, in a process of its own: stories, readers of events, a notification endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import random
from collections import deque
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path

import msgspec
import psycopg
import uvloop

from chuanliu.bench import Merchant
from chuanliu.drill.event_client import read_events
from chuanliu.drill.journal import Journal
from chuanliu.drill.merchant_client import MerchantClient
from chuanliu.drill.notification_server import NotificationServer
from chuanliu.drill.resolving_client import resolve
from chuanliu.drill.stock_store import mint
from chuanliu.drill.story_client import Code, Storyteller

_CODES_LOW = 3_000
_CODES_MINTED = 4_000
_PAUSE_SECONDS_MAX = 0.04
_LATE_SECONDS = 3.0
"""Stories end with the last answer, or when a try has lasted longer than a lane's patience; a transaction that a killed
process had begun may still end in this time."""


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the load process needs. It writes its journal, as JSON, to `journal_path` when it is told to finish."""

    host: str
    port: int
    database_url: str
    merchants: list[Merchant]
    payers: int
    connections: int
    seed: int
    journal_path: str
    banks: bool = False


@dataclass(frozen=True)
class _Signals:
    """What the two processes tell each other: three steps, and when the latest acknowledged request had begun."""

    stop: Event
    resolved: Event
    finish: Event
    success: Synchronized[float]


class LoadProcess:
    """Starts with its construction. `stop` ends the stories, `resolved` waits for the answers to all that was unknown,
    `finish` reads the last events and gives the journal.
    """

    def __init__(self, plan: LoadPlan) -> None:
        context = multiprocessing.get_context("spawn")
        self._plan = plan
        self._signals = _Signals(context.Event(), context.Event(), context.Event(), context.Value("d", 0.0))
        self._process = context.Process(target=_main, args=(msgspec.json.encode(plan), self._signals))
        self._process.start()

    @property
    def last_success_began(self) -> float:
        """When the latest acknowledged request had begun, in monotonic seconds, up to a tenth of a second ago."""
        return float(self._signals.success.value)

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def stop(self) -> None:
        """Tell no more stories; those that have begun come to their end."""
        self._signals.stop.set()

    def resolved(self, seconds: float) -> bool:
        """Wait until the stories are at their end and nothing is left to ask for; False when it takes too long."""
        return self._signals.resolved.wait(seconds)

    def finish(self, seconds: float) -> Journal | None:
        """Let it end, and read its journal; None when it does not end in time."""
        self._signals.finish.set()
        self._process.join(seconds)
        path = Path(self._plan.journal_path)
        if self._process.exitcode != 0 or not path.exists():
            return None
        return msgspec.json.decode(path.read_bytes(), type=Journal, strict=False)

    def kill(self) -> None:
        """End it, whatever it does."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


class _Load:
    """The load process's life."""

    def __init__(self, plan: LoadPlan, signals: _Signals) -> None:
        self._plan = plan
        self._signals = signals
        self._merchants = {int(merchant.seller_id): merchant for merchant in plan.merchants}
        self._journal = Journal()
        self._codes: deque[Code] = deque()
        self._draw = random.Random(plan.seed)  # noqa: S311 - a drill can be drawn again by its seed

    async def live(self) -> Journal:
        plan, journal, signals = self._plan, self._journal, self._signals
        server = NotificationServer(journal)
        await server.start()
        background = [asyncio.create_task(self._report_success()), asyncio.create_task(self._mint())]
        reading_ends = asyncio.Event()
        client = MerchantClient(plan.host, plan.port, plan.connections, journal)
        reading_client = MerchantClient(plan.host, plan.port, len(self._merchants), journal)
        async with asyncio.TaskGroup() as tasks:
            for seller_id, merchant in self._merchants.items():
                notes = journal.events.setdefault(seller_id, [])
                tasks.create_task(read_events(reading_client, merchant, notes, reading_ends))
            teller = Storyteller(client, plan.merchants, self._codes, server.url, self._draw, cards=plan.banks)
            await asyncio.gather(*(self._tell(teller) for _ in range(plan.connections)))
            await self._resolve(client)
            signals.resolved.set()
            await asyncio.to_thread(signals.finish.wait)
            reading_ends.set()
        client.close()
        reading_client.close()
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await server.close()
        return journal

    async def _tell(self, teller: Storyteller) -> None:
        while not self._signals.stop.is_set():
            if len(self._codes) >= 2 * self._plan.connections:
                await teller.tell()
            await asyncio.sleep(self._draw.uniform(0.0, _PAUSE_SECONDS_MAX))

    async def _resolve(self, client: MerchantClient) -> None:
        unsettled = [note for note in self._journal.orders if not note.is_settled]
        if unsettled:
            await asyncio.sleep(_LATE_SECONDS)
        for note in unsettled:
            await resolve(client, self._merchants, note)
            self._journal.resolved += note.is_settled

    async def _mint(self) -> None:
        """Keep codes in stock, straight from the database, which may be away."""
        while True:
            if len(self._codes) < _CODES_LOW:
                with contextlib.suppress(psycopg.Error):
                    fresh = await asyncio.to_thread(mint, self._plan.database_url, _CODES_MINTED, self._plan.payers)
                    self._codes.extend(fresh)
            await asyncio.sleep(0.1)

    async def _report_success(self) -> None:
        while True:
            self._signals.success.value = self._journal.latest_success_began
            await asyncio.sleep(0.1)


def _main(plan: bytes, signals: _Signals) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        read = msgspec.json.decode(plan, type=LoadPlan)
        journal = runner.run(_Load(read, signals).live())
    Path(read.journal_path).write_bytes(msgspec.json.encode(journal))
