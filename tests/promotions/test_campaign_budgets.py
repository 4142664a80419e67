"""Budgets of campaigns under real concurrency: spent to the last unit, never beyond, and open again after refunds."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from chuanliu.engine import LaneLimits
from chuanliu.ids import party_number
from chuanliu.parties import ReadReference
from chuanliu.promotions import (
    AddBudget,
    CampaignTerms,
    CountBudgets,
    NewSponsor,
    PauseCampaign,
    Share,
    business_day,
    find_campaign,
)
from engine.rig import code_of, engines, outcomes, run
from promotions.fair import Confirm, Fair, GiveBack, now, platform_share

CROWD = 4


def told(results: list[object]) -> Counter[str]:
    """How many got the subsidy, and why the others did not."""
    return Counter(result if isinstance(result, str) else code_of(result) for result in results)


@pytest.mark.parametrize("per_cell", [False, True], ids=["one statement", "one statement a cell"])
@pytest.mark.parametrize("rest", [0, 400], ids=["to the last unit", "with a rest that is too small"])
def test_2000_confirmations_on_a_budget_for_500(fair: Fair, rest: int, per_cell: bool) -> None:
    async def main() -> None:
        limits = LaneLimits(batch=250)
        async with engines(fair.url, CROWD, per_cell=per_cell, limits=limits) as crowd:
            merchant = fair.market.merchant()
            sponsors = [
                NewSponsor("bank", 5_000, 500 * 500 + rest, party_id=fair.lender()),
                NewSponsor("merchant", 3_000, 10**9, party_id=merchant),
                NewSponsor("platform", 2_000, 10**9),
            ]
            view = await fair.campaign(crowd[0], sponsors)
            confirm = [Confirm(view.campaign_id, party_number(n + 1), 1_000) for n in range(2_000)]
            futures = [crowd[n % CROWD].submit(command) for n, command in enumerate(confirm)]
            counted = told(await outcomes(futures))
            assert counted == {"ok": 500, "budget_exhausted": 1_500}
            assert [fair.left(sponsor.sponsor_id) for sponsor in view.sponsors] == [
                rest,
                10**9 - 500 * 300,
                10**9 - 500 * 200,
            ]
            assert fair.status(view) == ("published" if rest else "exhausted")
            known = find_campaign(await crowd[0].ask(ReadReference()), view.campaign_id)
            assert known is not None
            assert known.sponsors[0].rest_minor == rest

    run(main)


def test_a_rest_that_is_too_small_for_one_order_serves_a_smaller_one(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            view = await fair.campaign(engine, [platform_share(10_000, 1_000)])
            assert await engine.submit(Confirm(view.campaign_id, party_number(1), 700)) != "budget_exhausted"
            assert await engine.submit(Confirm(view.campaign_id, party_number(2), 700)) == "budget_exhausted"
            needs = engine.counters[0].needs
            assert await engine.submit(Confirm(view.campaign_id, party_number(2), 700)) == "budget_exhausted"
            assert engine.counters[0].needs == needs, "known to be dry, so nobody asks for the stripes"
            assert await engine.submit(Confirm(view.campaign_id, party_number(3), 300)) != "budget_exhausted"
            assert fair.left(view.sponsors[0].sponsor_id) == 0
            assert fair.status(view) == "exhausted"

    run(main)


def test_one_sponsor_that_is_short_leaves_the_others_budgets_alone(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            rich = NewSponsor("brand", 6_000, 10**6, "Brand")
            view = await fair.campaign(engine, [rich, platform_share(4_000, 350)])
            assert await engine.submit(Confirm(view.campaign_id, party_number(1), 1_000)) == "budget_exhausted"
            assert [fair.left(sponsor.sponsor_id) for sponsor in view.sponsors] == [10**6, 350]
            assert fair.uses(view, party_number(1)) == 0

    run(main)


def test_taking_and_giving_back_at_once_conserves_every_budget(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url, 3) as crowd:
            view = await fair.campaign(crowd[0], [platform_share(7_000, 5_000), NewSponsor("brand", 3_000, 900, "B")])

            async def shopper(n: int) -> list[Share]:
                kept: list[Share] = []
                for turn in range(8):
                    confirm = Confirm(view.campaign_id, party_number(n + 1), 100 + 13 * turn)
                    outcome = await crowd[n % 3].submit(confirm)
                    if isinstance(outcome, str):
                        await crowd[0].submit(CountBudgets(view.campaign_id))
                    elif turn % 3:
                        await crowd[(n + 1) % 3].submit(GiveBack(view.campaign_id, party_number(n + 1), outcome))
                    else:
                        kept += outcome
                return kept

            kept = [share for shares in await asyncio.gather(*map(shopper, range(25))) for share in shares]
            for sponsor in view.sponsors:
                spent = sum(share.amount_minor for share in kept if share.sponsor_id == sponsor.sponsor_id)
                assert spent + fair.left(sponsor.sponsor_id) == sponsor.budget_minor

    run(main)


def test_what_is_given_back_opens_an_exhausted_campaign_at_the_next_count(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            view = await fair.campaign(engine, [platform_share(10_000, 500)])
            shares = await engine.submit(Confirm(view.campaign_id, party_number(1), 500))
            assert isinstance(shares, tuple)
            assert fair.status(view) == "exhausted"
            await engine.submit(GiveBack(view.campaign_id, party_number(1), shares))
            counted = await engine.submit(CountBudgets(view.campaign_id))
            assert counted.campaign.status == "published"
            assert await engine.submit(Confirm(view.campaign_id, party_number(2), 500)) == shares

    run(main)


def test_more_budget_opens_an_exhausted_campaign_and_only_the_unspent_is_taken_back(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            view = await fair.campaign(engine, [platform_share(10_000, 500)])
            (sponsor,) = view.sponsors
            await engine.submit(Confirm(view.campaign_id, party_number(1), 500))
            grown = await engine.submit(AddBudget(view.campaign_id, sponsor.sponsor_id, 300))
            assert (grown.campaign.status, grown.sponsors[0].budget_minor) == ("published", 800)
            results = await outcomes([engine.submit(AddBudget(view.campaign_id, sponsor.sponsor_id, -301))])
            assert code_of(results[0]) == "budget_exhausted"
            shrunk = await engine.submit(AddBudget(view.campaign_id, sponsor.sponsor_id, -300))
            assert (shrunk.campaign.status, shrunk.sponsors[0].budget_minor) == ("exhausted", 500)

    run(main)


def test_uses_of_a_day_are_counted_over_all_processes(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url, CROWD) as crowd:
            view = await fair.campaign(crowd[0], [platform_share(10_000, 10**6)], CampaignTerms(per_day_uses=50))
            confirm = [Confirm(view.campaign_id, party_number(n + 1), 10, now()) for n in range(400)]
            futures = [crowd[n % CROWD].submit(command) for n, command in enumerate(confirm)]
            assert told(await outcomes(futures)) == {"ok": 50, "campaign_limit_reached": 350}
            assert fair.left(view.sponsors[0].sponsor_id) == 10**6 - 500
            known = find_campaign(await crowd[0].ask(ReadReference()), view.campaign_id)
            assert known is not None
            assert known.campaign.spent_day == business_day(now())
            given = now()
            shares = (Share(view.sponsors[0].sponsor_id, "platform", None, 10),)
            await crowd[1].submit(GiveBack(view.campaign_id, party_number(1), shares, given))
            assert (await crowd[2].submit(CountBudgets(view.campaign_id))).campaign.spent_day == 0
            assert isinstance(await crowd[3].submit(Confirm(view.campaign_id, party_number(9), 10, now())), tuple)

    run(main)


@pytest.mark.parametrize(
    ("terms", "most"),
    [
        (CampaignTerms(per_consumer_uses=3), 3),
        (CampaignTerms(per_consumer_day_uses=2), 2),
        (CampaignTerms(first_use_only=True), 1),
        (CampaignTerms(per_consumer_uses=5, per_consumer_day_uses=4), 4),
    ],
    ids=["in all", "a day", "first use", "the smaller counts"],
)
def test_a_consumers_uses_are_limited_however_many_come_at_once(fair: Fair, terms: CampaignTerms, most: int) -> None:
    async def main() -> None:
        async with engines(fair.url, 3) as crowd:
            view = await fair.campaign(crowd[0], terms=terms)
            buyer = party_number(700_000 + most)
            futures = [crowd[n % 3].submit(Confirm(view.campaign_id, buyer, 10, now())) for n in range(30)]
            assert told(await outcomes(futures)) == {"ok": most, "campaign_limit_reached": 30 - most}

    run(main)


def test_a_use_is_given_back_with_its_whole_order_and_not_with_a_part_of_it(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            view = await fair.campaign(engine, terms=CampaignTerms(per_consumer_uses=1))
            buyer = party_number(710_001)
            shares = await engine.submit(Confirm(view.campaign_id, buyer, 10))
            assert isinstance(shares, tuple)
            await engine.submit(GiveBack(view.campaign_id, buyer, ()))
            assert await engine.submit(Confirm(view.campaign_id, buyer, 10)) == "campaign_limit_reached"
            await engine.submit(GiveBack(view.campaign_id, buyer, shares, now()))
            assert await engine.submit(Confirm(view.campaign_id, buyer, 10)) == shares
            assert fair.uses(view, buyer) == 1

    run(main)


def test_a_paused_campaign_gives_nothing_from_the_next_batch_on_and_takes_back(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url, 2) as (one, other):
            view = await fair.campaign(one)
            shares = await one.submit(Confirm(view.campaign_id, party_number(1), 10))
            assert isinstance(shares, tuple)
            await other.submit(PauseCampaign(view.campaign_id))
            assert await one.submit(Confirm(view.campaign_id, party_number(2), 10)) == "campaign_ended"
            await one.submit(GiveBack(view.campaign_id, party_number(1), shares))
            assert fair.left(view.sponsors[0].sponsor_id) == view.sponsors[0].budget_minor

    run(main)
