"""A confirmation looks again at what the payer's balance and lines give, and so does the next best quote."""

from __future__ import annotations

from chuanliu.instalments import ConfirmQuote, QuoteView, Wish
from chuanliu.promotions import CloseCampaign
from chuanliu.trade import PAID, Choice
from engine.rig import engines, run
from instalments.shop import Shop
from promotions.fair import platform_share
from trade.market import Market

LINE_ONLY = Wish(allowed=("credit_line",))


def places(view: QuoteView, method: str) -> dict[int, int]:
    """Where the offers of a method stand, by their number of instalments."""
    return {offer.instalments: n for n, offer in enumerate(view.offers) if offer.method == method}


def test_a_line_that_was_used_since_the_quote_is_not_confirmed(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            buyer = await shop.consumer(engine, 2_000_00, limit_minor=2_000_00)
            await shop.card(engine, buyer)
            view = await shop.quote(engine, buyer, 1_000_00)
            await shop.pay(engine, await shop.order(engine, 990_00, LINE_ONLY), buyer)
            confirm = ConfirmQuote(view.quote.quote_id, shop.merchant, places(view, "credit_line")[3])
            refused = await engine.submit(confirm)
            assert (refused.confirmed, refused.reason) == (False, "credit_line_insufficient")
            others = refused.view
            # In full takes 1 000.00 of the 1 010.00 that are left; three instalments cost 23.00 more.
            assert places(others, "credit_line").keys() == {1}
            assert places(others, "credit_card").keys() == places(view, "credit_card").keys()
            assert len(places(others, "balance")) == 1
            again = ConfirmQuote(others.quote.quote_id, shop.merchant, places(others, "credit_line")[1])
            assert (await engine.submit(again)).confirmed
            paid = await shop.pay(
                engine, await shop.order(engine, 1_000_00), buyer, choice=Choice(others.quote.quote_id)
            )
            assert paid.result == PAID
            assert (await engine.submit(confirm)).view.offers == tuple(
                offer for offer in view.offers if offer.method != "credit_line"
            )

    run(main)
    shop.market.require_clean()


def test_a_balance_that_was_spent_since_the_quote_is_not_confirmed(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            buyer = await shop.consumer(engine, 1_000_00)
            view = await shop.quote(engine, buyer, 600_00)
            await shop.pay(engine, await shop.order(engine, 500_00), buyer)
            confirm = ConfirmQuote(view.quote.quote_id, shop.merchant, places(view, "balance")[1])
            refused = await engine.submit(confirm)
            assert (refused.confirmed, refused.reason) == (False, "balance_insufficient")
            assert not places(refused.view, "balance")

    run(main)
    shop.market.require_clean()


def test_a_blocked_line_gives_nothing(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            buyer = await shop.consumer(engine)
            view = await shop.quote(engine, buyer, 1_000_00)
            line = view.offers[0].source
            block(shop.market, line, "blocked")
            refused = await engine.submit(ConfirmQuote(view.quote.quote_id, shop.merchant, 0))
            assert (refused.reason, refused.view.offers) == ("credit_line_insufficient", ())
            block(shop.market, line, "open")
            assert (await engine.submit(ConfirmQuote(view.quote.quote_id, shop.merchant, 0))).confirmed

    run(main)


def block(market: Market, account: int, status: str) -> None:
    """Set an account's status."""
    market.execute("UPDATE account SET status = %s WHERE account_id = %s", status, account)


def test_the_next_best_quote_without_a_campaign_has_only_what_the_line_gives(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            campaign = await shop.campaign(engine, platform_share(10_000, 100_00))
            buyer = await shop.consumer(engine, limit_minor=1_000_00)
            view = await shop.quote(engine, buyer, 1_000_00)
            assert places(view, "credit_line").keys() == {1, 3, 6, 12}
            other = await shop.consumer(engine)
            spend = await shop.quote(engine, other, 1_000_00)
            held = ConfirmQuote(spend.quote.quote_id, shop.merchant, places(spend, "credit_line")[12])
            assert (await engine.submit(held)).confirmed
            refused = await engine.submit(
                ConfirmQuote(view.quote.quote_id, shop.merchant, places(view, "credit_line")[6])
            )
            assert (refused.confirmed, refused.reason) == (False, "budget_exhausted")
            # With its fee to be borne by the buyer, no number of instalments fits into the line any more.
            assert places(refused.view, "credit_line").keys() == {1}
            await engine.submit(CloseCampaign(campaign.campaign_id))

    run(main)
    shop.market.require_clean()
