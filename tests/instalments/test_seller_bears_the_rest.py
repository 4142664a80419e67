"""A seller that bears the fee where no campaign does: sponsors come first, on the price for others; the rest is its."""

from __future__ import annotations

import pytest

from chuanliu.instalments import ConfirmQuote, Wish
from chuanliu.ledger import Chart
from chuanliu.promotions import CampaignView, CloseCampaign, NewSponsor
from chuanliu.trade import PAID, Choice, RecordBankAnswer, RefundOrder
from engine.rig import engines, run
from instalments.busy_shop import call_of
from instalments.shop import Shop
from promotions.fair import platform_share
from trade.market import ref, spec

BY_SELLER = Wish(allowed=("credit_line",), instalments=3, borne_by="merchant")
PRICE, FEE = 1_000_00, 18_00
"""An order, and what the lender asks for three instalments of it when others bear all."""


def shares_of(shop: Shop, view: CampaignView, *amounts: int) -> list[tuple[int, int]]:
    """Sponsors' shares with the seller's behind them."""
    names = [sponsor.sponsor_id for sponsor in view.sponsors]
    return list(zip([*names, shop.merchant], amounts, strict=True))


@pytest.mark.parametrize(
    ("sponsors", "amounts"),
    [
        ([platform_share(4_000)], (7_20, 10_80)),
        ([platform_share(10_000, cap_minor=5_00)], (5_00, 13_00)),
        ([platform_share(10_000)], (18_00,)),
        ([platform_share(5_000), NewSponsor("brand", 2_500, 100_00, name="Tea", cap_minor=1_00)], (9_00, 1_00, 8_00)),
    ],
    ids=["a part", "up to a cap", "all", "two sponsors"],
)
def test_sponsors_come_first_and_all_of_it_comes_back(
    shop: Shop, sponsors: list[NewSponsor], amounts: tuple[int, ...]
) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            view = await shop.campaign(engine, *sponsors)
            buyer = await shop.consumer(engine)
            before = shop.market.receivable(shop.merchant)
            order = await shop.order(engine, PRICE, BY_SELLER)
            paid = await shop.pay(engine, order, buyer)
            assert paid.plan is not None
            assert (paid.result, paid.plan.fee_minor, paid.plan.buyer_fee_minor) == (PAID, FEE, 0)
            expected = shares_of(shop, view, *amounts, *([0] if sum(amounts[: len(sponsors)]) == FEE else []))
            borne = list(zip(paid.plan.sponsors, paid.plan.subsidies, strict=True))
            assert borne == [share for share in expected if share[1]]
            seller = FEE - sum(amounts[: len(sponsors)])
            assert shop.market.receivable(shop.merchant) - before == PRICE - seller
            asked = ref(spec(shop.merchant, 1, order.out_trade_no))
            for number, amount in enumerate((333_33, 66_67, 600_00)):
                await engine.submit(RefundOrder(asked, amount, f"r{number}"))
                shop.market.require_clean()
            assert shop.market.receivable(shop.merchant) == before
            for sponsor in view.sponsors:
                assert shop.market.balance(sponsor.sponsor_id, Chart.SPONSOR_SUBSIDY) == 0
            await engine.submit(CloseCampaign(view.campaign_id))

    run(main)
    shop.market.require_clean()


def test_a_seller_that_sponsors_too_has_two_shares(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            own = NewSponsor("merchant", 2_000, 100_00, party_id=shop.merchant)
            view = await shop.campaign(engine, own, platform_share(3_000))
            buyer = await shop.consumer(engine)
            before = shop.market.receivable(shop.merchant)
            order = await shop.order(engine, PRICE, BY_SELLER)
            paid = await shop.pay(engine, order, buyer)
            assert paid.plan is not None
            borne = list(zip(paid.plan.sponsors, paid.plan.subsidies, strict=True))
            assert borne == shares_of(shop, view, 3_60, 5_40, 9_00)
            assert shop.market.receivable(shop.merchant) - before == PRICE - 3_60 - 9_00
            left = "SELECT sum(available_minor) FROM escrow_stripe WHERE budget_id = %s"
            assert shop.market.one(left, view.sponsors[0].sponsor_id) == 100_00 - 3_60
            shop.market.require_clean()
            asked = ref(spec(shop.merchant, 1, order.out_trade_no))
            refunds = [await engine.submit(RefundOrder(asked, part, f"r{part}")) for part in (123_45, 876_55)]
            assert sum(one.seller_fee_minor for one in refunds) == 3_60 + 9_00
            assert shop.market.receivable(shop.merchant) == before
            assert shop.market.one(left, view.sponsors[0].sponsor_id) == 100_00
            await engine.submit(CloseCampaign(view.campaign_id))

    run(main)
    shop.market.require_clean()


def test_the_seller_bears_what_a_dry_campaign_no_longer_does(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            view = await shop.campaign(engine, platform_share(5_000, 10_00))
            buyer = await shop.consumer(engine)
            quotes = [await shop.quote(engine, buyer, PRICE, wish=BY_SELLER) for _ in range(2)]
            assert [len(one.offers) for one in quotes] == [1, 1]
            first, second = [await engine.submit(ConfirmQuote(one.quote.quote_id, shop.merchant, 0)) for one in quotes]
            assert (first.confirmed, second.confirmed) == (True, False)
            (again,) = second.view.offers
            assert [(share.sponsor_id, share.amount_minor) for share in again.shares] == [(shop.merchant, FEE)]
            assert again.buyer_fee_minor == 0
            order = await shop.order(engine, PRICE, BY_SELLER)
            paid = await shop.pay(engine, order, buyer, choice=Choice(quotes[0].quote.quote_id))
            assert paid.plan is not None
            assert paid.plan.subsidies == (9_00, 9_00)
            await engine.submit(CloseCampaign(view.campaign_id))

    run(main)
    shop.market.require_clean()


def test_a_bank_that_waives_a_part_leaves_the_rest_to_the_seller(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            lender_id = int(shop.market.one("SELECT lender_id FROM lender WHERE code = 'hebei-ford'"))
            view = await shop.campaign(engine, NewSponsor("bank", 6_000, 100_00, party_id=lender_id))
            buyer = await shop.consumer(engine)
            await shop.card(engine, buyer)
            before = shop.market.receivable(shop.merchant)
            wish = Wish(allowed=("credit_card",), instalments=3, borne_by="merchant")
            paid = await shop.pay(engine, await shop.order(engine, PRICE, wish), buyer)
            assert paid.plan is not None
            assert (paid.plan.subsidies, paid.plan.waived) == ((10_80, 7_20), (1, 0))
            await engine.submit(RecordBankAnswer(call_of(paid), "succeeded"))
            assert shop.market.receivable(shop.merchant) - before == PRICE - 7_20
            await engine.submit(CloseCampaign(view.campaign_id))

    run(main)
    shop.market.require_clean()
