"""The walk through the ledger: beside traffic and folding, killed and taken up, and over books that are off."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import psycopg
import pytest

from chuanliu.ids import account_cell
from chuanliu.ledger import Chart, account_of, walk_store
from chuanliu.ledger.fold_store import fold
from chuanliu.trade import PayByCode
from engine.rig import engines, run
from trade.conftest import market
from trade.market import Market, spec

__all__ = ["market"]

ALL = -3600.0
"""A horizon in the future: even what has just been posted is compared."""


async def pay(market: Market, shop: int, buyer: int, count: int) -> None:
    async with engines(market.url) as (engine,):
        codes = market.codes(buyer, count)
        await asyncio.gather(*(engine.submit(PayByCode(spec(shop, 10), code)) for code in codes))


async def fold_all(market: Market) -> None:
    async with await psycopg.AsyncConnection.connect(market.url, autocommit=True) as connection:
        while await fold(connection, deltas_max=97):
            pass


@pytest.fixture(scope="module")
def street(market: Market) -> tuple[Market, int, int]:
    """A shop and a buyer with some hundred payments between them, half of them folded."""

    async def main() -> tuple[int, int]:
        async with engines(market.url) as (engine,):
            shop, buyer = market.merchant(fee_bps=100), await market.consumer(engine, 1_000_000)
            for _ in range(5):
                await market.consumer(engine, 5_000)
        await pay(market, shop, buyer, 150)
        await fold_all(market)
        await pay(market, shop, buyer, 150)
        return shop, buyer

    found: list[tuple[int, int]] = []

    async def story() -> None:
        found.append(await main())

    run(story)
    market.require_clean()
    return market, *found[0]


@pytest.fixture
def connection(street: tuple[Market, int, int]) -> Iterator[psycopg.Connection]:
    """A transaction that is rolled back."""
    with psycopg.connect(street[0].url) as opened:
        yield opened
        opened.rollback()


def walk(connection: psycopg.Connection, rows_max: int = 20_000, settling_s: float = ALL) -> tuple[int, int, str]:
    """Steps, offenders, and the first of them."""
    steps = sum(1 for _ in walk_store.steps(connection, settling_s=settling_s, rows_max=rows_max))
    found = walk_store.outcome(connection)
    return steps, found.offenders_count, found.first_offender


@pytest.mark.parametrize("rows_max", [20, 77, 20_000])
def test_books_that_are_right_are_walked_to_the_end(connection: psycopg.Connection, rows_max: int) -> None:
    steps, offenders, first = walk(connection, rows_max)
    assert (offenders, first) == (0, "")
    assert steps > (290 if rows_max == 20 else 256)
    left = connection.execute("SELECT count(*) FROM ledger_walk_side").fetchone()
    assert left == (0,)


def test_a_horizon_between_old_and_new_is_kept(connection: psycopg.Connection) -> None:
    assert walk(connection, settling_s=0.0)[1] == 0
    assert walk(connection, settling_s=1e9)[1] == 0


SHOP = "(SELECT account_id FROM account WHERE mode = 'buffered' AND entry_count > 140 ORDER BY account_id LIMIT 1)"
BUYER = "(SELECT account_id FROM account WHERE mode = 'checked' AND entry_count > 140 LIMIT 1)"

CORRUPTIONS = [
    (f"UPDATE account SET balance_minor = balance_minor + 1 WHERE account_id = {SHOP}", "sum of its entries"),
    (f"UPDATE account SET entry_count = entry_count + 1 WHERE account_id = {BUYER}", "sum of its entries"),
    (f"UPDATE entry SET balance_minor = balance_minor - 1 WHERE account_id = {BUYER} AND seq = 141", "have a gap"),
    (f"UPDATE entry SET seq = 100000 WHERE account_id = {SHOP} AND seq = 30", "have a gap"),
    (f"DELETE FROM entry WHERE account_id = {SHOP} AND seq = 1", "have a gap"),
    ("DELETE FROM delta WHERE transfer_id = (SELECT min(transfer_id) FROM delta)", "sides of its transfers"),
    (
        "UPDATE transfer SET amount_minor = amount_minor + 1"
        " WHERE transfer_id = (SELECT max(transfer_id) FROM transfer)",
        "sides of its transfers",
    ),
    ("DELETE FROM transfer WHERE transfer_id = (SELECT min(transfer_id) FROM transfer)", "sides of its transfers"),
    (f"UPDATE account SET floor_minor = balance_minor + 1 WHERE account_id = {BUYER}", "below its floor"),
    (
        "UPDATE transfer SET credit_account_id = (2088000000099999 - 2088000000000000) << 18 | 156"
        " WHERE transfer_id = (SELECT max(transfer_id) FROM transfer)",
        "",
    ),
]


@pytest.mark.parametrize(
    ("corruption", "said", "rows_max"), [(*case, (30, 20_000)[at % 2]) for at, case in enumerate(CORRUPTIONS)]
)
def test_each_way_of_being_off_is_found(
    connection: psycopg.Connection, corruption: str, said: str, rows_max: int
) -> None:
    connection.execute("SET session_replication_role = replica")
    connection.execute("ALTER TABLE account DROP CONSTRAINT IF EXISTS account_above_floor")
    assert connection.execute(corruption).rowcount > 0
    _, offenders, first = walk(connection, rows_max)
    assert offenders >= 1
    assert said in first


def test_sides_without_an_account_are_found(connection: psycopg.Connection) -> None:
    gone = connection.execute(f"DELETE FROM account WHERE account_id = {SHOP} RETURNING account_id").fetchone()
    assert gone is not None
    connection.execute("DELETE FROM entry WHERE account_id = %s", gone)
    assert walk(connection)[1:] == (1, f"{gone[0]}: transfers without entries or deltas")


def test_it_goes_on_where_it_was_ended_beside_traffic_and_folding(street: tuple[Market, int, int]) -> None:
    market, shop, buyer = street
    running = threading.Event()

    async def trade_on() -> None:
        while not running.is_set():
            await pay(market, shop, buyer, 20)
            await fold_all(market)

    trading = threading.Thread(target=lambda: run(trade_on))
    trading.start()
    try:
        lives = 0
        while True:
            lives += 1
            with psycopg.connect(market.url, autocommit=True) as opened:
                for number, _ in enumerate(walk_store.steps(opened, settling_s=1.0, rows_max=40)):
                    if number == 90:
                        break  # ended in the middle: what it has not committed is undone
                else:
                    assert walk_store.outcome(opened) == (0, "")
                    break
    finally:
        running.set()
        trading.join()
    assert lives > 2
    market.require_clean()


def test_the_platform_and_shops_have_cells_of_their_own(street: tuple[Market, int, int]) -> None:
    """The walk finds an account by its cell: it has to be the one that the account's number says."""
    market, shop, _ = street
    account = account_of(shop, Chart.MERCHANT_RECEIVABLE, "CNY")
    assert market.one("SELECT cell FROM account WHERE account_id = %s", account) == account_cell(account)
