"""Choosing what pays an order: the balance, or one of the payer's cards and lines by an offer.

The offer comes from a quote, where the payer has one, or is made on the spot from the order's wish. Sponsors' shares
are taken from their budgets here, unless a confirmed quote holds them. Where a budget has run dry, the next best offer
of the wish is taken; an offer of a quote is refused instead, for what was quoted is what is charged.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from chuanliu.clock import Micros
from chuanliu.engine import Context, Keys, Reference, Rows, Seen
from chuanliu.errors import Refused
from chuanliu.funding import BALANCE, BANK_CALL, METHODS, BankCall
from chuanliu.ids import cell_of_id, cell_of_party
from chuanliu.instalments import (
    QUOTE,
    Basket,
    CampaignDry,
    Offer,
    Quote,
    all_offers,
    basket_in,
    campaigns_of_basket,
    likely_shopper,
    lock_own_limit,
    lock_shares,
    look_instruments,
    means_of_offer,
    moved,
    note_dry_shares,
    offer_at,
    offers_for,
    paying_accounts,
    read_used_up,
    read_wish,
    release_shares,
    require_own_limit,
    require_usable,
    reserve_shares,
    wish_bytes,
)
from chuanliu.ledger import Chart, account_of, lock_account
from chuanliu.lenders import (
    INSTRUMENT,
    INSTRUMENTS_OF_CONSUMER,
    STORED_CARD,
    Instrument,
    StoredCard,
    find_product,
    lender_of,
)
from chuanliu.parties import CONSUMER
from chuanliu.promotions import count_product_use, lock_product_use
from chuanliu.trade.ordering import OrderSpec, merchant_of
from chuanliu.trade.tables import Order


class Choice(msgspec.Struct, frozen=True, gc=False):
    """An offer of a quote, as the payer chose it. `position` None is the offer that was confirmed.

    With `agreed` she has thought over what she wanted to think over.
    """

    quote_id: int
    position: int | None = None
    agreed: bool = False


def keep_choice(wish: bytes | None, choice: Choice | None) -> bytes | None:
    """An order's wish with the offer that its payer has yet to confirm."""
    quote_id, offer = (None, None) if choice is None else (choice.quote_id, choice.position)
    return wish_bytes(msgspec.structs.replace(read_wish(wish), quote_id=quote_id, offer=offer))


def kept_choice(order: Order) -> Choice | None:
    """What `keep_choice` kept."""
    wish = read_wish(order.wish)
    return None if wish.quote_id is None else Choice(wish.quote_id, wish.offer)


class PendingCall(msgspec.Struct, frozen=True, gc=False):
    """A bank to be asked now, by whoever got this outcome. `card` is sealed; `account` is the payer's at the bank.

    Both are None in what follows the answer to another call, whose caller has them.
    """

    call: BankCall
    card: StoredCard | None = None
    account: str | None = None


class Tender(NamedTuple):
    """What pays: a funding method, the account that it debits, and the offer behind it.

    `quote` is the one that the offer is from. `held` says that it held the offer's shares before this payment.
    """

    method: str
    source: int
    offer: Offer | None = None
    quote: Quote | None = None
    position: int | None = None
    held: bool = False
    card: StoredCard | None = None
    account: str | None = None

    def pending(self, rows: Rows, reference: str | None) -> PendingCall | None:
        """The call that a bank's method has put on record."""
        return pending_call(rows, reference, self.card, self.account)

    def reserved_at(self, now: Micros) -> Micros:
        """When the offer's shares were taken: by the quote that held them, or now."""
        reserved_at = self.quote.reserved_at if self.held and self.quote is not None else None
        return now if reserved_at is None else reserved_at


def pending_call(
    rows: Rows, reference: str | None, card: StoredCard | None = None, account: str | None = None
) -> PendingCall | None:
    """The call that an answer's reference names, where there is one."""
    call_id = int(reference or 0)
    call = rows.get(BANK_CALL, cell_of_id(call_id), call_id) if call_id else None
    return PendingCall(call, card, account) if call is not None else None


def balance_tender(payer_id: int, currency: str) -> Tender:
    """The payer's balance."""
    return Tender(BALANCE.name, account_of(payer_id, Chart.CONSUMER_BALANCE, currency))


def basket_of(reference: Reference, order: Order | OrderSpec) -> Basket:
    """What an order asks to be paid, as offers are made for it. Raises `Refused(seller_not_found)`."""
    wish = read_wish(order.wish)
    return Basket(
        merchant_id=order.merchant_id,
        sub_merchant_id=order.sub_merchant_id,
        store_id=wish.store_id,
        category=merchant_of(reference, order.sub_merchant_id or order.merchant_id).category,
        amount_minor=order.amount_minor,
        currency=order.currency,
        wish=wish,
    )


def discover_tender(
    seen: Seen,
    keys: Keys,
    reference: Reference,
    payer_id: int,
    order: Order | OrderSpec,
    choice: Choice | None,
    now: Micros,
) -> None:
    """Ask for what `choose_tender` and a charge touch. `now` is the caller's clock, only to load by."""
    if choice is None and not read_wish(order.wish).asks_for_credit:
        METHODS[BALANCE.name].lock(keys, account_of(payer_id, Chart.CONSUMER_BALANCE, order.currency))
        return
    keys.read(CONSUMER, cell_of_party(payer_id), payer_id)
    lock_own_limit(seen, keys, payer_id)
    if choice is not None:
        _discover_choice(seen, keys, reference, payer_id, choice)
        return
    instruments = look_instruments(seen, keys, payer_id)
    if not instruments and not seen.asked(INSTRUMENTS_OF_CONSUMER, cell_of_party(payer_id), payer_id):
        return
    basket = basket_of(reference, order)
    for account in paying_accounts(reference, payer_id, instruments, basket):
        lock_account(keys, account)
    for instrument in instruments:
        _read_card(keys, instrument)
    products = {instrument.product_id for instrument in instruments}
    read_used_up(keys, campaigns_of_basket(reference, basket, payer_id, now), products, payer_id, now)
    offers = offers_for(reference, likely_shopper(reference, payer_id, instruments, basket), basket, now)
    if offers.offered:
        _lock_offer(keys, reference, offers.offered[0], payer_id, now)


def _discover_choice(seen: Seen, keys: Keys, reference: Reference, payer_id: int, choice: Choice) -> None:
    cell = cell_of_id(choice.quote_id)
    keys.look(QUOTE, cell, choice.quote_id)
    quote = seen.get(QUOTE, cell, choice.quote_id)
    if quote is None or quote.consumer_id != payer_id:
        return
    keys.lock(QUOTE, cell, choice.quote_id)
    offer = _offer_at(quote, choice.position if quote.choice is None else quote.choice)
    if offer is None:
        return
    _lock_offer(keys, reference, offer, payer_id, quote.created_at)
    if METHODS[offer.method].external:
        instrument_key = (cell_of_party(payer_id), offer.instrument_id)
        keys.look(INSTRUMENT, *instrument_key)
        keys.read(INSTRUMENT, *instrument_key)
        instrument = seen.get(INSTRUMENT, *instrument_key)
        if instrument is not None:
            _read_card(keys, instrument)
    else:
        lock_account(keys, offer.source)
        keys.read(INSTRUMENT, cell_of_party(payer_id), offer.instrument_id)


def _lock_offer(keys: Keys, reference: Reference, offer: Offer, payer_id: int, at: Micros) -> None:
    lock_shares(keys, reference, offer, payer_id, at)
    if offer.needs_plan:
        lock_product_use(keys, offer.product_id, payer_id)


def _read_card(keys: Keys, instrument: Instrument) -> None:
    if instrument.card_id is not None:
        keys.read(STORED_CARD, instrument.cell, instrument.card_id)


def _offer_at(quote: Quote, position: int | None) -> Offer | None:
    return None if position is None else offer_at(quote.offers, position)


def choose_tender(
    rows: Rows, context: Context, order: Order, payer_id: int, choice: Choice | None, *, agreed: bool = False
) -> Tender:
    """What pays the order, its sponsors' shares reserved. `agreed` is as in a choice: the payer confirms in person.

    Raises `Refused`: quote_not_found, quote_expired, quote_used, quote_mismatch (made for another order or amount),
    offer_not_found, campaign_ended, campaign_limit_reached, budget_exhausted (of a quote's offer), buyer_blocked,
    instrument_suspended, product_suspended, no_funding_method (nothing that the payer has fits the order's wish),
    own_stop_exceeded, cooling_off (limits that the payer has set for herself).
    """
    wish = read_wish(order.wish)
    if choice is None and not wish.asks_for_credit:
        return balance_tender(payer_id, order.currency)
    consumer = rows.get(CONSUMER, cell_of_party(payer_id), payer_id)
    if consumer is None or consumer.status != "active":
        raise Refused("buyer_blocked")
    if choice is not None:
        return _by_quote(rows, context, order, payer_id, choice, agreed=agreed or choice.agreed)
    dry: set[int] = set()
    while True:
        offers = all_offers(rows, context, payer_id, basket_of(context.reference, order), frozenset(dry))
        if not offers.offered:
            break
        offer = offers.offered[0]
        require_own_limit(rows, context, offer, payer_id, order.created_at, agreed=agreed)
        try:
            reserve_shares(rows, context, offer, payer_id)
        except CampaignDry as refused:
            note_dry_shares(rows, context, offer, refused)
            dry.add(refused.campaign_id)
            continue
        return _tender_of(rows, context.reference, offer, payer_id)
    reasons = {declined.reason for declined in offers.declined if declined.instrument_id}
    # One reason that all of them share says more than that there is nothing.
    raise Refused(reasons.pop() if len(reasons) == 1 else "no_funding_method")


def _by_quote(rows: Rows, context: Context, order: Order, payer_id: int, choice: Choice, *, agreed: bool) -> Tender:
    quote = rows.get(QUOTE, cell_of_id(choice.quote_id), choice.quote_id)
    if quote is None or quote.consumer_id != payer_id or quote.merchant_id != order.merchant_id:
        raise Refused("quote_not_found", field="quote_id")
    require_usable(quote, context.now)
    if quote.order_id not in (None, order.order_id) or not _is_for(quote, order):
        raise Refused("quote_mismatch", field="quote_id")
    position = choice.position if quote.choice is None else quote.choice
    offer = _offer_at(quote, position)
    if offer is None or (choice.position is not None and choice.position != position):
        raise Refused("offer_not_found", field="offer")
    wish = read_wish(order.wish)
    if not wish.permits_in(means_of_offer(context.reference, offer), offer.instalments):
        raise Refused("quote_mismatch", field="quote_id")
    require_own_limit(rows, context, offer, payer_id, order.created_at, agreed=agreed)
    held = quote.status == "confirmed"
    if not held:
        reserve_shares(rows, context, offer, payer_id)
    tender = _tender_of(rows, context.reference, offer, payer_id)
    return tender._replace(quote=quote, position=position, held=held)


def _is_for(quote: Quote, order: Order) -> bool:
    """Whether the order is what the quote was made for. Its wish may have been another one: that is looked at apart."""
    basket = basket_in(quote.offers)
    return (basket.sub_merchant_id, basket.amount_minor, basket.currency, basket.store_id) == (
        order.sub_merchant_id,
        order.amount_minor,
        order.currency,
        read_wish(order.wish).store_id,
    )


def _tender_of(rows: Rows, reference: Reference, offer: Offer, payer_id: int) -> Tender:
    if not offer.instrument_id:
        return Tender(offer.method, offer.source, offer)
    instrument = rows.get(INSTRUMENT, cell_of_party(payer_id), offer.instrument_id)
    if instrument is None or instrument.status != "active":
        raise Refused("instrument_suspended")
    product = find_product(reference, offer.product_id)
    if product is None or product.status != "active" or lender_of(reference, product).status != "active":
        raise Refused("product_suspended")
    card = None
    if instrument.card_id is not None and METHODS[offer.method].external:
        card = rows.get(STORED_CARD, instrument.cell, instrument.card_id)
    return Tender(offer.method, offer.source, offer, card=card, account=instrument.account_ref)


def take_up(rows: Rows, tender: Tender, payer_id: int) -> None:
    """The tender is charged: its quote is used, and a plan counts as a use of its product."""
    quote = tender.quote
    if quote is not None:
        rows.update(QUOTE, moved(quote, "used").changed(choice=tender.position))
    if tender.offer is not None and tender.offer.needs_plan:
        count_product_use(rows, tender.offer.product_id, payer_id)


def give_back(rows: Rows, context: Context, tender: Tender, payer_id: int) -> None:
    """The tender was refused: what was reserved for this payment goes back; what a quote holds stays held."""
    if tender.offer is not None and not tender.held:
        release_shares(rows, context, tender.offer, payer_id, context.now)
