"""Banks that fail in every way, and a process that is killed beside them: both sides' books agree in the end."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from acquiring.bank_street import (
    Bank,
    Street,
    TillProcess,
    begun,
    drain,
    found_platform,
    settle_in,
    street_of,
    wait_for,
)
from acquiring.till import Task
from acquiring.two_books import require_kept_promises, require_same_books
from chuanliu.connectors import FaultPlan
from engine.rig import engines
from trade.market import Market

ALL: Final = FaultPlan(
    latency_ms=3,
    late_ms=1_500,
    decline=60,
    late=50,
    twice=80,
    lose_answer=60,
    drop_link=40,
    garbage=30,
    busy=60,
)
ALONE: Final = tuple(
    Bank(
        fault.replace("_", "-"),
        "iso8583-1993" if place % 2 else "iso8583-1987",
        FaultPlan(late_ms=1_500, **{fault: 300}),
    )
    for place, fault in enumerate(("decline", "late", "twice", "lose_answer", "drop_link", "garbage", "busy"))
)
Told = list[dict[str, Any]]

BANKS: Final = [
    Bank("sound", "iso8583-1993"),
    *ALONE,
    Bank("outage", "iso8583-1987"),
    Bank("denies-repeats-1987", "iso8583-1987", FaultPlan(late_ms=1_500, lose_answer=300, denies_repeats=True)),
    Bank("denies-repeats-1993", "iso8583-1993", FaultPlan(late_ms=1_500, lose_answer=300, denies_repeats=True)),
    Bank("all-1987", "iso8583-1987", ALL),
    Bank("all-1993", "iso8583-1993", ALL),
    Bank("all-pay", "credit-pay", ALL),
    Bank("pay", "credit-pay"),
]


@dataclass(frozen=True)
class Scene:
    """A database, a street of banks, and the customers of its shops."""

    market: Market
    street: Street
    folder: Path
    consumers: dict[str, int]

    def task(self, merchant: int, first: int, until: int, at_once: int, seed: int) -> Task:
        return Task(
            self.market.url,
            str(self.folder / "master.key"),
            merchant,
            [(self.consumers[bank.code], bank.means) for bank in BANKS],
            first,
            until,
            at_once,
            seed,
        )

    def lender(self, code: str) -> int:
        return int(self.market.one("SELECT lender_id FROM lender WHERE code = %s", code))


@pytest.fixture(scope="module")
def scene(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("street")
    with (
        psycopg.connect(database_url, autocommit=True) as connection,
        asyncio.Runner() as runner,
        ExitStack() as ending,
    ):
        market = Market(database_url, connection)

        async def main() -> tuple[Street, dict[str, int]]:
            async with engines(database_url) as [engine]:
                vault, platform_keys = await found_platform(engine, folder)
                street = ending.enter_context(street_of(BANKS, folder, platform_keys))
                return street, await settle_in(engine, market, vault, street, BANKS)

        street, consumers = runner.run(main())
        yield Scene(market, street, folder, consumers)


def storm(scene: Scene, merchant: int, payments: int, kills: int, at_once: int, seconds: float) -> Told:
    """Sell; kill the till so many times, anywhere; let the last one finish, and the banks answer everything."""
    draw = random.Random(f"{payments} {kills}")
    told: Told = []
    for bank in BANKS:
        scene.street.set_faults(bank.code, bank.faults)
    for kill in range(kills):
        till = TillProcess(scene.task(merchant, begun(told), payments, at_once, 11), told)
        target = payments * (kill + 1) // (kills + 1)
        wait_for(lambda target=target: begun(told) >= target, seconds, "the till does not come on")  # type: ignore[misc]
        scene.street.set_faults("outage", FaultPlan(outage=kill % 2 == 0))
        time.sleep(draw.uniform(0.0, 0.5))
        till.kill()
    till = TillProcess(scene.task(merchant, begun(told), payments, at_once, 12), told)
    try:
        wait_for(till.done.is_set, seconds, "the till does not finish")
        scene.street.heal()
        for bank in BANKS:
            if bank.faults.denies_repeats:
                scene.street.set_faults(bank.code, FaultPlan(denies_repeats=True))
        drain(scene.market, seconds)
    finally:
        till.close()
    return told


def require_all_agree(scene: Scene, merchant: int, told: Told) -> dict[str, int]:
    completed = {
        bank.code: require_same_books(scene.market, scene.lender(bank.code), scene.street.book(bank.code))
        for bank in BANKS
    }
    require_kept_promises(scene.market, merchant, told)
    ended = "SELECT count(*) FROM payment WHERE status NOT IN ('SUCCEEDED', 'REFUSED', 'CLOSED')"
    assert scene.market.one(ended) == 0
    scene.market.require_clean()
    return completed


def test_every_fault_alone_and_all_at_once_with_kills(scene: Scene) -> None:
    merchant = scene.market.merchant()
    told = storm(scene, merchant, payments=300, kills=2, at_once=24, seconds=60)
    struck = scene.street.struck()
    completed = require_all_agree(scene, merchant, told)
    for bank in ALONE:
        fault = bank.code.replace("-", "_")
        assert struck[bank.code].get(fault), f"{fault} never struck"
        assert set(struck[bank.code]) <= {"none", fault}
    assert all(completed[bank.code] for bank in BANKS if bank.code != "outage"), completed


@pytest.mark.long
def test_10_000_payments_with_every_fault_and_random_kills(scene: Scene) -> None:
    merchant = scene.market.merchant()
    told = storm(scene, merchant, payments=10_000, kills=25, at_once=96, seconds=600)
    completed = require_all_agree(scene, merchant, told)
    assert min(completed.values()) > 100, completed
