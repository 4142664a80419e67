"""What `bench quote` quotes over, as rows in memory: the sandbox's 37 banks, each with a price for every number of
instalments, a consumer who has a card of each, and campaigns, general ones and targeted ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from chuanliu.clock import DAY, Micros
from chuanliu.engine import Context, Keys, Reference, Row, Rows, Seen, Table
from chuanliu.ids import IdSource, WorkerLease, cell_of_party, party_number, with_cell
from chuanliu.ledger import ACCOUNT, PLATFORM, Account, Chart, account_of
from chuanliu.lenders import (
    INSTALMENT_COUNTS,
    INSTRUMENTS_OF_CONSUMER,
    LENDER,
    PRODUCT,
    InstalmentTerms,
    Instrument,
    Lender,
    Product,
    ProductSpec,
)
from chuanliu.parties import CONSUMER, MERCHANT, Consumer, Merchant
from chuanliu.promotions import CAMPAIGN, SPONSOR, Campaign, CampaignTerms, Sponsor
from chuanliu.sandbox import sandbox_lenders

NOW: Final[Micros] = 1_790_000_000_000_000
"""The instant of every quote: 21 September 2026, so that a figure does not depend on the day."""

OTHERS: Final = 200
"""Campaigns of other merchants, which this order may not have."""

CATEGORY: Final = "5732"
_LISTED: Final = 5_000
_BUDGET_MINOR: Final = 10**12
_FIRST_SERIAL: Final = 700_000_000

_Parts = tuple[tuple[str, int, int | None], ...]
"""Sponsors as kind, share in basis points, and cap for one order."""


class QuoteWorld(NamedTuple):
    """A snapshot, who sells, and all rows that a quote for the buyer may load."""

    reference: Reference
    merchant_id: int
    consumer_id: int
    instruments: tuple[Instrument, ...]
    known: dict[tuple[Table[Any], tuple[Any, ...]], Row]
    campaigns: int
    ids: IdSource

    def context(self) -> Context:
        """What a decide knows."""
        return Context(NOW, self.reference, lambda cell: with_cell(self.ids.next(), cell))

    def answer(self, keys: Keys) -> Seen:
        """What discovery finds for these looks."""
        seen = Seen()
        for table, key in keys.look_keys:
            seen.by_key[table, key] = self.known.get((table, key))
        for index, value in keys.look_indexes:
            seen.by_index[index, value] = list(self.instruments) if index is INSTRUMENTS_OF_CONSUMER else []
        return seen

    def load(self, keys: Keys) -> Rows:
        """The rows of a batch that asked for these."""
        rows = Rows()
        by_table: dict[Table[Any], list[tuple[Any, ...]]] = defaultdict(list)
        for table, key in keys.read_keys:
            by_table[table].append(key)
        for table, wanted in by_table.items():
            rows.load(table, wanted, [row for key in wanted if (row := self.known.get((table, key))) is not None])
        for index, value in keys.read_indexes:
            found = self.instruments if index is INSTRUMENTS_OF_CONSUMER else ()
            rows.load(index.table, (), found)
            rows.load_index(index, value, [index.table.key_of(row) for row in found])
        return rows


class _Maker:
    """Makes rows under numbers that count up."""

    def __init__(self) -> None:
        self.ids = IdSource(WorkerLease(1, NOW // 1000, NOW // 1000 + 10**12))
        self.made: dict[Table[Any], list[Row]] = defaultdict(list)
        self._serial = _FIRST_SERIAL

    def party(self) -> int:
        """The next party number."""
        self._serial += 1
        return party_number(self._serial)

    def new_id(self, owner: int) -> int:
        """The next id in a party's cell."""
        return with_cell(self.ids.next(), cell_of_party(owner))

    def merchant(self, name: str) -> int:
        """A merchant."""
        number = self.party()
        cell = cell_of_party(number)
        self.made[MERCHANT].append(Merchant(cell, number, None, name, "active", 60, False, CATEGORY, NOW, 1))
        return number

    def products(self) -> list[Product]:
        """The card of each of the 37 banks."""
        found = []
        for spec in sandbox_lenders(1):
            if spec.kind != "bank":
                continue
            lender_id = self.party()
            cell = cell_of_party(lender_id)
            lender = Lender(cell, lender_id, spec.code, spec.name, spec.name_zh, spec.kind, "active", NOW, 1)
            card = next(product for product in spec.products if product.kind == "credit_card")
            self.made[LENDER].append(lender)
            found.append(_row_of(card, lender, self.new_id(lender_id)))
        self.made[PRODUCT] += found
        return found

    def campaign(self, code: str, parts: _Parts, party_id: int | None = None, **terms: Any) -> None:
        """A campaign that runs. `party_id` is who its merchants and banks are."""
        owner = PLATFORM
        cell, campaign_id = cell_of_party(owner), self.new_id(owner)
        stored = msgspec.json.encode(CampaignTerms(**terms))
        dates = (NOW - DAY, NOW + 30 * DAY)
        self.made[CAMPAIGN].append(
            Campaign(cell, campaign_id, owner, code, code, code, "published", *dates, "CNY", stored, 8, None, 0, NOW, 1)
        )
        for kind, share_bps, cap_minor in parts:
            party = {"platform": PLATFORM, "brand": None}.get(kind, party_id)
            fields = (self.party(), campaign_id, kind, party, kind, share_bps, cap_minor, _BUDGET_MINOR)
            self.made[SPONSOR].append(Sponsor(cell, *fields, None, NOW, 1))


def _row_of(spec: ProductSpec, lender: Lender, product_id: int) -> Product:
    """A product with a price for every number of instalments: where its bank has none, one of its own kind."""
    known = {each.count: each for each in spec.terms.instalments if each.buyer_pct is not None}
    method = spec.terms.instalments[0].method
    prices = tuple(known.get(count) or _price(count, method) for count in INSTALMENT_COUNTS)
    terms = msgspec.json.encode(msgspec.structs.replace(spec.terms, instalments=prices))
    return Product(
        lender.cell,
        product_id,
        lender.lender_id,
        spec.code,
        spec.kind,
        spec.name,
        spec.name_zh,
        spec.currency,
        spec.funding,
        "active",
        spec.connector,
        spec.endpoint,
        terms,
        NOW,
        1,
    )


def _price(count: int, method: Any) -> InstalmentTerms:
    buyer, sponsored = ("12.5", "11.5") if method == "annuity" else (f"{count * 6 / 10:g}", f"{count * 5 / 10:g}")
    return InstalmentTerms(count, method, buyer, sponsored)


def make_world() -> QuoteWorld:
    """Everything, the same each time."""
    maker = _Maker()
    merchant_id = maker.merchant("压测商户")
    products = maker.products()
    consumer_id = maker.party()
    _add_campaigns(maker, merchant_id, consumer_id, products)
    cell = cell_of_party(consumer_id)
    instruments = tuple(
        Instrument(
            cell,
            maker.new_id(consumer_id),
            consumer_id,
            product.product_id,
            product.kind,
            None,
            maker.new_id(consumer_id),
            None,
            f"**** {number:04d}",
            None,
            "active",
            b"",
            NOW,
            NOW,
        )
        for number, product in enumerate(products)
    )
    balance = account_of(consumer_id, Chart.CONSUMER_BALANCE, "CNY")
    known: dict[tuple[Table[Any], tuple[Any, ...]], Row] = {
        (CONSUMER, (cell, consumer_id)): Consumer(cell, consumer_id, "压测", "active", "", 0, NOW),
        (ACCOUNT, (cell, balance)): Account(cell, balance, "checked", "open", 0, 1_000_000_00, 0, 1, NOW),
    }
    reference = Reference().with_changes(1, list(maker.made.items()))
    return QuoteWorld(reference, merchant_id, consumer_id, instruments, known, len(maker.made[CAMPAIGN]), maker.ids)


def _add_campaigns(maker: _Maker, merchant_id: int, consumer_id: int, products: Sequence[Product]) -> None:
    """General ones, ones for this merchant, its trade, some banks and some consumers, and many for others."""
    merchants = frozenset({merchant_id})
    three: _Parts = (("platform", 5_000, 150_00), ("brand", 3_000, None), ("merchant", 2_000, None))
    maker.campaign("all-12", three, merchant_id, instalments={12})
    maker.campaign("cards-3-and-6", three, merchant_id, product_kinds={"credit_card"}, instalments={3, 6})
    maker.campaign("merchant-9", (("merchant", 10_000, None),), merchant_id, merchants=merchants, instalments={9})
    maker.campaign("trade-18", (("brand", 4_000, 80_00),), categories=("5700-5799",), instalments={18})
    for number, kind in enumerate(("platform", "merchant")):
        stacked = {"stacking": "stackable", "stack_group": "autumn", "priority": 50 + number}
        maker.campaign(f"stacked-{kind}", ((kind, 5_000, None),), merchant_id, instalments={18}, **stacked)
    for product in products[::5]:
        terms = {"lenders": {product.lender_id}, "instalments": {12, 24}}
        maker.campaign(f"{product.code}-waives", (("bank", 10_000, None),), product.lender_id, **terms)
    listed = {party_number(n) for n in range(_LISTED)} | {consumer_id}
    maker.campaign("listed", (("platform", 6_000, None),), consumers=listed, instalments={9, 18})
    maker.campaign("three-times", (("platform", 3_000, None),), instalments={6}, per_consumer_uses=3)
    maker.campaign("once-a-day", (("brand", 3_000, None),), instalments={3}, per_consumer_day_uses=1)
    maker.campaign("large-orders", three, merchant_id, amount_min_minor=50_000_00)
    for number in range(OTHERS):
        other = frozenset({party_number(number)})
        maker.campaign(f"other-{number}", (("merchant", 10_000, None),), party_number(number), merchants=other)
