"""Making and changing campaigns: what is refused, and with which place named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from chuanliu.clock import Micros
from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen, lock_reference, open_budget, raise_version
from chuanliu.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from chuanliu.ids import cell_of_party, is_shadow
from chuanliu.ledger import Chart, platform_of
from chuanliu.lenders import find_product
from chuanliu.money import currency
from chuanliu.parties import (
    MERCHANT,
    find_merchant,
    lock_counter,
    next_party,
    open_first_account,
    require_name,
)
from chuanliu.promotions.marks import lock_marks, locked
from chuanliu.promotions.states import EDITABLE
from chuanliu.promotions.tables import CAMPAIGN, SPONSOR, Campaign, Sponsor
from chuanliu.promotions.terms import CampaignTerms, check_terms, terms_bytes, terms_of
from chuanliu.promotions.views import CampaignView, campaign_of_code, find_campaign, lender_by_number, view_of

SPONSORS_MAX: Final = 8
STRIPES_DEFAULT: Final = 8
STRIPES_MAX: Final = 256
AMOUNT_MAX_MINOR: Final = 10**15
_SHARE_MAX_BPS: Final = 10_000
_CODE: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}\Z", re.ASCII)
_KINDS: Final = ("merchant", "bank", "platform", "brand")


class NewSponsor(msgspec.Struct, frozen=True):
    """A sponsor to be. `party_id` is the merchant's or the bank's number.

    A merchant without a number is the only one of the campaign's terms. A brand may be no party.
    """

    kind: str
    share_bps: int
    budget_minor: int
    name: str = ""
    party_id: int | None = None
    cap_minor: int | None = None


class SponsorChange(msgspec.Struct, frozen=True):
    """Another share and cap of a sponsor."""

    sponsor_id: int
    share_bps: int
    cap_minor: int | None = None


def known_campaign(reference: Reference, campaign_id: int, owner_id: int | None) -> CampaignView:
    """A campaign that the caller may see: its owner's, or any for an administrator (None).

    Raises `NotFound(campaign_not_found)`.
    """
    view = find_campaign(reference, campaign_id)
    if view is None or (owner_id is not None and view.campaign.owner_id != owner_id):
        raise NotFound("campaign_not_found")
    return view


class CreateCampaign(Command[CampaignView], frozen=True):
    """A new campaign, as a draft, with its sponsors' budgets.

    `agreed`: an administrator vouches that parties other than the owner agreed to sponsor. A merchant's or a lender's
    own campaign is for its own orders or products. Raises `Invalid(invalid_parameter)` naming the place (such as
    `sponsors[1].share_bps`), `Conflict(campaign_exists)` for a code that is taken, `Forbidden`.
    """

    owner_id: int
    code: str
    name: str
    starts_at: Micros
    ends_at: Micros
    sponsors: tuple[NewSponsor, ...]
    terms: CampaignTerms = CampaignTerms()
    name_zh: str = ""
    currency: str = "CNY"
    agreed: bool = False
    stripes: int = STRIPES_DEFAULT

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_reference(keys)
        lock_counter(keys)

    def decide(self, rows: Rows, context: Context) -> CampaignView:
        self._check(context)
        cell = cell_of_party(self.owner_id)
        terms = _owned_terms(context.reference, self.owner_id, check_terms(self.terms))
        parties = [self._party(context.reference, terms, place) for place in range(len(self.sponsors))]
        version = raise_version(rows)
        name = require_name(self.name)
        campaign = Campaign(
            cell,
            context.new_id(cell),
            self.owner_id,
            self.code,
            name,
            require_name(self.name_zh, "name_zh") if self.name_zh else name,
            "draft",
            self.starts_at,
            self.ends_at,
            self.currency,
            terms_bytes(terms),
            self.stripes,
            None,
            0,
            context.now,
            version,
        )
        rows.insert(CAMPAIGN, campaign)
        sponsors = [
            self._store(rows, context, campaign, sponsor, party_id, version)
            for sponsor, party_id in zip(self.sponsors, parties, strict=True)
        ]
        return view_of(campaign, tuple(sponsors))

    def _check(self, context: Context) -> None:
        if not _CODE.match(self.code):
            raise _invalid("code", "must be 1 to 64 of a-z 0-9 . _ -")
        if campaign_of_code(context.reference, self.code) is not None:
            raise Conflict("campaign_exists", field="code")
        check_dates(self.starts_at, self.ends_at, context.now)
        currency(self.currency)
        if not 1 <= self.stripes <= STRIPES_MAX:
            raise _invalid("stripes", f"must be 1 to {STRIPES_MAX}")
        require_owner(context.reference, self.owner_id)
        if not 1 <= len(self.sponsors) <= SPONSORS_MAX:
            raise _invalid("sponsors", f"must be 1 to {SPONSORS_MAX}")
        check_shares([sponsor.share_bps for sponsor in self.sponsors])
        for place, sponsor in enumerate(self.sponsors):
            check_amounts(f"sponsors[{place}].", sponsor.budget_minor, sponsor.cap_minor)

    def _party(self, reference: Reference, terms: CampaignTerms, place: int) -> int | None:
        """Who a sponsor is. Raises `Invalid`, and `Forbidden` for another party than the owner that did not agree."""
        sponsor = self.sponsors[place]
        where = f"sponsors[{place}].party"
        party_id = sponsor.party_id
        match sponsor.kind:
            case "platform":
                ours = platform_of(cell_of_party(self.owner_id))
                if party_id not in (None, ours):
                    raise _invalid(where, "is not the platform's")
                party_id = ours
            case "merchant":
                if party_id is None and len(terms.merchants) == 1:
                    (party_id,) = terms.merchants
                if party_id is None or find_merchant(reference, party_id) is None:
                    raise _invalid(where, "is no merchant's")
            case "bank":
                if party_id is None or lender_by_number(reference, party_id) is None:
                    raise _invalid(where, "is no bank's")
            case "brand":
                if party_id is not None and find_merchant(reference, party_id) is None:
                    raise _invalid(where, "is no party's; leave it out")
            case _:
                raise _invalid(f"sponsors[{place}].kind", f"must be one of {', '.join(_KINDS)}")
        if party_id != self.owner_id and not self.agreed:
            raise Forbidden("forbidden", "other parties' budgets are set up by the platform", field=where)
        return party_id

    def _store(
        self,
        rows: Rows,
        context: Context,
        campaign: Campaign,
        new: NewSponsor,
        party_id: int | None,
        version: int,
    ) -> Sponsor:
        sponsor_id = next_party(rows, shadow=is_shadow(campaign.cell))
        name = require_name(new.name) if new.name else party_name(context.reference, new.kind, party_id)
        sponsor = Sponsor(
            campaign.cell,
            sponsor_id,
            campaign.campaign_id,
            new.kind,
            party_id,
            name,
            new.share_bps,
            new.cap_minor,
            new.budget_minor,
            None,
            context.now,
            version,
        )
        rows.insert(SPONSOR, sponsor)
        open_first_account(rows, context, sponsor_id, Chart.SPONSOR_SUBSIDY, campaign.currency)
        open_budget(rows, campaign.cell, sponsor_id, campaign.stripes, new.budget_minor)
        return sponsor


class ChangeCampaign(Command[CampaignView], frozen=True):
    """Change what is not None. All but the names only while it is a draft or paused.

    `per_day_uses` counts from the next business day on where today's uses have begun. Raises as `CreateCampaign` does,
    `NotFound(campaign_not_found)`, `Refused(campaign_status_invalid)`.
    """

    campaign_id: int
    owner_id: int | None = None
    name: str | None = None
    name_zh: str | None = None
    starts_at: Micros | None = None
    ends_at: Micros | None = None
    terms: CampaignTerms | None = None
    sponsors: tuple[SponsorChange, ...] | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_known(keys, reference, self.campaign_id)

    def decide(self, rows: Rows, context: Context) -> CampaignView:
        view = known_campaign(context.reference, self.campaign_id, self.owner_id)
        campaign, sponsors = locked(rows, view)
        rules = (self.starts_at, self.ends_at, self.terms, self.sponsors)
        if any(rule is not None for rule in rules) and campaign.status not in EDITABLE:
            raise Refused("campaign_status_invalid", "pause the campaign first")
        terms = terms_of(campaign.terms)
        if self.terms is not None:
            terms = _owned_terms(context.reference, campaign.owner_id, check_terms(self.terms))
        changed = campaign.changed(
            name=campaign.name if self.name is None else require_name(self.name),
            name_zh=campaign.name_zh if self.name_zh is None else require_name(self.name_zh, "name_zh"),
            starts_at=campaign.starts_at if self.starts_at is None else self.starts_at,
            ends_at=campaign.ends_at if self.ends_at is None else self.ends_at,
            terms=terms_bytes(terms),
        )
        if (changed.starts_at, changed.ends_at) != (campaign.starts_at, campaign.ends_at):
            check_dates(changed.starts_at, changed.ends_at, context.now)
        if changed != campaign:
            changed = changed.changed(version=raise_version(rows))
            rows.update(CAMPAIGN, changed)
        return view_of(changed, tuple(self._change_sponsors(rows, sponsors)))

    def _change_sponsors(self, rows: Rows, sponsors: list[Sponsor]) -> list[Sponsor]:
        changes = {change.sponsor_id: change for change in self.sponsors or ()}
        after = []
        for place, sponsor in enumerate(sponsors):
            change = changes.pop(sponsor.sponsor_id, None)
            if change is not None:
                check_amounts(f"sponsors[{place}].", sponsor.budget_minor, change.cap_minor)
                sponsor = sponsor.changed(  # noqa: PLW2901
                    share_bps=change.share_bps, cap_minor=change.cap_minor, version=raise_version(rows)
                )
                rows.update(SPONSOR, sponsor)
            after.append(sponsor)
        if changes:
            raise NotFound("sponsor_not_found", field="sponsors")
        check_shares([sponsor.share_bps for sponsor in after])
        return after


def lock_known(keys: Keys, reference: Reference, campaign_id: int) -> None:
    """To be called by `discover` of commands that change a campaign; an unknown one is refused in `decide`."""
    lock_reference(keys)
    view = find_campaign(reference, campaign_id)
    if view is not None:
        lock_marks(keys, view)


def check_dates(starts_at: Micros, ends_at: Micros, now: Micros) -> None:
    """Raises `Invalid(invalid_parameter)` where it ends before it starts, or has ended already."""
    if ends_at <= starts_at:
        raise _invalid("ends_at", "must be after starts_at")
    if ends_at <= now:
        raise _invalid("ends_at", "is over already")


def check_shares(shares: Sequence[int]) -> None:
    """Raises `Invalid(invalid_parameter)` naming the sponsor with whom the shares no longer add up."""
    total = 0
    for place, share in enumerate(shares):
        total += share
        if not 1 <= share <= _SHARE_MAX_BPS:
            raise _invalid(f"sponsors[{place}].share_bps", f"must be 1 to {_SHARE_MAX_BPS}")
        if total > _SHARE_MAX_BPS:
            raise _invalid(f"sponsors[{place}].share_bps", f"brings the shares to {total}, more than {_SHARE_MAX_BPS}")


def check_amounts(where: str, budget_minor: int, cap_minor: int | None) -> None:
    """Raises `Invalid(invalid_parameter)` for a budget or a cap that makes no sense."""
    if not 1 <= budget_minor <= AMOUNT_MAX_MINOR:
        raise _invalid(f"{where}budget", "must be positive and below 10^15 minor units")
    if cap_minor is not None and not 1 <= cap_minor <= budget_minor:
        raise _invalid(f"{where}cap", "must be positive and not above the budget")


def party_name(reference: Reference, kind: str, party_id: int | None) -> str:
    """The name of a party, for a sponsor that brought none. Raises `Invalid` where it has none."""
    if party_id is not None:
        known = find_merchant(reference, party_id) or lender_by_number(reference, party_id)
        if known is not None:
            return known.name
    if kind != "platform":
        raise _invalid("sponsors", "have one that needs a name")
    return "Chuanliu"


def require_owner(reference: Reference, owner_id: int) -> None:
    """Raises `Invalid(invalid_parameter)` for who is neither the platform nor a merchant nor a lender."""
    known = owner_id == platform_of(cell_of_party(owner_id)) or find_merchant(reference, owner_id) is not None
    if not known and lender_by_number(reference, owner_id) is None:
        raise _invalid("owner", "is nobody's who may run a campaign")


def _owned_terms(reference: Reference, owner_id: int, terms: CampaignTerms) -> CampaignTerms:
    """The terms with every party known; an owner's own campaign narrowed to its own orders or products."""
    for merchant_id in sorted(terms.merchants):
        if find_merchant(reference, merchant_id) is None:
            raise _invalid("terms.merchants", f"has {merchant_id}, which is no merchant's number")
    for lender_id in sorted(terms.lenders):
        if lender_by_number(reference, lender_id) is None:
            raise _invalid("terms.lenders", f"has {lender_id}, which is no lender's number")
    lenders = terms.lenders or {owner_id}
    strict = bool(terms.lenders) or lender_by_number(reference, owner_id) is not None
    for product_id in sorted(terms.products):
        product = find_product(reference, product_id)
        if product is None or (strict and product.lender_id not in lenders):
            raise _invalid("terms.products", f"has {product_id}, which is no product of the campaign's lenders")
    if find_merchant(reference, owner_id) is not None:
        own = {owner_id, *(m.merchant_id for m in reference.find(MERCHANT, "platform_id", owner_id))}
        if not terms.merchants <= own:
            raise _invalid("terms.merchants", "must be the owner's own")
        return msgspec.structs.replace(terms, merchants=terms.merchants or frozenset({owner_id}))
    if lender_by_number(reference, owner_id) is not None:
        if not terms.lenders <= {owner_id}:
            raise _invalid("terms.lenders", "must be the owner itself")
        return msgspec.structs.replace(terms, lenders=frozenset({owner_id}))
    return terms


def _invalid(field: str, sentence: str) -> Invalid:
    return Invalid("invalid_parameter", f"{field} {sentence}", field=field)
