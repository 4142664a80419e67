"""What a refund gives back, and what it leaves: by the terms of the purchase, whatever happened in between."""

from __future__ import annotations

import pytest

from chuanliu.engine import Engine
from chuanliu.instalments import Plan, RepayPlan, Wish, kept_after_refund
from chuanliu.ledger import Chart, credit_used_account
from chuanliu.lenders import ApplyLender, CloseInstrument, FindInstruments
from chuanliu.parties import ReadReference
from chuanliu.promotions import ChangeCampaign, CloseCampaign, NewSponsor, PauseCampaign, SponsorChange
from chuanliu.trade import PayOutcome, RecordBankAnswer
from engine.rig import code_of, engines, outcomes, run
from instalments.busy_shop import answer_due, call_of, refund
from instalments.shop import CARD, CARD_BIN, LINE, Shop
from lenders.samples import card_product, lender, line_product, terms
from promotions.fair import platform_share

TWELVE = Wish(allowed=("credit_line",), instalments=12)


def plan_of(shop: Shop, paid: PayOutcome, column: str) -> object:
    assert paid.plan is not None
    return shop.market.one(f"SELECT {column} FROM plan WHERE plan_id = %s", paid.plan.plan_id)


async def change_line(engine: Engine, **changes: object) -> None:
    """Other terms of the line, from now on."""
    product = line_product(LINE, terms=terms(**changes))
    await engine.submit(ApplyLender(lender("chuanliu", product, kind="platform")))


async def buy(engine: Engine, shop: Shop, buyer: int, wish: Wish = TWELVE) -> PayOutcome:
    return await shop.pay(engine, await shop.order(engine, 1_000_00, wish), buyer)


def test_a_line_that_was_repaid_and_closed_passes_refunds_on_to_the_balance(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            buyer = await shop.consumer(engine, 2_000_00)
            paid = await buy(engine, shop, buyer)
            assert paid.plan is not None
            await engine.submit(RepayPlan(paid.plan.plan_id, buyer))
            (line,) = await engine.ask(FindInstruments(buyer))
            await engine.submit(CloseInstrument(buyer, line.instrument.instrument_id))
            await refund(engine, shop, paid, 300_00, "part")
            assert shop.market.wallet(buyer) == 1_300_00
            await refund(engine, shop, paid, 700_00, "rest")
            assert shop.market.wallet(buyer) == 2_000_00
            assert plan_of(shop, paid, "status") == "refunded"

    run(main)
    shop.market.require_clean()


def test_a_fee_that_stays_is_owed_after_the_goods_are_returned_and_can_be_repaid(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            await change_line(engine, fee_refunded=False, early_repayment_fee_refunded=False)
            brand = NewSponsor("brand", 4_000, 1_000_00, name="Tea")
            campaign = await shop.campaign(engine, brand)
            buyer = await shop.consumer(engine, 500_00)
            income = shop.fee_income(shop_lender(shop))
            paid = await buy(engine, shop, buyer)
            await change_line(engine)
            await refund(engine, shop, paid, 400_00, "part")
            await refund(engine, shop, paid, 600_00, "rest")
            assert shop.line_balance(buyer) == -45_00
            sponsor = campaign.sponsors[0].sponsor_id
            assert shop.market.balance(sponsor, Chart.SPONSOR_SUBSIDY) == -30_00
            assert paid.plan is not None
            repaid = await engine.submit(RepayPlan(paid.plan.plan_id, buyer))
            assert (repaid.paid_minor, repaid.plan.status, repaid.plan.outstanding_minor) == (45_00, "refunded", 0)
            assert (shop.line_balance(buyer), shop.market.wallet(buyer)) == (0, 455_00)
            assert shop.fee_income(shop_lender(shop)) - income == 75_00
            kept = kept_after_refund(
                await engine.ask(ReadReference()), repaid.plan, credit_used_account(buyer, 0, "CNY")
            )
            assert {(one.party_id, one.account_id >> 10 & 0xFF): one.amount_minor for one in kept} == {
                (buyer, 128): -45_00,
                (sponsor, Chart.SPONSOR_SUBSIDY): -30_00,
                (shop_lender(shop), Chart.LENDER_FEE_INCOME): 75_00,
            }
            again = await outcomes([engine.submit(RepayPlan(paid.plan.plan_id, buyer))])
            assert code_of(again[0]) == "plan_status_invalid"
            await engine.submit(CloseCampaign(campaign.campaign_id))

    run(main)
    shop.market.require_clean()


def shop_lender(shop: Shop) -> int:
    return int(shop.market.one("SELECT lender_id FROM lender WHERE code = 'chuanliu'"))


@pytest.mark.parametrize("fee_refunded", [True, False])
def test_terms_that_change_later_leave_a_plan_alone(shop: Shop, fee_refunded: bool) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            await change_line(engine, fee_refunded=fee_refunded, refund_policy="evenly")
            buyer = await shop.consumer(engine)
            paid = await buy(engine, shop, buyer)
            await change_line(engine, fee_refunded=not fee_refunded)
            await refund(engine, shop, paid, 120_00, "part")
            left = 75_00 - (9_00 if fee_refunded else 0)
            assert shop.line_balance(buyer) == -(880_00 + left)
            principals = plan_of(shop, paid, "principals")
            assert isinstance(principals, list)
            assert max(principals) - min(principals) < 10
            await refund(engine, shop, paid, 880_00, "rest")
            assert shop.line_balance(buyer) == (0 if fee_refunded else -75_00)
            await change_line(engine)

    run(main)
    shop.market.require_clean()


def test_what_only_owes_a_fee_not_due_yet_is_ended_for_nothing(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            buyer = await shop.consumer(engine, 2_000_00)
            paid = await buy(engine, shop, buyer)
            assert paid.plan is not None
            plan: Plan = paid.plan
            all_but_a_fee = plan.outstanding_minor - plan.fees[-1]
            await engine.submit(RepayPlan(plan.plan_id, buyer, all_but_a_fee))
            ended = await engine.submit(RepayPlan(plan.plan_id, buyer))
            assert (ended.paid_minor, ended.spared_minor, ended.plan.status) == (0, plan.fees[-1], "completed")
            assert shop.line_balance(buyer) == 0
            refusals = [RepayPlan(plan.plan_id, buyer, amount) for amount in (0, -1, 1)]
            codes = [code_of(one) for one in await outcomes(map(engine.submit, refusals))]
            assert codes == ["plan_status_invalid"] * 3

    run(main)
    shop.market.require_clean()


def test_a_cap_that_is_lowered_later_does_not_put_earlier_plans_in_the_wrong(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            campaign = await shop.campaign(engine, platform_share(10_000, 1_000_00, 60_00))
            buyer = await shop.consumer(engine)
            paid = await buy(engine, shop, buyer)
            assert paid.plan is not None
            assert (paid.plan.subsidies, paid.plan.caps) == ((60_00,), (60_00,))
            await engine.submit(PauseCampaign(campaign.campaign_id))
            (sponsor,) = campaign.sponsors
            changes = (SponsorChange(sponsor.sponsor_id, 10_000, 20_00),)
            await engine.submit(ChangeCampaign(campaign.campaign_id, sponsors=changes))

    run(main)
    shop.market.require_clean()


def test_a_bank_that_waives_its_fee_gets_its_budget_back_without_a_transfer(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            product = await shop.product(engine, CARD)
            merchant = NewSponsor("merchant", 4_000, 1_000_00, party_id=shop.merchant)
            bank = NewSponsor("bank", 6_000, 1_000_00, party_id=product.lender_id)
            campaign = await shop.campaign(engine, bank, merchant)
            buyer = await shop.consumer(engine)
            await shop.card(engine, buyer)
            receivable = shop.market.receivable(shop.merchant)
            paid = await buy(engine, shop, buyer, Wish(allowed=("credit_card",), instalments=12))
            done = await engine.submit(RecordBankAnswer(call_of(paid), "succeeded"))
            assert done.order.status == "TRADE_SUCCESS"
            await answer_due(engine, shop)
            assert shop.market.receivable(shop.merchant) - receivable == 1_000_00 - 30_00
            clearing = shop.market.balance(product.lender_id, Chart.BANK_CLEARING)
            assert clearing == -(1_000_00 - 30_00)
            await refund(engine, shop, paid, 500_00, "part")
            await refund(engine, shop, paid, 500_00, "rest")
            await answer_due(engine, shop)
            assert shop.market.balance(product.lender_id, Chart.BANK_CLEARING) == 0
            assert shop.market.receivable(shop.merchant) == receivable
            left = "SELECT sum(available_minor) FROM escrow_stripe WHERE budget_id = %s"
            assert [shop.market.one(left, each.sponsor_id) for each in campaign.sponsors] == [1_000_00, 1_000_00]
            await engine.submit(CloseCampaign(campaign.campaign_id))

    run(main)
    shop.market.require_clean()


def test_a_bank_that_keeps_its_fee_keeps_what_sponsors_paid_it(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            kept_terms = terms(bins=((CARD_BIN, "960099"),), fee_refunded=False)
            await engine.submit(ApplyLender(lender("hebei-ford", card_product(CARD, terms=kept_terms))))
            campaign = await shop.campaign(engine, platform_share(10_000, 1_000_00))
            buyer = await shop.consumer(engine)
            await shop.card(engine, buyer)
            paid = await buy(engine, shop, buyer, Wish(allowed=("credit_card",), instalments=12))
            await engine.submit(RecordBankAnswer(call_of(paid), "succeeded"))
            await answer_due(engine, shop)
            await refund(engine, shop, paid, 1_000_00, "all")
            await answer_due(engine, shop)
            (sponsor,) = campaign.sponsors
            assert shop.market.balance(sponsor.sponsor_id, Chart.SPONSOR_SUBSIDY) == -75_00
            product = await shop.product(engine, CARD)
            assert shop.market.balance(product.lender_id, Chart.BANK_CLEARING) == 75_00

    run(main)
    shop.market.require_clean()
