"""Loading who pays: her instruments, what her accounts still give, and which campaigns she has used up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from chuanliu.clock import Micros
from chuanliu.engine import Keys, Need, Reference, Rows, Seen
from chuanliu.ids import account_cell, cell_of_party
from chuanliu.instalments.offers import Basket, Shopper
from chuanliu.instalments.pricing import means_of, source_of
from chuanliu.ledger import ACCOUNT, Chart, account_of
from chuanliu.lenders import INSTRUMENTS_OF_CONSUMER, Instrument, find_product, lender_of
from chuanliu.promotions import EligibleCampaigns, read_uses, within_uses

_ENOUGH_MINOR: Final = 2**62


def look_instruments(seen: Seen, keys: Keys, consumer_id: int) -> tuple[Instrument, ...]:
    """Ask for a consumer's instruments, without locks. Returns them as far as they are seen."""
    cell = cell_of_party(consumer_id)
    keys.look(INSTRUMENTS_OF_CONSUMER, cell, consumer_id)
    keys.read(INSTRUMENTS_OF_CONSUMER, cell, consumer_id)
    return tuple(seen.find(INSTRUMENTS_OF_CONSUMER, cell, consumer_id))


def read_shopper(
    seen: Seen, keys: Keys, reference: Reference, consumer_id: int, basket: Basket
) -> tuple[Instrument, ...]:
    """Ask for what `shopper_of` reads, without locks. Returns the instruments as far as they are seen."""
    instruments = look_instruments(seen, keys, consumer_id)
    read_accounts(keys, paying_accounts(reference, consumer_id, instruments, basket))
    return instruments


def paying_accounts(
    reference: Reference, consumer_id: int, instruments: Iterable[Instrument], basket: Basket
) -> list[int]:
    """The accounts on our books that may pay a basket as its wish allows: the balance, and credit used of lines."""
    wish = basket.wish
    found: list[int] = []
    if wish.instalments is None and wish.permits("balance"):
        found.append(account_of(consumer_id, Chart.CONSUMER_BALANCE, basket.currency))
    for instrument in instruments:
        if instrument.line_no is None:
            continue
        product = find_product(reference, instrument.product_id)
        if product is not None and wish.permits(means_of(product, lender_of(reference, product))):
            found.append(source_of(product, instrument))
    return found


def likely_shopper(
    reference: Reference, consumer_id: int, instruments: tuple[Instrument, ...], basket: Basket
) -> Shopper:
    """Who pays, as long as her accounts are not loaded: they are taken to give enough, which they usually do."""
    accounts = paying_accounts(reference, consumer_id, instruments, basket)
    return Shopper(consumer_id, instruments, dict.fromkeys(accounts, _ENOUGH_MINOR))


def shopper_of(rows: Rows, reference: Reference, consumer_id: int, basket: Basket) -> Shopper:
    """Who pays, from rows that are loaded."""
    cell = cell_of_party(consumer_id)
    instruments: tuple[Instrument, ...] = tuple(rows.find(INSTRUMENTS_OF_CONSUMER, cell, consumer_id))
    accounts = paying_accounts(reference, consumer_id, instruments, basket)
    return Shopper(consumer_id, instruments, available_of(rows, accounts))


def read_accounts(keys: Keys, accounts: Iterable[int]) -> None:
    """Ask for what `available_of` reads, without locks."""
    for account in accounts:
        keys.read(ACCOUNT, account_cell(account), account)


def available_of(rows: Rows, accounts: Iterable[int]) -> dict[int, int]:
    """What each account still gives, in minor units: nothing once it is blocked; one that is missing is left out."""
    found = [rows.get(ACCOUNT, account_cell(account), account) for account in accounts]
    return {row.account_id: row.available_minor if row.status == "open" else 0 for row in found if row is not None}


def used_up(
    rows: Rows, campaigns: EligibleCampaigns, product_ids: Iterable[int], consumer_id: int, now: Micros
) -> frozenset[tuple[int, int]]:
    """Campaigns of which the consumer has no use left, each with the product that it would be used for.

    Raises `Need` for all the counters that were not loaded.
    """
    products = set(product_ids)
    found: set[tuple[int, int]] = set()
    try:
        for view in campaigns.all():
            if not view.terms.limits_uses:
                continue
            asked = products if view.terms.first_use_only else {0}
            spent = {each for each in asked if not within_uses(rows, view, consumer_id, each, now)}
            if 0 in spent:
                spent = products
            found.update((view.campaign_id, product_id) for product_id in spent)
    except Need as need:
        read_used_up(need.keys, campaigns, products, consumer_id, now)
        raise
    return frozenset(found)


def read_used_up(
    keys: Keys, campaigns: EligibleCampaigns, product_ids: Iterable[int], consumer_id: int, now: Micros
) -> None:
    """Ask for the counters that `used_up` reads."""
    products = set(product_ids)
    for view in campaigns.all():
        if view.terms.limits_uses:
            # Only a first use is counted by product.
            for product_id in products if view.terms.first_use_only else (0,):
                read_uses(keys, view, consumer_id, product_id, now)
