"""Payments that wait for a bank: whatever comes first, and however late its answer, nobody is charged twice or for
nothing.
"""

from __future__ import annotations

from typing import Any

import pytest

from chuanliu.engine import Engine
from chuanliu.instalments import Wish, wish_bytes
from chuanliu.ledger import Chart
from chuanliu.promotions import CampaignTerms, CloseCampaign
from chuanliu.trade import (
    AWAITING,
    IN_PROGRESS,
    PAID,
    CancelOrder,
    CloseOrder,
    ConfirmPayment,
    ExpireOrder,
    Order,
    PayByCode,
    PayOutcome,
    RecordBankAnswer,
    RefundOrder,
)
from engine.rig import code_of, engines, outcomes, run
from instalments.busy_shop import answer_due, call_of
from instalments.shop import CARD, Shop
from promotions.fair import platform_share
from trade.market import ref, spec

CARD_WISH = Wish(allowed=("credit_card",), instalments=3)


async def begin(engine: Engine, shop: Shop, **more: Any) -> tuple[int, PayOutcome]:
    """A buyer whose card is being asked."""
    buyer = await shop.consumer(engine)
    await shop.card(engine, buyer)
    paid = await shop.pay(engine, await shop.order(engine, 600_00, CARD_WISH, **more), buyer)
    assert paid.result == IN_PROGRESS
    return buyer, paid


async def answer(engine: Engine, paid: PayOutcome, verdict: str, reason: str | None = None, **more: Any) -> PayOutcome:
    outcome = await engine.submit(RecordBankAnswer(call_of(paid), verdict, reason, **more))  # type: ignore[arg-type]
    assert outcome is not None
    return outcome


async def again(engine: Engine, shop: Shop, order: Order, buyer: int) -> str:
    (outcome,) = await outcomes([shop.pay(engine, order, buyer)])
    return outcome.result if isinstance(outcome, PayOutcome) else code_of(outcome)


def calls(shop: Shop, paid: PayOutcome) -> dict[str, str]:
    assert paid.payment is not None
    sql = "SELECT kind, status FROM bank_call WHERE payment_id = %s ORDER BY call_id"
    return dict(shop.market.connection.execute(sql, [paid.payment.payment_id]).fetchall())


def bank_owes(shop: Shop) -> int:
    lender = shop.market.one("SELECT lender_id FROM product WHERE code = %s", CARD)
    return -shop.market.balance(lender, Chart.BANK_CLEARING)


def status_of(shop: Shop, paid: PayOutcome) -> str:
    assert paid.payment is not None
    return str(shop.market.one("SELECT status FROM payment WHERE payment_id = %s", paid.payment.payment_id))


END = {
    "closed": lambda order: CloseOrder(ref(spec(order.merchant_id, 1, order.out_trade_no))),
    "cancelled": lambda order: CancelOrder(ref(spec(order.merchant_id, 1, order.out_trade_no))),
    "expired": lambda order: ExpireOrder(order.order_id),
}


@pytest.mark.parametrize("end", END)
@pytest.mark.parametrize("asked_before", [False, True], ids=["authorising", "unknown"])
@pytest.mark.parametrize("verdict", ["succeeded", "refused", "unknown"])
def test_an_order_that_ends_while_the_bank_thinks(shop: Shop, end: str, asked_before: bool, verdict: str) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            campaign = await shop.campaign(engine, platform_share(), terms=CampaignTerms(per_consumer_uses=1))
            before = bank_owes(shop)
            buyer, paid = await begin(engine, shop)
            if asked_before:
                assert (await answer(engine, paid, "unknown", "bank_no_answer")).result == IN_PROGRESS
            shop.market.execute("UPDATE orders SET expires_at = now() WHERE order_id = %s", paid.order.order_id)
            await engine.submit(END[end](paid.order))
            told = await answer(engine, paid, verdict, "card_declined" if verdict == "refused" else None)
            reversed_too = verdict != "refused"
            assert told.result == (IN_PROGRESS if reversed_too else "refused")
            assert await again(engine, shop, paid.order, buyer) == "order_closed"
            if reversed_too:
                assert calls(shop, paid) == {"authorise": "due", "reverse": "due"}
                await answer_due(engine, shop, "unknown")
                assert status_of(shop, paid) == "UNKNOWN"
                await answer(engine, paid, "succeeded")
                await answer_due(engine, shop)
                assert calls(shop, paid) == {"authorise": "reversed", "reverse": "succeeded"}
            assert status_of(shop, paid) == "CLOSED"
            await answer(engine, paid, "succeeded")
            assert bank_owes(shop) == before
            left = "SELECT sum(available_minor) FROM escrow_stripe WHERE budget_id = %s"
            assert shop.market.one(left, campaign.sponsors[0].sponsor_id) == campaign.sponsors[0].budget_minor
            uses = "SELECT uses FROM campaign_use WHERE campaign_id = %s AND consumer_id = %s"
            assert shop.market.one(uses, campaign.campaign_id, buyer) == 0
            await engine.submit(CloseCampaign(campaign.campaign_id))

    run(main)
    shop.market.require_clean()


def test_a_bank_that_does_not_know_the_call_is_made_never_to_know_it_before_the_order_is_free(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            buyer, paid = await begin(engine, shop)
            await answer(engine, paid, "unknown", "bank_no_answer")
            await answer(engine, paid, "unknown", "bank_unavailable", inquired=True)
            asked = await answer(engine, paid, "refused", "bank_call_not_found", inquired=True)
            assert asked.result == IN_PROGRESS
            assert calls(shop, paid) == {"authorise": "due", "reverse": "due"}
            assert await again(engine, shop, paid.order, buyer) == IN_PROGRESS
            # The first request comes to the bank after all, and the reversal behind it undoes it.
            assert (await answer(engine, paid, "succeeded")).result == IN_PROGRESS
            await answer_due(engine, shop)
            assert (status_of(shop, paid), calls(shop, paid)["authorise"]) == ("REFUSED", "reversed")
            assert await again(engine, shop, paid.order, buyer) == IN_PROGRESS

    run(main)
    shop.market.require_clean()


def test_what_the_bank_ruled_before_its_answer_was_lost_is_its_answer(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            _, paid = await begin(engine, shop)
            await answer(engine, paid, "unknown", "bank_no_answer")
            told = await answer(engine, paid, "refused", "card_funds_insufficient", inquired=True)
            assert (told.result, told.reason, calls(shop, paid)) == (
                "refused",
                "card_funds_insufficient",
                {"authorise": "refused"},
            )
            _, paid = await begin(engine, shop)
            await answer(engine, paid, "unknown", "bank_no_answer")
            assert (await answer(engine, paid, "succeeded", inquired=True)).result == PAID
            assert (await answer(engine, paid, "succeeded")).result == PAID
            assert (await answer(engine, paid, "refused", "card_declined")).result == PAID

    run(main)
    shop.market.require_clean()


def test_a_reversal_of_what_a_bank_never_knew_ends_when_nothing_can_be_on_its_way_any_more(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            _, paid = await begin(engine, shop)
            await answer(engine, paid, "refused", "bank_call_not_found", inquired=True)
            sql = "SELECT call_id FROM bank_call WHERE payment_id = %s AND kind = 'reverse'"
            assert paid.payment is not None
            reverse = int(shop.market.one(sql, paid.payment.payment_id))
            for _ in range(2):
                await engine.submit(RecordBankAnswer(reverse, "refused", "bank_call_not_found"))
                assert status_of(shop, paid) == "UNKNOWN"
            an_hour_ago = "UPDATE bank_call SET created_at = created_at - interval '1 hour' WHERE call_id = %s"
            shop.market.execute(an_hour_ago, reverse)
            await engine.submit(RecordBankAnswer(reverse, "refused", "bank_refused"))
            assert status_of(shop, paid) == "UNKNOWN"
            await engine.submit(RecordBankAnswer(reverse, "refused", "bank_call_not_found"))
            assert status_of(shop, paid) == "REFUSED"

    run(main)
    shop.market.require_clean()


def test_a_refund_is_asked_for_once_its_payment_is_completed(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            _, paid = await begin(engine, shop)
            succeeded = await answer(engine, paid, "succeeded")
            asked = spec(shop.merchant, 1, paid.order.out_trade_no)
            await engine.submit(RefundOrder(ref(asked), 100_00, "early"))
            due = (
                "SELECT kind FROM bank_call WHERE status = 'due' AND due_at <= now() AND payment_id = %s ORDER BY kind"
            )
            assert paid.payment is not None

            def due_now() -> list[str]:
                return [kind for (kind,) in shop.market.connection.execute(due, [paid.payment.payment_id])]  # type: ignore[union-attr]

            # Whoever recorded the answer completes; the sweeper would only later.
            assert due_now() == []
            assert succeeded.pending is not None
            complete = succeeded.pending.call.call_id
            await engine.submit(RecordBankAnswer(complete, "unknown", "bank_no_answer"))
            assert due_now() == []
            await engine.submit(RecordBankAnswer(complete, "succeeded"))
            assert due_now() == ["refund"]
            await engine.submit(RefundOrder(ref(asked), 100_00, "later"))
            assert due_now() == ["refund", "refund"]
            await answer_due(engine, shop)

    run(main)
    shop.market.require_clean()


def test_a_new_code_does_not_ask_a_second_bank(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            buyer = await shop.consumer(engine)
            await shop.card(engine, buyer)
            asked = spec(shop.merchant, 600_00, wish=wish_bytes(CARD_WISH))
            codes = shop.market.codes(buyer, 3)
            first = await engine.submit(PayByCode(asked, codes[0]))
            second = await engine.submit(PayByCode(asked, codes[1]))
            assert (first.result, second.result, second.pending) == (IN_PROGRESS, IN_PROGRESS, None)
            assert second.payment == first.payment
            await answer(engine, first, "refused", "card_declined")
            third = await engine.submit(PayByCode(asked, codes[1]))
            assert third.pending is not None
            assert third.payment != first.payment
            await answer(engine, third, "succeeded")
            assert (await engine.submit(PayByCode(asked, codes[2]))).result == PAID

    run(main)
    shop.market.require_clean()


def test_who_confirms_twice_asks_the_bank_once(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            buyer = await shop.consumer(engine)
            await shop.card(engine, buyer)
            asked = spec(shop.merchant, 600_00, wish=wish_bytes(CARD_WISH))
            waiting = await engine.submit(PayByCode(asked, shop.market.code(buyer, confirm_above=1)))
            assert waiting.result == AWAITING
            assert waiting.payment is not None
            confirm = ConfirmPayment(waiting.payment.payment_id, buyer)
            first, second = [await engine.submit(confirm) for _ in range(2)]
            assert (first.result, second.result, second.pending) == (IN_PROGRESS, IN_PROGRESS, None)
            await answer(engine, first, "succeeded")
            assert (await engine.submit(confirm)).result == PAID

    run(main)
    shop.market.require_clean()


def test_a_sub_merchant_gets_what_the_bank_approved_although_its_platform_is_blocked_by_then(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            sub = shop.market.merchant(platform_id=shop.merchant, fee_bps=0)
            wish = Wish(allowed=("credit_card",), instalments=3, borne_by="merchant")
            buyer = await shop.consumer(engine)
            await shop.card(engine, buyer)
            order = await shop.order(engine, 1_000_00, wish, sub_merchant_id=sub)
            paid = await shop.pay(engine, order, buyer)
            shop.market.change_merchant(shop.merchant, "status = 'blocked'")
            assert (await answer(engine, paid, "succeeded")).result == PAID
            assert shop.market.receivable(sub) == 1_000_00 - 18_00
            shop.market.change_merchant(shop.merchant, "status = 'active'")
            await answer_due(engine, shop)

    run(main)
    shop.market.require_clean()


def test_what_the_bank_refuses_to_do_for_us_is_our_loss_and_nobody_elses(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            before = bank_owes(shop)
            _, paid = await begin(engine, shop)
            await answer(engine, paid, "succeeded")
            await answer_due(engine, shop, "refused")
            assert paid.payment is not None
            assert (status_of(shop, paid), bank_owes(shop)) == ("SUCCEEDED", before)
            asked = spec(shop.merchant, 1, paid.order.out_trade_no)
            await engine.submit(RefundOrder(ref(asked), 600_00, "all"))
            await answer_due(engine, shop, "refused")
            assert bank_owes(shop) == before

    run(main)
    shop.market.require_clean()
