"""The life of an order, step by step: what each request answers and what it moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chuanliu.clock import DAY, HOUR, MINUTE
from chuanliu.engine import Command, Engine
from chuanliu.errors import ChuanliuError
from chuanliu.ids import party_number
from chuanliu.ledger import Chart, account_of
from chuanliu.money import Rounding, share_of
from chuanliu.trade import (
    AMOUNT_MAX_MINOR,
    TIMEOUT_DEFAULT,
    CancelOrder,
    CloseOrder,
    ConfirmPayment,
    CreateOrder,
    ExpireOrder,
    FindOrder,
    FindRefund,
    FinishOrder,
    OrderRef,
    PayByCode,
    PayOrder,
    RefundOrder,
    snapshot_of,
)
from engine.rig import engines, run
from trade.market import Market, ref, spec


def with_engine(market: Market, story: Callable[[Engine], Coroutine[Any, Any, None]]) -> None:
    """Run a story on one engine, then audit."""

    async def main() -> None:
        async with engines(market.url) as (engine,):
            await story(engine)

    run(main)
    market.require_clean()


async def refusal(engine: Engine, command: Command[Any]) -> str:
    """The code with which a command is refused, and the field where it names one."""
    with pytest.raises(ChuanliuError) as refused:
        await engine.submit(command)
    error = refused.value
    return f"{error.code}:{error.field}" if error.field else error.code


def test_a_payment_its_partial_refunds_and_the_end(market: Market) -> None:
    async def story(engine: Engine) -> None:
        shop, buyer = market.merchant(fee_bps=60), await market.consumer(engine, 20_000)
        asked = spec(shop, 10_000)
        paid = await engine.submit(PayByCode(asked, market.code(buyer)))
        assert (paid.result, paid.order.status, paid.order.fee_minor) == ("paid", "TRADE_SUCCESS", 60)
        assert paid.payment is not None
        assert (paid.payment.status, paid.payment.payer_id) == ("SUCCEEDED", buyer)
        assert [(leg.method, leg.amount_minor, leg.status) for leg in paid.legs] == [("balance", 10_000, "CAPTURED")]
        assert (market.wallet(buyer), market.receivable(shop)) == (10_000, 9_940)

        # Another code changes nothing: the order is the record.
        again = await engine.submit(PayByCode(asked, market.code(buyer)))
        assert (again.result, again.payment) == ("paid", paid.payment)
        assert await refusal(engine, PayByCode(spec(shop, 9_999, asked.out_trade_no), 0)) == (
            "order_inconsistent:total_amount"
        )

        part = await engine.submit(RefundOrder(ref(asked), 2_500, "a", "broken cup"))
        assert (part.moved, part.refund.fee_minor, part.refund.cumulative_minor) == (True, 15, 2_500)
        assert (market.wallet(buyer), market.receivable(shop)) == (12_500, 7_455)
        repeated = await engine.submit(RefundOrder(ref(asked), 2_500, "a"))
        assert (repeated.moved, repeated.refund) == (False, part.refund)
        assert await refusal(engine, RefundOrder(ref(asked), 2_501, "a")) == "refund_inconsistent:refund_amount"
        assert await refusal(engine, RefundOrder(ref(asked), 7_501, "b")) == "refund_exceeds_payment:refund_amount"
        assert await refusal(engine, RefundOrder(ref(asked), 100)) == "invalid_parameter:out_request_no"
        for amount in (0, -1):
            assert await refusal(engine, RefundOrder(ref(asked), amount, "z")) == "invalid_amount:refund_amount"
        assert await refusal(engine, CloseOrder(ref(asked))) == "order_status_invalid"

        rest = await engine.submit(RefundOrder(ref(asked), 7_500, "b"))
        assert (rest.order.status, rest.order.fee_refunded_minor) == ("TRADE_CLOSED", 60)
        assert (market.wallet(buyer), market.receivable(shop)) == (20_000, 0)
        assert await refusal(engine, RefundOrder(ref(asked), 1, "c")) == "refund_exceeds_payment:refund_amount"
        assert not (await engine.submit(RefundOrder(ref(asked), 7_500, "b"))).moved
        assert await refusal(engine, PayByCode(asked, market.code(buyer))) == "order_closed"
        view = await engine.ask(FindOrder(ref(asked), with_refunds=True))
        assert [refund.amount_minor for refund in view.refunds] == [2_500, 7_500]
        _, found = await engine.ask(FindRefund(ref(asked), "b"))
        assert found == rest.refund
        _, missing = await engine.ask(FindRefund(ref(asked), "nobody's"))
        assert missing is None

    with_engine(market, story)


def test_what_is_told_of_an_order(market: Market) -> None:
    async def story(engine: Engine) -> None:
        shop, buyer = market.merchant(), await market.consumer(engine, 100)
        asked = spec(shop, 100, notify_url="https://shop.example/told", details=b'{"a":1}')
        paid = await engine.submit(PayByCode(asked, market.code(buyer)))
        await engine.submit(RefundOrder(ref(asked), 100, "all"))
        unpaid = spec(shop, 100)
        await engine.submit(CreateOrder(unpaid))
        await engine.submit(CloseOrder(ref(unpaid)))

        def told(order_id: int) -> list[tuple[str, str]]:
            with psycopg.connect(market.url) as connection:
                rows = connection.execute(
                    "SELECT kind, payload, notify_url FROM outbox WHERE subject_id = %s ORDER BY event_id", [order_id]
                ).fetchall()
            return [(kind, snapshot_of(bytes(payload)).status) for kind, payload, _ in rows]

        assert told(paid.order.order_id) == [("order.paid", "TRADE_SUCCESS"), ("order.refunded", "TRADE_CLOSED")]
        closed = await engine.ask(FindOrder(ref(unpaid)))
        assert told(closed.order.order_id) == [("order.closed", "TRADE_CLOSED")]

    with_engine(market, story)


def test_a_refused_attempt_leaves_the_order_payable_with_a_new_code(market: Market) -> None:
    async def story(engine: Engine) -> None:
        shop, poor, rich = market.merchant(), await market.consumer(engine, 99), await market.consumer(engine, 100)
        asked = spec(shop, 100)
        code = market.code(poor)
        first = await engine.submit(PayByCode(asked, code))
        assert (first.result, first.reason, first.order.status) == ("refused", "balance_insufficient", "WAIT_BUYER_PAY")
        assert first.payment is not None
        assert first.payment.status == "REFUSED"
        assert await refusal(engine, PayByCode(asked, code)) == "payment_code_invalid:auth_code"
        second = await engine.submit(PayByCode(asked, market.code(rich)))
        assert (second.result, market.wallet(poor), market.wallet(rich)) == ("paid", 99, 0)

    with_engine(market, story)


def test_a_blocked_wallet_pays_nothing_and_says_so(market: Market) -> None:
    async def story(engine: Engine) -> None:
        shop, buyer = market.merchant(), await market.consumer(engine, 1_000)
        account = account_of(buyer, Chart.CONSUMER_BALANCE, "CNY")
        market.execute("UPDATE account SET status = 'blocked' WHERE account_id = %s", account)
        outcome = await engine.submit(PayByCode(spec(shop), market.code(buyer)))
        assert (outcome.result, outcome.reason, market.wallet(buyer)) == ("refused", "buyer_blocked", 1_000)

    with_engine(market, story)


@pytest.mark.parametrize("how", ["unknown", "used", "expired"])
def test_codes_that_pay_nothing(market: Market, how: str) -> None:
    async def story(engine: Engine) -> None:
        shop, buyer = market.merchant(), await market.consumer(engine, 1_000)
        code = 1 if how == "unknown" else market.code(buyer, seconds=-1 if how == "expired" else 3600)
        if how == "used":
            await engine.submit(PayByCode(spec(shop), code))
        asked = spec(shop)
        assert await refusal(engine, PayByCode(asked, code)) == "payment_code_invalid:auth_code"
        assert await refusal(engine, CloseOrder(ref(asked))) == "order_not_found", "nothing is stored"

    with_engine(market, story)


def test_what_is_no_order(market: Market) -> None:
    async def story(engine: Engine) -> None:
        shop, other, buyer = market.merchant(), market.merchant(), await market.consumer(engine, 1_000)
        blocked = market.merchant()
        market.change_merchant(blocked, "status = 'blocked'")
        code = market.code(buyer)
        cases = [
            (spec(shop, AMOUNT_MAX_MINOR + 1), "amount_too_large:total_amount"),
            (spec(shop, 0), "amount_too_large:total_amount"),
            (spec(party_number(77)), "seller_not_found"),
            (spec(blocked), "seller_blocked"),
            (spec(shop, sub_merchant_id=other), "seller_not_found:sub_merchant_id"),
            (spec(shop, expires_at=1), "order_expired:time_expire"),
            (spec(shop, currency="ABC"), "currency_not_supported:currency"),
            (spec(shop, buyer_id=party_number(99)), "buyer_mismatch"),
        ]
        for asked, expected in cases:
            assert await refusal(engine, PayByCode(asked, code)) == expected
        assert await refusal(engine, PayByCode(spec(buyer), code)) == "seller_not_found"
        assert (await engine.submit(PayByCode(spec(shop), code))).result == "paid", "the code was not used up"

    with_engine(market, story)


def test_refunds_of_a_blocked_merchant_are_refused_and_spoil_nobodys_batch(market: Market) -> None:
    async def story(engine: Engine) -> None:
        shop, other, buyer = market.merchant(), market.merchant(), await market.consumer(engine, 1_000)
        asked = spec(shop)
        await engine.submit(PayByCode(asked, market.code(buyer)))
        market.change_merchant(shop, "status = 'blocked'")
        codes = market.codes(buyer, 5)
        pays = [engine.submit(PayByCode(spec(other), code)) for code in codes]
        assert await refusal(engine, RefundOrder(ref(asked), 10, "r")) == "seller_blocked"
        assert {outcome.result for outcome in await asyncio.gather(*pays)} == {"paid"}

    with_engine(market, story)


def test_a_payer_who_must_confirm(market: Market) -> None:
    async def story(engine: Engine) -> None:
        shop, buyer, other = market.merchant(), await market.consumer(engine, 500), await market.consumer(engine, 500)
        asked = spec(shop, 200)
        code = market.code(buyer, confirm_above=199)
        waiting = await engine.submit(PayByCode(asked, code))
        assert waiting.result == "awaiting_payer"
        assert waiting.payment is not None
        assert (await engine.submit(PayByCode(asked, code))).payment == waiting.payment, "the same code asks again"
        payment_id = waiting.payment.payment_id
        assert await refusal(engine, ConfirmPayment(payment_id, other)) == "payment_not_found"
        assert await refusal(engine, PayOrder(waiting.order.order_id, other)) == "payment_in_progress"
        confirmed = await engine.submit(ConfirmPayment(payment_id, buyer))
        assert (confirmed.result, market.wallet(buyer)) == ("paid", 300)
        assert (await engine.submit(ConfirmPayment(payment_id, buyer))).payment == confirmed.payment

        asked = spec(shop, 200)
        waiting = await engine.submit(PayByCode(asked, market.code(buyer, confirm_above=0)))
        assert waiting.payment is not None
        refused = await engine.submit(ConfirmPayment(waiting.payment.payment_id, buyer, agreed=False))
        assert (refused.result, refused.order.status) == ("refused", "WAIT_BUYER_PAY")
        assert await refusal(engine, ConfirmPayment(waiting.payment.payment_id, buyer)) == "confirmation_too_late"
        assert (await engine.submit(PayByCode(asked, market.code(other)))).result == "paid"
        assert (market.wallet(buyer), market.wallet(other)) == (300, 300)

        asked = spec(shop, 200)
        waiting = await engine.submit(PayByCode(asked, market.code(buyer, confirm_above=0)))
        assert waiting.payment is not None
        await engine.submit(CloseOrder(ref(asked)))
        assert await refusal(engine, ConfirmPayment(waiting.payment.payment_id, buyer)) == "confirmation_too_late"

    with_engine(market, story)


def test_cancelling(market: Market) -> None:
    async def story(engine: Engine) -> None:
        shop, buyer = market.merchant(), await market.consumer(engine, 1_000)
        unseen = spec(shop)
        for _ in range(2):
            outcome = await engine.submit(CancelOrder(ref(unseen)))
            assert (outcome.order, outcome.action) == (None, None)
        assert await refusal(engine, PayByCode(unseen, market.code(buyer))) == "order_closed"
        assert await refusal(engine, CreateOrder(unseen)) == "order_closed"
        assert await refusal(engine, CloseOrder(ref(unseen))) == "order_not_found"
        with pytest.raises(ChuanliuError, match="order_not_found"):
            await engine.ask(FindOrder(ref(unseen)))
        assert await refusal(engine, CancelOrder(OrderRef(shop, order_id=12345))) == "order_not_found"

        unpaid = spec(shop)
        await engine.submit(CreateOrder(unpaid))
        assert (await engine.submit(CancelOrder(ref(unpaid)))).action == "close"
        assert (await engine.submit(CancelOrder(ref(unpaid)))).action == "close"

        paid = spec(shop)
        await engine.submit(PayByCode(paid, market.code(buyer)))
        await engine.submit(RefundOrder(ref(paid), 30, "part"))
        outcome = await engine.submit(CancelOrder(ref(paid)))
        assert outcome.refund is not None
        assert (outcome.action, outcome.refund.refund.amount_minor, market.wallet(buyer)) == ("refund", 70, 1_000)
        assert (await engine.submit(CancelOrder(ref(paid)))).action == "refund"

        refunded = spec(shop)
        await engine.submit(PayByCode(refunded, market.code(buyer)))
        await engine.submit(RefundOrder(ref(refunded), 100))
        assert (await engine.submit(CancelOrder(ref(refunded)))).action is None

        old = spec(shop)
        await engine.submit(PayByCode(old, market.code(buyer)))
        market.execute(
            "UPDATE orders SET paid_at = paid_at - interval '1 day' WHERE out_trade_no = %s", old.out_trade_no
        )
        assert await refusal(engine, CancelOrder(ref(old))) == "cancel_too_late"

    with_engine(market, story)


def test_finishing(market: Market) -> None:
    async def story(engine: Engine) -> None:
        shop, buyer = market.merchant(), await market.consumer(engine, 1_000)
        asked = spec(shop)
        order = await engine.submit(CreateOrder(asked))
        assert await engine.submit(FinishOrder(order.order_id)) is False
        await engine.submit(PayOrder(order.order_id, buyer))
        assert await engine.submit(FinishOrder(order.order_id)) is True
        assert await engine.submit(FinishOrder(order.order_id)) is False
        for command in (RefundOrder(ref(asked), 1, "r"), CancelOrder(ref(asked)), PayByCode(asked, 1)):
            assert await refusal(engine, command) == "order_finished"

    with_engine(market, story)


@pytest.mark.parametrize(
    ("asked", "lasts"),
    [
        ({"scene": "barcode"}, 3 * HOUR),
        ({"scene": "qr"}, 2 * HOUR),
        ({"scene": "page"}, TIMEOUT_DEFAULT),
        ({"scene": "page", "expires_in": 5 * MINUTE}, 5 * MINUTE),
        ({"scene": "page", "expires_in": 400 * DAY}, TIMEOUT_DEFAULT),
    ],
)
def test_time_to_pay(market: Market, asked: dict[str, Any], lasts: int) -> None:
    async def story(engine: Engine) -> None:
        order = await engine.submit(CreateOrder(spec(market.merchant(), **asked)))
        assert order.expires_at - order.created_at == lasts

    with_engine(market, story)


def test_an_order_whose_time_is_over(market: Market) -> None:
    async def story(engine: Engine) -> None:
        shop, buyer = market.merchant(), await market.consumer(engine, 1_000)
        asked = spec(shop, expires_in=10_000)
        order = await engine.submit(CreateOrder(asked))
        await asyncio.sleep(0.02)
        assert await refusal(engine, PayOrder(order.order_id, buyer)) == "order_expired"
        assert await engine.submit(ExpireOrder(order.order_id)) is True
        assert await engine.submit(ExpireOrder(order.order_id)) is False
        assert await engine.submit(ExpireOrder(4711)) is False
        assert await refusal(engine, PayOrder(order.order_id, buyer)) == "order_closed"

    with_engine(market, story)


def test_no_merchant_reaches_anothers_order(market: Market) -> None:
    async def story(engine: Engine) -> None:
        shop, thief, buyer = market.merchant(), market.merchant(), await market.consumer(engine, 1_000)
        asked = spec(shop)
        paid = await engine.submit(PayByCode(asked, market.code(buyer)))
        for name in (OrderRef(thief, order_id=paid.order.order_id), OrderRef(thief, asked.out_trade_no)):
            assert await refusal(engine, RefundOrder(name, 100, "r")) == "order_not_found"
            assert await refusal(engine, CloseOrder(name)) == "order_not_found"
            with pytest.raises(ChuanliuError, match="order_not_found"):
                await engine.ask(FindOrder(name))
        assert await refusal(engine, CancelOrder(OrderRef(thief, order_id=paid.order.order_id))) == "order_not_found"
        # A number is its merchant's: the same one elsewhere is another order.
        assert (await engine.submit(CreateOrder(spec(thief, 5, asked.out_trade_no)))).order_id != paid.order.order_id
        assert market.receivable(shop) == 99

    with_engine(market, story)


def test_money_of_a_sub_merchant_goes_to_it(market: Market) -> None:
    async def story(engine: Engine) -> None:
        platform, buyer = market.merchant(fee_bps=100), await market.consumer(engine, 1_000)
        stall = market.merchant(platform_id=platform)
        asked = spec(platform, 1_000, sub_merchant_id=stall)
        await engine.submit(PayByCode(asked, market.code(buyer)))
        assert (market.receivable(stall), market.receivable(platform)) == (990, 0)
        await engine.submit(RefundOrder(ref(asked), 1_000))
        assert (market.receivable(stall), market.wallet(buyer)) == (0, 1_000)

    with_engine(market, story)


def test_shadow_and_real_parties_do_not_pay_each_other(market: Market) -> None:
    async def story(engine: Engine) -> None:
        shop, shadow_shop = market.merchant(), market.merchant(shadow=True)
        buyer, shadow_buyer = await market.consumer(engine, 500), await market.consumer(engine, 500, shadow=True)
        for seller, payer in ((shop, shadow_buyer), (shadow_shop, buyer)):
            asked = spec(seller)
            assert await refusal(engine, PayByCode(asked, market.code(payer))) == "payment_code_invalid:auth_code"
            order = await engine.submit(CreateOrder(asked))
            assert await refusal(engine, PayOrder(order.order_id, payer)) == "buyer_not_found"
        paid = await engine.submit(PayByCode(spec(shadow_shop), market.code(shadow_buyer)))
        assert paid.result == "paid"
        assert paid.order.cell >= 128
        assert paid.payment is not None
        assert paid.payment.cell >= 128

    with_engine(market, story)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amount=st.integers(1, 5_000),
    fee_bps=st.integers(0, 10_000),
    cuts=st.lists(st.integers(1, 5_000), max_size=6),
)
def test_fees_come_back_exactly_in_any_order_of_refunds(
    market: Market, amount: int, fee_bps: int, cuts: list[int]
) -> None:
    bounds = sorted({0, amount, *(cut for cut in cuts if cut < amount)})
    parts = [high - low for low, high in pairwise(bounds)]

    async def story(engine: Engine) -> None:
        shop, buyer = market.merchant(fee_bps=fee_bps), await market.consumer(engine, amount)
        asked = spec(shop, amount)
        await engine.submit(PayByCode(asked, market.code(buyer)))
        fee = share_of(amount, fee_bps, Rounding.HALF_UP)
        back = refunded = 0
        for number, part in enumerate(parts):
            outcome = await engine.submit(RefundOrder(ref(asked), part, f"r{number}"))
            back += outcome.refund.fee_minor
            refunded += part
            assert outcome.refund.fee_minor >= 0
            assert back == fee * refunded // amount
        assert back == fee
        assert (market.receivable(shop), market.wallet(buyer)) == (0, amount)

    async def main() -> None:
        async with engines(market.url) as (engine,):
            await story(engine)

    run(main)
