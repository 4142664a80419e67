"""Buffered accounts: deltas become numbered entries, while lanes write and others test balances exactly."""

from __future__ import annotations

import asyncio
import random

import psycopg
import pytest

from chuanliu.engine import Command, Context, Engine, Keys, Reference, Rows, Seen
from chuanliu.errors import Refused
from chuanliu.ids import account_cell
from chuanliu.ledger import PostTransfer, buffered_balance, lock_buffered, post
from chuanliu.ledger.fold_store import fold, fold_backlog
from chuanliu.ledger.statement_store import read_statement
from engine.rig import code_of, engines, outcomes, run
from ledger.rig import figures, funding, new_party, receivable, require_clean, unfolded, wallet


class PayOut(Command[int], frozen=True):
    """Debit a buffered account if its exact balance covers it: what a payout or a refund that needs funds does."""

    account: int
    target: int
    amount_minor: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_buffered(keys, self.account)

    def decide(self, rows: Rows, context: Context) -> int:
        balance = buffered_balance(rows, context, self.account)
        if balance < self.amount_minor:
            raise Refused("seller_balance_insufficient")
        post(rows, context, account_cell(self.account), self.account, self.target, self.amount_minor, "payout", 0)
        return balance


def test_deltas_become_entries_with_gapless_numbers_and_running_balances(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            shop, other = receivable(new_party()), receivable(new_party())
            buyers = [await wallet(engine, 100) for _ in range(5)]
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
                assert await fold(connection) > 0, "the sandbox funding's deltas"
                for turn in range(3):
                    await asyncio.gather(*(engine.submit(PostTransfer(buyer, shop, 10, "p")) for buyer in buyers))
                    await engine.submit(PostTransfer(shop, other, 7, "p"))
                    assert await fold_backlog(connection) == 7
                    assert await fold(connection) == 7
                    assert figures(database_url, shop) == (43 * (turn + 1), 0, 6 * (turn + 1))
                assert await fold(connection) == 0
                statement = await read_statement(connection, shop)
                assert statement is not None
                assert [line.seq for line in statement.lines] == list(range(1, 19))
                assert [line.balance_minor for line in statement.lines][-1] == 129
                assert {line.counter_account_id for line in statement.lines} == {*buyers, other}
                page = await read_statement(connection, shop, after_seq=16, limit=1)
                assert page is not None
                assert [line.seq for line in page.lines] == [17]
                await engine.submit(PostTransfer(buyers[0], shop, 1, "p"))
                fresh = await read_statement(connection, shop)
                assert fresh is not None
                assert (fresh.balance_minor, fresh.unfolded_minor, fresh.folded_seq) == (130, 1, 18)
                assert await read_statement(connection, receivable(new_party())) is None

    run(main)
    require_clean(database_url)


def test_a_delta_that_commits_late_is_folded_all_the_same(database_url: str) -> None:
    """The folder takes what is there; it never concludes from an id that nothing older can come."""

    async def main() -> None:
        async with engines(database_url) as (engine,):
            shop, buyer = receivable(new_party()), await wallet(engine, 100)
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
                while await fold(connection):
                    pass
                early = engine.ids.next()
                with psycopg.connect(database_url) as slow:
                    slow.execute(
                        "INSERT INTO transfer VALUES (0, %s, %s, %s, 5, 'late', 0, now())", [early, funding(), shop]
                    )
                    slow.execute(
                        "INSERT INTO delta VALUES (0, %s, %s, 5), (0, %s, %s, -5)", [shop, early, funding(), early]
                    )
                    await engine.submit(PostTransfer(buyer, shop, 10, "p"))
                    assert await fold(connection) == 1
                    slow.commit()
                assert await fold(connection) == 2
                assert figures(database_url, shop) == (15, 0, 2)

    run(main)
    require_clean(database_url)


def test_folding_in_small_bites(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            shop, buyer = receivable(new_party()), await wallet(engine, 1_000)
            await asyncio.gather(*(engine.submit(PostTransfer(buyer, shop, 1, "p")) for _ in range(100)))
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
                while await fold(connection, deltas_max=7):
                    pass
            assert figures(database_url, shop) == (100, 0, 100)

    run(main)
    require_clean(database_url)


async def fold_until(database_url: str, stop: asyncio.Event) -> int:
    """Fold again and again, as the worker does."""
    folded = 0
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        while not stop.is_set():
            folded += await fold(connection, deltas_max=50)
            await asyncio.sleep(0)
    return folded


@pytest.mark.parametrize("per_cell", [False, True], ids=["one statement", "one statement a cell"])
def test_exact_balances_while_lanes_write_and_the_folder_folds(database_url: str, per_cell: bool) -> None:
    async def main() -> None:
        async with engines(database_url, 3, per_cell=per_cell) as crowd:
            shop, sink = receivable(new_party()), receivable(new_party())
            buyers = [await wallet(crowd[0], 1_000) for _ in range(6)]
            stop = asyncio.Event()
            folding = asyncio.create_task(fold_until(database_url, stop))
            chance = random.Random(11)
            paid_in = paid_out = 0
            for _ in range(12):
                pays = [PostTransfer(chance.choice(buyers), shop, 3, "p") for _ in range(20)]
                outs = [PayOut(shop, sink, chance.randint(1, 20)) for _ in range(8)]
                commands: list[Command[int]] = [*pays, *outs]
                chance.shuffle(commands)
                results = await outcomes([chance.choice(crowd).submit(command) for command in commands])
                for command, result in zip(commands, results, strict=True):
                    if code_of(result) == "ok":
                        paid_in += 3 if isinstance(command, PostTransfer) else 0
                        paid_out += command.amount_minor if isinstance(command, PayOut) else 0
                assert paid_in >= paid_out
            stop.set()
            await folding
            assert figures(database_url, shop)[0] + unfolded(database_url, shop) == paid_in - paid_out

    run(main)
    require_clean(database_url)


def test_a_balance_without_a_row_is_spent_once(database_url: str) -> None:
    """A row that is not there cannot be locked: the first who tests the balance writes it."""

    async def spend(crowd: list[Engine]) -> None:
        shop, sink = receivable(new_party()), receivable(new_party())
        await crowd[0].submit(PostTransfer(await wallet(crowd[0], 100), shop, 100, "p"))
        results = await outcomes([engine.submit(PayOut(shop, sink, 60)) for engine in crowd])
        assert sorted(map(code_of, results)) == ["ok", *["seller_balance_insufficient"] * (len(crowd) - 1)]
        assert figures(database_url, shop) == (0, 0, 0)
        assert unfolded(database_url, shop) == 40

    async def main() -> None:
        async with engines(database_url, 4) as crowd:
            for _ in range(15):
                await spend(crowd)

    run(main)
    require_clean(database_url)
