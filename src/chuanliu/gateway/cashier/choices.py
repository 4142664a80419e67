"""A payer's quote as the cashier shows it: means under their lenders' names, offers by their place in the quote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from chuanliu.assistant import Outlook, Word, word_of
from chuanliu.clock import Micros
from chuanliu.engine import Reference
from chuanliu.instalments import Declined, Offer, Plan, QuoteView, means_of, split_of
from chuanliu.lenders import InstrumentView
from chuanliu.parties import ConsumerView
from chuanliu.web import Choice, Language, Means

_WITHOUT_DUE_DATE: Final = frozenset({"balance", "debit_card"})
_NOT_SAID: Final = frozenset({"excluded_by_merchant"})
"""Reasons of single numbers of instalments that say nothing to the payer."""
_STOPPED: Final = "own_stop_exceeded"


class Told(NamedTuple):
    """What the payer is told besides prices: words about her bills, by the place of the offer in the quote."""

    words: dict[int, Word]

    @property
    def cools_until(self) -> Micros | None:
        """Until when she wanted to think purchases on credit over."""
        return max((word.cools_until for word in self.words.values() if word.cools_until), default=None)


def told_of(view: QuoteView, outlook: Outlook, reference: Reference, ordered_at: Micros) -> Told:
    """Words about all offers of a quote."""
    words = ((at, word_of(offer, outlook, reference, ordered_at)) for at, offer in enumerate(view.offers))
    return Told({at: word for at, word in words if word is not None})


def shown_means(
    view: QuoteView, payer: ConsumerView, instruments: Sequence[InstrumentView], language: Language, told: Told
) -> tuple[Means, ...]:
    """All that the payer has: what is offered, the best first, and then what is not, with the reason.

    What would take a month above her own stop is not offered.
    """
    by_id = {each.instrument.instrument_id: each for each in instruments}
    offered: dict[int, list[tuple[int, Offer]]] = {}
    declined: dict[int, list[Declined]] = {}
    for position, offer in enumerate(view.offers):
        word = told.words.get(position)
        if word is not None and word.stopped:
            declined.setdefault(offer.instrument_id, []).append(
                Declined(offer.instrument_id, offer.lender_id, offer.product_id, offer.instalments, _STOPPED)
            )
        else:
            offered.setdefault(offer.instrument_id, []).append((position, offer))
    for each in view.declined:
        declined.setdefault(each.instrument_id, []).append(each)
    shown: list[Means] = []
    for instrument_id in dict.fromkeys([*offered, *declined]):
        # What she has closed, or opened a moment ago, is not shown.
        if instrument_id and instrument_id not in by_id:
            continue
        means = _means(payer, by_id.get(instrument_id), view.quote.currency, language)
        shown.append(_with_offers(means, offered.get(instrument_id, []), declined.get(instrument_id, []), told))
    return tuple(shown)


def _means(payer: ConsumerView, instrument: InstrumentView | None, currency: str, language: Language) -> Means:
    if instrument is None:
        available = payer.account.available_minor if payer.account is not None else None
        return Means("balance", available_minor=available, currency=currency)
    return means_shown(instrument, language)


def means_shown(view: InstrumentView, language: Language) -> Means:
    """A card or line under its own name and its lender's."""
    lender, product, account = view.lender, view.product, view.account
    chinese = language is Language.ZH
    return Means(
        means_of(product, lender),
        product.name_zh if chinese else product.name,
        lender.name_zh if chinese else lender.name,
        "" if account is not None else view.instrument.masked,
        account.available_minor if account is not None else None,
        product.currency,
    )


def _with_offers(means: Means, offers: list[tuple[int, Offer]], declined: list[Declined], told: Told) -> Means:
    ordered = sorted(offers, key=lambda each: each[1].instalments)
    choices = tuple(_choice(position, offer, means.kind, told.words.get(position)) for position, offer in ordered)
    refused = tuple((each.instalments, each.reason) for each in declined if each.instalments)
    whole = next((each.reason for each in declined if not each.instalments), "")
    if not choices and not whole:
        whole = refused[0][1] if refused else "no_funding_method"
    said = tuple(each for each in refused if choices and each[1] not in _NOT_SAID)
    return Means(
        means.kind,
        means.name,
        means.lender,
        means.masked,
        means.available_minor,
        means.currency,
        choices,
        whole if not choices else "",
        said,
    )


def _choice(position: int, offer: Offer, kind: str, word: Word | None) -> Choice:
    principals, fees = split_of(offer)
    return Choice(
        position,
        tuple(principal + fee for principal, fee in zip(principals, fees, strict=True)),
        offer.buyer_fee_minor,
        offer.fee_minor,
        offer.rate_ppm,
        0 if kind in _WITHOUT_DUE_DATE or not offer.due_on else offer.due_on[0],
        word.month if word is not None else 0,
        word.percent if word is not None else None,
        word.until if word is not None else 0,
    )


def choice_of_plan(plan: Plan | None) -> Choice | None:
    """What the payer agreed to, where she pays in instalments."""
    if plan is None or plan.instalments < 2:
        return None
    payments = tuple(principal + fee for principal, fee in zip(plan.principals, plan.fees, strict=True))
    return Choice(None, payments, plan.buyer_fee_minor, plan.fee_minor, 0, plan.due_on[0])
