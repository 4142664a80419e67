"""A rush on a campaign that is enough for a quarter of them: so many get it to the unit, all others the next best."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from chuanliu.engine import Engine, LaneLimits
from chuanliu.errors import Busy
from chuanliu.instalments import Confirmation, ConfirmQuote, QuoteView, Wish
from chuanliu.promotions import CampaignTerms, CampaignView, CloseCampaign, NewSponsor
from chuanliu.trade import PAID, Choice, Order
from engine.rig import engines, run
from instalments.shop import Shop
from promotions.fair import platform_share

T = TypeVar("T")

ORDERS = 2_000
ENOUGH_FOR = 500
BUYERS = 100
AMOUNT = 1_000_00
SPONSORED_FEE = 18_00
HALF_BUYER_FEE = 11_50
THREE = Wish(allowed=("credit_line",), instalments=3)
CROWD = 4
LIMITS = LaneLimits(batch=250)


async def all_of(stories: Sequence[Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*stories))


async def two_campaigns(engine: Engine, shop: Shop) -> tuple[CampaignView, CampaignView]:
    """One that bears the whole fee of so many orders, and one that bears half of everybody's."""
    lender = (await shop.product(engine, "ford-card")).lender_id
    scarce = await shop.campaign(
        engine,
        NewSponsor("bank", 5_000, ENOUGH_FOR * SPONSORED_FEE // 2, party_id=lender),
        NewSponsor("merchant", 3_000, 10**9, party_id=shop.merchant),
        NewSponsor("platform", 2_000, 10**9),
        terms=CampaignTerms(instalments=frozenset({3})),
    )
    return scarce, await shop.campaign(engine, platform_share(5_000, 10**9))


async def buyers(engine: Engine, shop: Shop) -> list[int]:
    return [await shop.consumer(engine, limit_minor=10**9) for _ in range(BUYERS)]


def three(view: QuoteView) -> int:
    return next(n for n, offer in enumerate(view.offers) if offer.instalments == 3)


def left(shop: Shop, campaign: CampaignView) -> list[int]:
    sql = "SELECT sum(available_minor) FROM escrow_stripe WHERE budget_id = %s"
    return [int(shop.market.one(sql, sponsor.sponsor_id)) for sponsor in campaign.sponsors]


def test_2000_confirmations_on_a_campaign_for_500(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url, CROWD, limits=LIMITS) as crowd:
            who = await buyers(crowd[0], shop)
            scarce, other = await two_campaigns(crowd[0], shop)
            made = await all_of([shop.quote(crowd[n % CROWD], who[n % BUYERS], AMOUNT) for n in range(ORDERS)])
            assert {view.offers[three(view)].campaign_ids for view in made} == {(scarce.campaign_id,)}

            async def confirm(n: int, view: QuoteView) -> Confirmation:
                return await crowd[n % CROWD].submit(ConfirmQuote(view.quote.quote_id, shop.merchant, three(view)))

            outcomes = await all_of([confirm(n, view) for n, view in enumerate(made)])
            assert Counter(one.reason for one in outcomes) == {
                None: ENOUGH_FOR,
                "budget_exhausted": ORDERS - ENOUGH_FOR,
            }
            assert left(shop, scarce)[0] == 0
            rest = [one.view for one in outcomes if not one.confirmed]
            next_best = {(view.offers[three(view)].campaign_ids, view.offers[three(view)].total_minor) for view in rest}
            assert next_best == {((other.campaign_id,), AMOUNT + HALF_BUYER_FEE)}
            again = await all_of([confirm(n, view) for n, view in enumerate(rest)])
            assert all(one.confirmed for one in again)
            held = [one.view for one in outcomes if one.confirmed][:100] + [one.view for one in again][:100]

            async def pay(n: int, view: QuoteView) -> int:
                order = await shop.order(crowd[n % CROWD], AMOUNT)
                choice = Choice(view.quote.quote_id)
                paid = await shop.pay(crowd[-n % CROWD], order, view.quote.consumer_id, choice=choice)
                assert (paid.result, paid.plan is not None) == (PAID, True)
                return paid.plan.buyer_fee_minor if paid.plan else 0

            fees = await all_of([pay(n, view) for n, view in enumerate(held)])
            assert Counter(fees) == {0: 100, HALF_BUYER_FEE: 100}
            for campaign in (scarce, other):
                await crowd[0].submit(CloseCampaign(campaign.campaign_id))

    run(main, within_s=180)
    shop.market.require_clean()


def test_2000_payments_on_a_campaign_for_500(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url, CROWD, limits=LIMITS) as crowd:
            who = await buyers(crowd[0], shop)
            scarce, other = await two_campaigns(crowd[0], shop)
            orders = await all_of([shop.order(crowd[n % CROWD], AMOUNT, THREE) for n in range(ORDERS)])

            async def pay(n: int, order: Order) -> Any:
                while True:
                    try:
                        return await shop.pay(crowd[n % CROWD], order, who[n % BUYERS])
                    except Busy:
                        # Four processes wait for each other's stripes. Nothing was done: a till asks again.
                        await asyncio.sleep(0.05)

            paid = await all_of([pay(n, order) for n, order in enumerate(orders)])
            assert Counter(one.result for one in paid) == {PAID: ORDERS}
            assert Counter(one.plan.campaign_ids for one in paid) == {
                (scarce.campaign_id,): ENOUGH_FOR,
                (other.campaign_id,): ORDERS - ENOUGH_FOR,
            }
            assert {one.plan.buyer_fee_minor for one in paid} == {0, HALF_BUYER_FEE}
            assert left(shop, scarce) == [0, 10**9 - ENOUGH_FOR * 5_40, 10**9 - ENOUGH_FOR * 3_60]

    run(main, within_s=180)
    shop.market.require_clean()
