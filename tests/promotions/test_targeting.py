"""Which campaigns an order may have, as a table; the indexed answer is the same as asking each campaign."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chuanliu.clock import DAY
from chuanliu.engine import Reference
from chuanliu.ids import party_number
from chuanliu.promotions import (
    CAMPAIGN,
    SPONSOR,
    CampaignTerms,
    CampaignView,
    Purchase,
    applies,
    business_day,
    candidates,
    eligible,
)
from chuanliu.promotions.views import view_of
from promotions.fair import NOON, view_with

SHOP, MALL, BUYER = party_number(11), party_number(12), party_number(13)

PURCHASE: dict[str, Any] = {
    "merchant_id": SHOP,
    "sub_merchant_id": None,
    "store_id": "s1",
    "category": "5732",
    "amount_minor": 100_00,
    "currency": "CNY",
    "consumer_id": BUYER,
    "lender_id": 21,
    "product_id": 31,
    "product_kind": "credit_card",
    "instalments": 6,
    "now": NOON,
}


def frozen(*values: Any) -> frozenset[Any]:
    return frozenset(values)


@pytest.mark.parametrize(
    ("terms", "changed", "reason"),
    [
        ({}, {}, None),
        ({"merchants": frozen(SHOP, MALL)}, {}, None),
        ({"merchants": frozen(MALL)}, {}, "merchants"),
        ({"merchants": frozen(MALL)}, {"sub_merchant_id": MALL}, None),
        ({"stores": frozen("s1")}, {}, None),
        ({"stores": frozen("s1")}, {"store_id": None}, "stores"),
        ({"categories": ("5732",)}, {}, None),
        ({"categories": ("5000-5731", "5733")}, {}, "categories"),
        ({"categories": ("5732-5999",)}, {}, None),
        ({"categories": ("0000-9999",)}, {"category": ""}, "categories"),
        ({"amount_min_minor": 100_00, "amount_max_minor": 100_00}, {}, None),
        ({"amount_min_minor": 100_01}, {}, "amount"),
        ({"amount_max_minor": 99_99}, {}, "amount"),
        ({"lenders": frozen(22)}, {}, "lenders"),
        ({"products": frozen(31)}, {}, None),
        ({"products": frozen(32)}, {}, "products"),
        ({"product_kinds": frozen("credit_line")}, {}, "product_kinds"),
        ({"instalments": frozen(3, 6)}, {}, None),
        ({"instalments": frozen(12)}, {}, "instalments"),
        ({"consumers": frozen(BUYER)}, {}, None),
        ({"consumers": frozen(SHOP)}, {}, "consumers"),
        ({}, {"currency": "USD"}, "currency"),
        ({}, {"now": -1}, "dates"),
        ({"lenders": frozen(22), "merchants": frozen(MALL)}, {}, "merchants"),
    ],
)
def test_conditions(terms: dict[str, Any], changed: dict[str, Any], reason: str | None) -> None:
    view = view_with([(10_000, None)], CampaignTerms(**terms))
    purchase = Purchase(**PURCHASE | changed)
    assert applies(view, purchase) == reason
    assert bool(asked([view], purchase)) == (reason is None)


@pytest.mark.parametrize(
    ("changes", "runs"),
    [
        ({}, True),
        ({"status": "scheduled"}, True),
        ({"status": "scheduled", "starts_at": NOON + 1}, False),
        ({"starts_at": NOON}, True),
        ({"ends_at": NOON}, False),
        ({"ends_at": NOON + 1}, True),
        ({"status": "draft"}, False),
        ({"status": "paused"}, False),
        ({"status": "exhausted"}, False),
        ({"status": "closed"}, False),
    ],
)
def test_status_and_dates(changes: dict[str, Any], runs: bool) -> None:
    plain = view_with([(10_000, None)])
    view = view_of(plain.campaign.changed(**changes), plain.sponsors)
    purchase = Purchase(**PURCHASE)
    assert (applies(view, purchase) is None) == runs
    assert bool(asked([view], purchase)) == runs
    assert bool(candidates(snapshot([view]), "CNY", NOON)) == runs


def test_a_day_whose_uses_are_spent_is_left_out_until_midnight_in_shanghai() -> None:
    plain = view_with([(10_000, None)])
    view = view_of(plain.campaign.changed(spent_day=business_day(NOON)), plain.sponsors)
    assert applies(view, Purchase(**PURCHASE)) == "per_day_uses"
    assert asked([view], Purchase(**PURCHASE)) == ()
    assert applies(view, Purchase(**PURCHASE | {"now": NOON + DAY})) is None
    assert len(asked([view], Purchase(**PURCHASE | {"now": NOON + DAY}))) == 1


def snapshot(views: list[CampaignView]) -> Reference:
    """Reference data with these campaigns."""
    campaigns = [view.campaign for view in views]
    sponsors = [sponsor for view in views for sponsor in view.sponsors]
    return Reference().with_changes(1, [(CAMPAIGN, campaigns), (SPONSOR, sponsors)])


def asked(views: list[CampaignView], purchase: Purchase) -> tuple[int, ...]:
    """What the index answers, as ids."""
    found = eligible(snapshot(views), purchase).of(
        purchase.lender_id, purchase.product_id, purchase.product_kind, purchase.instalments
    )
    return tuple(view.campaign_id for view in found)


def some(values: list[Any]) -> st.SearchStrategy[frozenset[Any]]:
    return st.frozensets(st.sampled_from(values), max_size=2)


TERMS = st.builds(
    CampaignTerms,
    lenders=some([21, 22]),
    products=some([31, 32]),
    product_kinds=some(["credit_card", "credit_line"]),
    merchants=some([SHOP, MALL]),
    stores=some(["s1", "s2"]),
    categories=st.lists(st.sampled_from(["5732", "4000-5000", "5000-6000"]), max_size=2).map(tuple),
    instalments=some([3, 6, 12]),
    amount_min_minor=st.sampled_from([0, 50_00, 150_00]),
    amount_max_minor=st.sampled_from([None, 120_00]),
    consumers=some([BUYER, SHOP]),
    priority=st.integers(0, 3),
)
PURCHASES = st.fixed_dictionaries(
    {
        "merchant_id": st.sampled_from([SHOP, MALL]),
        "sub_merchant_id": st.sampled_from([None, SHOP]),
        "store_id": st.sampled_from([None, "s1"]),
        "category": st.sampled_from(["", "5732", "4500"]),
        "amount_minor": st.sampled_from([10_00, 100_00, 200_00]),
        "lender_id": st.sampled_from([21, 22]),
        "product_id": st.sampled_from([31, 32]),
        "product_kind": st.sampled_from(["credit_card", "credit_line"]),
        "instalments": st.sampled_from([3, 6]),
    }
).map(lambda changed: Purchase(**PURCHASE | changed))


@settings(max_examples=200)
@given(st.lists(TERMS, max_size=8), st.lists(PURCHASES, min_size=1, max_size=4))
def test_the_index_answers_as_each_campaign_does(all_terms: list[CampaignTerms], purchases: list[Purchase]) -> None:
    views = [view_with([(10_000, None)], terms, n + 1) for n, terms in enumerate(all_terms)]
    reference = snapshot(views)
    ordered = sorted(views, key=lambda view: (view.terms.priority, view.campaign_id))
    assert [view.campaign_id for view in candidates(reference, "CNY", NOON)] == [view.campaign_id for view in ordered]
    for purchase in purchases:
        found = eligible(reference, purchase).of(
            purchase.lender_id, purchase.product_id, purchase.product_kind, purchase.instalments
        )
        expected = [view.campaign_id for view in ordered if applies(view, purchase) is None]
        assert [view.campaign_id for view in found] == expected
