"""The life of a campaign: every move from every state, what is refused with its place, and what the sweep does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chuanliu.clock import DAY, HOUR
from chuanliu.engine import Engine
from chuanliu.errors import ChuanliuError, Refused
from chuanliu.ids import party_number
from chuanliu.ledger import Chart, account_of
from chuanliu.parties import ReadReference
from chuanliu.promotions import (
    AddBudget,
    CampaignTerms,
    CampaignView,
    ChangeCampaign,
    CloseCampaign,
    CountBudgets,
    NewSponsor,
    PauseCampaign,
    PublishCampaign,
    ResumeCampaign,
    ScheduleCampaign,
    SponsorChange,
    budget_store,
    due_moves,
    find_campaign,
    notice_of,
    watched_budgets,
)
from chuanliu.promotions.states import CAMPAIGN, move
from engine.rig import code_of, engines, outcomes, run
from promotions.fair import Confirm, Fair, new_campaign, now, platform_share

MIGRATION = Path(__file__).parents[2] / "src/chuanliu/migrations/0005_campaigns.sql"
LATER = 10 * DAY


def test_the_database_lists_the_same_states() -> None:
    listed = re.search(r"status IN \(([^)]*)\)", MIGRATION.read_text(encoding="utf-8"))
    assert listed is not None
    assert set(re.findall(r"'(\w+)'", listed.group(1))) == set(CAMPAIGN)


@pytest.mark.parametrize("before", CAMPAIGN)
@pytest.mark.parametrize("after", CAMPAIGN)
def test_moves(before: str, after: str) -> None:
    if after in CAMPAIGN[before]:
        assert move(before, after) == after
    else:
        with pytest.raises(Refused, match="campaign_status_invalid"):
            move(before, after)


async def ask(engine: Engine, command: Any) -> str:
    """The status that a command leaves, or its error's code."""
    (result,) = await outcomes([engine.submit(command)])
    return result.campaign.status if isinstance(result, CampaignView) else code_of(result)


def test_a_whole_life(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            starts, ends = now() + HOUR, now() + DAY
            draft = await engine.submit(new_campaign(starts_at=starts, ends_at=ends))
            cid = draft.campaign_id
            assert draft.campaign.status == "draft"
            assert await ask(engine, PauseCampaign(cid)) == "campaign_status_invalid"
            assert await ask(engine, ResumeCampaign(cid)) == "campaign_status_invalid"
            assert await ask(engine, PublishCampaign(cid)) == "scheduled"
            assert await ask(engine, ChangeCampaign(cid, terms=CampaignTerms())) == "campaign_status_invalid"
            assert await ask(engine, ChangeCampaign(cid, name="Another")) == "scheduled"
            assert await ask(engine, PauseCampaign(cid)) == "paused"
            assert await ask(engine, ChangeCampaign(cid, terms=CampaignTerms(priority=1))) == "paused"
            assert await ask(engine, ResumeCampaign(cid)) == "scheduled"
            assert await ask(engine, ScheduleCampaign(cid, starts_at=now() - HOUR, ends_at=ends)) == "published"
            assert await ask(engine, PublishCampaign(cid)) == "published"
            assert await ask(engine, ScheduleCampaign(cid, starts_at=starts, ends_at=ends)) == "campaign_status_invalid"
            assert await ask(engine, CloseCampaign(cid, when_over=True)) == "published"
            assert await ask(engine, CloseCampaign(cid)) == "closed"
            for command in (PublishCampaign(cid), PauseCampaign(cid), ResumeCampaign(cid)):
                assert await ask(engine, command) == "campaign_status_invalid"
            sponsor = draft.sponsors[0].sponsor_id
            assert await ask(engine, AddBudget(cid, sponsor, 5)) == "campaign_status_invalid"
            view = find_campaign(engine.reference, cid)
            assert view is not None
            assert (view.campaign.name, view.terms.priority) == ("Another", 1)

    run(main)


def test_a_campaign_of_somebody_else_does_not_exist(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            view = await fair.campaign(engine)
            stranger = fair.lender()
            for command in (
                PauseCampaign(view.campaign_id, stranger),
                ChangeCampaign(view.campaign_id, stranger, name="Mine"),
                AddBudget(view.campaign_id, view.sponsors[0].sponsor_id, 1, stranger),
                PublishCampaign(view.campaign_id + 1),
            ):
                assert await ask(engine, command) == "campaign_not_found"
            assert await ask(engine, AddBudget(view.campaign_id, 1, 1)) == "sponsor_not_found"

    run(main)


SHOP, BANK = "merchant", "bank"


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"sponsors": ()}, "invalid_parameter", "sponsors"),
        ({"sponsors": (platform_share(6_000), platform_share(4_001))}, "invalid_parameter", "sponsors[1].share_bps"),
        ({"sponsors": (platform_share(0),)}, "invalid_parameter", "sponsors[0].share_bps"),
        ({"sponsors": (platform_share(5_000), platform_share(-1))}, "invalid_parameter", "sponsors[1].share_bps"),
        ({"sponsors": (platform_share(budget_minor=-1),)}, "invalid_parameter", "sponsors[0].budget"),
        ({"sponsors": (platform_share(budget_minor=10, cap_minor=11),)}, "invalid_parameter", "sponsors[0].cap"),
        ({"sponsors": (platform_share(cap_minor=0),)}, "invalid_parameter", "sponsors[0].cap"),
        ({"sponsors": (NewSponsor("bank", 1, 1, party_id=party_number(5)),)}, "invalid_parameter", "sponsors[0].party"),
        ({"sponsors": (NewSponsor("merchant", 1, 1),)}, "invalid_parameter", "sponsors[0].party"),
        ({"sponsors": (NewSponsor("brand", 1, 1),)}, "invalid_parameter", "sponsors"),
        ({"sponsors": (NewSponsor("king", 1, 1),)}, "invalid_parameter", "sponsors[0].kind"),
        ({"owner_id": party_number(5)}, "invalid_parameter", "owner"),
        ({"ends_at": now() - 2 * HOUR}, "invalid_parameter", "ends_at"),
        ({"starts_at": now() - DAY, "ends_at": now() - HOUR}, "invalid_parameter", "ends_at"),
        ({"code": "Not good"}, "invalid_parameter", "code"),
        ({"currency": "ZZZ"}, "currency_not_supported", "currency"),
        ({"terms": CampaignTerms(categories=("5732", "57"))}, "invalid_parameter", "terms.categories[1]"),
        ({"terms": CampaignTerms(categories=("6000-5000",))}, "invalid_parameter", "terms.categories[0]"),
        ({"terms": CampaignTerms(instalments=frozenset({7}))}, "invalid_parameter", "terms.instalments"),
        ({"terms": CampaignTerms(amount_min_minor=5, amount_max_minor=4)}, "invalid_parameter", "terms.amount_max"),
        ({"terms": CampaignTerms(per_day_uses=0)}, "invalid_parameter", "terms.per_day_uses"),
        ({"terms": CampaignTerms(stack_group="x")}, "invalid_parameter", "terms.stack_group"),
        ({"terms": CampaignTerms(merchants=frozenset({5}))}, "invalid_parameter", "terms.merchants"),
        ({"terms": CampaignTerms(lenders=frozenset({5}))}, "invalid_parameter", "terms.lenders"),
        ({"terms": CampaignTerms(products=frozenset({5}))}, "invalid_parameter", "terms.products"),
        ({"sponsors": (NewSponsor("brand", 1, 1, "B"),), "agreed": False}, "forbidden", "sponsors[0].party"),
    ],
)
def test_what_is_refused_names_its_place(fair: Fair, changes: dict[str, Any], code: str, field: str) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            command = msgspec.structs.replace(new_campaign(), **changes)
            (error,) = await outcomes([engine.submit(command)])
            assert isinstance(error, ChuanliuError)
            assert (error.code, error.field) == (code, field)

    run(main)


def test_a_code_is_taken_once(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url, 2) as (one, other):
            made = await outcomes([one.submit(new_campaign(code="spring")), other.submit(new_campaign(code="spring"))])
            assert sorted(map(code_of, made)) == ["campaign_exists", "ok"]

    run(main)


def test_owners_sell_and_lend_their_own_things_only(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            shop, bank = fair.market.merchant(), fair.lender()
            mine, theirs = fair.product(bank), fair.product(fair.lender())
            own = [NewSponsor("merchant", 10_000, 100, party_id=shop)]
            view = await fair.campaign(engine, own, owner_id=shop, agreed=False)
            assert view.terms.merchants == {shop}
            lent = [NewSponsor("bank", 10_000, 100, party_id=bank)]
            view = await fair.campaign(
                engine, lent, CampaignTerms(products=frozenset({mine})), owner_id=bank, agreed=False
            )
            assert view.terms.lenders == {bank}
            assert view.sponsors[0].name == "Bank"
            for terms, field in (
                (CampaignTerms(products=frozenset({theirs})), "terms.products"),
                (CampaignTerms(lenders=frozenset({bank, fair.lender()})), "terms.lenders"),
            ):
                (error,) = await outcomes([engine.submit(new_campaign(lent, terms, owner_id=bank))])
                assert isinstance(error, ChuanliuError)
                assert error.field == field

    run(main)


def test_a_campaign_has_accounts_and_budgets_for_its_sponsors(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            view = await fair.campaign(engine, [platform_share(4_000, 1_003), NewSponsor("brand", 6_000, 7, "B")])
            assert [fair.left(sponsor.sponsor_id) for sponsor in view.sponsors] == [1_003, 7]
            for sponsor in view.sponsors:
                account = account_of(sponsor.sponsor_id, Chart.SPONSOR_SUBSIDY, "CNY")
                assert fair.market.one("SELECT mode FROM account WHERE account_id = %s", account) == "buffered"

    run(main)


def test_shares_and_caps_change_while_it_is_paused(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            view = await fair.campaign(engine, [platform_share(4_000), NewSponsor("brand", 6_000, 700, "B")])
            await engine.submit(PauseCampaign(view.campaign_id))
            first, second = (sponsor.sponsor_id for sponsor in view.sponsors)
            swapped = (SponsorChange(first, 9_000, 50), SponsorChange(second, 1_000))
            changed = await engine.submit(ChangeCampaign(view.campaign_id, sponsors=swapped))
            assert [(s.share_bps, s.cap_minor) for s in changed.sponsors] == [(9_000, 50), (1_000, None)]
            too_much = ChangeCampaign(view.campaign_id, sponsors=(SponsorChange(first, 9_001),))
            (error,) = await outcomes([engine.submit(too_much)])
            assert isinstance(error, ChuanliuError)
            assert error.field == "sponsors[1].share_bps"

    run(main)


async def sweep(fair: Fair, engine: Engine, at: int) -> list[str]:
    """What the worker does, at an instant; the names of the commands that it found due."""
    import psycopg

    async with await psycopg.AsyncConnection.connect(fair.url, autocommit=True) as connection:
        reference = await engine.ask(ReadReference())
        left = await budget_store.budgets_left(connection, watched_budgets(reference, at))
    moves = due_moves(reference, left, at)
    for command in moves:
        await engine.submit(command)
    return [type(command).__name__ for command in moves]


def test_the_sweep_publishes_warns_once_and_closes(fair: Fair) -> None:
    async def main() -> None:
        async with engines(fair.url) as (engine,):
            open_ones = "SELECT campaign_id FROM campaign WHERE status <> 'closed'"
            for (campaign_id,) in fair.market.connection.execute(open_ones).fetchall():
                await engine.submit(CloseCampaign(campaign_id))
            soon = now() + 2_000_000
            view = await fair.campaign(engine, [platform_share(10_000, 1_000)], starts_at=soon, ends_at=soon + DAY)
            assert await sweep(fair, engine, now()) == []
            while now() <= soon:
                await engine.submit(CountBudgets(view.campaign_id))
            assert await sweep(fair, engine, now()) == ["PublishCampaign"]
            assert fair.status(view) == "published"
            for n in range(8):
                await engine.submit(Confirm(view.campaign_id, party_number(n + 1), 100))
            assert await sweep(fair, engine, now()) == ["CountBudgets"]
            assert await sweep(fair, engine, now()) == []
            told = "SELECT payload FROM outbox WHERE kind = %s AND subject_id = %s"
            warning = ["campaign.budget_warning", view.campaign_id]
            warned = fair.market.connection.execute(told, warning).fetchall()
            notice = notice_of(bytes(warned[0][0]))
            assert (len(warned), notice.budgets[0].left_minor, notice.owner_id) == (1, 200, view.campaign.owner_id)
            for n in range(8, 10):
                await engine.submit(Confirm(view.campaign_id, party_number(n + 1), 100))
            assert fair.status(view) == "exhausted"
            over = ["campaign.exhausted", view.campaign_id]
            assert len(fair.market.connection.execute(told, over).fetchall()) == 1
            topped = await engine.submit(AddBudget(view.campaign_id, view.sponsors[0].sponsor_id, 9_000))
            assert (topped.campaign.status, topped.campaign.warned_at) == ("published", None)
            assert await sweep(fair, engine, now() + LATER) == ["CloseCampaign"]
            assert fair.status(view) == "published", "its end has not come on the database's clock"

    run(main)
