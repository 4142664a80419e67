"""The drill from beginning to end: platform, load, kills, recovery, drain, checks."""

from __future__ import annotations

import random
import secrets
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import psycopg

from chuanliu.bench import (
    PAYERS_FROM,
    Merchant,
    PlatformFailed,
    PlatformProcess,
    add_consumers,
    drop_database,
    free_port,
)
from chuanliu.drill.bank_books import count_completed, find_differences
from chuanliu.drill.card_stock_client import give_cards
from chuanliu.drill.checks import find_violations
from chuanliu.drill.journal import Journal
from chuanliu.drill.killing_server import Kill, Killer
from chuanliu.drill.load_client import LoadPlan, LoadProcess
from chuanliu.drill.report import DrillReport
from chuanliu.drill.stock_store import backlog, bank_calls, consumer_balances, hurry_banks, read_books
from chuanliu.drill.victims import Victim, choose_victims
from chuanliu.drill.weather_client import Weather
from chuanliu.ids import party_number
from chuanliu.runtime import Settings, ensure_database, with_database

_PAYERS: Final = 200
_MERCHANTS: Final = 3
_RECOVERY_SECONDS: Final = 90.0
_RESOLVE_SECONDS: Final = 240.0
_DRAIN_SECONDS: Final = 60.0
_HURRY: Final = 0.25
"""The share of kills that do not wait until the one before is got over."""

Hear = Callable[[str], None]


class DrillPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line can choose. `between` bounds the random seconds from a recovery to the next kill.

    `banks`: some payers pay by card, the simulated banks have every fault, and are killed too. With a `database_url`
    the run makes a database of its own on that server, and kills none of its processes.
    """

    kills: int = 30
    between: tuple[float, float] = (1.0, 4.0)
    seed: int = msgspec.field(default_factory=lambda: secrets.randbelow(2**32))
    workers: int = 3
    connections: int = 32
    database_url: str | None = None
    banks: bool = False


def run_drill(plan: DrillPlan, home: Path, hear: Hear = lambda _line: None) -> DrillReport:
    """Run a drill on a folder of its own below `home`, which stays where something went wrong.

    Raises `PlatformFailed` when the platform does not come up at all.
    """
    home.mkdir(parents=True, exist_ok=True)
    with _platform(plan, home) as platform:
        report = _Drill(plan, platform, hear).run()
    if report.is_clean:
        _remove(platform.settings.data)
        return report
    return msgspec.structs.replace(report, kept=str(platform.settings.data))


class _Drill:
    def __init__(self, plan: DrillPlan, platform: PlatformProcess, hear: Hear) -> None:
        self._plan = plan
        self._platform = platform
        self._hear = hear
        self._draw = random.Random(plan.seed)  # noqa: S311 - a drill can be drawn again by its seed
        self._database_url = str(platform.settings.database_url or platform.status()["database_url"])
        self._kills: list[Kill] = []
        self._violations: list[str] = []
        self._weather: Weather | None = None

    def run(self) -> DrillReport:
        began = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            merchants = list(pool.map(self._platform.add_merchant, [f"演练商户 {n + 1}" for n in range(_MERCHANTS)]))
        add_consumers(self._database_url, _PAYERS)
        before = consumer_balances(self._database_url)
        if self._plan.banks:
            settings = replace(self._platform.settings, database_url=self._database_url)
            payers = [party_number(PAYERS_FROM + number) for number in range(_PAYERS)]
            self._weather = Weather(self._platform, give_cards(settings, payers), random.Random(self._plan.seed))  # noqa: S311
            self._weather.start()
        load = LoadProcess(self._load_plan(merchants))
        try:
            journal = self._storm(load)
        finally:
            load.kill()
        audit = self._platform.audit_books()
        calls = bank_calls(self._database_url)
        if self._weather is not None:
            self._violations += find_differences(calls, self._weather.books())
        books = read_books(self._database_url, [int(merchant.seller_id) for merchant in merchants], before)
        recoveries = [(kill.victim, journal.recovered_after(kill.at)) for kill in self._kills]
        return DrillReport(
            seed=self._plan.seed,
            seconds=time.monotonic() - began,
            kills=dict(Counter(kill.victim for kill in self._kills)),
            recovery_seconds=_worst(recoveries),
            requests=journal.requests,
            acknowledged=journal.counts(),
            retried=journal.retried,
            unknown=journal.unknown,
            resolved=journal.resolved,
            answers=dict(sorted(journal.answers.items())),
            notifications=sum(journal.notifications.values()),
            events=sum(map(len, journal.events.values())),
            audit=audit,
            bank_payments=count_completed(calls),
            violations=[*self._violations, *find_violations(journal, books)],
        )

    def _load_plan(self, merchants: list[Merchant]) -> LoadPlan:
        settings = self._platform.settings
        return LoadPlan(
            host=settings.host,
            port=settings.port,
            database_url=self._database_url,
            merchants=merchants,
            payers=_PAYERS,
            connections=self._plan.connections,
            seed=self._draw.getrandbits(32),
            journal_path=str(settings.data / "journal.json"),
            banks=self._plan.banks,
        )

    def _storm(self, load: LoadProcess) -> Journal:
        self._hear("load")
        self._await_success(load, time.monotonic(), "the load")
        own_server = self._plan.database_url is None
        victims = choose_victims(self._plan.kills, own_server=own_server, banks=self._plan.banks)
        self._draw.shuffle(victims)
        killer = Killer(self._platform, self._database_url, self._draw, own_server=own_server)
        for number, victim in enumerate(victims, 1):
            time.sleep(self._draw.uniform(*self._plan.between))
            self._kill(killer, victim, f"kill {number} of {len(victims)}: {victim}")
            if number == len(victims) or self._draw.random() >= _HURRY:
                self._await_success(load, time.monotonic(), f"kill {number} ({victim})")
        time.sleep(self._plan.between[0])
        return self._calm(load)

    def _kill(self, killer: Killer, victim: Victim, line: str) -> None:
        self._hear(line)
        try:
            killed = killer.kill(victim)
        except PlatformFailed as failure:
            self._violations.append(f"{line}: the platform did not start again: {failure}")
            return
        if killed is None:
            self._violations.append(f"{line}: there was no such process to kill")
        else:
            self._kills.append(killed)

    def _await_success(self, load: LoadProcess, since: float, what: str) -> None:
        deadline = since + _RECOVERY_SECONDS
        while load.last_success_began <= since:
            if not load.is_alive:
                raise PlatformFailed("the load process ended")
            if time.monotonic() > deadline:
                self._violations.append(f"nothing was acknowledged for {_RECOVERY_SECONDS:.0f} s after {what}")
                return
            time.sleep(0.05)

    def _calm(self, load: LoadProcess) -> Journal:
        self._hear("asking for what is unknown")
        if self._weather is not None:
            self._weather.heal()
        load.stop()
        if not self._resolved(load):
            self._violations.append(f"the client was not done asking after {_RESOLVE_SECONDS:.0f} s")
        self._hear("draining")
        left = self._drain()
        if left:
            self._violations.append(f"the backlog does not drain: {left}")
        journal = load.finish(_RESOLVE_SECONDS)
        if journal is None:
            raise PlatformFailed("the load process left no journal")
        self._hear("checking")
        return journal

    def _resolved(self, load: LoadProcess) -> bool:
        """Wait until the client has asked for all that was unknown, while time passes quickly for banks."""
        deadline = time.monotonic() + _RESOLVE_SECONDS
        while not load.resolved(1.0):
            if time.monotonic() > deadline:
                return False
            self._hurry()
        return True

    def _hurry(self) -> None:
        if self._weather is not None:
            with suppress(psycopg.Error):
                hurry_banks(self._database_url)

    def _drain(self) -> dict[str, int]:
        """Wait until nothing waits for dispatcher, folder and sender; what is left after a minute."""
        left = {"database": 1}
        deadline = time.monotonic() + _DRAIN_SECONDS
        while time.monotonic() < deadline:
            self._hurry()
            try:
                left = {name: count for name, count in backlog(self._database_url).items() if count}
            except psycopg.Error:
                left = {"database": 1}
            if not left:
                return {}
            time.sleep(0.2)
        return left


def _worst(recoveries: list[tuple[Victim, float | None]]) -> dict[str, float]:
    worst: dict[str, float] = {}
    for victim, seconds in recoveries:
        if seconds is not None:
            worst[victim] = max(round(seconds, 3), worst.get(victim, 0.0))
    return worst


@contextmanager
def _platform(plan: DrillPlan, home: Path) -> Iterator[PlatformProcess]:
    data = Path(tempfile.mkdtemp(prefix="drill-", dir=home))
    name = f"chuanliu_{data.name.lower().replace('-', '_')}"
    url = with_database(plan.database_url, name) if plan.database_url is not None else None
    if url is not None:
        ensure_database(url)
    settings = Settings(
        data=data,
        master_key_file=data / "master.key",
        database_url=url,
        port=free_port(),
        workers=plan.workers,
        sandbox=True,
        log_level="warning",
    )
    platform = PlatformProcess(settings)
    try:
        platform.start()
        yield platform
    finally:
        platform.stop()
        if url is not None:
            drop_database(url, name)


def _remove(data: Path) -> None:
    """The folder, and the cluster that it links to where PostgreSQL's user could not reach the folder."""
    cluster = data / "postgres"
    if cluster.is_symlink():
        shutil.rmtree(cluster.resolve(), ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)
