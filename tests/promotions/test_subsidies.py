"""Shares, combinations and claw-backs: conservation, caps, and nobody ever charged on a refund."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.promotions import CampaignTerms, CampaignView, best_combination, claw_back, subsidise
from promotions.fair import view_with

CAPS = st.none() | st.integers(1, 5_000)
FEES = st.integers(0, 1_000_000)


@st.composite
def campaigns(draw: st.DrawFn, campaign_id: int = 1) -> CampaignView:
    """A campaign with one to four sponsors."""
    left, sponsors = 10_000, []
    for _ in range(draw(st.integers(1, 4))):
        if not left:
            break
        share = draw(st.integers(1, left))
        sponsors.append((share, draw(CAPS)))
        left -= share
    stackable = draw(st.booleans())
    terms = CampaignTerms(
        stacking="stackable" if stackable else "exclusive",
        stack_group=draw(st.sampled_from(["", "spring"])) if stackable else "",
    )
    return view_with(sponsors, terms, campaign_id)


@st.composite
def fairs(draw: st.DrawFn) -> list[CampaignView]:
    """Up to five campaigns, in the order of priority."""
    return [draw(campaigns(campaign_id=n + 1)) for n in range(draw(st.integers(0, 5)))]


@pytest.mark.parametrize(
    ("sponsors", "fee", "parts"),
    [
        ([(10_000, None)], 375, [375]),
        ([(5_000, None), (3_000, None), (2_000, None)], 375, [188, 112, 75]),
        ([(3_333, None), (3_333, None)], 100, [33, 33]),
        ([(3_334, None), (3_333, None), (3_333, None)], 100, [34, 33, 33]),
        ([(5_000, 100), (5_000, None)], 375, [100, 187]),
        ([(1, None)], 4_999, []),
        ([(1, None)], 5_001, [1]),
        ([(10_000, 1)], 0, []),
    ],
)
def test_shares(sponsors: list[tuple[int, int | None]], fee: int, parts: list[int]) -> None:
    assert [share.amount_minor for share in subsidise(view_with(sponsors), fee)] == parts


@given(campaigns(), FEES)
def test_shares_stay_within_fee_caps_and_a_unit_of_the_exact_part(view: CampaignView, fee: int) -> None:
    shares = {share.sponsor_id: share.amount_minor for share in subsidise(view, fee)}
    assert sum(shares.values()) <= fee
    for sponsor in view.sponsors:
        part = shares.get(sponsor.sponsor_id, 0)
        assert part <= (sponsor.cap_minor or fee)
        assert part * 10_000 < fee * sponsor.share_bps + 10_000
        if sponsor.cap_minor is None or part < sponsor.cap_minor:
            assert part * 10_000 > fee * sponsor.share_bps - 10_000
    if view.share_bps == 10_000 and all(sponsor.cap_minor is None for sponsor in view.sponsors):
        assert sum(shares.values()) == fee


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=5), st.data())
def test_claw_backs_never_charge_never_exceed_and_end_exactly(amounts: list[int], data: st.DataObject) -> None:
    paid = sum(amounts)
    totals = sorted(data.draw(st.lists(st.integers(0, paid), max_size=8)))
    returned = [0] * len(amounts)
    for total in [*totals, paid]:
        parts = claw_back(amounts, returned, total)
        assert all(part >= 0 for part in parts)
        returned = [back + part for back, part in zip(returned, parts, strict=True)]
        assert sum(returned) == total
        assert all(back <= amount for back, amount in zip(returned, amounts, strict=True))
    assert returned == amounts


@pytest.mark.parametrize(("returned", "total"), [((2, 1), 2), ((0, 0), 8), ((4, 0), 5)])
def test_a_claw_back_that_makes_no_sense_is_a_bug(returned: tuple[int, int], total: int) -> None:
    with pytest.raises(ValueError, match="may only grow"):
        claw_back((3, 4), returned, total)


@given(fairs(), FEES | st.none(), FEES | st.none())
def test_a_combination_adds_up_and_never_gives_more_than_the_fee(
    views: list[CampaignView], buyer: int | None, sponsored: int | None
) -> None:
    best = best_combination(views, buyer, sponsored)
    if best is None:
        assert buyer is None
        return
    given_minor = sum(subsidy.amount_minor for subsidy in best.subsidies)
    assert best.consumer_minor == best.fee_minor - given_minor >= 0
    assert best.fee_minor in (buyer, sponsored)
    ids = [subsidy.view.campaign_id for subsidy in best.subsidies]
    assert ids == sorted(set(ids))
    stacking = {(s.view.terms.stacking, s.view.terms.stack_group) for s in best.subsidies}
    assert len(stacking) <= 1
    assert len(ids) <= 1 or {kind for kind, _ in stacking} == {"stackable"}
    for subsidy in best.subsidies:
        caps = {sponsor.sponsor_id: sponsor.cap_minor for sponsor in subsidy.view.sponsors}
        assert all(0 < s.amount_minor <= (caps[s.sponsor_id] or best.fee_minor) for s in subsidy.shares)
    assert best == best_combination(views, buyer, sponsored)


@given(fairs(), FEES, FEES)
def test_a_campaign_more_never_costs_the_consumer_more(views: list[CampaignView], buyer: int, sponsored: int) -> None:
    costs = []
    for count in range(len(views) + 1):
        best = best_combination(views[:count], buyer, sponsored)
        assert best is not None
        costs.append(best.consumer_minor)
        alone = [best_combination([view], buyer, sponsored) for view in views[:count]]
        assert all(one is None or best.consumer_minor <= one.consumer_minor for one in alone)
    if all(view.terms.stacking == "exclusive" for view in views):
        assert costs == sorted(costs, reverse=True)


STACKED = CampaignTerms(stacking="stackable", stack_group="spring")
OTHER = CampaignTerms(stacking="stackable", stack_group="autumn")


@pytest.mark.parametrize(
    ("terms", "shares", "chosen", "consumer"),
    [
        ([STACKED, STACKED], [5_000, 5_000], [1, 2], 25),
        ([STACKED, OTHER], [5_000, 6_000], [2], 40),
        ([STACKED, STACKED, CampaignTerms()], [5_000, 5_000, 8_000], [3], 20),
        ([CampaignTerms(), CampaignTerms()], [5_000, 5_000], [1], 50),
        ([STACKED, STACKED], [10_000, 5_000], [1], 0),
    ],
    ids=["a group together", "groups apart", "an exclusive one beats both", "the first of equal ones", "nothing left"],
)
def test_stacking(terms: list[CampaignTerms], shares: list[int], chosen: list[int], consumer: int) -> None:
    views = [view_with([(bps, None)], each, n + 1) for n, (each, bps) in enumerate(zip(terms, shares, strict=True))]
    best = best_combination(views, 100)
    assert best is not None
    assert [subsidy.view.campaign_id for subsidy in best.subsidies] == chosen
    assert best.consumer_minor == consumer


def test_the_sponsored_price_is_for_campaigns_that_bear_the_whole_fee() -> None:
    whole, half = view_with([(10_000, None)]), view_with([(5_000, None)], campaign_id=2)
    found = best_combination([whole, half], 230, 180)
    assert found is not None
    assert (found.fee_minor, found.consumer_minor, len(found.subsidies)) == (180, 0, 1)
    partly = best_combination([half], 230, 180)
    assert partly is not None
    assert (partly.fee_minor, partly.consumer_minor) == (230, 115)
    assert best_combination([half], None, 180) is None
    assert best_combination([whole, half], 230, 180, without={1}) == partly
