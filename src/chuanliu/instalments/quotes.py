"""Quotes: what one consumer is offered for one order, side by side. What was quoted is what is charged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from chuanliu.clock import MINUTE, Micros
from chuanliu.engine import Command, Context, Keys, Query, Reference, Rows, Seen
from chuanliu.errors import NotFound, Refused
from chuanliu.ids import cell_of_id, cell_of_party, is_shadow
from chuanliu.instalments.offers import (
    Basket,
    Declined,
    Offer,
    Offers,
    basket_in,
    campaigns_of_basket,
    next_best,
    offer_at,
    offers_bytes,
    offers_for,
    offers_of,
    own_accounts,
    own_accounts_in,
    shortfall,
)
from chuanliu.instalments.reserving import (
    CampaignDry,
    lock_shares,
    note_dry_shares,
    release_shares,
    reserve_shares,
)
from chuanliu.instalments.shoppers import (
    available_of,
    read_accounts,
    read_shopper,
    read_used_up,
    shopper_of,
    used_up,
)
from chuanliu.instalments.tables import QUOTE, QUOTE_STATES, Quote
from chuanliu.lenders import Instrument
from chuanliu.parties import CONSUMER, PAYMENT_CODE, payment_code_key, usable_code

QUOTE_LASTS: Final[Micros] = 15 * MINUTE


class QuoteView(msgspec.Struct, frozen=True, gc=False):
    """A quote with its offers read, cheapest first, and what was not offered (only on the quote's making)."""

    quote: Quote
    offers: tuple[Offer, ...]
    declined: tuple[Declined, ...] = ()

    @property
    def chosen(self) -> Offer | None:
        """The offer that was confirmed."""
        return None if self.quote.choice is None else self.offers[self.quote.choice]


class Confirmation(msgspec.Struct, frozen=True, gc=False):
    """What became of a confirmation: the confirmed quote, or why not, and then the next best quote."""

    view: QuoteView
    reason: str | None = None

    @property
    def confirmed(self) -> bool:
        """Whether the offer is held for the consumer."""
        return self.reason is None


def moved(quote: Quote, status: str) -> Quote:
    """The quote in its next state. Raises `ValueError` for an illegal move: that is a bug, never an answer."""
    if status not in QUOTE_STATES[quote.status]:
        raise ValueError(f"no move of a quote from {quote.status} to {status}")
    return quote.changed(status=status)


def _new_quote(
    context: Context, consumer_id: int, basket: Basket, order_id: int | None, offers: tuple[Offer, ...], lasts: Micros
) -> Quote:
    cell = cell_of_party(consumer_id)
    return Quote(
        cell,
        context.new_id(cell),
        consumer_id,
        basket.merchant_id,
        order_id,
        basket.currency,
        basket.amount_minor,
        "offered",
        None,
        offers_bytes(offers, basket),
        (),
        (),
        None,
        context.now,
        context.now + lasts,
    )


class MakeQuote(Command[QuoteView], frozen=True):
    """Quote all that a consumer has for an order, or for a basket that is to become one.

    `asked_at` is the caller's clock, only to load by: the batch's decides. Raises `NotFound(consumer_not_found)`,
    `Refused(buyer_blocked)`.
    """

    consumer_id: int
    basket: Basket
    asked_at: Micros
    order_id: int | None = None
    lasts: Micros = QUOTE_LASTS

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _look_offers(seen, keys, reference, self.consumer_id, self.basket, self.asked_at)

    def decide(self, rows: Rows, context: Context) -> QuoteView:
        return _make_quote(rows, context, self.consumer_id, self.basket, self.order_id, self.lasts)


class QuoteByCode(Command[QuoteView], frozen=True):
    """Quote all that the consumer has who shows a payment code. The code can still pay; it makes no second quote.

    A merchant learns what a consumer has only from herself: from her code, once. Asked again for the same, the outcome
    is that quote. `buyer_id` is whom the order is for, where it says so.
    Raises `Refused`: payment_code_invalid, payment_code_quoted, buyer_is_seller, buyer_mismatch, buyer_blocked.
    """

    code: int
    basket: Basket
    asked_at: Micros
    order_id: int | None = None
    buyer_id: int | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        key = payment_code_key(self.code)
        keys.look(PAYMENT_CODE, *key)
        keys.lock(PAYMENT_CODE, *key)
        code = seen.get(PAYMENT_CODE, *key)
        if code is None:
            return
        if code.quote_id is not None:
            keys.read(QUOTE, cell_of_id(code.quote_id), code.quote_id)
        _look_offers(seen, keys, reference, code.consumer_id, self.basket, self.asked_at)

    def decide(self, rows: Rows, context: Context) -> QuoteView:
        code = usable_code(rows.get(PAYMENT_CODE, *payment_code_key(self.code)), context.now)
        basket, consumer_id = self.basket, code.consumer_id
        if is_shadow(cell_of_party(consumer_id)) != is_shadow(cell_of_party(basket.merchant_id)):
            raise Refused("payment_code_invalid", field="auth_code")
        if consumer_id in (basket.merchant_id, basket.sub_merchant_id):
            raise Refused("buyer_is_seller")
        if self.buyer_id is not None and self.buyer_id != consumer_id:
            raise Refused("buyer_mismatch")
        if code.quote_id is not None:
            return self._same_again(rows, context, code.quote_id)
        view = _make_quote(rows, context, consumer_id, basket, self.order_id, QUOTE_LASTS)
        rows.update(PAYMENT_CODE, code.changed(quote_id=view.quote.quote_id))
        return view

    def _same_again(self, rows: Rows, context: Context, quote_id: int) -> QuoteView:
        quote = rows.get(QUOTE, cell_of_id(quote_id), quote_id)
        if quote is None or quote.order_id != self.order_id or basket_in(quote.offers) != self.basket:
            raise Refused("payment_code_quoted", field="auth_code")
        return _view_of(quote, context.now)


def _look_offers(
    seen: Seen, keys: Keys, reference: Reference, consumer_id: int, basket: Basket, asked_at: Micros
) -> None:
    """Ask for what `_make_quote` reads."""
    keys.read(CONSUMER, cell_of_party(consumer_id), consumer_id)
    instruments = read_shopper(seen, keys, reference, consumer_id, basket)
    campaigns = campaigns_of_basket(reference, basket, consumer_id, asked_at)
    read_used_up(keys, campaigns, _products_of(instruments), consumer_id, asked_at)


def _make_quote(
    rows: Rows, context: Context, consumer_id: int, basket: Basket, order_id: int | None, lasts: Micros
) -> QuoteView:
    consumer = rows.get(CONSUMER, cell_of_party(consumer_id), consumer_id)
    if consumer is None or is_shadow(consumer.cell) != is_shadow(cell_of_party(basket.merchant_id)):
        raise NotFound("consumer_not_found", field="buyer_id")
    if consumer.status != "active":
        raise Refused("buyer_blocked")
    offers = all_offers(rows, context, consumer_id, basket)
    quote = _new_quote(context, consumer_id, basket, order_id, offers.offered, lasts)
    rows.insert(QUOTE, quote)
    return QuoteView(quote, offers.offered, offers.declined)


def _view_of(quote: Quote, now: Micros) -> QuoteView:
    """A quote as it is at an instant: once its time is over, it has expired unless it was used."""
    if quote.status != "used" and quote.expires_at <= now:
        quote = quote.changed(status="expired")
    return QuoteView(quote, offers_of(quote.offers))


def _products_of(paying: Iterable[Instrument | Offer]) -> set[int]:
    return {each.product_id for each in paying if each.product_id}


def all_offers(
    rows: Rows, context: Context, consumer_id: int, basket: Basket, without: frozenset[int] = frozenset()
) -> Offers:
    """Offers to a consumer whose rows `read_shopper` has asked for. `without` are campaigns not to be counted on."""
    shopper = shopper_of(rows, context.reference, consumer_id, basket)
    campaigns = campaigns_of_basket(context.reference, basket, consumer_id, context.now)
    spent = used_up(rows, campaigns, _products_of(shopper.instruments), consumer_id, context.now)
    if spent:
        shopper = msgspec.structs.replace(shopper, used_up=spent)
    return offers_for(context.reference, shopper, basket, context.now, without)


class FindQuote(Query[QuoteView], frozen=True):
    """A quote of a merchant, or of the consumer it was made for; its status may be `expired`.

    Raises `NotFound(quote_not_found)`.
    """

    quote_id: int
    merchant_id: int | None = None
    consumer_id: int | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.look(QUOTE, cell_of_id(self.quote_id), self.quote_id)

    def answer(self, seen: Seen, context: Context) -> QuoteView:
        quote = seen.get(QUOTE, cell_of_id(self.quote_id), self.quote_id)
        if (
            quote is None
            or (self.merchant_id is not None and quote.merchant_id != self.merchant_id)
            or (self.consumer_id is not None and quote.consumer_id != self.consumer_id)
        ):
            raise NotFound("quote_not_found")
        return _view_of(quote, context.now)


class ConfirmQuote(Command[Confirmation], frozen=True):
    """Hold one offer of a quote for the consumer: its sponsors' shares are reserved until the quote expires or pays.

    Where a budget or a limit has run out meanwhile, or the payer's balance or line no longer gives as much, the outcome
    is the next best quote, and why. Nothing of balance or line is reserved: a payment looks again. Confirming the same
    offer again gives the first outcome. `merchant_id` is who asks. Raises `NotFound(quote_not_found)`, `Refused`:
    quote_expired, quote_used, quote_confirmed (another offer is), offer_not_found.
    """

    quote_id: int
    merchant_id: int
    position: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_id(self.quote_id)
        keys.look(QUOTE, cell, self.quote_id)
        quote = seen.get(QUOTE, cell, self.quote_id)
        if quote is None:
            return
        keys.lock(QUOTE, cell, self.quote_id)
        read_accounts(keys, own_accounts_in(quote.offers))
        offer = offer_at(quote.offers, self.position)
        if offer is not None and lock_shares(keys, reference, offer, quote.consumer_id, quote.created_at):
            self._look_for_another(keys, reference, quote)

    def _look_for_another(self, keys: Keys, reference: Reference, quote: Quote) -> None:
        """Ask at once for what the next best quote reads: the batch need not run again for each who gets one."""
        campaigns = campaigns_of_basket(reference, basket_in(quote.offers), quote.consumer_id, quote.created_at)
        products = _products_of(offers_of(quote.offers))
        read_used_up(keys, campaigns, products, quote.consumer_id, quote.created_at)

    def decide(self, rows: Rows, context: Context) -> Confirmation:
        quote = rows.get(QUOTE, cell_of_id(self.quote_id), self.quote_id)
        if quote is None or quote.merchant_id != self.merchant_id:
            raise NotFound("quote_not_found")
        offers = offers_of(quote.offers)
        if not 0 <= self.position < len(offers):
            raise Refused("offer_not_found", field="offer")
        if quote.status == "confirmed" and quote.choice == self.position:
            return Confirmation(QuoteView(quote, offers))
        require_usable(quote, context.now)
        if quote.status == "confirmed":
            raise Refused("quote_confirmed")
        wanted = offers[self.position]
        available = available_of(rows, own_accounts(offers))
        short = shortfall(wanted, available)
        if short is not None:
            return _another(rows, context, quote, offers, available, short)
        try:
            reserve_shares(rows, context, wanted, quote.consumer_id)
        except CampaignDry as dry:
            note_dry_shares(rows, context, wanted, dry)
            others = _without(rows, context, quote, offers, dry)
            return _another(rows, context, quote, others, available, dry.code)
        shares = wanted.shares
        confirmed = moved(quote, "confirmed").changed(
            choice=self.position,
            sponsors=tuple(share.sponsor_id for share in shares),
            shares=tuple(share.amount_minor for share in shares),
            reserved_at=context.now,
        )
        rows.update(QUOTE, confirmed)
        return Confirmation(QuoteView(confirmed, offers))


def _without(
    rows: Rows, context: Context, quote: Quote, offers: tuple[Offer, ...], dry: CampaignDry
) -> tuple[Offer, ...]:
    """A quote's offers, priced again where they counted on a campaign that ran dry."""
    basket = basket_in(quote.offers)
    campaigns = campaigns_of_basket(context.reference, basket, quote.consumer_id, context.now)
    spent = used_up(rows, campaigns, _products_of(offers), quote.consumer_id, context.now)
    return next_best(context.reference, offers, basket, campaigns, context.now, dry.campaign_id, spent)


def _another(
    rows: Rows, context: Context, quote: Quote, offers: tuple[Offer, ...], available_minor: dict[int, int], reason: str
) -> Confirmation:
    """Instead of what cannot be confirmed: another quote, of those offers that the payer's accounts still give."""
    fitting = tuple(offer for offer in offers if shortfall(offer, available_minor) is None)
    basket = basket_in(quote.offers)
    again = _new_quote(context, quote.consumer_id, basket, quote.order_id, fitting, QUOTE_LASTS)
    rows.insert(QUOTE, again)
    return Confirmation(QuoteView(again, fitting), reason)


def require_usable(quote: Quote, now: Micros) -> None:
    """Raises `Refused`: quote_used, quote_expired."""
    if quote.status in ("used", "released"):
        raise Refused("quote_used" if quote.status == "used" else "quote_expired")
    if quote.expires_at <= now:
        raise Refused("quote_expired")


class ReleaseQuote(Command[bool], frozen=True):
    """Give back what a confirmed quote holds: when its time is over, or its merchant lets go of it.

    `merchant_id` None is the sweeper, for whom the time must be over. The outcome says whether this did it.
    """

    quote_id: int
    merchant_id: int | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_id(self.quote_id)
        keys.look(QUOTE, cell, self.quote_id)
        quote = seen.get(QUOTE, cell, self.quote_id)
        if quote is None:
            return
        keys.lock(QUOTE, cell, self.quote_id)
        chosen = None if quote.choice is None else offer_at(quote.offers, quote.choice)
        if chosen is not None:
            lock_shares(keys, reference, chosen, quote.consumer_id, quote.reserved_at or quote.created_at)

    def decide(self, rows: Rows, context: Context) -> bool:
        quote = rows.get(QUOTE, cell_of_id(self.quote_id), self.quote_id)
        if quote is None or (self.merchant_id is not None and quote.merchant_id != self.merchant_id):
            raise NotFound("quote_not_found")
        if quote.status != "confirmed" or quote.choice is None or quote.reserved_at is None:
            return False
        if self.merchant_id is None and quote.expires_at > context.now:
            return False
        chosen = offers_of(quote.offers)[quote.choice]
        release_shares(rows, context, chosen, quote.consumer_id, quote.reserved_at)
        rows.update(QUOTE, moved(quote, "released"))
        return True
