"""Payments in instalments on a line of ours: what is charged, who bears it, what comes back."""

from __future__ import annotations

from chuanliu.instalments import ConfirmQuote, RepayPlan, Wish
from chuanliu.ledger import Chart
from chuanliu.promotions import NewSponsor
from chuanliu.trade import PAID, Choice, RefundOrder
from engine.rig import engines, run
from instalments.shop import Shop
from trade.market import ref, spec


def test_buyer_bears_the_published_fee(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await shop.consumer(engine)
            order = await shop.order(engine, 1111_11, Wish(allowed=("credit_line",), instalments=3))
            paid = await shop.pay(engine, order, consumer)
            assert paid.result == PAID
            assert paid.plan is not None
            assert (paid.plan.fee_minor, paid.plan.buyer_fee_minor) == (25_56, 25_56)
            assert [p + f for p, f in zip(paid.plan.principals, paid.plan.fees, strict=True)] == [37889, 37889, 37889]
            assert shop.line_balance(consumer) == -1136_67
            assert shop.market.receivable(shop.merchant) == 1111_11
            refunded = await engine.submit(RefundOrder(ref(spec(shop.merchant, 1, order.out_trade_no)), 1111_11, "r1"))
            assert refunded.moved
            assert shop.line_balance(consumer) == 0

    run(main)
    shop.market.require_clean()


def test_merchant_bears_the_fee(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await shop.consumer(engine)
            before = shop.market.receivable(shop.merchant)
            wish = Wish(allowed=("credit_line",), instalments=3, borne_by="merchant")
            order = await shop.order(engine, 1000_00, wish)
            paid = await shop.pay(engine, order, consumer)
            assert paid.plan is not None
            assert (paid.plan.fee_minor, paid.plan.buyer_fee_minor) == (18_00, 0)
            assert shop.line_balance(consumer) == -1000_00
            assert shop.market.receivable(shop.merchant) - before == 1000_00 - 18_00
            await engine.submit(RefundOrder(ref(spec(shop.merchant, 1, order.out_trade_no)), 400_00, "r1"))
            assert shop.market.receivable(shop.merchant) - before == 600_00 - 10_80
            await engine.submit(RefundOrder(ref(spec(shop.merchant, 1, order.out_trade_no)), 600_00, "r2"))
            assert shop.market.receivable(shop.merchant) == before

    run(main)
    shop.market.require_clean()


def test_three_sponsors_share_the_fee_on_their_budgets(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            view = await shop.campaign(
                engine,
                NewSponsor("platform", 5_000, 100_00),
                NewSponsor("brand", 3_000, 100_00, name="Tea"),
                NewSponsor("merchant", 2_000, 100_00, party_id=shop.merchant),
            )
            consumer = await shop.consumer(engine)
            quote = await shop.quote(engine, consumer, 1000_00)
            offers = [(o.instalments, o.buyer_fee_minor, o.fee_minor) for o in quote.offers]
            assert offers == [(1, 0, 0), (3, 0, 18_00), (6, 0, 45_00), (12, 0, 75_00)]
            position = 1
            confirmed = await engine.submit(ConfirmQuote(quote.quote.quote_id, shop.merchant, position))
            assert confirmed.confirmed
            order = await shop.order(engine, 1000_00)
            paid = await shop.pay(engine, order, consumer, choice=Choice(quote.quote.quote_id))
            assert paid.plan is not None
            assert sorted(paid.plan.subsidies) == [3_60, 5_40, 9_00]
            platform = view.sponsors[0].sponsor_id
            assert shop.market.balance(platform, Chart.SPONSOR_SUBSIDY) == -9_00
            await engine.submit(RefundOrder(ref(spec(shop.merchant, 1, order.out_trade_no)), 1000_00, "r1"))
            assert shop.market.balance(platform, Chart.SPONSOR_SUBSIDY) == 0

    run(main)
    shop.market.require_clean()


def test_early_repayment_spares_the_fee_not_due_and_a_refund_then_goes_to_the_balance(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await shop.consumer(engine, 2000_00)
            order = await shop.order(engine, 50_00 + 950_00, Wish(allowed=("credit_line",), instalments=12))
            paid = await shop.pay(engine, order, consumer)
            assert paid.plan is not None
            repaid = await engine.submit(RepayPlan(paid.plan.plan_id, consumer))
            assert repaid.plan.status == "completed"
            assert repaid.spared_minor == paid.plan.buyer_fee_minor
            assert shop.line_balance(consumer) == 0
            assert shop.market.wallet(consumer) == 1000_00
            await engine.submit(RefundOrder(ref(spec(shop.merchant, 1, order.out_trade_no)), 1000_00, "r1"))
            assert shop.line_balance(consumer) == 0
            assert shop.market.wallet(consumer) == 2000_00

    run(main)
    shop.market.require_clean()
