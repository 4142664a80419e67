"""A fair for the tests: lenders, campaigns, and a command that confirms one order's subsidy."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chuanliu.clock import DAY, HOUR, Micros
from chuanliu.engine import Command, Context, Engine, Keys, Reference, Rows, Seen
from chuanliu.errors import Refused
from chuanliu.ids import cell_of_party, party_number, with_cell
from chuanliu.ledger import PLATFORM
from chuanliu.promotions import (
    Campaign,
    CampaignTerms,
    CampaignView,
    CreateCampaign,
    NewSponsor,
    PublishCampaign,
    Share,
    Sponsor,
    count_product_use,
    find_campaign,
    lock_campaign,
    lock_product_use,
    note_dry,
    release,
    reserve,
    subsidise,
)
from chuanliu.promotions.terms import terms_bytes
from chuanliu.promotions.views import view_of
from trade.market import Market

NOON: Micros = 1_790_000_000_000_000
PRODUCT = 4_242
ANY = CampaignTerms()

_serials = itertools.count(600_000)
_codes = itertools.count(1)


def now() -> Micros:
    """The present, as the database has it too."""
    return time.time_ns() // 1000


@dataclass(frozen=True)
class Fair:
    """What a test sets up and looks at, on one database."""

    market: Market

    @property
    def url(self) -> str:
        """The database."""
        return self.market.url

    def lender(self, code: str = "") -> int:
        """A new bank's number."""
        number = party_number(next(_serials))
        self.market.execute(
            "WITH raised AS (UPDATE reference_version SET version = version + 1 RETURNING version)"
            " INSERT INTO lender SELECT %s, %s, %s, 'Bank', '银行', 'bank', 'active', now(), version FROM raised",
            cell_of_party(number),
            number,
            code or f"bank-{number}",
        )
        return number

    def product(self, lender_id: int) -> int:
        """A product of a lender, with no terms to speak of."""
        product_id = with_cell(next(_serials) << 23, cell_of_party(lender_id))
        self.market.execute(
            "WITH raised AS (UPDATE reference_version SET version = version + 1 RETURNING version)"
            " INSERT INTO product SELECT %s, %s, %s, %s, 'credit_card', 'Card', '卡', 'CNY', 'external', 'active',"
            " 'iso8583-1987', 'localhost:1', '{}', now(), version FROM raised",
            cell_of_party(lender_id),
            product_id,
            lender_id,
            f"card-{product_id}",
        )
        return product_id

    async def campaign(
        self,
        engine: Engine,
        sponsors: Sequence[NewSponsor] = (),
        terms: CampaignTerms = ANY,
        *,
        publish: bool = True,
        **more: Any,
    ) -> CampaignView:
        """A campaign that runs."""
        view = await engine.submit(new_campaign(sponsors, terms, **more))
        return await engine.submit(PublishCampaign(view.campaign_id)) if publish else view

    def left(self, budget_id: int) -> int:
        """What is left of a budget."""
        return int(self.market.one("SELECT sum(available_minor) FROM escrow_stripe WHERE budget_id = %s", budget_id))

    def status(self, view: CampaignView) -> str:
        """A campaign's status, as it is stored."""
        return str(self.market.one("SELECT status FROM campaign WHERE campaign_id = %s", view.campaign_id))

    def uses(self, view: CampaignView, consumer_id: int) -> int:
        """How often a consumer used a campaign."""
        sql = "SELECT uses FROM campaign_use WHERE campaign_id = %s AND consumer_id = %s AND day = 0"
        return int(self.market.one(sql, view.campaign_id, consumer_id) or 0)


def platform_share(share_bps: int = 10_000, budget_minor: int = 100_000, cap_minor: int | None = None) -> NewSponsor:
    """The platform as a sponsor."""
    return NewSponsor("platform", share_bps, budget_minor, cap_minor=cap_minor)


def new_campaign(sponsors: Sequence[NewSponsor] = (), terms: CampaignTerms = ANY, **more: Any) -> CreateCampaign:
    """What the platform asks for, from an hour ago until tomorrow."""
    return CreateCampaign(
        more.pop("owner_id", PLATFORM),
        more.pop("code", f"campaign-{next(_codes)}"),
        "No interest",
        more.pop("starts_at", now() - HOUR),
        more.pop("ends_at", now() + DAY),
        tuple(sponsors) or (platform_share(),),
        terms,
        agreed=more.pop("agreed", True),
        **more,
    )


def view_with(
    sponsors: Sequence[tuple[int, int | None]], terms: CampaignTerms = ANY, campaign_id: int = 1
) -> CampaignView:
    """A campaign without a database: sponsors by share and cap."""
    campaign = Campaign(
        0, campaign_id, PLATFORM, "c", "c", "c", "published", 0, 2 * NOON, "CNY", b"{}", 4, None, 0, NOON, 1
    )
    rows = tuple(
        Sponsor(0, party_number(campaign_id * 100 + n), campaign_id, "platform", None, "s", bps, cap, 10**9, None, 0, 1)
        for n, (bps, cap) in enumerate(sponsors)
    )
    return view_of(campaign.changed(terms=terms_bytes(terms)), rows)


class Confirm(Command[tuple[Share, ...] | str], frozen=True):
    """Reserve one order's subsidy; the outcome is the shares, or the code of why there are none."""

    campaign_id: int
    consumer_id: int
    fee_minor: int
    at: Micros = 0
    product_id: int = PRODUCT
    noting: bool = True

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        view = find_campaign(reference, self.campaign_id)
        lock_product_use(keys, self.product_id, self.consumer_id)
        if view is not None and view.campaign.status in ("scheduled", "published"):
            lock_campaign(keys, view, self.consumer_id, self.product_id, keys.lane, self.at or now())

    def decide(self, rows: Rows, context: Context) -> tuple[Share, ...] | str:
        view = find_campaign(context.reference, self.campaign_id)
        assert view is not None
        shares = subsidise(view, self.fee_minor)
        try:
            reserve(rows, context, view, shares, self.consumer_id, self.product_id, context.lane)
        except Refused as refused:
            if self.noting:
                note_dry(rows, context, view, shares, refused)
            return refused.code
        count_product_use(rows, self.product_id, self.consumer_id)
        return shares


class GiveBack(Command[None], frozen=True):
    """Release what `Confirm` reserved."""

    campaign_id: int
    consumer_id: int
    shares: tuple[Share, ...]
    reserved_at: Micros | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        view = find_campaign(reference, self.campaign_id)
        if view is not None:
            lock_campaign(keys, view, self.consumer_id, PRODUCT, keys.lane, self.reserved_at or now())

    def decide(self, rows: Rows, context: Context) -> None:
        view = find_campaign(context.reference, self.campaign_id)
        assert view is not None
        release(rows, view, self.shares, self.consumer_id, PRODUCT, context.lane, self.reserved_at)


class Plain(Command[None], frozen=True):
    """A confirmation without any campaign: what the others are compared with."""

    consumer_id: int
    product_id: int = PRODUCT

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_product_use(keys, self.product_id, self.consumer_id)

    def decide(self, rows: Rows, context: Context) -> None:
        count_product_use(rows, self.product_id, self.consumer_id)
