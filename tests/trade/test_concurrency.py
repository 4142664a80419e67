"""Payments and refunds under real concurrency: several engines, one database, one cell or all of them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from chuanliu.engine import LaneLimits
from chuanliu.ledger import Chart, PostTransfer, account_of
from chuanliu.trade import (
    CancelOrder,
    CloseOrder,
    ConfirmPayment,
    CreateOrder,
    ExpireOrder,
    FindOrder,
    OrderRef,
    PayByCode,
    PayOrder,
    RefundOrder,
)
from engine.rig import code_of, engines, outcomes, run
from trade.market import Market, ref, spec

PER_CELL = pytest.mark.parametrize("per_cell", [False, True], ids=["one statement", "one statement a cell"])


@PER_CELL
def test_64_refunds_of_60_on_a_payment_of_100_move_60_once(market: Market, per_cell: bool) -> None:
    async def main() -> None:
        async with engines(market.url, 4, per_cell=per_cell) as crowd:
            shop, buyer = market.merchant(), await market.consumer(crowd[0], 100)
            asked = spec(shop, 100)
            paid = await crowd[0].submit(PayByCode(asked, market.code(buyer)))
            assert paid.result == "paid"
            futures = [crowd[n % 4].submit(RefundOrder(ref(asked), 60, f"refund {n}")) for n in range(64)]
            assert Counter(map(code_of, await outcomes(futures))) == {"ok": 1, "refund_exceeds_payment": 63}
            assert market.wallet(buyer) == 60

    run(main)
    market.require_clean()


@PER_CELL
def test_one_request_number_64_times_refunds_once(market: Market, per_cell: bool) -> None:
    async def main() -> None:
        async with engines(market.url, 4, per_cell=per_cell) as crowd:
            shop, buyer = market.merchant(), await market.consumer(crowd[0], 100)
            asked = spec(shop, 100)
            await crowd[0].submit(PayByCode(asked, market.code(buyer)))
            refunds = [RefundOrder(ref(asked), 30, "the one") for _ in range(64)]
            answers = await asyncio.gather(*(crowd[n % 4].submit(refund) for n, refund in enumerate(refunds)))
            assert sum(answer.moved for answer in answers) == 1
            assert len({answer.refund.refund_id for answer in answers}) == 1
            assert market.wallet(buyer) == 30

    run(main)
    market.require_clean()


@PER_CELL
def test_an_order_paid_by_code_and_in_the_cashier_at_once_is_paid_once(market: Market, per_cell: bool) -> None:
    async def main() -> None:
        async with engines(market.url, 2, per_cell=per_cell) as (till, cashier):
            shop = market.merchant(fee_bps=0)
            for _ in range(20):
                one, two = await market.consumer(till, 50), await market.consumer(till, 50)
                asked = spec(shop, 50)
                order = await till.submit(CreateOrder(asked))
                code = market.code(one)
                results = await outcomes(
                    [till.submit(PayByCode(asked, code)), cashier.submit(PayOrder(order.order_id, two))]
                )
                assert sorted((market.wallet(one), market.wallet(two))) == [0, 50]
                codes = Counter(map(code_of, results))
                assert codes in ({"ok": 2}, {"ok": 1, "order_already_paid": 1})
            assert market.receivable(shop) == 20 * 50

    run(main)
    market.require_clean()


@PER_CELL
def test_two_codes_of_two_consumers_at_once_pay_an_unseen_order_once(market: Market, per_cell: bool) -> None:
    async def main() -> None:
        async with engines(market.url, 3, per_cell=per_cell) as crowd:
            shop = market.merchant(fee_bps=0)
            for _ in range(20):
                payers = [await market.consumer(crowd[0], 50) for _ in range(3)]
                asked = spec(shop, 50)
                codes = [market.code(payer) for payer in payers]
                answers = await asyncio.gather(
                    *(engine.submit(PayByCode(asked, code)) for engine, code in zip(crowd, codes, strict=True))
                )
                assert {answer.result for answer in answers} == {"paid"}
                assert len({answer.payment.payment_id for answer in answers if answer.payment}) == 1
                assert sorted(map(market.wallet, payers)) == [0, 50, 50]

    run(main)
    market.require_clean()


@PER_CELL
def test_one_code_on_two_orders_at_once_pays_one(market: Market, per_cell: bool) -> None:
    async def main() -> None:
        async with engines(market.url, 2, per_cell=per_cell) as crowd:
            shops = [market.merchant(fee_bps=0), market.merchant(fee_bps=0)]
            for _ in range(20):
                buyer = await market.consumer(crowd[0], 100)
                code = market.code(buyer)
                pays = [PayByCode(spec(shop, 50), code) for shop in shops]
                results = await outcomes([engine.submit(pay) for engine, pay in zip(crowd, pays, strict=True)])
                assert sorted(map(code_of, results)) == ["ok", "payment_code_invalid"]
                assert market.wallet(buyer) == 50

    run(main)
    market.require_clean()


@PER_CELL
def test_one_balance_spent_by_many_codes_at_once(market: Market, per_cell: bool) -> None:
    async def main() -> None:
        async with engines(market.url, 4, per_cell=per_cell) as crowd:
            shop, buyer = market.merchant(), await market.consumer(crowd[0], 1000)
            pays = [PayByCode(spec(shop, 100), code) for code in market.codes(buyer, 40)]
            answers = await asyncio.gather(*(crowd[n % 4].submit(pay) for n, pay in enumerate(pays)))
            assert Counter(answer.result for answer in answers) == {"paid": 10, "refused": 30}
            assert {answer.reason for answer in answers if answer.result == "refused"} == {"balance_insufficient"}
            assert market.wallet(buyer) == 0

    run(main)
    market.require_clean()


@PER_CELL
@pytest.mark.parametrize("crowded", [False, True], ids=["two engines", "one batch"])
def test_cancel_racing_pay_on_an_order_nobody_has_seen(market: Market, per_cell: bool, crowded: bool) -> None:
    async def main() -> None:
        async with engines(market.url, 2, per_cell=per_cell) as (till, office):
            shop = market.merchant()
            buyer = await market.consumer(till, 100 * 40)
            left = 100 * 40
            codes = market.codes(buyer, 40)
            seen: Counter[str] = Counter()
            for code in codes:
                asked = spec(shop, 100)
                pay = PayByCode(asked, code)
                cancel = CancelOrder(ref(asked))
                paid, cancelled = await outcomes(
                    [till.submit(pay), (till if crowded else office).submit(cancel)]
                    if int(code) % 2
                    else [(till if crowded else office).submit(cancel), till.submit(pay)][::-1]
                )
                assert code_of(cancelled) == "ok"
                # Whoever came first, in the end the money is with the buyer.
                again = code_of((await outcomes([till.submit(PayByCode(asked, code))]))[0])
                assert again == "order_closed"
                seen[code_of(paid)] += 1
                assert market.wallet(buyer) == left
            assert set(seen) <= {"ok", "order_closed"}

    run(main)
    market.require_clean()


def test_a_refund_in_the_batch_of_its_payment(market: Market) -> None:
    """Rows that the refund asks for carry ids which the payment makes in that very batch."""

    async def main() -> None:
        async with engines(market.url) as (engine,):
            shop, buyer = market.merchant(), await market.consumer(engine, 100)
            asked = spec(shop, 100)
            code = market.code(buyer)
            results = await asyncio.gather(
                engine.submit(PayByCode(asked, code)),
                *(engine.submit(RefundOrder(ref(asked), 10, f"part {n}")) for n in range(4)),
                engine.submit(CancelOrder(ref(asked))),
                engine.submit(CancelOrder(ref(asked))),
            )
            assert engine.counters[0].largest_batch == 7
            assert [outcome.action for outcome in results[5:]] == ["refund", "refund"]
            assert market.wallet(buyer) == 100

    run(main)
    market.require_clean()


@PER_CELL
def test_refunds_that_need_funds_never_take_the_receivable_below_zero(market: Market, per_cell: bool) -> None:
    async def main() -> None:
        async with engines(market.url, 4, per_cell=per_cell) as crowd:
            shop = market.merchant(fee_bps=1000, needs_funds=True)
            buyer = await market.consumer(crowd[0], 10 * 100)
            orders = [spec(shop, 100) for _ in range(10)]
            codes = market.codes(buyer, 10)
            await asyncio.gather(
                *(crowd[0].submit(PayByCode(asked, code)) for asked, code in zip(orders, codes, strict=True))
            )
            assert market.receivable(shop) == 900
            # Most of it is paid out; what is left covers three refunds of 90 net.
            receivable = account_of(shop, Chart.MERCHANT_RECEIVABLE, "CNY")
            settled = account_of(shop, Chart.MERCHANT_SETTLED, "CNY")
            await crowd[0].submit(PostTransfer(receivable, settled, 620, "settlement"))
            futures = [crowd[n % 4].submit(RefundOrder(ref(asked), 100, "r")) for n, asked in enumerate(orders)]
            counted = Counter(map(code_of, await outcomes(futures)))
            assert counted == {"ok": 3, "seller_balance_insufficient": 7}
            assert market.receivable(shop) == 10

    run(main)
    market.require_clean()


def test_confirming_racing_closing_and_paying_otherwise(market: Market) -> None:
    async def main() -> None:
        async with engines(market.url, 3) as crowd:
            shop = market.merchant(fee_bps=0)
            paid = 0
            for turn in range(20):
                buyer = await market.consumer(crowd[0], 50)
                asked = spec(shop, 50)
                waiting = await crowd[0].submit(PayByCode(asked, market.code(buyer, confirm_above=0)))
                assert waiting.result == "awaiting_payer"
                assert waiting.payment is not None
                commands = [
                    ConfirmPayment(waiting.payment.payment_id, buyer),
                    CloseOrder(ref(asked)) if turn % 2 else CancelOrder(ref(asked)),
                    PayOrder(waiting.order.order_id, buyer),
                ]
                await outcomes([engine.submit(command) for engine, command in zip(crowd, commands, strict=True)])
                view = await crowd[0].ask(FindOrder(ref(asked)))
                assert (view.order.status == "TRADE_SUCCESS") == (market.wallet(buyer) == 0)
                paid += view.order.status == "TRADE_SUCCESS"
            assert market.receivable(shop) == 50 * paid

    run(main)
    market.require_clean()


def test_an_order_expires_or_is_paid_never_both(market: Market) -> None:
    async def main() -> None:
        async with engines(market.url, 2) as (till, sweeper):
            shop = market.merchant(fee_bps=0)
            for _ in range(8):
                buyer = await market.consumer(till, 50)
                asked = spec(shop, 50, expires_in=120_000)
                order = await till.submit(CreateOrder(asked))
                assert await sweeper.submit(ExpireOrder(order.order_id)) is False
                due_at = time.monotonic() + 0.12
                await asyncio.sleep(due_at - 0.004 - time.monotonic())
                results = []
                while True:
                    (paid,), expired = await asyncio.gather(
                        outcomes([till.submit(PayOrder(order.order_id, buyer))]),
                        sweeper.submit(ExpireOrder(order.order_id)),
                    )
                    results.append(code_of(paid))
                    if expired or results[-1] == "ok":
                        break
                view = await till.ask(FindOrder(OrderRef(shop, order_id=order.order_id)))
                assert view.order.status == ("TRADE_SUCCESS" if results[-1] == "ok" else "TRADE_CLOSED")
                assert market.wallet(buyer) == (0 if results[-1] == "ok" else 50)

    run(main)
    market.require_clean()


def test_many_merchants_and_buyers_on_several_lanes_and_engines(market: Market) -> None:
    """A small day: all kinds of requests at once on few orders, in small batches; nothing but order comes of it."""

    async def main() -> None:
        limits = LaneLimits(batch=16)
        async with engines(market.url, 3, lanes=2, limits=limits) as crowd:
            shops = [market.merchant(fee_bps=60), market.merchant(fee_bps=38), market.merchant(needs_funds=True)]
            buyers = [await market.consumer(crowd[0], 3000) for _ in range(6)]
            asked = [spec(shops[n % 3], 100 + n) for n in range(60)]
            codes = {buyer: market.codes(buyer, 60) for buyer in buyers}
            futures = []
            for n, order in enumerate(asked):
                for step, engine in enumerate(crowd):
                    buyer = buyers[(n + step) % 6]
                    futures.append(engine.submit(PayByCode(order, codes[buyer][n])))
                    if n % 5 == step:
                        futures.append(crowd[-step].submit(CancelOrder(ref(order))))
                    futures.append(crowd[step - 1].submit(RefundOrder(ref(order), 40 + step, f"r{step}")))
            results = await outcomes(futures)
            assert "internal" not in set(map(code_of, results))

    run(main)
    market.require_clean()
