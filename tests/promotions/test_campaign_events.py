"""What becomes of a campaign is told to its owner and to every party that pays: each its own budgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chuanliu.engine import Engine
from chuanliu.ledger import PLATFORM
from chuanliu.promotions import (
    AddBudget,
    CampaignView,
    CloseCampaign,
    CountBudgets,
    NewSponsor,
    PauseCampaign,
    PublishCampaign,
    ResumeCampaign,
    notice_of,
)
from engine.rig import engines, run
from promotions.fair import Confirm, Fair, new_campaign, platform_share


def told(fair: Fair, view: CampaignView, party: int) -> list[Any]:
    """Kinds and notices of a party's events, in their order."""
    sql = "SELECT kind, payload FROM outbox WHERE subject_id = %s AND merchant_id = %s ORDER BY event_id"
    rows = fair.market.connection.execute(sql, [view.campaign_id, party]).fetchall()
    return [(kind, notice_of(bytes(payload))) for kind, payload in rows]


def kinds(fair: Fair, view: CampaignView, party: int) -> list[str]:
    """Kinds of a party's events without their common beginning."""
    return [kind.removeprefix("campaign.") for kind, _ in told(fair, view, party)]


async def moves(engine: Engine, view: CampaignView, commands: Sequence[Any]) -> None:
    """One move after the other."""
    for command in commands:
        await engine.submit(command(view.campaign_id))


def test_every_party_that_pays_is_told_and_sees_its_own_budget(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            bank, shop = fair.lender(), fair.market.merchant()
            sponsors = [
                NewSponsor("bank", 2_000, 20_00, party_id=bank),
                NewSponsor("bank", 1_000, 100_00, party_id=bank),
                NewSponsor("merchant", 3_000, 30_00, party_id=shop),
                NewSponsor("brand", 1_000, 10_00, name="Tea"),
                platform_share(3_000, 30_00),
            ]
            view = await engine.submit(new_campaign(sponsors))
            await moves(engine, view, [PublishCampaign, PauseCampaign, PauseCampaign, ResumeCampaign])
            for number in range(8):
                await engine.submit(Confirm(view.campaign_id, 2088_0000_0900_0000 + number, 10_00))
            await engine.submit(CountBudgets(view.campaign_id))
            for number in range(8, 10):
                await engine.submit(Confirm(view.campaign_id, 2088_0000_0900_0000 + number, 10_00))
            assert fair.status(view) == "exhausted"
            for sponsor in view.sponsors:
                await engine.submit(AddBudget(view.campaign_id, sponsor.sponsor_id, 100_00))
            await moves(engine, view, [CloseCampaign, CloseCampaign])
            expected = ["published", "paused", "published", "budget_warning", "exhausted", "published", "closed"]
            for party in (PLATFORM, bank, shop):
                assert kinds(fair, view, party) == expected, party
            everybody = [sponsor.sponsor_id for sponsor in view.sponsors]
            by_party = {
                party: [sponsor.sponsor_id for sponsor in view.sponsors if sponsor.party_id == party]
                for party in (bank, shop)
            }
            assert len(by_party[bank]) == 2
            for party, seen in ({PLATFORM: everybody} | by_party).items():
                for kind, notice in told(fair, view, party):
                    assert [line.sponsor_id for line in notice.budgets] == seen, kind
                    assert notice.status == {"budget_warning": "published"}.get(kind[9:], kind[9:])
            (_, warning) = told(fair, view, shop)[3]
            assert (warning.budgets[0].budget_minor, warning.budgets[0].left_minor) == (30_00, 6_00)

    run(main)


def test_a_draft_comes_to_nothing_in_silence(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            shop = fair.market.merchant()
            view = await engine.submit(new_campaign([NewSponsor("merchant", 10_000, 10_00, party_id=shop)]))
            await moves(engine, view, [CloseCampaign])
            assert (told(fair, view, shop), told(fair, view, PLATFORM)) == ([], [])

    run(main)
