"""Campaigns as they are looked at: row, terms and sponsors together, made once a snapshot of reference data."""

from __future__ import annotations

import msgspec

from chuanliu.clock import Micros
from chuanliu.engine import Reference
from chuanliu.ids import cell_of_party
from chuanliu.lenders import LENDER, Lender
from chuanliu.money import BASIS
from chuanliu.promotions.states import RUNNING
from chuanliu.promotions.tables import CAMPAIGN, SPONSOR, Campaign, Sponsor
from chuanliu.promotions.terms import CampaignTerms, terms_of


class CampaignView(msgspec.Struct, frozen=True, gc=False):
    """A campaign with its terms and its sponsors, these in the order of their numbers.

    `weights` are the sponsors' shares and the consumer's rest; `share_bps` is what all sponsors bear together,
    `most_minor` the sum of their caps (None where one has none). `low`: a budget was counted to have little left.
    """

    campaign: Campaign
    terms: CampaignTerms
    sponsors: tuple[Sponsor, ...]
    weights: tuple[int, ...]
    share_bps: int
    most_minor: int | None
    low: bool

    @property
    def campaign_id(self) -> int:
        """The campaign's id."""
        return self.campaign.campaign_id


def view_of(campaign: Campaign, sponsors: tuple[Sponsor, ...]) -> CampaignView:
    """A view of these rows."""
    ordered = tuple(sorted(sponsors, key=lambda sponsor: sponsor.sponsor_id))
    shares = [sponsor.share_bps for sponsor in ordered]
    borne = sum(shares)
    caps = [sponsor.cap_minor for sponsor in ordered if sponsor.cap_minor is not None]
    return CampaignView(
        campaign,
        terms_of(campaign.terms),
        ordered,
        (*shares, BASIS - borne),
        borne,
        sum(caps) if len(caps) == len(shares) else None,
        any(sponsor.rest_minor is not None for sponsor in ordered),
    )


def _views(reference: Reference) -> dict[int, CampaignView]:
    return {
        campaign.campaign_id: view_of(campaign, reference.find(SPONSOR, "campaign_id", campaign.campaign_id))
        for campaign in reference.all(CAMPAIGN)
    }


def find_campaign(reference: Reference, campaign_id: int) -> CampaignView | None:
    """A campaign in whatever state."""
    return reference.derived(_views).get(campaign_id)


def all_campaigns(reference: Reference, owner_id: int | None = None) -> list[CampaignView]:
    """All campaigns, or those of an owner, the oldest first."""
    found = reference.derived(_views).values()
    wanted = [view for view in found if owner_id is None or view.campaign.owner_id == owner_id]
    return sorted(wanted, key=lambda view: (view.campaign.created_at, view.campaign_id))


def campaign_of_code(reference: Reference, code: str) -> CampaignView | None:
    """The campaign with this code."""
    found = reference.find(CAMPAIGN, "code", code)
    return find_campaign(reference, found[0].campaign_id) if found else None


def is_running(campaign: Campaign, now: Micros) -> bool:
    """Whether it gives subsidies at an instant."""
    return campaign.status in RUNNING and campaign.starts_at <= now < campaign.ends_at


def lender_by_number(reference: Reference, lender_id: int) -> Lender | None:
    """The lender with this party number."""
    return reference.get(LENDER, cell_of_party(lender_id), lender_id)
