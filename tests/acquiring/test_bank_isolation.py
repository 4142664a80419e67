"""Thirty-seven banks, of which some are down or talk rubbish: the others never notice."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import pytest

from acquiring.bank_street import Bank, Street, drain, found_platform, settle_in, street_of
from acquiring.two_books import require_same_books
from chuanliu.acquiring import Banks, BankSweeper
from chuanliu.connectors import FaultPlan, LinkSettings
from chuanliu.engine import Engine
from chuanliu.instalments import Wish, wish_bytes
from chuanliu.lenders import product_by_code
from chuanliu.parties import ReadReference, Vault
from chuanliu.trade import IN_PROGRESS, PAID, REFUSED, CreateOrder, PayOrder, PayOutcome
from engine.rig import engines, run
from instalments.shop import now
from trade.market import Market, spec

DOWN: Final = Bank("down", "iso8583-1993")
RUBBISH: Final = Bank("rubbish", "iso8583-1987", FaultPlan(garbage=1_000))
SILENT: Final = Bank("silent", "credit-pay", FaultPlan(lose_answer=1_000))
WIRES: Final = ("iso8583-1987", "iso8583-1993", "credit-pay")
SOUND: Final = [Bank(f"bank-{n}", WIRES[n % 3]) for n in range(34)]
BANKS: Final = [DOWN, RUBBISH, SILENT, *SOUND]
BACKLOG: Final = 3_000
LINK: Final = LinkSettings(backoff_s=0.02, backoff_s_max=0.1, open_s=0.2, open_s_max=0.5)


@dataclass(frozen=True)
class Quarter:
    """A database and a street of 37 banks."""

    market: Market
    street: Street
    folder: Path
    vault: Vault
    consumers: dict[str, int]
    merchant: int

    def lender(self, bank: Bank) -> int:
        return int(self.market.one("SELECT lender_id FROM lender WHERE code = %s", bank.code))

    async def begin(self, engine: Engine, bank: Bank) -> PayOutcome:
        """A payment whose bank is to be asked."""
        wish = Wish(allowed=(bank.means,), instalments=3)
        order = await engine.submit(CreateOrder(spec(self.merchant, 600_00, scene="qr", wish=wish_bytes(wish))))
        outcome = await engine.submit(PayOrder(order.order_id, self.consumers[bank.code], asked_at=now()))
        assert outcome.result == IN_PROGRESS
        return outcome

    async def pay(self, engine: Engine, banks: Banks, bank: Bank) -> PayOutcome:
        """A payment with the bank's answer."""
        return await banks.settle(await self.begin(engine, bank), 10.0)

    @asynccontextmanager
    async def office(self) -> AsyncIterator[tuple[Engine, Banks]]:
        """An engine with its banks."""
        async with engines(self.market.url) as [engine]:
            banks = Banks(engine, self.vault, answer_within_s=3.0, link=LINK)
            try:
                yield engine, banks
            finally:
                await banks.close()


@pytest.fixture(scope="module")
def quarter(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quarter]:
    folder = tmp_path_factory.mktemp("quarter")
    with psycopg.connect(database_url, autocommit=True) as connection, asyncio.Runner() as runner:
        market = Market(database_url, connection)

        async def found() -> tuple[Vault, dict[str, str]]:
            async with engines(database_url) as [engine]:
                return await found_platform(engine, folder)

        vault, keys = runner.run(found())
        with street_of(BANKS, folder, keys) as street:

            async def settle() -> dict[str, int]:
                async with engines(database_url) as [engine]:
                    return await settle_in(engine, market, vault, street, BANKS)

            yield Quarter(market, street, folder, vault, runner.run(settle()), market.merchant())


def test_banks_in_trouble_leave_all_others_alone(quarter: Quarter) -> None:
    async def main() -> None:
        quarter.street.set_faults(DOWN.code, FaultPlan(outage=True))
        async with quarter.office() as (engine, banks):
            sick = [asyncio.create_task(quarter.pay(engine, banks, bank)) for bank in BANKS[:3] for _ in range(20)]
            sound = await asyncio.gather(*(quarter.pay(engine, banks, bank) for bank in SOUND for _ in range(2)))
            assert Counter(one.result for one in sound) == {PAID: 2 * len(SOUND)}
            ended = Counter(one.result for one in await asyncio.gather(*sick))
            assert PAID not in ended
            assert set(ended) <= {REFUSED, IN_PROGRESS}

    run(main)


def test_a_backlog_of_one_bank_keeps_no_other_banks_calls_waiting(quarter: Quarter) -> None:
    async def main() -> None:
        quarter.street.set_faults(DOWN.code, FaultPlan(lose_answer=1_000))
        async with quarter.office() as (engine, banks):
            waiting = await quarter.begin(engine, DOWN)
            assert waiting.pending is not None
            quarter.market.execute(
                "INSERT INTO bank_call SELECT cell, call_id + n, payment_id, order_id, NULL, lender_id, product_id,"
                " instrument_id, 'reverse', call_id, amount_minor, currency, instalments, 'due', 0,"
                " now() - interval '1 day', NULL, NULL, NULL, created_at, NULL"
                f" FROM bank_call, generate_series(1, {BACKLOG}) n WHERE call_id = %s",
                waiting.pending.call.call_id,
            )
            sweeper = BankSweeper(engine, banks)
            connection = await psycopg.AsyncConnection.connect(quarter.market.url, autocommit=True)
            async with connection:
                await sweeper.sweep(connection)
                paid = [await quarter.pay(engine, banks, bank) for bank in SOUND[:6]]
                assert Counter(one.result for one in paid) == {PAID: 6}
                due = "SELECT count(*) FROM bank_call WHERE kind = 'complete' AND status = 'due' AND lender_id <> %s"
                deadline = time.monotonic() + 10
                while quarter.market.one(due, quarter.lender(DOWN)):
                    assert time.monotonic() < deadline, "completions wait behind another bank's backlog"
                    await sweeper.sweep(connection)
                    await asyncio.sleep(0.05)
                left = "SELECT count(*) FROM bank_call WHERE attempts = 0 AND kind = 'reverse' AND status = 'due'"
                assert quarter.market.one(left) > BACKLOG // 2
                await sweeper.close()
            copies = "DELETE FROM bank_call WHERE payment_id = %s AND kind = 'reverse'"
            assert waiting.payment is not None
            quarter.market.execute(copies, waiting.payment.payment_id)

    run(main)


def test_a_call_whose_time_is_over_is_left_to_the_sweeper(quarter: Quarter) -> None:
    async def main() -> None:
        async with quarter.office() as (engine, banks):
            begun = await quarter.begin(engine, SOUND[0])
            assert begun.pending is not None
            call = begun.pending.call
            late = begun.pending.__class__(call.changed(due_at=now() - 1), begun.pending.card)
            outcome = begun.__class__(begun.result, begun.order, begun.payment, begun.legs, pending=late)
            assert (await banks.settle(outcome)).result == IN_PROGRESS
            assert call.call_id not in quarter.street.book(SOUND[0].code)

    run(main)


def test_a_bank_that_moves_is_asked_where_it_is_now(quarter: Quarter) -> None:
    async def main() -> None:
        async with quarter.office() as (engine, banks):
            old, new = SOUND[0], SOUND[3]
            assert old.protocol == new.protocol
            assert (await quarter.pay(engine, banks, old)).result == PAID
            before = {bank.code: len(quarter.street.book(bank.code)) for bank in (old, new)}
            port = quarter.street.ports
            move = (
                "WITH raised AS (UPDATE reference_version SET version = version + 1 RETURNING version)"
                " UPDATE product SET endpoint = %s, version = raised.version FROM raised WHERE code = %s"
            )
            quarter.market.execute(move, f"127.0.0.1:{port[new.code]}", old.code)
            assert (await quarter.pay(engine, banks, old)).result == PAID
            after = {bank.code: len(quarter.street.book(bank.code)) for bank in (old, new)}
            assert after == {old.code: before[old.code], new.code: before[new.code] + 1}
            quarter.market.execute(move, f"127.0.0.1:{port[old.code]}", old.code)
            product = product_by_code(await engine.ask(ReadReference()), old.code)
            moved = "UPDATE bank_call SET product_id = %s, lender_id = %s WHERE product_id = %s AND call_id = %s"
            other = product_by_code(await engine.ask(ReadReference()), new.code)
            astray = max(quarter.street.book(new.code))
            quarter.market.execute(moved, other.product_id, other.lender_id, product.product_id, astray)

    run(main)


def test_in_the_end_all_books_agree(quarter: Quarter) -> None:
    async def main() -> None:
        quarter.street.heal()
        async with quarter.office() as (engine, banks):
            sweeper = BankSweeper(engine, banks)
            connection = await psycopg.AsyncConnection.connect(quarter.market.url, autocommit=True)
            async with connection:

                async def sweep() -> None:
                    while True:
                        await sweeper.sweep(connection)
                        await asyncio.sleep(0.05)

                sweeping = asyncio.create_task(sweep())
                await asyncio.to_thread(drain, quarter.market, 40.0)
                sweeping.cancel()
                await sweeper.close()

    run(main)
    for bank in (DOWN, RUBBISH, SILENT, *SOUND[4:]):
        require_same_books(quarter.market, quarter.lender(bank), quarter.street.book(bank.code))
