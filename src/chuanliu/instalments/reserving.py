"""The sponsors' shares of an offer on their budgets: reserved for a quote or a payment, given back when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chuanliu.clock import Micros
from chuanliu.engine import Context, Keys, Reference, Rows
from chuanliu.errors import Refused
from chuanliu.instalments.offers import Offer
from chuanliu.instalments.tables import Plan
from chuanliu.promotions import (
    SPONSOR,
    Borne,
    CampaignView,
    Share,
    find_campaign,
    lock_campaign,
    may_run_dry,
    note_dry,
    release,
    reserve,
)

_Part = tuple[CampaignView, Sequence[Borne]]
_DRY: Final = frozenset({"budget_exhausted", "campaign_limit_reached", "campaign_ended"})


class CampaignDry(Refused):
    """One campaign of an offer gives no subsidy: its budget or its uses have run out, or it has ended."""

    def __init__(self, refused: Refused, campaign_id: int) -> None:
        super().__init__(refused.code, refused.message, field=refused.field, **refused.details)
        self.campaign_id = campaign_id


def _by_campaign(reference: Reference, sponsors: Sequence[int], amounts: Sequence[int]) -> list[_Part]:
    """Shares by campaign. A merchant that bears the fee by its own wish has no budget and is left out."""
    parts: dict[int, list[Share]] = {}
    for sponsor_id, amount in zip(sponsors, amounts, strict=True):
        for sponsor in reference.find(SPONSOR, "sponsor_id", sponsor_id):
            share = Share(sponsor_id, sponsor.kind, sponsor.party_id, amount)
            parts.setdefault(sponsor.campaign_id, []).append(share)
    return [
        (view, tuple(shares))
        for campaign_id, shares in parts.items()
        if (view := find_campaign(reference, campaign_id)) is not None
    ]


def _of_offer(reference: Reference, offer: Offer) -> list[_Part]:
    """As `_by_campaign`: an offer's shares know their campaign."""
    campaign_ids = offer.campaign_ids
    return [
        (view, [share for share in offer.shares if share.campaign_id == campaign_id])
        for campaign_id in campaign_ids
        if (view := find_campaign(reference, campaign_id)) is not None
    ]


def lock_shares(keys: Keys, reference: Reference, offer: Offer, consumer_id: int, at: Micros) -> bool:
    """To be called by `discover` of whoever reserves or releases an offer's shares. `at` tells the business day.

    Returns whether a campaign of it is about to run dry.
    """
    dry = False
    for view, _ in _of_offer(reference, offer):
        lock_campaign(keys, view, consumer_id, offer.product_id, keys.lane, at)
        dry = dry or may_run_dry(keys, view)
    return dry


def reserve_shares(rows: Rows, context: Context, offer: Offer, consumer_id: int) -> None:
    """Take an offer's shares from the budgets and count the uses: all or nothing.

    Raises `CampaignDry`: campaign_ended, campaign_limit_reached, budget_exhausted.
    """
    with rows.whole():
        for view, shares in _of_offer(context.reference, offer):
            try:
                reserve(rows, context, view, shares, consumer_id, offer.product_id, context.lane)
            except Refused as refused:
                if refused.code not in _DRY:
                    raise
                raise CampaignDry(refused, view.campaign_id) from None


def release_shares(rows: Rows, context: Context, offer: Offer, consumer_id: int, reserved_at: Micros) -> None:
    """Give an offer's shares and uses back: nothing came of it."""
    for view, shares in _of_offer(context.reference, offer):
        release(rows, view, shares, consumer_id, offer.product_id, context.lane, reserved_at)


def note_dry_shares(rows: Rows, context: Context, offer: Offer, dry: CampaignDry) -> None:
    """Mark the campaign that refused an offer's shares, so that nobody asks in vain."""
    for view, shares in _of_offer(context.reference, offer):
        if view.campaign_id == dry.campaign_id:
            note_dry(rows, context, view, shares, dry)


def lock_plan_budgets(keys: Keys, reference: Reference, plan: Plan) -> None:
    """To be called by `discover` of whoever returns a plan's shares."""
    for view, _ in _by_campaign(reference, plan.sponsors, plan.subsidies):
        lock_campaign(keys, view, plan.consumer_id, plan.product_id, keys.lane, plan.reserved_at)


def return_to_budgets(
    rows: Rows, context: Context, plan: Plan, amounts: Sequence[int], *, uses_too: bool = False
) -> None:
    """Give back to the budgets what sponsors of a plan got back; `uses_too` where nothing came of the plan."""
    reserved_at = plan.reserved_at if uses_too else None
    for view, shares in _by_campaign(context.reference, plan.sponsors, amounts):
        release(rows, view, shares, plan.consumer_id, plan.product_id, context.lane, reserved_at)
