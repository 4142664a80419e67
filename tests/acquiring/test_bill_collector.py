"""Automatic repayment from linked debit cards: in order, by the next one on a decline, never twice."""

from __future__ import annotations

import asyncio
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from acquiring.bank_street import Bank, Street, found_platform, street_of
from acquiring.till import QUICK
from bills.household import Household, household
from chuanliu.acquiring import Banks, BankSweeper, BillCollector
from chuanliu.bills import AgreeAutoRepay, BillCharge, DueLine, FindAutoRepayment, RepayBill, SetAutoRepay, due_lines
from chuanliu.clock import day_number
from chuanliu.connectors import CardData, FaultPlan
from chuanliu.engine import Engine
from chuanliu.errors import Invalid, NotFound, Refused
from chuanliu.lenders import ApplyLender, Instrument
from chuanliu.parties import Vault
from chuanliu.runtime import with_database
from engine.rig import engines, run
from instalments.shop import Shop, open_shop
from lenders.samples import card_number, card_product, lender, link, terms
from trade.market import Market

BANKS = [Bank("ann"), Bank("bob")]
PLAIN: dict[str, Any] = {"instalments": (), "statement_day": None, "due_day": None, "due_after_days": None}


@dataclass
class Scene:
    """One consumer with a bill of 300.00, a debit card at each of two banks, and a collector."""

    engine: Engine
    banks: Banks
    street: Street
    shop: Shop
    vault: Vault
    home: Household
    cards: dict[str, Instrument]

    @property
    def line(self) -> DueLine:
        return DueLine(self.home.consumer, self.home.instrument_id)

    async def agree(self, *names: str, partial: bool = True) -> None:
        methods = tuple(0 if name == "balance" else self.cards[name].instrument_id for name in names)
        ask = AgreeAutoRepay(self.home.consumer, self.home.instrument_id, methods=methods, partial=partial)
        offer = await self.engine.submit(ask)
        await self.engine.submit(
            AgreeAutoRepay(*self.line, methods=methods, partial=partial, consent_sha256=offer.sha256)
        )

    async def collect(self, waits_s: float = 10.0, day: int | None = None) -> Any:
        return await BillCollector(self.engine, self.banks, waits_s=waits_s).collect(self.line, day)

    async def charges(self) -> list[BillCharge]:
        found = await self.engine.ask(FindAutoRepayment(*self.line))
        return sorted(found.charges, key=lambda each: each.charge_id)

    def taken(self, name: str) -> int:
        """What the bank's book says it has given, net of what was reversed."""
        book = self.street.book(name).values()
        return sum(line.amount_minor - line.refunded_minor for line in book if line.state == "completed")

    async def sweep(self) -> None:
        """Until no call is due."""
        sweeper = BankSweeper(self.engine, self.banks)
        async with await psycopg.AsyncConnection.connect(self.shop.market.url, autocommit=True) as connection:
            for _ in range(200):
                self.shop.market.execute(
                    "UPDATE bank_call SET due_at = now() WHERE status = 'due' AND due_at < now() + interval '300 days'"
                )
                await sweeper.sweep(connection)
                await asyncio.sleep(0.05)
                if not self.shop.market.one("SELECT count(*) FROM bank_call WHERE status = 'due'"):
                    break
            await sweeper.close()


@contextmanager
def plain_street(folder: Path, keys: dict[str, str]) -> Iterator[Street]:
    with street_of(BANKS, folder, keys) as street:
        yield street


def play(database_url: str, folder: Path, story: Callable[[Scene], Any], *, balance_minor: int = 0) -> None:
    """Set the scene on a database of its own, and play the story; the audit is clean afterwards."""

    async def main() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            market = Market(database_url, connection)
            async with engines(database_url) as [engine]:
                vault, keys = await found_platform(engine, folder)
                with plain_street(folder, keys) as street:
                    shop = await open_shop(engine, market)
                    day = [str(date.today() - timedelta(days=days)) for days in (110, 80, 60, 0)]
                    home = await household(shop, engine, "collected", day[0], balance_minor=balance_minor)
                    await home.buy("tea", day[1], 300_00, [day[2]])
                    home.bill(day[3])
                    cards = {}
                    for place, bank in enumerate(BANKS):
                        start = f"{98_0000 + place:06d}"
                        of_bank = terms(bins=((start, start),), order_min_minor=1, **PLAIN)
                        product = card_product(
                            bank.code, kind="debit_card", terms=of_bank,
                            endpoint=f"127.0.0.1:{street.ports[bank.code]}",
                        )  # fmt: skip
                        await engine.submit(ApplyLender(lender(bank.code, product)))
                        card = CardData(card_number(start), "9912")
                        cards[bank.code] = await link(engine, vault, home.consumer, card, bank.code)
                    banks = Banks(engine, vault, link=QUICK)
                    try:
                        await story(Scene(engine, banks, street, shop, vault, home, cards))
                    finally:
                        await banks.close()
            market.require_clean()

    run(main, within_s=300)


@pytest.fixture
def world(postgres_url: str, template_database: str, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A database and a folder of the test's own."""
    name = f"chuanliu_test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database}")
        yield with_database(postgres_url, name), tmp_path
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_balance_first_then_the_card_for_the_rest(world: tuple[str, Path]) -> None:
    async def story(scene: Scene) -> None:
        await scene.agree("balance", "ann", "bob")
        paid = await scene.collect()
        assert paid.owed_minor == 0
        (charge,) = await scene.charges()
        assert (charge.status, charge.amount_minor, charge.card_id) == (
            "applied",
            200_00,
            scene.cards["ann"].instrument_id,
        )
        await scene.sweep()
        assert (scene.taken("ann"), scene.taken("bob")) == (200_00, 0)
        assert scene.shop.market.wallet(scene.home.consumer) == 0
        # The next pass finds nothing to do.
        assert (await scene.collect()).owed_minor == 0
        assert len(await scene.charges()) == 1

    play(*world, story, balance_minor=100_00)


def test_a_decline_falls_back_to_the_next_card(world: tuple[str, Path]) -> None:
    async def story(scene: Scene) -> None:
        scene.street.set_faults("ann", FaultPlan(decline=1000))
        await scene.agree("ann", "bob", "balance")
        assert (await scene.collect()).owed_minor == 0
        ann, bob = await scene.charges()
        assert (ann.status, ann.reason) == ("declined", "card_funds_insufficient")
        assert bob.status == "applied"
        await scene.sweep()
        assert (scene.taken("ann"), scene.taken("bob")) == (0, 300_00)
        assert scene.shop.market.wallet(scene.home.consumer) == 1000_00

    play(*world, story, balance_minor=1000_00)


def test_all_decline_and_the_day_goes_on_with_charges_and_reminders(world: tuple[str, Path]) -> None:
    async def story(scene: Scene) -> None:
        for bank in BANKS:
            scene.street.set_faults(bank.code, FaultPlan(decline=1000))
        await scene.agree("ann", "bob")
        assert (await scene.collect()).owed_minor == 300_00
        # Each card is asked once a day, and again the next day.
        assert (await scene.collect()).owed_minor == 300_00
        assert [charge.status for charge in await scene.charges()] == ["declined"] * 2
        tomorrow = day_number(date.today() + timedelta(days=1))
        scene.street.heal()
        assert (await scene.collect(day=tomorrow)).owed_minor == 0
        assert [charge.status for charge in await scene.charges()] == ["declined", "declined", "applied"]

    play(*world, story)


def test_while_a_bank_is_silent_nobody_else_is_asked_and_nothing_is_taken_twice(world: tuple[str, Path]) -> None:
    async def story(scene: Scene) -> None:
        scene.street.set_faults("ann", FaultPlan(lose_answer=1000))
        await scene.agree("ann", "bob", "balance")
        waiting = await scene.collect(waits_s=0.3)
        assert waiting.charge is not None and waiting.owed_minor == 300_00
        for _ in range(3):
            assert (await scene.collect(waits_s=0.1)).charge is not None
        (charge,) = await scene.charges()
        assert charge.status == "asked"
        async with await psycopg.AsyncConnection.connect(scene.shop.market.url, autocommit=True) as connection:
            assert scene.line in await due_lines(connection, day_number(date.today()), 10)
        scene.street.heal()
        await scene.sweep()
        assert (await scene.collect()).owed_minor == 0
        (charge,) = await scene.charges()
        assert charge.status == "applied"
        await scene.sweep()
        assert (scene.taken("ann"), scene.taken("bob")) == (300_00, 0)
        assert scene.shop.market.wallet(scene.home.consumer) == 500_00

    play(*world, story, balance_minor=500_00)


def test_what_she_repays_meanwhile_comes_back_to_her_balance(world: tuple[str, Path]) -> None:
    async def story(scene: Scene) -> None:
        scene.street.set_faults("ann", FaultPlan(lose_answer=1000))
        await scene.agree("ann")
        await scene.collect(waits_s=0.3)
        await scene.engine.submit(RepayBill(*scene.line, amount_minor=250_00))
        scene.street.heal()
        await scene.sweep()
        assert (await scene.collect()).owed_minor == 0
        assert scene.shop.market.wallet(scene.home.consumer) == 250_00 + 250_00

    play(*world, story, balance_minor=500_00)


def test_several_collectors_at_once_ask_a_card_once(world: tuple[str, Path]) -> None:
    async def story(scene: Scene) -> None:
        await scene.agree("ann", "bob")
        await asyncio.gather(*(scene.collect() for _ in range(6)))
        for _ in range(3):
            await scene.collect()
        await scene.sweep()
        assert scene.taken("ann") + scene.taken("bob") == 300_00
        assert sum(charge.status == "applied" for charge in await scene.charges()) == 1

    play(*world, story)


def test_what_can_be_agreed_to(world: tuple[str, Path]) -> None:
    async def story(scene: Scene) -> None:
        engine, line, ann = scene.engine, scene.line, scene.cards["ann"].instrument_id
        stranger = await scene.shop.consumer(engine)
        (theirs,) = scene.shop.market.connection.execute(
            "SELECT instrument_id FROM instrument WHERE consumer_id = %s", [stranger]
        ).fetchone() or (0,)
        for methods, error in [
            ((), Invalid), ((0, 0), Invalid), (tuple(range(6)), Invalid), ((theirs,), NotFound), ((7,), NotFound),
            ((scene.home.instrument_id,), Invalid),
        ]:  # fmt: skip
            with pytest.raises(error):
                await engine.submit(AgreeAutoRepay(*line, methods=methods))
        with pytest.raises(NotFound):
            await engine.submit(AgreeAutoRepay(stranger, line.instrument_id, methods=(0,)))
        with pytest.raises(Refused, match="consent"):
            await engine.submit(AgreeAutoRepay(*line, methods=(0, ann), consent_sha256=b"x" * 32))
        assert not (await engine.ask(FindAutoRepayment(*line))).wanted
        await scene.agree("balance", "ann", partial=False)
        stands = await engine.ask(FindAutoRepayment(*line))
        assert (stands.wanted, stands.methods, stands.partial) == (True, (0, ann), False)
        assert (
            scene.shop.market.one("SELECT count(*) FROM repayment_consent WHERE consumer_id = %s", line.consumer_id)
            == 1
        )
        # The button of the page agrees to the balance alone.
        await engine.submit(SetAutoRepay(*line, wanted=False))
        assert not (await engine.ask(FindAutoRepayment(*line))).wanted
        await engine.submit(SetAutoRepay(*line))
        assert (await engine.ask(FindAutoRepayment(*line))).methods == (0,)
        assert not (await engine.ask(FindAutoRepayment(stranger, line.instrument_id))).wanted

    play(*world, story)


def test_all_or_nothing_from_the_balance(world: tuple[str, Path]) -> None:
    async def story(scene: Scene) -> None:
        await scene.agree("balance", "bob", partial=False)
        assert (await scene.collect()).owed_minor == 0
        (charge,) = await scene.charges()
        assert charge.amount_minor == 300_00
        assert scene.shop.market.wallet(scene.home.consumer) == 100_00

    play(*world, story, balance_minor=100_00)


def test_killed_again_and_again_it_takes_the_bill_once(world: tuple[str, Path]) -> None:
    url, folder = world
    command = [
        sys.executable, "-c", "from chuanliu.cli import main; main()", "bills", "collect", "--database-url", url,
        "--data", str(folder), "--json",
    ]  # fmt: skip

    async def story(scene: Scene) -> None:
        await scene.agree("balance", "ann", "bob")
        draw, killed_at = random.Random(11), set()
        for _ in range(6):
            scene.street.set_faults("ann", FaultPlan(latency_ms=500, lose_answer=300, decline=300))
            scene.street.set_faults("bob", FaultPlan(latency_ms=500, lose_answer=300))
            job = await asyncio.to_thread(started, command)
            seen = await asyncio.to_thread(wait_for_work, scene, job)
            await asyncio.sleep(draw.random() * 0.6)
            job.kill()
            job.wait()
            killed_at.add(seen)
        assert killed_at
        scene.street.heal()
        for _ in range(4):
            await scene.sweep()
            await scene.collect()
        await scene.sweep()
        owed = scene.shop.market.one(
            "SELECT sum(p + f - r) FROM plan, unnest(principals, fees, repaid) AS i (p, f, r) WHERE consumer_id = %s",
            scene.home.consumer,
        )
        paid = 300_00 - owed
        wallet = scene.shop.market.wallet(scene.home.consumer)
        # What banks gave and the balance had is on the line or back on the balance, to the cent.
        assert scene.taken("ann") + scene.taken("bob") + 100_00 == paid + wallet
        assert scene.taken("ann") + scene.taken("bob") <= 200_00
        assert not [charge for charge in await scene.charges() if charge.is_open]

    play(url, folder, story, balance_minor=100_00)


def started(command: list[str]) -> subprocess.Popen[bytes]:
    """A process that runs beside us."""
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_work(scene: Scene, job: subprocess.Popen[bytes]) -> int:
    """Until the process has put something on record that was not there, or has ended; how many rows there are."""
    count = "SELECT (SELECT count(*) FROM bill_charge) + (SELECT count(*) FROM bank_call)"
    with psycopg.connect(scene.shop.market.url, autocommit=True) as connection:

        def rows() -> int:
            found = connection.execute(count).fetchone()
            return 0 if found is None else int(found[0])

        before, deadline = rows(), time.monotonic() + 20
        while rows() == before and job.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        return rows()
