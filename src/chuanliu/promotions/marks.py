"""Marks of budgets that are nearly dry, in reference data, and what owners are told of their budgets."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from chuanliu.engine import OUTBOX, REFERENCE_VERSION, Context, Keys, Need, OutboxEvent, Rows, raise_version
from chuanliu.ids import cell_of_party
from chuanliu.promotions.states import move
from chuanliu.promotions.tables import CAMPAIGN, SPONSOR, Campaign, Sponsor
from chuanliu.promotions.views import CampaignView

BUDGET_WARNING = "campaign.budget_warning"
EXHAUSTED = "campaign.exhausted"
KINDS = (BUDGET_WARNING, EXHAUSTED)


class BudgetLine(msgspec.Struct, frozen=True, gc=False):
    """One sponsor's budget as a notice tells it; `left_minor` is None where it was not counted."""

    sponsor_id: int
    name: str
    budget_minor: int
    left_minor: int | None


class CampaignNotice(msgspec.Struct, frozen=True, gc=False):
    """The payload of a campaign's event."""

    campaign_id: int
    owner_id: int
    code: str
    name: str
    name_zh: str
    status: str
    currency: str
    budgets: tuple[BudgetLine, ...]


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(CampaignNotice)


def notice_of(payload: bytes) -> CampaignNotice:
    """Read an event's payload back."""
    return _DECODER.decode(payload)


def tell_owner(
    rows: Rows, context: Context, kind: str, campaign: Campaign, sponsors: list[Sponsor], left: Mapping[int, int | None]
) -> None:
    """Write an event for the campaign's owner to the outbox."""
    home = cell_of_party(campaign.owner_id)
    notice = CampaignNotice(
        campaign.campaign_id,
        campaign.owner_id,
        campaign.code,
        campaign.name,
        campaign.name_zh,
        campaign.status,
        campaign.currency,
        tuple(BudgetLine(s.sponsor_id, s.name, s.budget_minor, left.get(s.sponsor_id)) for s in sponsors),
    )
    event = OutboxEvent(
        home,
        context.new_id(home),
        campaign.owner_id,
        kind,
        campaign.campaign_id,
        None,
        _ENCODER.encode(notice),
        context.now,
    )
    rows.append(OUTBOX, event)


def lock_marks(keys: Keys, view: CampaignView) -> None:
    """To be asked for by whoever changes a campaign: itself, its sponsors, and the version of reference data."""
    keys.lock(REFERENCE_VERSION, 0)
    keys.lock(CAMPAIGN, view.campaign.cell, view.campaign_id)
    for sponsor in view.sponsors:
        keys.lock(SPONSOR, sponsor.cell, sponsor.sponsor_id)


def locked(rows: Rows, view: CampaignView) -> tuple[Campaign, list[Sponsor]]:
    """The campaign and its sponsors as they are now. Raises `Need` for all of them."""
    try:
        rows.get(REFERENCE_VERSION, 0)
        campaign = rows.get(CAMPAIGN, view.campaign.cell, view.campaign_id)
        found = [rows.get(SPONSOR, sponsor.cell, sponsor.sponsor_id) for sponsor in view.sponsors]
    except Need as need:
        lock_marks(need.keys, view)
        raise
    sponsors = [sponsor for sponsor in found if sponsor is not None]
    if campaign is None or len(sponsors) != len(found):
        raise ValueError(f"campaign {view.campaign_id} is known and not there")
    return campaign, sponsors


def mark(
    rows: Rows,
    context: Context,
    view: CampaignView,
    rests: Mapping[int, int | None],
    *,
    spent_day: int | None = None,
) -> Campaign:
    """Write what is left of budgets, by sponsor, into reference data: None where there is plenty. Raises `Need`.

    A campaign with an empty budget becomes exhausted, and runs again when it no longer has one.
    """
    campaign, sponsors = locked(rows, view)
    current: list[Sponsor] = []
    for sponsor in sponsors:
        rest = rests.get(sponsor.sponsor_id, sponsor.rest_minor)
        if rest != sponsor.rest_minor:
            sponsor = sponsor.changed(rest_minor=rest, version=raise_version(rows))  # noqa: PLW2901
            rows.update(SPONSOR, sponsor)
        current.append(sponsor)
    empty = any(sponsor.rest_minor == 0 for sponsor in current)
    after = campaign.changed(spent_day=campaign.spent_day if spent_day is None else spent_day)
    if empty and after.status in ("scheduled", "published"):
        after = after.changed(status=move(after.status, "exhausted"))
        tell_owner(rows, context, EXHAUSTED, after, current, {s.sponsor_id: s.rest_minor for s in current})
    elif not empty and after.status == "exhausted":
        after = after.changed(status=move(after.status, "published"))
    if after != campaign:
        after = after.changed(version=raise_version(rows))
        rows.update(CAMPAIGN, after)
    return after
