"""What pays an order: the best that is left when a campaign has run dry, and only what was quoted for it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from chuanliu.engine import Engine
from chuanliu.instalments import (
    Basket,
    ConfirmQuote,
    MakeQuote,
    QuoteView,
    ReleaseQuote,
    Wish,
    campaigns_of_basket,
    wish_bytes,
)
from chuanliu.ledger import SHADOW_PLATFORM
from chuanliu.lenders import ApplyLender, CloseInstrument, OpenLine, consent_of, lender_of, product_by_code
from chuanliu.parties import ReadReference
from chuanliu.promotions import CampaignTerms, CampaignView, CloseCampaign, NewSponsor, PublishCampaign
from chuanliu.trade import PAID, Choice, CreateOrder, RefundOrder
from engine.rig import code_of, engines, outcomes, run
from instalments.shop import LINE, Shop, now
from lenders.samples import lender, line_product
from promotions.fair import new_campaign, platform_share
from trade.market import ref, spec

THREE = Wish(allowed=("credit_line",), instalments=3)


async def close(engine: Engine, *views: CampaignView) -> None:
    for view in views:
        await engine.submit(CloseCampaign(view.campaign_id))


async def refused(story: Any) -> str:
    (result,) = await outcomes([story])
    return code_of(result)


def place(view: QuoteView, instalments: int, *, subsidised: bool = False) -> int:
    return next(
        n
        for n, offer in enumerate(view.offers)
        if (offer.instalments, bool(offer.shares) or not subsidised) == (instalments, True)
    )


def test_an_order_whose_campaign_ran_dry_is_paid_at_the_next_best_price(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            view = await shop.campaign(engine, platform_share(10_000, 20_00))
            buyer = await shop.consumer(engine)
            paid = [await shop.pay(engine, await shop.order(engine, 1_000_00, THREE), buyer) for _ in range(3)]
            assert [one.result for one in paid] == [PAID] * 3
            assert [one.plan.buyer_fee_minor for one in paid if one.plan] == [0, 23_00, 23_00]
            await close(engine, view)

    run(main)
    shop.market.require_clean()


def test_only_the_campaign_that_ran_dry_is_left_out(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            stackable = CampaignTerms(stacking="stackable")
            dry = await shop.campaign(engine, platform_share(5_000, 12_00), terms=stackable)
            full = await shop.campaign(engine, NewSponsor("brand", 5_000, 1_000_00, name="Tea"), terms=stackable)
            buyer = await shop.consumer(engine)
            first = await shop.pay(engine, await shop.order(engine, 1_000_00, THREE), buyer)
            assert first.plan is not None
            assert first.plan.buyer_fee_minor == 23_00 - 11_50 - 5_75
            second = await shop.pay(engine, await shop.order(engine, 1_000_00, THREE), buyer)
            assert second.plan is not None
            assert second.plan.sponsors == (full.sponsors[0].sponsor_id,)
            assert second.plan.buyer_fee_minor == 11_50
            await close(engine, dry, full)

    run(main)
    shop.market.require_clean()


def test_the_next_best_quote_is_for_the_same_basket(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            dry = await shop.campaign(engine, platform_share(10_000, 20_00))
            of_store = CampaignTerms(stores=frozenset({"S1"}), categories=("5411",), priority=200)
            local = await shop.campaign(engine, platform_share(5_000, 1_000_00), terms=of_store)
            buyer = await shop.consumer(engine)
            basket = {"store_id": "S1", "category": "5411"}
            quotes = [await shop.quote(engine, buyer, 1_000_00, **basket) for _ in range(2)]
            confirmations = [
                await engine.submit(ConfirmQuote(view.quote.quote_id, shop.merchant, place(view, 3))) for view in quotes
            ]
            assert [one.confirmed for one in confirmations] == [True, False]
            again = confirmations[1].view
            offer = again.offers[place(again, 3)]
            assert (offer.campaign_ids, offer.buyer_fee_minor) == ((local.campaign_id,), 11_50)
            await close(engine, dry, local)

    run(main)
    shop.market.require_clean()


def test_the_balance_of_a_quote_pays_without_a_plan(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            buyer = await shop.consumer(engine, 500_00)
            view = await shop.quote(engine, buyer, 300_00)
            balance = next(n for n, offer in enumerate(view.offers) if offer.method == "balance")
            order = await shop.order(engine, 300_00)
            paid = await shop.pay(engine, order, buyer, choice=Choice(view.quote.quote_id, balance))
            assert (paid.result, paid.plan) == (PAID, None)
            await engine.submit(RefundOrder(ref(spec(shop.merchant, 1, order.out_trade_no)), 300_00, "r1"))
            assert shop.market.wallet(buyer) == 500_00

    run(main)
    shop.market.require_clean()


@pytest.mark.parametrize(
    ("basket", "wish"),
    [
        ({"store_id": "S1"}, Wish(store_id="S2")),
        ({"store_id": "S1"}, None),
        ({"sub_merchant_id": 2088_0000_0000_0009}, None),
        ({}, Wish(in_full_only=("credit_line",))),
        ({}, Wish(forbidden=("credit_line",))),
        ({}, Wish(instalments=6)),
    ],
    ids=["another store", "no store", "another seller", "in full only", "another means", "another number"],
)
def test_a_quote_pays_only_what_it_was_made_for(shop: Shop, basket: dict[str, Any], wish: Wish | None) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            buyer = await shop.consumer(engine)
            view = await shop.quote(engine, buyer, 1_000_00, **basket)
            order = await shop.order(engine, 1_000_00, wish)
            choice = Choice(view.quote.quote_id, place(view, 3))
            assert await refused(shop.pay(engine, order, buyer, choice=choice)) == "quote_mismatch"

    run(main)


def test_a_product_that_was_suspended_since_the_quote_pays_nothing(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            buyer = await shop.consumer(engine)
            view = await shop.quote(engine, buyer, 1_000_00)
            order = await shop.order(engine, 1_000_00)
            suspend = (
                "WITH raised AS (UPDATE reference_version SET version = version + 1 RETURNING version)"
                " UPDATE product SET status = %s, version = raised.version FROM raised WHERE code = %s"
            )
            shop.market.execute(suspend, "suspended", LINE)
            choice = Choice(view.quote.quote_id, place(view, 3))
            assert await refused(shop.pay(engine, order, buyer, choice=choice)) == "product_suspended"
            shop.market.execute(suspend, "active", LINE)
            assert (await shop.pay(engine, order, buyer, choice=choice)).result == PAID

    run(main)


def test_a_blocked_consumer_pays_nothing(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            buyer = await shop.consumer(engine)
            await shop.card(engine, buyer)
            view = await shop.quote(engine, buyer, 1_000_00)
            shop.market.execute("UPDATE consumer SET status = 'blocked' WHERE consumer_id = %s", buyer)
            for means, choice in (("credit_card", None), (None, Choice(view.quote.quote_id, place(view, 3)))):
                order = await shop.order(engine, 1_000_00, Wish(allowed=(means,)) if means else None)
                assert await refused(shop.pay(engine, order, buyer, choice=choice)) == "buyer_blocked"

    run(main)


def test_what_was_closed_is_not_among_the_offers(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            buyer = await shop.consumer(engine)
            card = await shop.card(engine, buyer)
            await engine.submit(CloseInstrument(buyer, card.instrument_id))
            view = await shop.quote(engine, buyer, 1_000_00)
            assert card.instrument_id not in {each.instrument_id for each in (*view.offers, *view.declined)}

    run(main)


def test_a_use_that_was_counted_after_midnight_is_given_back_to_that_day(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            once_a_day = CampaignTerms(per_consumer_day_uses=1, per_day_uses=5)
            campaign = await shop.campaign(engine, platform_share(), terms=once_a_day)
            buyer = await shop.consumer(engine)
            view = await shop.quote(engine, buyer, 1_000_00)
            quote_id = view.quote.quote_id
            shop.market.execute("UPDATE quote SET created_at = now() - interval '1 day' WHERE quote_id = %s", quote_id)
            await engine.submit(ConfirmQuote(quote_id, shop.merchant, place(view, 3)))
            days = "SELECT sum(uses) FROM campaign_use WHERE campaign_id = %s AND day > 0"
            left = "SELECT sum(available_minor) FROM escrow_stripe WHERE budget_id < 0"
            assert (shop.market.one(days, campaign.campaign_id), shop.market.one(left)) == (1, 4)
            assert await engine.submit(ReleaseQuote(quote_id, shop.merchant))
            assert (shop.market.one(days, campaign.campaign_id), shop.market.one(left)) == (0, 5)
            await close(engine, campaign)

    run(main)
    shop.market.require_clean()


def test_rehearsals_are_quoted_apart_and_without_real_campaigns(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            campaign = await shop.campaign(engine)
            merchant = shop.market.merchant(shadow=True)
            buyer = await shop.market.consumer(engine, shadow=True)
            basket = Basket(merchant_id=merchant, amount_minor=1_000_00)
            reference = await engine.ask(ReadReference())
            assert not campaigns_of_basket(reference, basket, buyer, now()).all()
            real = msgspec.structs.replace(basket, merchant_id=shop.merchant)
            assert campaigns_of_basket(reference, real, buyer, now()).all()
            assert await refused(engine.submit(MakeQuote(buyer, real, now()))) == "consumer_not_found"
            await engine.submit(MakeQuote(buyer, basket, now()))
            await close(engine, campaign)

    run(main)


def test_a_rehearsal_in_instalments_moves_no_real_money(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            real = await shop.campaign(engine)
            await engine.submit(ApplyLender(lender("dry-run", line_product("dry-line"), kind="platform"), shadow=True))
            reference = await engine.ask(ReadReference())
            product = product_by_code(reference, "dry-line", shadow=True)
            consent = consent_of(lender_of(reference, product), product).sha256
            merchant = shop.market.merchant(shadow=True, fee_bps=60)
            buyer = await shop.market.consumer(engine, shadow=True)
            await engine.submit(OpenLine(buyer, consent, product.product_id, 50_000_00))
            view = await engine.submit(new_campaign([platform_share(5_000)], owner_id=SHADOW_PLATFORM))
            await engine.submit(PublishCampaign(view.campaign_id))
            asked = spec(merchant, 1_000_00, scene="qr", wish=wish_bytes(THREE))
            order = await engine.submit(CreateOrder(asked))
            paid = await shop.pay(engine, order, buyer)
            assert paid.plan is not None
            assert paid.plan.campaign_ids == (view.campaign_id,)
            await engine.submit(RefundOrder(ref(asked), 400_00, "part"))
            await engine.submit(RefundOrder(ref(asked), 600_00, "rest"))
            await close(engine, real, view)

    run(main)
    shop.market.require_clean()
