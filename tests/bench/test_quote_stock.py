"""Copies of quotes are as good as the quotes; what waits for banks is counted."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from chuanliu.bench.quote_stock_store import confirmed_quotes, copy_quotes, due_calls
from chuanliu.instalments import ConfirmQuote, Wish
from engine.rig import engines, run
from instalments.shop import Shop, open_shop
from trade.market import Market

COPIES = 300


@pytest.fixture(scope="module")
def shop(database_url: str) -> Iterator[Shop]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        market = Market(database_url, connection)

        async def main() -> Shop:
            async with engines(market.url) as [engine]:
                return await open_shop(engine, market)

        yield run(main)


def test_copies_are_confirmed_like_the_quote(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await shop.consumer(engine)
            quote = await shop.quote(engine, consumer, 1000_00)
            copies = copy_quotes(shop.market.url, [quote.quote.quote_id], COPIES)
            assert len({quote_id for quote_id, _ in copies}) == COPIES
            assert {consumer_id for _, consumer_id in copies} == {consumer}
            assert confirmed_quotes(shop.market.url) == 0
            confirmed = await engine.submit(ConfirmQuote(copies[-1][0], shop.merchant, 1))
            assert confirmed.confirmed
            assert confirmed.view.offers == quote.offers
            assert confirmed_quotes(shop.market.url) == 1

    run(main)
    shop.market.require_clean()


def test_calls_that_a_bank_has_not_answered_are_counted(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await shop.consumer(engine)
            await shop.card(engine, consumer)
            assert due_calls(shop.market.url) == 0
            await shop.pay(engine, await shop.order(engine, 600_00, Wish(allowed=("credit_card",))), consumer)
            assert due_calls(shop.market.url) == 1

    run(main)
