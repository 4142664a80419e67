"""Reserving a campaign's budgets and uses for one order, and giving them back.

Budgets are escrow stripes under the sponsor's number; a business day's uses are stripes of uses. Uses by a consumer
are counter rows. Whoever takes so much that a budget is nearly dry leaves a mark in reference data, in the same
transaction: from then on everybody knows without asking for the stripes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from chuanliu.clock import Micros, business_date
from chuanliu.engine import (
    ESCROW_STRIPE,
    Context,
    Keys,
    Need,
    Rows,
    give_back,
    known_available,
    lock_stripe,
    lock_to_take,
    open_budget,
    take,
)
from chuanliu.errors import ChuanliuError, Refused
from chuanliu.ids import PARTY_BASE, cell_of_party
from chuanliu.promotions.marks import lock_marks, mark
from chuanliu.promotions.subsidies import Borne, is_known_dry
from chuanliu.promotions.tables import ALL_DAYS, CAMPAIGN_USE, SPONSOR, CampaignUse
from chuanliu.promotions.targeting import business_day
from chuanliu.promotions.views import CampaignView, find_campaign, is_running

_FIRST_DAY: Final = date(2026, 1, 1).toordinal()
_DAY_BITS: Final = 16
_PER_DAY: Final = "per_day_uses"

_UseKey = tuple[int, int, int, int]


def day_number(day: date) -> int:
    """A business day as a budget's number ends in it."""
    return (day.toordinal() - _FIRST_DAY) & (1 << _DAY_BITS) - 1


def day_budget(view: CampaignView, now: Micros) -> int:
    """The number of the budget of a business day's uses: negative, so that it is no sponsor's."""
    serial = view.sponsors[0].sponsor_id - PARTY_BASE
    return -(serial << _DAY_BITS | day_number(business_date(now)))


def _limits(view: CampaignView, consumer_id: int, product_id: int, now: Micros) -> Iterator[tuple[_UseKey, int]]:
    """The counters of a consumer that the terms look at, each with the most uses that it may come to."""
    terms, cell, campaign_id = view.terms, cell_of_party(consumer_id), view.campaign_id
    if terms.first_use_only:
        yield (cell, product_id, consumer_id, ALL_DAYS), 1
    if terms.per_consumer_uses is not None:
        yield (cell, campaign_id, consumer_id, ALL_DAYS), terms.per_consumer_uses
    if terms.per_consumer_day_uses is not None:
        yield (cell, campaign_id, consumer_id, business_day(now)), terms.per_consumer_day_uses


def read_uses(keys: Keys, view: CampaignView, consumer_id: int, product_id: int, now: Micros) -> None:
    """To be called by `discover` of a command that only looks: what `within_uses` reads."""
    for key, _ in _limits(view, consumer_id, product_id, now):
        keys.read(CAMPAIGN_USE, *key)


def within_uses(rows: Rows, view: CampaignView, consumer_id: int, product_id: int, now: Micros) -> bool:
    """Whether the consumer has a use left, as far as a read without lock can tell. Raises `Need`."""
    return all(
        (row := rows.get(CAMPAIGN_USE, *key)) is None or row.uses < most
        for key, most in _limits(view, consumer_id, product_id, now)
    )


def lock_campaign(
    keys: Keys, view: CampaignView, consumer_id: int, product_id: int, spread_by: int, now: Micros
) -> None:
    """To be called by `discover` of whoever reserves or releases. `spread_by` is `keys.lane`.

    `now` tells the business day; for a release, when it was reserved. Where `decide` sees another day it asks again.
    """
    campaign = view.campaign
    for sponsor in view.sponsors:
        lock_stripe(keys, campaign.cell, sponsor.sponsor_id, campaign.stripes, spread_by)
    if view.terms.per_day_uses is not None:
        lock_stripe(keys, campaign.cell, day_budget(view, now), campaign.stripes, spread_by)
    for key, _ in _limits(view, consumer_id, product_id, now):
        keys.lock(CAMPAIGN_USE, *key)


def lock_product_use(keys: Keys, product_id: int, consumer_id: int) -> None:
    """To be called by `discover` of every plan, with or without a campaign."""
    keys.lock(CAMPAIGN_USE, cell_of_party(consumer_id), product_id, consumer_id, ALL_DAYS)


def count_product_use(rows: Rows, product_id: int, consumer_id: int, by: int = 1) -> None:
    """Count that a consumer uses a product: once a plan, behind its reservations; −1 where the plan is undone."""
    _count(rows, (cell_of_party(consumer_id), product_id, consumer_id, ALL_DAYS), by)


def reserve(
    rows: Rows,
    context: Context,
    view: CampaignView,
    shares: Sequence[Borne],
    consumer_id: int,
    product_id: int,
    spread_by: int,
) -> None:
    """Take the shares from the sponsors' budgets and count the use; all of it or nothing.

    Raises `Refused`: campaign_ended where it does not run now, campaign_limit_reached, budget_exhausted.
    """
    campaign = view.campaign
    current = find_campaign(context.reference, view.campaign_id)
    if current is None or not is_running(current.campaign, context.now):
        ended = current is not None and current.campaign.status == "exhausted"
        raise Refused("budget_exhausted" if ended else "campaign_ended")
    if is_known_dry(current, shares) or _is_marked_dry(rows, current, shares):
        raise Refused("budget_exhausted")
    low: dict[int, int | None] = {}
    with rows.whole():
        try:
            _use(rows, context, current, consumer_id, product_id, spread_by)
            for share in shares:
                left = take(rows, campaign.cell, share.sponsor_id, campaign.stripes, spread_by, share.amount_minor)
                if left is not None and left < share.amount_minor:
                    low[share.sponsor_id] = left
        except Need as need:
            lock_campaign(need.keys, current, consumer_id, product_id, spread_by, context.now)
            budgets = [(campaign.cell, share.sponsor_id, campaign.stripes) for share in shares]
            short = [
                lock_to_take(need.keys, rows, *budget, spread_by, share.amount_minor)
                for budget, share in zip(budgets, shares, strict=True)
            ]
            if any(short):
                # Who has to gather a budget may find its end, and then leaves a mark.
                lock_marks(need.keys, current)
            if current.terms.per_day_uses is not None:
                day = (campaign.cell, day_budget(current, context.now), campaign.stripes)
                lock_to_take(need.keys, rows, *day, spread_by, 1)
            raise
        if low:
            mark(rows, context, view, low)


def _is_marked_dry(rows: Rows, view: CampaignView, shares: Sequence[Borne]) -> bool:
    """As `is_known_dry`, from marks that this batch has locked or made: reference data will have them next."""
    rests = {
        sponsor.sponsor_id: row.rest_minor
        for sponsor in view.sponsors
        if rows.has(SPONSOR, sponsor.cell, sponsor.sponsor_id)
        and (row := rows.get(SPONSOR, sponsor.cell, sponsor.sponsor_id)) is not None
    }
    return any((rest := rests.get(share.sponsor_id)) is not None and rest < share.amount_minor for share in shares)


def _use(rows: Rows, context: Context, view: CampaignView, consumer_id: int, product_id: int, spread_by: int) -> None:
    for key, most in _limits(view, consumer_id, product_id, context.now):
        row = rows.get(CAMPAIGN_USE, *key)
        if row is not None and row.uses >= most:
            raise Refused("campaign_limit_reached")
        if key[1] == view.campaign_id:
            _count(rows, key, 1)
    uses = view.terms.per_day_uses
    if uses is None:
        return
    if view.campaign.spent_day == business_day(context.now):
        raise Refused("campaign_limit_reached", limit=_PER_DAY)
    campaign = view.campaign
    budget_id = _open_day(rows, view, context.now, uses, spread_by)
    try:
        left = take(rows, campaign.cell, budget_id, campaign.stripes, spread_by, 1)
    except Refused:
        raise Refused("campaign_limit_reached", limit=_PER_DAY) from None
    if left == 0:
        mark(rows, context, view, {}, spent_day=business_day(context.now))


def _open_day(rows: Rows, view: CampaignView, now: Micros, uses: int, spread_by: int) -> int:
    """The budget of the day's uses, made by the first who needs it; the unique key lets one of two make it."""
    campaign = view.campaign
    budget_id = day_budget(view, now)
    if not _is_open(rows, view, budget_id, spread_by):
        open_budget(rows, campaign.cell, budget_id, campaign.stripes, uses)
    return budget_id


def _is_open(rows: Rows, view: CampaignView, budget_id: int, spread_by: int) -> bool:
    """Whether a day's budget exists; its stripes are all made at once."""
    campaign = view.campaign
    return rows.get(ESCROW_STRIPE, campaign.cell, budget_id, spread_by % campaign.stripes) is not None


def _count(rows: Rows, key: _UseKey, by: int) -> None:
    row = rows.get(CAMPAIGN_USE, *key)
    if row is not None:
        rows.update(CAMPAIGN_USE, row.changed(uses=max(0, row.uses + by)))
    elif by > 0:
        rows.insert(CAMPAIGN_USE, CampaignUse(*key, uses=by))


def release(
    rows: Rows,
    view: CampaignView,
    shares: Sequence[Borne],
    consumer_id: int,
    product_id: int,
    spread_by: int,
    reserved_at: Micros | None = None,
) -> None:
    """Give shares back to the budgets, whatever state the campaign is in.

    With `reserved_at` the use is given back too: its whole order has come to nothing. The caller has locked the
    campaign with that instant. A budget that was marked dry is opened again by the sweeper.
    """
    campaign = view.campaign
    try:
        for share in shares:
            if share.amount_minor:
                give_back(rows, campaign.cell, share.sponsor_id, campaign.stripes, spread_by, share.amount_minor)
        if reserved_at is not None:
            _give_use_back(rows, view, consumer_id, product_id, spread_by, reserved_at)
    except Need as need:
        for share in shares:
            lock_stripe(need.keys, campaign.cell, share.sponsor_id, campaign.stripes, spread_by)
        if reserved_at is not None:
            lock_campaign(need.keys, view, consumer_id, product_id, spread_by, reserved_at)
        raise


def _give_use_back(
    rows: Rows, view: CampaignView, consumer_id: int, product_id: int, spread_by: int, reserved_at: Micros
) -> None:
    campaign = view.campaign
    for key, _ in _limits(view, consumer_id, product_id, reserved_at):
        if key[1] == view.campaign_id:
            _count(rows, key, -1)
    if view.terms.per_day_uses is not None:
        budget_id = day_budget(view, reserved_at)
        if _is_open(rows, view, budget_id, spread_by):
            give_back(rows, campaign.cell, budget_id, campaign.stripes, spread_by, 1)


def note_dry(rows: Rows, context: Context, view: CampaignView, shares: Sequence[Borne], refused: ChuanliuError) -> None:
    """To be called by a command that goes on after `reserve` refused.

    Marks budgets that have less left than these shares, or the day whose uses are spent, so that nobody asks in vain.
    """
    current = find_campaign(context.reference, view.campaign_id)
    if current is None or not is_running(current.campaign, context.now):
        return
    campaign = current.campaign
    known = is_known_dry(current, shares) or _is_marked_dry(rows, current, shares)
    if refused.code == "budget_exhausted" and not known:
        low: dict[int, int | None] = {}
        for share in shares:
            # The budget that was short has been looked at as a whole.
            left = known_available(rows, campaign.cell, share.sponsor_id, campaign.stripes)
            if left is not None and left < share.amount_minor:
                low[share.sponsor_id] = left
        if low:
            mark(rows, context, current, low)
    elif refused.details.get("limit") == _PER_DAY and campaign.spent_day != business_day(context.now):
        mark(rows, context, current, {}, spent_day=business_day(context.now))
