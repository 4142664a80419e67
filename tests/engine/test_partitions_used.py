"""Partitions from the first day: what the engine writes lands in the dated ones."""

from __future__ import annotations

import psycopg
import pytest

from chuanliu.trade import PayByCode, RefundOrder
from engine.rig import engines, run
from trade.market import Market, ref, spec


@pytest.fixture(scope="module")
def traded(database_url: str) -> str:
    async def main() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            market = Market(database_url, connection)
            async with engines(database_url) as (engine,):
                shop, buyer = market.merchant(), await market.consumer(engine, 1_000)
                asked = spec(shop, 400)
                await engine.submit(PayByCode(asked, market.code(buyer)))
                await engine.submit(RefundOrder(ref(asked), 100, "r"))

    run(main)
    return database_url


@pytest.mark.parametrize("table", ["transfer", "entry", "delta", "outbox"])
def test_rows_land_in_dated_partitions(traded: str, table: str) -> None:
    with psycopg.connect(traded) as connection:
        homes = connection.execute(f"SELECT tableoid::regclass::text, count(*) FROM {table} GROUP BY 1").fetchall()
    assert homes
    assert all(name.startswith(f"{table}_p20") for name, _ in homes), homes
