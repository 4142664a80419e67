"""Which campaigns an order may have: conditions on the order and on the option, from tables made once a snapshot.

A set of campaigns is an integer with a bit for each, in the order of priority. Conditions on the order are looked up
once, those on an option (lender, product, number of instalments) are kept; each option then costs one `and`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any

import msgspec

from chuanliu.clock import Micros, business_date, day_number
from chuanliu.engine import Reference
from chuanliu.ids import cell_of_party, is_shadow
from chuanliu.promotions.states import RUNNING
from chuanliu.promotions.subsidies import Choices
from chuanliu.promotions.terms import category_range
from chuanliu.promotions.views import CampaignView, all_campaigns, is_running

_OPTIONS_KEPT = 10_000
_SETS_KEPT = 10_000
_NO_CHOICE = Choices(())


class Purchase(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a campaign's terms are held against. `category` is the seller's; empty where it is not known."""

    merchant_id: int
    sub_merchant_id: int | None = None
    store_id: str | None = None
    category: str = ""
    amount_minor: int
    currency: str
    consumer_id: int
    lender_id: int = 0
    product_id: int = 0
    product_kind: str = ""
    instalments: int = 0
    now: Micros


@lru_cache(maxsize=64)
def _day_of_hour(hour: int) -> int:
    return day_number(business_date(hour * 3_600_000_000))


def business_day(now: Micros) -> int:
    """The business day of an instant in Asia/Shanghai as yyyymmdd."""
    return _day_of_hour(now // 3_600_000_000)


class _Lookup:
    """Campaigns by a value of one condition; those without the condition are among every answer."""

    def __init__(self, views: tuple[CampaignView, ...], wanted: Callable[[CampaignView], Iterable[Any]]) -> None:
        self.any = 0
        self.by_value: dict[Any, int] = defaultdict(int)
        for place, view in enumerate(views):
            values = tuple(wanted(view))
            if not values:
                self.any |= 1 << place
            for value in values:
                self.by_value[value] |= 1 << place
        self.by_value.default_factory = None

    def of(self, value: Any) -> int:
        """The set for a value."""
        return self.any | self.by_value.get(value, 0)


class _Tables:
    """The running campaigns of one currency in a snapshot, by every condition."""

    def __init__(self, views: tuple[CampaignView, ...]) -> None:
        self.views = views
        self.merchants = _Lookup(views, lambda view: view.terms.merchants)
        self.stores = _Lookup(views, lambda view: view.terms.stores)
        self.consumers = _Lookup(views, lambda view: view.terms.consumers)
        self.lenders = _Lookup(views, lambda view: view.terms.lenders)
        self.products = _Lookup(views, lambda view: view.terms.products)
        self.kinds = _Lookup(views, lambda view: view.terms.product_kinds)
        self.instalments = _Lookup(views, lambda view: view.terms.instalments)
        self._categories: dict[str, int] = {}
        self._options: dict[tuple[int, int, str, int], int] = {}
        self._sets: dict[int, tuple[CampaignView, ...]] = {0: ()}
        self._choices: dict[int, Choices] = {}
        self._in_all: dict[tuple[int, int, str, tuple[int, ...], int], tuple[Choices, ...]] = {}

    def of_category(self, category: str) -> int:
        """The set for a merchant category."""
        found = self._categories.get(category)
        if found is None:
            found = sum(1 << place for place, view in enumerate(self.views) if _in_categories(view, category))
            self._categories[category] = found
        return found

    def of_option(self, lender_id: int, product_id: int, kind: str, instalments: int) -> int:
        """The set for one option of a quote."""
        option = (lender_id, product_id, kind, instalments)
        found = self._options.get(option)
        if found is None:
            found = self.lenders.of(lender_id) & self.products.of(product_id) & self.kinds.of(kind)
            found &= self.instalments.of(instalments)
            if len(self._options) < _OPTIONS_KEPT:
                self._options[option] = found
        return found

    def of_order(self, purchase: Purchase) -> int:
        """The set for what every option of an order has in common."""
        merchants = self.merchants
        found = merchants.of(purchase.merchant_id) | merchants.by_value.get(purchase.sub_merchant_id, 0)
        found &= self.stores.of(purchase.store_id) & self.consumers.of(purchase.consumer_id)
        return self._that_take(found & self.of_category(purchase.category), purchase.now, purchase.amount_minor)

    def _that_take(self, among: int, now: Micros, amount_minor: int) -> int:
        """Those of a set that run now, are not spent today, and take an amount."""
        today = business_day(now)
        found = 0
        while among:
            lowest = among & -among
            among ^= lowest
            view = self.views[lowest.bit_length() - 1]
            if _takes(view, amount_minor) and is_running(view.campaign, now) and view.campaign.spent_day != today:
                found |= lowest
        return found

    def views_of(self, among: int) -> tuple[CampaignView, ...]:
        """A set as views, in the order of priority."""
        found = self._sets.get(among)
        if found is None:
            found = tuple(view for place, view in enumerate(self.views) if among >> place & 1)
            if len(self._sets) < _SETS_KEPT:
                self._sets[among] = found
        return found

    def choices_of(self, among: int) -> Choices:
        """How the campaigns of a set go together."""
        found = self._choices.get(among)
        if found is None:
            found = Choices(self.views_of(among))
            if len(self._choices) < _SETS_KEPT:
                self._choices[among] = found
        return found

    def choices_in(
        self, lender_id: int, product_id: int, kind: str, counts: tuple[int, ...], among: int
    ) -> tuple[Choices, ...]:
        """How those of a set go together for each of a product's numbers of instalments."""
        key = (lender_id, product_id, kind, counts, among)
        found = self._in_all.get(key)
        if found is None:
            options = (self.of_option(lender_id, product_id, kind, count) for count in counts)
            found = tuple(self.choices_of(among & option) for option in options)
            if len(self._in_all) < _OPTIONS_KEPT:
                self._in_all[key] = found
        return found

    def of_campaigns(self, campaign_ids: Collection[int]) -> int:
        """The set of these campaigns."""
        return sum(1 << place for place, view in enumerate(self.views) if view.campaign_id in campaign_ids)


def _tables(reference: Reference) -> dict[tuple[str, bool], _Tables]:
    """By currency; those of rehearsals apart."""
    found: dict[tuple[str, bool], list[CampaignView]] = defaultdict(list)
    for view in all_campaigns(reference):
        if view.campaign.status in RUNNING and view.sponsors:
            found[view.campaign.currency, is_shadow(view.campaign.cell)].append(view)
    return {
        key: _Tables(tuple(sorted(views, key=lambda view: (view.terms.priority, view.campaign_id))))
        for key, views in found.items()
    }


def _in_categories(view: CampaignView, category: str) -> bool:
    wanted = view.terms.categories
    if not wanted:
        return True
    ranges = (category_range(text) for text in wanted)
    return any(found is not None and found[0] <= category <= found[1] for found in ranges)


def _takes(view: CampaignView, amount_minor: int) -> bool:
    most = view.terms.amount_max_minor
    return view.terms.amount_min_minor <= amount_minor and (most is None or amount_minor <= most)


class EligibleCampaigns:
    """The campaigns of one order; ask it option by option."""

    __slots__ = ("_among", "_tables")

    def __init__(self, tables: _Tables | None, among: int) -> None:
        self._tables = tables
        self._among = among

    def of(self, lender_id: int, product_id: int, product_kind: str, instalments: int) -> tuple[CampaignView, ...]:
        """Those for one option, in the order of priority."""
        if not self._among or self._tables is None:
            return ()
        tables = self._tables
        return tables.views_of(self._among & tables.of_option(lender_id, product_id, product_kind, instalments))

    def choices(
        self, lender_id: int, product_id: int, product_kind: str, counts: tuple[int, ...]
    ) -> tuple[Choices, ...]:
        """How those for each of a product's numbers of instalments go together."""
        if not self._among or self._tables is None:
            return (_NO_CHOICE,) * len(counts)
        return self._tables.choices_in(lender_id, product_id, product_kind, counts, self._among)

    def less(self, campaign_ids: Collection[int]) -> EligibleCampaigns:
        """All but some."""
        if not campaign_ids or self._tables is None:
            return self
        return EligibleCampaigns(self._tables, self._among & ~self._tables.of_campaigns(campaign_ids))

    def all(self) -> tuple[CampaignView, ...]:
        """Those for any option."""
        return () if self._tables is None else self._tables.views_of(self._among)


def eligible(reference: Reference, purchase: Purchase) -> EligibleCampaigns:
    """The campaigns that an order may have by all that is not its option; those fields of `purchase` are not read."""
    shadow = is_shadow(cell_of_party(purchase.merchant_id))
    tables = reference.derived(_tables).get((purchase.currency, shadow))
    return EligibleCampaigns(tables, 0 if tables is None else tables.of_order(purchase))


def candidates(reference: Reference, currency: str, now: Micros, *, shadow: bool = False) -> tuple[CampaignView, ...]:
    """Campaigns of a currency that give subsidies at an instant, in the order of priority."""
    tables = reference.derived(_tables).get((currency, shadow))
    return () if tables is None else tuple(view for view in tables.views if is_running(view.campaign, now))


def applies(view: CampaignView, purchase: Purchase) -> str | None:
    """None where the campaign is for this purchase, else the first condition that fails, by its name in the terms.

    Limits by uses are not looked at: these are counted under lock.
    """
    terms, campaign = view.terms, view.campaign
    now = purchase.now
    sellers = {purchase.merchant_id, purchase.sub_merchant_id}
    conditions = (
        ("dates", is_running(campaign, now)),
        ("per_day_uses", campaign.spent_day != business_day(now)),
        ("currency", campaign.currency == purchase.currency),
        ("shadow", is_shadow(campaign.cell) == is_shadow(cell_of_party(purchase.merchant_id))),
        ("merchants", not terms.merchants or not terms.merchants.isdisjoint(sellers)),
        ("stores", not terms.stores or purchase.store_id in terms.stores),
        ("categories", _in_categories(view, purchase.category)),
        ("amount", _takes(view, purchase.amount_minor)),
        ("lenders", not terms.lenders or purchase.lender_id in terms.lenders),
        ("products", not terms.products or purchase.product_id in terms.products),
        ("product_kinds", not terms.product_kinds or purchase.product_kind in terms.product_kinds),
        ("instalments", not terms.instalments or purchase.instalments in terms.instalments),
        ("consumers", not terms.consumers or purchase.consumer_id in terms.consumers),
    )
    return next((name for name, holds in conditions if not holds), None)
