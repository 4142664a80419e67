"""What a consumer is offered for an order: each means that she has, in full and in instalments, with its whole cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import repeat
from operator import attrgetter
from typing import Final

import msgspec

from chuanliu.clock import Micros, business_date
from chuanliu.engine import Reference
from chuanliu.instalments.pricing import (
    IN_FULL,
    NO_COST,
    Calculation,
    Price,
    Pricing,
    Regular,
    means_of,
    method_of,
    source_of,
    split_instalments,
    split_regularly,
)
from chuanliu.instalments.wish import ANY, Wish
from chuanliu.ledger import Chart, account_of
from chuanliu.lenders import Instrument, Lender, Product, ProductTerms, find_product, lender_of, terms_of
from chuanliu.promotions import Bearers, Choices, EligibleCampaigns, Purchase, eligible


class OfferShare(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What one sponsor bears of an offer's fee.

    `campaign_id` is 0 for a merchant that bears the fee without a campaign. `waived` is a bank's own fee forgone.
    `cap_minor` is the most that it bears of one order, 0 without such a limit.
    """

    sponsor_id: int
    amount_minor: int
    waived: bool
    campaign_id: int
    cap_minor: int = 0


class Offer(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One way to pay, priced. `instrument_id` is 0 for the balance; `instalments` is 1 in full.

    `fee_minor` is the lender's price, of which the consumer bears `buyer_fee_minor` and sponsors their shares.
    `method` and `source` are the funding method and the account that is debited. `rate_ppm` is the annualised rate in
    millionths, from the consumer's payments. `calculation` is how the split into instalments is made again. `masked` is
    the instrument as it may be shown.
    """

    instrument_id: int
    lender_id: int
    product_id: int
    method: str
    source: int
    funding: str
    currency: str
    instalments: int
    principal_minor: int
    fee_minor: int
    buyer_fee_minor: int
    shares: tuple[OfferShare, ...]
    due_on: tuple[int, ...]
    calculation: Calculation
    rate_ppm: int
    masked: str

    @property
    def total_minor(self) -> int:
        """What the consumer pays altogether."""
        return self.principal_minor + self.buyer_fee_minor

    @property
    def needs_plan(self) -> bool:
        """Whether a payment by it is recorded as a plan: in instalments, on a line of ours, or subsidised."""
        if not self.instrument_id:
            return False
        return self.instalments > 1 or self.funding == "own" or bool(self.shares)

    @property
    def campaign_ids(self) -> tuple[int, ...]:
        """The campaigns that lower the consumer's fee."""
        return tuple(dict.fromkeys(share.campaign_id for share in self.shares if share.campaign_id))


class Declined(msgspec.Struct, frozen=True, gc=False):
    """A means that is not offered, or not in this number of instalments, with the error code that says why.

    `instalments` is 0 for the means as a whole.
    """

    instrument_id: int
    lender_id: int
    product_id: int
    instalments: int
    reason: str
    masked: str = ""


class Basket(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is to be paid, to whom. `category` is the seller's."""

    merchant_id: int
    sub_merchant_id: int | None = None
    store_id: str | None = None
    category: str = ""
    amount_minor: int
    currency: str = "CNY"
    wish: Wish = ANY

    @property
    def seller_id(self) -> int:
        """Whose receivable the money goes to."""
        return self.sub_merchant_id or self.merchant_id


class Shopper(msgspec.Struct, frozen=True, gc=False):
    """Who pays, with her instruments, and what each account of ours still gives: balance and own lines.

    `used_up` are campaigns of which she has no use left, by instrument's product.
    """

    consumer_id: int
    instruments: tuple[Instrument, ...]
    available_minor: dict[int, int]
    used_up: frozenset[tuple[int, int]] = frozenset()


class Offers(msgspec.Struct, frozen=True, gc=False):
    """What is offered, cheapest first, and what is not."""

    offered: tuple[Offer, ...]
    declined: tuple[Declined, ...]


def offers_for(
    reference: Reference, shopper: Shopper, basket: Basket, now: Micros, without: frozenset[int] = frozenset()
) -> Offers:
    """All that a consumer has, priced for an order. `without` are campaigns that are not to be counted on.

    Cheapest first; of equal ones what is paid off sooner, then the older instrument.
    """
    bought = business_date(now)
    offered: list[Offer] = []
    declined: list[Declined] = []
    wish = basket.wish
    if wish.instalments is None:
        _offer_balance(shopper, basket, offered, declined)
    campaigns = campaigns_of_basket(reference, basket, shopper.consumer_id, now).less(without)
    for instrument in shopper.instruments:
        if instrument.status == "closed":
            continue
        found = _usable(reference, instrument, shopper, basket)
        if isinstance(found, Declined):
            declined.append(found)
            continue
        product, terms, means = found
        pricing = Pricing(product, terms, basket.amount_minor, bought)
        source = source_of(product, instrument)
        option = _Option(
            instrument.instrument_id,
            instrument.masked,
            source,
            means,
            method_of(product),
            pricing,
            wish,
            basket.seller_id,
        )
        spent = [campaign_id for campaign_id, product_id in shopper.used_up if product_id == product.product_id]
        _offer_instrument(option, shopper, campaigns.less(spent), offered, declined)
    return Offers(_sorted(offered), tuple(declined))


_BY_COST: Final = tuple(map(attrgetter, ("instrument_id", "instalments", "buyer_fee_minor")))
"""What counts least comes first. Offers for one order have one principal."""


def _sorted(offers: list[Offer]) -> tuple[Offer, ...]:
    for key in _BY_COST:
        offers.sort(key=key)
    return tuple(offers)


def campaigns_of_basket(reference: Reference, basket: Basket, consumer_id: int, now: Micros) -> EligibleCampaigns:
    """The campaigns that an order may have."""
    return eligible(reference, _purchase(basket, consumer_id, now))


def _purchase(basket: Basket, consumer_id: int, now: Micros) -> Purchase:
    return Purchase(
        merchant_id=basket.merchant_id,
        sub_merchant_id=basket.sub_merchant_id,
        store_id=basket.store_id,
        category=basket.category,
        amount_minor=basket.amount_minor,
        currency=basket.currency,
        consumer_id=consumer_id,
        now=now,
    )


def _offer_balance(shopper: Shopper, basket: Basket, offered: list[Offer], declined: list[Declined]) -> None:
    account = account_of(shopper.consumer_id, Chart.CONSUMER_BALANCE, basket.currency)
    available = shopper.available_minor.get(account)
    if not basket.wish.permits("balance"):
        declined.append(Declined(0, 0, 0, 0, "excluded_by_merchant"))
    elif available is None:
        declined.append(Declined(0, 0, 0, 0, "no_funding_method"))
    elif available < basket.amount_minor:
        declined.append(Declined(0, 0, 0, 0, "balance_insufficient"))
    else:
        amount = basket.amount_minor
        offered.append(
            Offer(0, 0, 0, "balance", account, "own", basket.currency, 1, amount, 0, 0, (), (), NO_COST, 0, "")
        )


def _usable(
    reference: Reference, instrument: Instrument, shopper: Shopper, basket: Basket
) -> tuple[Product, ProductTerms, str] | Declined:
    """The product behind an instrument with its means, where it can pay this basket; else why not."""
    product = find_product(reference, instrument.product_id)
    if product is None:
        return Declined(instrument.instrument_id, 0, instrument.product_id, 0, "product_suspended", instrument.masked)
    terms = terms_of(product)
    lender = lender_of(reference, product)
    reason = _obstacle(lender, instrument, product, terms, shopper, basket)
    if reason is not None:
        return Declined(instrument.instrument_id, product.lender_id, product.product_id, 0, reason, instrument.masked)
    return product, terms, means_of(product, lender)


def _obstacle(
    lender: Lender,
    instrument: Instrument,
    product: Product,
    terms: ProductTerms,
    shopper: Shopper,
    basket: Basket,
) -> str | None:
    if instrument.status != "active":
        return "instrument_suspended"
    if product.status != "active" or lender.status != "active":
        return "product_suspended"
    means = means_of(product, lender)
    if not basket.wish.permits(means):
        return "excluded_by_merchant"
    if basket.wish.instalments is not None and means in basket.wish.in_full_only:
        return "excluded_by_merchant"
    if product.currency != basket.currency:
        return "currency_not_supported"
    if basket.amount_minor < terms.order_min_minor:
        return "order_below_minimum"
    if basket.amount_minor > terms.order_max_minor:
        return "order_above_maximum"
    if product.funding == "own":
        account = source_of(product, instrument)
        if shopper.available_minor.get(account, 0) < basket.amount_minor:
            return "credit_line_insufficient"
    return None


class _Option(msgspec.Struct, frozen=True, gc=False):
    """A payer's instrument with its product's prices for one order."""

    instrument_id: int
    masked: str
    source: int
    means: str
    method: str
    pricing: Pricing
    wish: Wish
    seller_id: int


def _offer_instrument(
    option: _Option, shopper: Shopper, campaigns: EligibleCampaigns, offered: list[Offer], declined: list[Declined]
) -> None:
    pricing, wish = option.pricing, option.wish
    product = pricing.product
    own = product.funding == "own"
    if wish.permits_in(option.means, 1):
        offered.append(_offer(option, IN_FULL, 0, 0, ()))
    counts = pricing.counts if wish.instalments is None else (wish.instalments,)
    choices = campaigns.choices(product.lender_id, product.product_id, product.kind, counts)
    # The number that is wished is the only one here; all numbers of a product are alike to a wish.
    permitted = wish.permits_in(option.means, wish.instalments or 2)
    for count, ways in zip(counts, choices, strict=True):
        offer = _priced(option, count, ways) if permitted else None
        if offer is None:
            reason = "instalments_not_offered" if permitted else "excluded_by_merchant"
        elif own and offer.total_minor > shopper.available_minor.get(offer.source, 0):
            reason = "credit_line_insufficient"
        else:
            offered.append(offer)
            continue
        declined.append(
            Declined(option.instrument_id, product.lender_id, product.product_id, count, reason, option.masked)
        )


def _priced(option: _Option, count: int, choices: Choices) -> Offer | None:
    """The offer with the best campaigns; where the wish has the merchant bear the fee, it bears what they leave.

    None where the lender has no price for it.
    """
    pricing = option.pricing
    price = pricing.of_count(count)
    if price is None:
        return None
    by_seller = option.wish.borne_by == "merchant"
    sponsored = pricing.sponsored_fee(price) if by_seller or choices.wants_sponsored else None
    best = choices.best(sponsored if by_seller else pricing.buyer_fee(price), sponsored)
    if best is None:
        return None
    shares = _shares(pricing.product, best.borne) if best.borne else ()
    rest = best.consumer_minor
    if by_seller and rest:
        shares = (*shares, OfferShare(option.seller_id, rest, False, 0))
        rest = 0
    return _offer(option, price, best.fee_minor, best.fee_minor - rest, shares)


def _shares(product: Product, borne: tuple[tuple[Bearers, list[int]], ...]) -> tuple[OfferShare, ...]:
    waiving_id = product.lender_id if product.funding == "external" else -1
    if len(borne) == 1:
        ((bearers, parts),) = borne
        if 0 not in parts:
            numbers, banks, caps = bearers.columns
            waived = [bank_id == waiving_id for bank_id in banks] if any(banks) else repeat(False)
            return tuple(map(OfferShare, numbers, parts, waived, repeat(bearers.campaign_id), caps))
    return tuple(
        [
            OfferShare(sponsor_id, part, bank_id == waiving_id, bearers.campaign_id, cap)
            for bearers, parts in borne
            for sponsor_id, bank_id, cap, part in zip(*bearers.columns, parts, strict=True)
            if part
        ]
    )


def _offer(option: _Option, price: Price, fee_minor: int, borne_minor: int, shares: tuple[OfferShare, ...]) -> Offer:
    pricing = option.pricing
    product = pricing.product
    buyer_fee = fee_minor - borne_minor
    return Offer(
        option.instrument_id,
        product.lender_id,
        product.product_id,
        option.method,
        option.source,
        product.funding,
        product.currency,
        price.count,
        pricing.amount_minor,
        fee_minor,
        buyer_fee,
        shares,
        pricing.due_on(price.count),
        price.calculation,
        pricing.rate_ppm(price, buyer_fee) if buyer_fee else 0,
        option.masked,
    )


def next_best(
    reference: Reference,
    offers: tuple[Offer, ...],
    basket: Basket,
    campaigns: EligibleCampaigns,
    now: Micros,
    dry: int,
    used_up: frozenset[tuple[int, int]],
) -> tuple[Offer, ...]:
    """Offers without the campaign that ran dry: those that counted on it are priced again with the others.

    `used_up` is as a shopper has it.
    """
    bought = business_date(now)
    found: list[Offer] = []
    for offer in offers:
        if dry not in offer.campaign_ids:
            found.append(offer)
            continue
        product = find_product(reference, offer.product_id)
        if product is None:
            continue
        pricing = Pricing(product, terms_of(product), basket.amount_minor, bought)
        means = means_of(product, lender_of(reference, product))
        option = _Option(
            offer.instrument_id, offer.masked, offer.source, means, offer.method, pricing, basket.wish, basket.seller_id
        )
        spent = [campaign_id for campaign_id, product_id in used_up if product_id == offer.product_id]
        left = campaigns.less([dry, *spent])
        (choices,) = left.choices(product.lender_id, product.product_id, product.kind, (offer.instalments,))
        again = _priced(option, offer.instalments, choices)
        if again is not None:
            found.append(again)
    return _sorted(found)


def own_accounts(offers: Iterable[Offer]) -> list[int]:
    """The accounts on our books that offers are paid from."""
    return sorted({offer.source for offer in offers if offer.funding == "own"})


def shortfall(offer: Offer, available_minor: Mapping[int, int]) -> str | None:
    """Why the payer's balance or line does not give what an offer takes; None where it does, or a bank decides.

    `available_minor` has what is left of each of `own_accounts`.
    """
    if offer.funding != "own" or offer.total_minor <= available_minor.get(offer.source, 0):
        return None
    return "credit_line_insufficient" if offer.instrument_id else "balance_insufficient"


def means_of_offer(reference: Reference, offer: Offer) -> str:
    """The means of payment that an offer is of, as a wish names it."""
    product = find_product(reference, offer.product_id)
    return "balance" if product is None else means_of(product, lender_of(reference, product))


def split_of(offer: Offer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Principal and the consumer's fee of each instalment. They sum to those of the offer."""
    return split_instalments(offer.principal_minor, offer.buyer_fee_minor, offer.instalments, offer.calculation)


def regular_split_of(offer: Offer) -> Regular | None:
    """As `split_of`, where all instalments between the first and the last are alike; None where they may not be."""
    return split_regularly(offer.principal_minor, offer.buyer_fee_minor, offer.instalments, offer.calculation)


class _Kept(msgspec.Struct, frozen=True, gc=False, array_like=True):
    offers: tuple[Offer, ...]
    basket: Basket


class _Paying(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How an offer begins."""

    instrument_id: int
    lender_id: int
    product_id: int
    method: str
    source: int
    funding: str


class _KeptApart(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """As `_Kept`, of which the offers are not read yet."""

    offers: tuple[msgspec.Raw, ...]
    basket: Basket


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Kept)
_LAZY_DECODER: Final = msgspec.msgpack.Decoder(_KeptApart)
_PAYING_DECODER: Final = msgspec.msgpack.Decoder(tuple[tuple[_Paying, ...], msgspec.Raw])
_OFFER_DECODER: Final = msgspec.msgpack.Decoder(Offer)


def offers_bytes(offers: tuple[Offer, ...], basket: Basket) -> bytes:
    """Offers, and for what they were made, as a quote keeps them."""
    return _ENCODER.encode(_Kept(offers, basket))


def offers_of(stored: bytes) -> tuple[Offer, ...]:
    """The offers that `offers_bytes` wrote."""
    return _DECODER.decode(stored).offers


def offer_at(stored: bytes, position: int) -> Offer | None:
    """One of the offers that `offers_bytes` wrote; None where there is none at this place."""
    found = _LAZY_DECODER.decode(stored).offers
    return _OFFER_DECODER.decode(found[position]) if 0 <= position < len(found) else None


def own_accounts_in(stored: bytes) -> list[int]:
    """As `own_accounts`, of offers that `offers_bytes` wrote."""
    return sorted({offer.source for offer in _PAYING_DECODER.decode(stored)[0] if offer.funding == "own"})


def basket_in(stored: bytes) -> Basket:
    """For what they were made."""
    return _LAZY_DECODER.decode(stored).basket
