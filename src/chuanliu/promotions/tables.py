"""Rows of campaigns, their sponsors, and how often consumers used them."""

from __future__ import annotations

from typing import Final

from chuanliu.engine import Instant, Integer, Row, SmallInt, Table


class Campaign(Row, frozen=True, gc=False):
    """An offer to bear consumers' instalment fees. `terms` is JSON of `CampaignTerms`; `starts_at` ≤ now < `ends_at`.

    `spent_day` (yyyymmdd, 0 for none) is the last business day whose uses are spent.
    """

    cell: SmallInt
    campaign_id: int
    owner_id: int
    code: str
    name: str
    name_zh: str
    status: str
    starts_at: Instant
    ends_at: Instant
    currency: str
    terms: bytes
    stripes: SmallInt
    warned_at: Instant | None
    spent_day: Integer
    created_at: Instant
    version: int


class Sponsor(Row, frozen=True, gc=False):
    """Who bears a share of a campaign's fees. `sponsor_id` is a party of its own: it owns the subsidy account and
    numbers the budget.

    `party_id` says who it is; None for a brand that is no party. `cap_minor` is the most that it pays for one order.
    `rest_minor` is what was left when it was last counted, once that is little.
    """

    cell: SmallInt
    sponsor_id: int
    campaign_id: int
    kind: str
    party_id: int | None
    name: str
    share_bps: Integer
    cap_minor: int | None
    budget_minor: int
    rest_minor: int | None
    created_at: Instant
    version: int


class CampaignUse(Row, frozen=True, gc=False):
    """How often a consumer used a campaign on a business day (yyyymmdd), or on all days (0).

    Under a product's number instead of a campaign's: how often the consumer has used that product at all.
    """

    cell: SmallInt
    campaign_id: int
    consumer_id: int
    day: Integer
    uses: Integer


CAMPAIGN: Table[Campaign] = Table("campaign", Campaign, ("cell", "campaign_id"), rank=18)
SPONSOR: Table[Sponsor] = Table("sponsor", Sponsor, ("cell", "sponsor_id"), rank=19)
CAMPAIGN_USE: Table[CampaignUse] = Table(
    "campaign_use", CampaignUse, ("cell", "campaign_id", "consumer_id", "day"), rank=27
)

CAMPAIGN_TABLES: Final = (CAMPAIGN, SPONSOR)
"""Tables kept as a snapshot in each process."""

ALL_DAYS: Final = 0
