"""Limits that a consumer sets for herself: they hold in every way to pay on credit, also when two payments race."""

from __future__ import annotations

import asyncio

import pytest

from chuanliu.clock import DAY, HOUR, to_datetime
from chuanliu.engine import Engine
from chuanliu.errors import ChuanliuError
from chuanliu.instalments import (
    OLD_LIMITS,
    FindOwnLimit,
    Restraint,
    SetOwnLimit,
    Wish,
    months_of,
    stricter,
    wish_bytes,
)
from chuanliu.trade import AWAITING, PAID, Choice, ConfirmPayment, PayByCode, RefundOrder
from engine.rig import code_of, engines, outcomes, run
from instalments.shop import Shop, now
from trade.market import ref, spec

LINE = Wish(allowed=("credit_line",))
CARD = Wish(allowed=("credit_card",), instalments=3)


async def pay(shop: Shop, engine: Engine, consumer: int, amount: int, wish: Wish = LINE) -> str:
    """What a payment on credit comes to: `paid`, `in_progress`, or the code of its refusal."""
    (outcome,) = await outcomes([shop.pay(engine, await shop.order(engine, amount, wish), consumer)])
    return outcome.result if not isinstance(outcome, BaseException) else code_of(outcome)


async def limited(shop: Shop, engine: Engine, **restraint: int) -> int:
    """A consumer with a line, money, and limits."""
    consumer = await shop.consumer(engine, balance_minor=10_000_00)
    await engine.submit(SetOwnLimit(consumer, Restraint(**restraint)))
    return consumer


def test_a_stop_holds_for_every_month_that_a_purchase_falls_on(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await limited(shop, engine, stop_minor=1000_00)
            assert await pay(shop, engine, consumer, 1000_01) == "own_stop_exceeded"
            # 2.3 % of 2700.00 is 62.10: 920.70 a month
            thirds = Wish(allowed=("credit_line",), instalments=3)
            assert await pay(shop, engine, consumer, 2700_00, thirds) == PAID
            assert await pay(shop, engine, consumer, 100_00) == "own_stop_exceeded"
            # 30.00 a month or less still fit.
            twelfths = Wish(allowed=("credit_line",), instalments=12)
            assert await pay(shop, engine, consumer, 300_00, twelfths) == PAID
            # Her balance can pay whatever she likes.
            assert await pay(shop, engine, consumer, 5000_00, Wish(allowed=("balance",))) == PAID

    run(main)
    shop.market.require_clean()


def test_other_lenders_count_too_and_what_comes_back_makes_room(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await limited(shop, engine, stop_minor=1000_00)
            await shop.card(engine, consumer)
            order = await shop.order(engine, 900_00, LINE)
            assert (await shop.pay(engine, order, consumer)).result == PAID
            # The card's first instalment may fall on the same month or on the next one, the line's on the first.
            assert await pay(shop, engine, consumer, 2997_00, CARD) == "own_stop_exceeded"
            await engine.submit(RefundOrder(ref(spec(order.merchant_id, 1, order.out_trade_no)), 900_00, "back"))
            assert await pay(shop, engine, consumer, 2400_00, CARD) == "in_progress"
            # While the bank is asked it counts already.
            assert await pay(shop, engine, consumer, 2400_00, CARD) == "own_stop_exceeded"

    run(main)


def test_an_offer_of_a_quote_is_held_against_the_stop_when_it_pays(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await limited(shop, engine, stop_minor=1000_00)
            order = await shop.order(engine, 1200_00, LINE)
            view = await shop.quote(engine, consumer, 1200_00, wish=LINE)
            by_count = {offer.instalments: at for at, offer in enumerate(view.offers)}
            months = months_of(view.offers[by_count[3]])
            assert sum(months.values()) == view.offers[by_count[3]].total_minor
            with pytest.raises(ChuanliuError) as raised:
                await shop.pay(engine, order, consumer, choice=Choice(view.quote.quote_id, by_count[1]))
            assert raised.value.code == "own_stop_exceeded"
            assert raised.value.details["month"] == min(months)
            paid = await shop.pay(engine, order, consumer, choice=Choice(view.quote.quote_id, by_count[3]))
            assert paid.result == PAID

    run(main)


def test_two_payments_at_once_do_not_pass_a_stop_together(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url, 2) as [one, two]:
            for _ in range(8):
                consumer = await limited(shop, one, stop_minor=1000_00)
                orders = [await shop.order(one, 600_00, LINE) for _ in range(4)]
                racing = [
                    shop.pay(engine, order, consumer)
                    for engine, order in zip((one, two, one, two), orders, strict=True)
                ]
                found = await outcomes(racing)
                paid = [each for each in found if not isinstance(each, BaseException)]
                assert len(paid) == 1
                assert {code_of(each) for each in found if isinstance(each, BaseException)} == {"own_stop_exceeded"}

    run(main)
    shop.market.require_clean()


def test_what_is_to_be_thought_over_waits_or_is_agreed_to(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await limited(shop, engine, cooling_hours=24, cooling_from_minor=500_00)
            assert await pay(shop, engine, consumer, 499_99) == PAID
            order = await shop.order(engine, 500_00, LINE)
            (refused,) = await outcomes([shop.pay(engine, order, consumer)])
            assert code_of(refused) == "cooling_off"
            assert isinstance(refused, ChuanliuError)
            assert "come back then" in refused.message
            # A day later it may be paid.
            shop.market.execute(
                "UPDATE orders SET created_at = %s, expires_at = now() + interval '1 day' WHERE order_id = %s",
                to_datetime(now() - 24 * HOUR),
                order.order_id,
            )
            assert (await shop.pay(engine, order, consumer)).result == PAID
            # Or at once, by agreeing once more.
            order = await shop.order(engine, 600_00, LINE)
            view = await shop.quote(engine, consumer, 600_00, wish=LINE)
            assert (
                code_of((await outcomes([_by(shop, engine, order, consumer, view.quote.quote_id)]))[0]) == "cooling_off"
            )
            paid = await _by(shop, engine, order, consumer, view.quote.quote_id, agreed=True)
            assert paid.result == PAID  # type: ignore[attr-defined]
            assert await pay(shop, engine, consumer, 700_00, Wish(allowed=("balance",))) == PAID

    run(main)


async def _by(shop: Shop, engine: Engine, order: object, consumer: int, quote: int, agreed: bool = False) -> object:
    return await shop.pay(engine, order, consumer, choice=Choice(quote, 0, agreed))  # type: ignore[arg-type]


def test_at_a_till_a_payment_that_waits_for_her_is_agreed_to_by_confirming(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await limited(shop, engine, cooling_hours=1)
            wish = wish_bytes(LINE)
            small = spec(shop.merchant, 100_00, wish=wish)
            (refused,) = await outcomes([engine.submit(PayByCode(small, shop.market.code(consumer), asked_at=now()))])
            assert code_of(refused) == "cooling_off"
            # What is above her limit for codes waits for her anyway.
            large = spec(shop.merchant, 2000_00, wish=wish)
            waiting = await engine.submit(
                PayByCode(large, shop.market.code(consumer, confirm_above=1000_00), asked_at=now())
            )
            assert waiting.result == AWAITING
            assert waiting.payment is not None
            done = await engine.submit(ConfirmPayment(waiting.payment.payment_id, consumer, asked_at=now()))
            assert done.result == PAID

    run(main)


def test_looser_limits_hold_a_day_later(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await limited(shop, engine, stop_minor=1000_00)
            lower = await engine.submit(SetOwnLimit(consumer, Restraint(800_00, 12, 300_00)))
            assert (lower.at(now()), lower.next_at) == (Restraint(800_00, 12, 300_00), None)
            asked = await engine.submit(SetOwnLimit(consumer, Restraint(900_00, 24, 300_00)))
            assert asked.at(now()) == Restraint(800_00, 24, 300_00)
            assert asked.next_at is not None
            assert asked.at(asked.next_at) == Restraint(900_00, 24, 300_00)
            assert abs(asked.next_at - now() - DAY) < HOUR
            # Asking again for the same does not begin the day anew; a stricter wish ends the waiting.
            again = await engine.submit(SetOwnLimit(consumer, Restraint(900_00, 24, 300_00)))
            assert again.next_at == asked.next_at
            gone = await engine.submit(SetOwnLimit(consumer, Restraint()))
            assert await pay(shop, engine, consumer, 850_00) == "own_stop_exceeded"
            assert gone.next_at is not None
            _a_day_passes(shop, consumer)
            assert await pay(shop, engine, consumer, 850_00) == PAID
            assert shop.market.connection.execute(OLD_LIMITS.deletion, {"rows": 10}).rowcount == 1
            assert await engine.ask(FindOwnLimit(consumer)) is None
            assert await pay(shop, engine, consumer, 850_00) == PAID

    run(main)


def _a_day_passes(shop: Shop, consumer: int) -> None:
    shop.market.execute(
        "UPDATE own_limit SET next_at = next_at - interval '24 hours 1 second' WHERE consumer_id = %s", consumer
    )


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ((0, 0, 0), (5, 0, 0), (5, 0, 0)),
        ((4, 2, 7), (5, 3, 8), (4, 3, 7)),
        ((0, 2, 7), (0, 0, 0), (0, 2, 7)),
        ((0, 2, 0), (0, 2, 9), (0, 2, 0)),
    ],
)
def test_the_stricter_of_two(one: tuple[int, ...], other: tuple[int, ...], both: tuple[int, ...]) -> None:
    assert stricter(Restraint(*one), Restraint(*other)) == stricter(Restraint(*other), Restraint(*one)) == both


@pytest.mark.parametrize(
    ("wanted", "currency", "code"),
    [
        (Restraint(-1), "CNY", "invalid_amount"),
        (Restraint(0, 169), "CNY", "invalid_parameter"),
        (Restraint(0, 1, 10**12), "CNY", "invalid_amount"),
        (Restraint(1), "ABC", "currency_not_supported"),
        (Restraint(1), "EUR", "invalid_parameter"),
    ],
)
def test_what_cannot_be_set(shop: Shop, wanted: Restraint, currency: str, code: str) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await limited(shop, engine, stop_minor=1000_00)
            (refused,) = await outcomes([engine.submit(SetOwnLimit(consumer, wanted, currency))])
            assert code_of(refused) == code
            (unknown,) = await outcomes([engine.submit(SetOwnLimit(consumer + 10_000_000, Restraint(1)))])
            assert code_of(unknown) == "consumer_not_found"

    run(main)


def test_who_has_set_nothing_is_not_held_up(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await shop.consumer(engine)
            found = await asyncio.gather(*(pay(shop, engine, consumer, 100_00) for _ in range(6)))
            assert set(found) == {PAID}

    run(main)
