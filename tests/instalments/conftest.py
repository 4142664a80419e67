"""A shop on a database of the module's own."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from engine.rig import engines, run
from instalments.shop import Shop, open_shop
from trade.market import Market


@pytest.fixture(scope="module")
def shop(database_url: str) -> Iterator[Shop]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        market = Market(database_url, connection)

        async def main() -> Shop:
            async with engines(database_url) as [engine]:
                return await open_shop(engine, market)

        yield run(main)
