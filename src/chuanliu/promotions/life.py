"""The life of a campaign: publishing, pausing, closing, its budgets, and what a sweep does to it."""

from __future__ import annotations

from collections.abc import Mapping

from chuanliu.clock import Micros
from chuanliu.engine import (
    Command,
    Context,
    Keys,
    Reference,
    Rows,
    Seen,
    available,
    change_budget,
    lock_stripes,
    raise_version,
)
from chuanliu.errors import Invalid, NotFound, Refused
from chuanliu.promotions.campaigns import AMOUNT_MAX_MINOR, check_dates, known_campaign, lock_known
from chuanliu.promotions.marks import BUDGET_WARNING, locked, mark, tell, tell_of_move
from chuanliu.promotions.reserving import day_budget
from chuanliu.promotions.states import EDITABLE, RUNNING, move
from chuanliu.promotions.tables import CAMPAIGN, SPONSOR, Campaign, Sponsor
from chuanliu.promotions.targeting import business_day
from chuanliu.promotions.views import CampaignView, all_campaigns, find_campaign, view_of

_BPS = 10_000
_LITTLE = 64
"""A budget with less than this part left is counted into reference data."""


class _Move(Command[CampaignView], frozen=True):
    """A move of one campaign; `owner_id` is on whose behalf, None for an administrator or a sweep."""

    campaign_id: int
    owner_id: int | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_known(keys, reference, self.campaign_id)

    def decide(self, rows: Rows, context: Context) -> CampaignView:
        view = known_campaign(context.reference, self.campaign_id, self.owner_id)
        campaign, sponsors = locked(rows, view)
        after = self.moved(campaign, context.now)
        if after != campaign:
            tell_of_move(rows, context, campaign, after, sponsors, {})
            after = after.changed(version=raise_version(rows))
            rows.update(CAMPAIGN, after)
        return view_of(after, tuple(sponsors))

    def moved(self, campaign: Campaign, now: Micros) -> Campaign:
        """The campaign after the move. Raises `Refused`."""
        raise TypeError(f"{type(self).__name__} does not say where it moves")


def _to(campaign: Campaign, status: str) -> Campaign:
    return campaign if campaign.status == status else campaign.changed(status=move(campaign.status, status))


class PublishCampaign(_Move, frozen=True):
    """Let a draft, paused or scheduled campaign run: at once, or from its start on, until when it is scheduled.

    Raises `NotFound(campaign_not_found)`, `Refused`: campaign_ended, campaign_status_invalid.
    """

    def moved(self, campaign: Campaign, now: Micros) -> Campaign:
        """Published, or scheduled where its start is to come."""
        if campaign.ends_at <= now:
            raise Refused("campaign_ended")
        return _to(campaign, "scheduled" if now < campaign.starts_at else "published")


class ScheduleCampaign(_Move, frozen=True):
    """As `PublishCampaign`, with other dates. Raises `Invalid(invalid_parameter)` for these too."""

    starts_at: Micros = 0
    ends_at: Micros = 0

    def moved(self, campaign: Campaign, now: Micros) -> Campaign:
        """Scheduled, or published where its start has come."""
        if campaign.status not in EDITABLE | {"scheduled"}:
            raise Refused("campaign_status_invalid", "pause the campaign first")
        check_dates(self.starts_at, self.ends_at, now)
        dated = campaign.changed(starts_at=self.starts_at, ends_at=self.ends_at)
        return _to(dated, "scheduled" if now < self.starts_at else "published")


class PauseCampaign(_Move, frozen=True):
    """Give no more subsidies until it is resumed. What is reserved stays so."""

    def moved(self, campaign: Campaign, now: Micros) -> Campaign:
        """Paused."""
        return _to(campaign, "paused")


class ResumeCampaign(_Move, frozen=True):
    """Let a paused campaign run again. Raises as `PublishCampaign` does."""

    def moved(self, campaign: Campaign, now: Micros) -> Campaign:
        """Published, or scheduled where its start is to come."""
        if campaign.status not in ("paused", "published", "scheduled"):
            raise Refused("campaign_status_invalid", f"a campaign that is {campaign.status} is not resumed")
        if campaign.ends_at <= now:
            raise Refused("campaign_ended")
        return _to(campaign, "scheduled" if now < campaign.starts_at else "published")


class CloseCampaign(_Move, frozen=True):
    """End it for good. Refunds go on giving back to its budgets. `when_over`: only where its end has come."""

    when_over: bool = False

    def moved(self, campaign: Campaign, now: Micros) -> Campaign:
        """Closed."""
        if self.when_over and now < campaign.ends_at:
            return campaign
        return _to(campaign, "closed")


class AddBudget(Command[CampaignView], frozen=True):
    """Add to a sponsor's budget, or take back (a negative amount) of what is not spent.

    Raises `NotFound`: campaign_not_found, sponsor_not_found; `Invalid(invalid_amount)`;
    `Refused`: budget_exhausted where less is left, campaign_status_invalid where it is closed.
    """

    campaign_id: int
    sponsor_id: int
    amount_minor: int
    owner_id: int | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_known(keys, reference, self.campaign_id)
        _lock_budgets(keys, find_campaign(reference, self.campaign_id))

    def decide(self, rows: Rows, context: Context) -> CampaignView:
        view = known_campaign(context.reference, self.campaign_id, self.owner_id)
        campaign, sponsors = locked(rows, view)
        sponsor = next((sponsor for sponsor in sponsors if sponsor.sponsor_id == self.sponsor_id), None)
        if sponsor is None:
            raise NotFound("sponsor_not_found")
        if campaign.status == "closed":
            raise Refused("campaign_status_invalid", "the campaign is closed")
        budget_minor = sponsor.budget_minor + self.amount_minor
        if not self.amount_minor or not (sponsor.cap_minor or 1) <= budget_minor <= AMOUNT_MAX_MINOR:
            raise Invalid("invalid_amount", "the budget would be below its cap per order, or too large", field="amount")
        change_budget(rows, campaign.cell, self.sponsor_id, campaign.stripes, self.amount_minor)
        rows.update(SPONSOR, sponsor.changed(budget_minor=budget_minor, version=raise_version(rows)))
        return _count(rows, context, view, topped_up=True)


class CountBudgets(Command[CampaignView], frozen=True):
    """What a sweep does to a campaign whose budgets need a look: count what is left, mark what is little, warn the
    owner and sponsors once at the threshold, run it again where refunds have filled an empty budget.
    """

    campaign_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_known(keys, reference, self.campaign_id)
        _lock_budgets(keys, find_campaign(reference, self.campaign_id))

    def decide(self, rows: Rows, context: Context) -> CampaignView:
        return _count(rows, context, known_campaign(context.reference, self.campaign_id, None))


def _lock_budgets(keys: Keys, view: CampaignView | None) -> None:
    if view is not None:
        for sponsor in view.sponsors:
            lock_stripes(keys, view.campaign.cell, sponsor.sponsor_id, view.campaign.stripes)


def rest_of(sponsor: Sponsor, left_minor: int) -> int | None:
    """What reference data says of a budget: what is left where that is little or was found too little, else None."""
    little = left_minor * _LITTLE < sponsor.budget_minor
    return left_minor if little or left_minor <= (sponsor.rest_minor or 0) else None


def is_low(sponsor: Sponsor, left_minor: int, warn_at_bps: int) -> bool:
    """Whether so much of a budget is used that its owner is warned."""
    return (sponsor.budget_minor - left_minor) * _BPS >= sponsor.budget_minor * warn_at_bps


def _count(rows: Rows, context: Context, view: CampaignView, *, topped_up: bool = False) -> CampaignView:
    campaign, sponsors = locked(rows, view)
    left = {s.sponsor_id: available(rows, campaign.cell, s.sponsor_id, campaign.stripes) for s in sponsors}
    rests = {s.sponsor_id: rest_of(s, left[s.sponsor_id]) for s in sponsors}
    campaign = mark(rows, context, view, rests, spent_day=_spent_day(rows, context, view))
    low = any(is_low(s, left[s.sponsor_id], view.terms.warn_at_bps) for s in sponsors)
    warned = campaign.warned_at is not None
    if low != warned and (low or topped_up):
        campaign = campaign.changed(warned_at=context.now if low else None, version=raise_version(rows))
        rows.update(CAMPAIGN, campaign)
        if low:
            tell(rows, context, BUDGET_WARNING, campaign, sponsors, left)
    _, sponsors = locked(rows, view)
    return view_of(campaign, tuple(sponsors))


def _spent_day(rows: Rows, context: Context, view: CampaignView) -> int | None:
    """The mark of a spent day, taken away where uses were given back."""
    today = business_day(context.now)
    if view.terms.per_day_uses is None or view.campaign.spent_day != today:
        return None
    left = available(rows, view.campaign.cell, day_budget(view, context.now), view.campaign.stripes)
    return 0 if left else today


def watched_budgets(reference: Reference, now: Micros) -> set[tuple[int, int]]:
    """The budgets (cell, number) that `due_moves` wants counted: of sponsors, and of uses of a spent day."""
    found: set[tuple[int, int]] = set()
    for view in all_campaigns(reference):
        campaign = view.campaign
        if campaign.status not in RUNNING | {"exhausted"} or not view.sponsors:
            continue
        found |= {(campaign.cell, sponsor.sponsor_id) for sponsor in view.sponsors}
        if campaign.spent_day == business_day(now):
            found.add((campaign.cell, day_budget(view, now)))
    return found


def due_moves(reference: Reference, left: Mapping[int, int], now: Micros) -> list[Command[CampaignView]]:
    """What a sweep has to do: campaigns to publish or close by their dates, and budgets to count anew."""
    moves: list[Command[CampaignView]] = []
    for view in all_campaigns(reference):
        campaign = view.campaign
        if campaign.status not in RUNNING | {"paused", "exhausted"}:
            continue
        if campaign.ends_at <= now:
            moves.append(CloseCampaign(campaign.campaign_id, when_over=True))
            continue
        if campaign.status == "scheduled" and campaign.starts_at <= now:
            moves.append(PublishCampaign(campaign.campaign_id))
        if campaign.status != "paused" and _needs_count(view, left, now):
            moves.append(CountBudgets(campaign.campaign_id))
    return moves


def _needs_count(view: CampaignView, left: Mapping[int, int], now: Micros) -> bool:
    if view.campaign.spent_day == business_day(now) and left.get(day_budget(view, now)):
        return True
    known = [(sponsor, left[sponsor.sponsor_id]) for sponsor in view.sponsors if sponsor.sponsor_id in left]
    if view.campaign.warned_at is None and any(is_low(s, rest, view.terms.warn_at_bps) for s, rest in known):
        return True
    return any(_is_stale(sponsor, rest) for sponsor, rest in known)


def _is_stale(sponsor: Sponsor, left_minor: int) -> bool:
    """Whether the mark says too little or far too much. A shrinking budget is counted again when it has halved."""
    rest = rest_of(sponsor, left_minor)
    if sponsor.rest_minor is None or rest is None:
        return rest != sponsor.rest_minor
    return left_minor > sponsor.rest_minor or left_minor * 2 < sponsor.rest_minor
