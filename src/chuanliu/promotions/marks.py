"""Marks of budgets that are nearly dry, in reference data, and what owners and sponsors are told of a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from chuanliu.engine import OUTBOX, REFERENCE_VERSION, Context, Keys, Need, OutboxEvent, Rows, raise_version
from chuanliu.ids import cell_of_party
from chuanliu.ledger import platform_of
from chuanliu.promotions.states import move
from chuanliu.promotions.tables import CAMPAIGN, SPONSOR, Campaign, Sponsor
from chuanliu.promotions.views import CampaignView

BUDGET_WARNING = "campaign.budget_warning"
EXHAUSTED = "campaign.exhausted"
_KIND_OF_STATUS: Final = {
    "published": "campaign.published",
    "paused": "campaign.paused",
    "exhausted": EXHAUSTED,
    "closed": "campaign.closed",
}
KINDS = (BUDGET_WARNING, *_KIND_OF_STATUS.values())


class BudgetLine(msgspec.Struct, frozen=True, gc=False):
    """One sponsor's budget as a notice tells it; `left_minor` is None where it was not counted."""

    sponsor_id: int
    name: str
    budget_minor: int
    left_minor: int | None


class CampaignNotice(msgspec.Struct, frozen=True, gc=False):
    """The payload of a campaign's event. `budgets` are those that its receiver may see."""

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


def _receivers(campaign: Campaign, sponsors: Sequence[Sponsor]) -> dict[int, list[Sponsor]]:
    """Whom an event is for, each with the budgets to be shown: the owner sees all, a sponsor its own."""
    found: dict[int, list[Sponsor]] = {}
    for sponsor in sponsors:
        party = platform_of(campaign.cell) if sponsor.kind == "platform" else sponsor.party_id
        if party is not None:
            found.setdefault(party, []).append(sponsor)
    return found | {campaign.owner_id: list(sponsors)}


def tell(
    rows: Rows,
    context: Context,
    kind: str,
    campaign: Campaign,
    sponsors: Sequence[Sponsor],
    left: Mapping[int, int | None],
) -> None:
    """Write an event to the outbox for the campaign's owner and for every party that pays or waives as a sponsor."""
    for party, shown in sorted(_receivers(campaign, sponsors).items()):
        home = cell_of_party(party)
        notice = CampaignNotice(
            campaign.campaign_id,
            campaign.owner_id,
            campaign.code,
            campaign.name,
            campaign.name_zh,
            campaign.status,
            campaign.currency,
            tuple(BudgetLine(s.sponsor_id, s.name, s.budget_minor, left.get(s.sponsor_id)) for s in shown),
        )
        number = context.new_id(home)
        payload = _ENCODER.encode(notice)
        event = OutboxEvent(home, number, party, kind, campaign.campaign_id, None, payload, context.now)
        rows.append(OUTBOX, event)


def tell_of_move(
    rows: Rows,
    context: Context,
    before: Campaign,
    after: Campaign,
    sponsors: Sequence[Sponsor],
    left: Mapping[int, int | None],
) -> None:
    """Tell of a new status. Of a draft that never ran nobody is told its end, of a start to come its coming."""
    kind = _KIND_OF_STATUS.get(after.status)
    if kind is None or after.status == before.status or (before.status, after.status) == ("draft", "closed"):
        return
    tell(rows, context, kind, after, sponsors, left)


def lock_marks(keys: Keys, view: CampaignView) -> None:
    """To be asked for by whoever changes a campaign: itself, its sponsors, and the version of reference data."""
    keys.lock(REFERENCE_VERSION, 0)
    keys.lock(CAMPAIGN, view.campaign.cell, view.campaign_id)
    for sponsor in view.sponsors:
        keys.lock(SPONSOR, sponsor.cell, sponsor.sponsor_id)


def may_run_dry(keys: Keys, view: CampaignView) -> bool:
    """Whether somebody in this batch asks for a campaign's marks: others of the batch may find it dry."""
    return any((SPONSOR, (sponsor.cell, sponsor.sponsor_id)) in keys.locks for sponsor in view.sponsors)


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
    elif not empty and after.status == "exhausted":
        after = after.changed(status=move(after.status, "published"))
    tell_of_move(rows, context, campaign, after, current, {s.sponsor_id: s.rest_minor for s in current})
    if after != campaign:
        after = after.changed(version=raise_version(rows))
        rows.update(CAMPAIGN, after)
    return after
