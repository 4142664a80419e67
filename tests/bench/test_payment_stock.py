"""Payments that were stocked are as if they had been made: the audit is clean, events are read, and paying goes on."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from chuanliu.bench.payment_stock_store import stock_payments
from chuanliu.bench.platform_stock_store import add_consumers, missing_payments
from chuanliu.bench.target import Tally
from chuanliu.engine import dispatch_store
from chuanliu.ids import cell_of_party
from chuanliu.trade import PAID, PayByCode, snapshot_of
from engine.rig import engines, run
from trade.market import Market, spec

PAYERS = 30
COUNT = 1_000


@pytest.fixture(scope="module")
def market(database_url: str) -> Iterator[Market]:
    add_consumers(database_url, PAYERS)
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield Market(database_url, connection)


def test_stocked_payments_are_as_good_as_made(market: Market) -> None:
    merchants = [market.merchant(fee_bps=0) for _ in range(3)]
    heard: list[tuple[int, int]] = []
    stock_payments(market.url, merchants, COUNT, lambda done, of: heard.append((done, of)))
    assert heard[-1] == (COUNT, COUNT)
    assert missing_payments(market.url, Tally(acknowledged=COUNT, unknown=0)) is None
    assert [market.receivable(merchant) for merchant in merchants] == [334_00, 333_00, 333_00]
    market.require_clean()
    stock_payments(market.url, merchants, 10)
    market.require_clean()

    consumer = market.one("SELECT consumer_id FROM consumer ORDER BY consumer_id LIMIT 1")

    async def pay() -> None:
        async with engines(market.url) as [engine]:
            outcome = await engine.submit(PayByCode(spec(merchants[0], 7), market.code(consumer)))
            assert outcome.result == PAID

    run(pay)
    market.require_clean()


def test_stocked_events_are_read(market: Market) -> None:
    merchant = market.merchant(fee_bps=0)
    stock_payments(market.url, [merchant], 5)

    async def read() -> None:
        async with await psycopg.AsyncConnection.connect(market.url) as connection:
            found = await dispatch_store.read_events(connection, cell_of_party(merchant), merchant, 0, 100)
        assert [event.kind for event in found] == ["order.paid"] * 5
        assert len({event.seq for event in found}) == 5
        snapshot = snapshot_of(found[0].payload)
        order = market.connection.execute(
            "SELECT order_id, merchant_id, out_trade_no, buyer_id, payment_id, amount_minor,"
            " (extract(epoch FROM paid_at) * 1000000)::bigint FROM orders WHERE order_id = %s",
            [found[0].subject_id],
        ).fetchone()
        assert order == (
            snapshot.order_id,
            snapshot.merchant_id,
            snapshot.out_trade_no,
            snapshot.buyer_id,
            snapshot.payment_id,
            snapshot.amount_minor,
            snapshot.paid_at,
        )

    run(read)


def test_who_takes_a_fee_is_refused(market: Market) -> None:
    with pytest.raises(ValueError, match="0 of 1 merchants"):
        stock_payments(market.url, [market.merchant(fee_bps=60)], 5)
    assert market.one("SELECT to_regclass('stock_payer')") is None
