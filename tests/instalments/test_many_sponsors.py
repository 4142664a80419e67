"""Campaigns with four sponsors each, all at once: every row that they need is found, however many there are."""

from __future__ import annotations

import asyncio
from collections import Counter

from chuanliu.engine import Engine, LaneLimits
from chuanliu.instalments import Wish
from chuanliu.promotions import CampaignTerms, CampaignView, NewSponsor
from chuanliu.trade import IN_PROGRESS, PAID, RecordBankAnswer
from engine.rig import engines, run
from instalments.busy_shop import call_of
from instalments.shop import Shop

THREE = Wish(allowed=("credit_line",), instalments=3)
CARD = Wish(allowed=("credit_card",), instalments=3)
FEE = 18_00
"""The sponsored price of 1 000.00 in three instalments."""


async def four_sponsors(engine: Engine, shop: Shop, orders: int, terms: CampaignTerms) -> CampaignView:
    """A campaign whose budgets are enough for so many orders of 1 000.00."""
    shares = (("platform", 4_000), ("brand", 3_000), ("merchant", 2_000), ("brand", 1_000))
    sponsors = [
        NewSponsor(
            kind,
            bps,
            orders * FEE * bps // 10_000,
            name=f"{kind} {bps}",
            party_id=shop.merchant if kind == "merchant" else None,
        )
        for kind, bps in shares
    ]
    return await shop.campaign(engine, *sponsors, terms=terms)


def test_three_campaigns_run_dry_one_after_the_other_within_one_batch(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url, 2, limits=LaneLimits(batch=16)) as crowd:
            limited = CampaignTerms(per_consumer_uses=2, per_consumer_day_uses=2, per_day_uses=1_000)
            for _ in range(3):
                await four_sponsors(crowd[0], shop, 4, limited)
            buyers = [await shop.consumer(crowd[0]) for _ in range(24)]
            orders = [await shop.order(crowd[0], 1_000_00, THREE) for _ in buyers]
            paid = await asyncio.gather(*(shop.pay(crowd[n % 2], order, buyers[n]) for n, order in enumerate(orders)))
            assert Counter(one.result for one in paid) == {PAID: 24}
            assert Counter(one.plan.buyer_fee_minor for one in paid if one.plan) == {0: 12, 23_00: 12}

    run(main)
    shop.market.require_clean()


def test_what_a_bank_refuses_goes_back_to_all_budgets_and_limits(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            limited = CampaignTerms(per_consumer_uses=1, per_consumer_day_uses=1, per_day_uses=2)
            view = await four_sponsors(engine, shop, 2, limited)
            buyer = await shop.consumer(engine)
            await shop.card(engine, buyer)
            left = "SELECT sum(available_minor) FROM escrow_stripe WHERE budget_id = ANY(%s)"
            budgets = [sponsor.sponsor_id for sponsor in view.sponsors]
            for _ in range(3):
                paid = await shop.pay(engine, await shop.order(engine, 1_000_00, CARD), buyer)
                assert paid.result == IN_PROGRESS
                assert paid.plan is not None
                assert paid.plan.buyer_fee_minor == 0
                assert shop.market.one(left, budgets) == FEE
                await engine.submit(RecordBankAnswer(call_of(paid), "refused", "card_declined"))
                assert shop.market.one(left, budgets) == 2 * FEE

    run(main)
    shop.market.require_clean()
