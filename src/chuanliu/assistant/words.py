"""A word before the purchase: what an offer would make of the bills to come, for her own eyes only."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from chuanliu.assistant.progress import percent_of
from chuanliu.assistant.tables import ASSISTANT_PROFILE
from chuanliu.clock import Micros
from chuanliu.engine import Context, Keys, Query, Reference, Seen
from chuanliu.ids import cell_of_party
from chuanliu.instalments import (
    OWN_LIMIT,
    PLANS_OF_CONSUMER,
    Offer,
    Restraint,
    bills_ahead,
    cools_until,
    is_on_credit,
    months_of,
    over_stop,
    restraint_of,
)


class Outlook(msgspec.Struct, frozen=True):
    """What a word is made from: her ideal bill (0 where she set none), what is unpaid of each month, her own limits."""

    ideal_minor: int
    ahead: dict[int, int]
    restraint: Restraint
    now: Micros


class Word(msgspec.Struct, frozen=True):
    """What one offer would make of her bills. Months are yyyymm, amounts minor units.

    `month` is the heaviest of those that it falls on, with `bill_minor` then; `percent` is of the ideal bill, None
    without one. It adds `each_minor` a month until `until`. `stopped` is the first month that it would take above her
    own stop, 0 for none; until `cools_until` she wanted to think it over.
    """

    month: int
    bill_minor: int
    percent: int | None
    each_minor: int
    until: int
    stopped: int
    cools_until: Micros | None


class FindOutlook(Query[Outlook], frozen=True):
    """What words to a consumer about purchases in a currency are made from."""

    consumer_id: int
    currency: str

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_party(self.consumer_id)
        keys.look(ASSISTANT_PROFILE, cell, self.consumer_id)
        keys.look(OWN_LIMIT, cell, self.consumer_id)
        keys.look(PLANS_OF_CONSUMER, cell, self.consumer_id)

    def answer(self, seen: Seen, context: Context) -> Outlook:
        cell = cell_of_party(self.consumer_id)
        profile = seen.get(ASSISTANT_PROFILE, cell, self.consumer_id)
        ideal = profile.ideal_minor if profile is not None and profile.currency == self.currency else 0
        plans = seen.find(PLANS_OF_CONSUMER, cell, self.consumer_id)
        restraint = restraint_of(seen, self.consumer_id, self.currency, context.now)
        return Outlook(ideal, bills_ahead(plans, self.currency), restraint, context.now)


def word_of(offer: Offer, outlook: Outlook, reference: Reference, ordered_at: Micros) -> Word | None:
    """The word about an offer; None for one that brings nothing onto a bill."""
    if not is_on_credit(reference, offer):
        return None
    months = months_of(offer)
    bills: Mapping[int, int] = {month: outlook.ahead.get(month, 0) + amount for month, amount in months.items()}
    heaviest = max(bills, key=lambda month: (bills[month], -month))
    amounts = list(months.values())
    until = cools_until(outlook.restraint, offer.principal_minor, ordered_at)
    return Word(
        heaviest,
        bills[heaviest],
        percent_of(bills[heaviest], outlook.ideal_minor),
        amounts[len(amounts) // 2],
        max(months),
        over_stop(outlook.restraint, outlook.ahead, offer) or 0,
        until if until is not None and until > outlook.now else None,
    )
