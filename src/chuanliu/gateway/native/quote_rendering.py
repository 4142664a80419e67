"""Quotes and plans as JSON. A quote may hold hundreds of offers with their schedules, so what many share is made once.

Names are kept as JSON with the snapshot of reference data; instalments that are alike are written once and joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import add
from typing import Any, Final, NamedTuple

import msgspec

from chuanliu.clock import Micros
from chuanliu.engine import Reference
from chuanliu.errors import CODES
from chuanliu.gateway.native.fields import Amount, amount
from chuanliu.gateway.native.instalment_documents import (
    CampaignName,
    FeeShare,
    LenderName,
    NotOffered,
    PayerInstrument,
    PlanShare,
    ProductName,
    Quote,
    QuoteConfirmation,
)
from chuanliu.gateway.native.instalment_documents import Plan as PlanDocument
from chuanliu.gateway.native.operation import Answer
from chuanliu.gateway.native.rendering import encode, text_or_none, time_text
from chuanliu.instalments import (
    Basket,
    Confirmation,
    Declined,
    Offer,
    Offers,
    OfferShare,
    Plan,
    QuoteView,
    means_of,
    regular_split_of,
    split_of,
)
from chuanliu.lenders import LENDER, PRODUCT, find_product, lender_of
from chuanliu.money import CURRENCIES, format_amount
from chuanliu.parties import MERCHANT
from chuanliu.promotions import SPONSOR, find_campaign

_Json = Any
"""A member that is JSON already, in the place of what it is the JSON of."""


class Names:
    """Names of lenders, products and sponsors as JSON, each made when it is first asked for."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._lenders: dict[int, _Json] = {}
        self._products: dict[int, _Json] = {}
        self._means: dict[int, _Json] = {}
        self._sponsors: dict[int, tuple[str, _Json, str, _Json]] = {}

    def lender(self, lender_id: int) -> _Json:
        """A lender's name; None where there is none."""
        found = self._lenders.get(lender_id)
        if found is None and lender_id:
            for row in self._reference.find(LENDER, "lender_id", lender_id):
                found = self._lenders[lender_id] = _json(LenderName(str(lender_id), row.code, row.name, row.name_zh))
        return found

    def product(self, product_id: int) -> _Json:
        """A product's name; None where there is none."""
        found = self._products.get(product_id)
        if found is None and product_id:
            for row in self._reference.find(PRODUCT, "product_id", product_id):
                kind: _Json = row.kind
                found = self._products[product_id] = _json(ProductName(row.code, kind, row.name, row.name_zh))
        return found

    def means(self, product_id: int) -> _Json:
        """The means of payment that a product is; without one it is the balance."""
        found = self._means.get(product_id)
        if found is None:
            product = find_product(self._reference, product_id)
            found = "balance" if product is None else means_of(product, lender_of(self._reference, product))
            self._means[product_id] = found
        return found

    def sponsor(self, sponsor_id: int) -> tuple[str, _Json, str, _Json]:
        """Number, kind and name of who bears a share, and the campaign's name: None for a merchant's own wish."""
        found = self._sponsors.get(sponsor_id)
        if found is None:
            found = self._sponsors[sponsor_id] = self._sponsor(sponsor_id)
        return found

    def _sponsor(self, sponsor_id: int) -> tuple[str, _Json, str, _Json]:
        for sponsor in self._reference.find(SPONSOR, "sponsor_id", sponsor_id):
            view = find_campaign(self._reference, sponsor.campaign_id)
            name = None
            if view is not None:
                of = view.campaign
                name = _json(CampaignName(str(of.campaign_id), of.code, of.name, of.name_zh))
            return str(sponsor_id), sponsor.kind, sponsor.name, name
        names = [merchant.name for merchant in self._reference.find(MERCHANT, "merchant_id", sponsor_id)]
        return str(sponsor_id), "merchant", names[0] if names else "", None


def _json(document: msgspec.Struct) -> _Json:
    return msgspec.Raw(encode(document))


@lru_cache(maxsize=4096)
def _beginnings(due_on: tuple[int, ...]) -> tuple[bytes, tuple[bytes, ...]]:
    """How the first instalment of a schedule begins, up to its amounts, and how the others do."""
    days = [f"{day // 10_000:04d}-{day // 100 % 100:02d}-{day % 100:02d}" for day in due_on]
    first, *others = [f'{{"number":{number},"due_on":"{day}",'.encode() for number, day in enumerate(days, 1)]
    return b',"schedule":[%b' % first, tuple([b",%b" % other for other in others])


_AMOUNTS: Final = b'"principal":"%b","fee":"%b","amount":"%b"}'
_IN_CENTS: Final = '"principal":"%d%s","fee":"%d%s","amount":"%d%s"}'
_CENTS: Final = tuple([f".{cents:02d}" for cents in range(100)])
_PLACE: Final = "\x00"
_WRITTEN_PLACE: Final = encode(_PLACE).strip(b'"')


@lru_cache(maxsize=1024)
def _irregular(due_on: tuple[int, ...]) -> str:
    """A schedule of a currency with cents whose instalments differ: whole units and cents are to be filled in."""
    first, others = _beginnings(due_on)
    return "".join([beginning.decode() + _IN_CENTS for beginning in (first, *others)]) + "]"


class _Values(dict[int, bytes]):
    """Amounts of one currency as decimal text, each written once."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code
        self.in_cents = CURRENCIES[code].exponent == 2

    def __missing__(self, minor: int) -> bytes:
        text = f"{minor // 100}{_CENTS[minor % 100]}" if self.in_cents else format_amount(minor, self.code)
        self[minor] = value = text.encode()
        return value


class _Ends(dict[tuple[int, int], bytes]):
    """How instalments end, by their principal and fee: with their amounts."""

    def __init__(self, values: _Values) -> None:
        super().__init__()
        self._values = values

    def __missing__(self, pair: tuple[int, int]) -> bytes:
        principal, fee = pair
        values = self._values
        self[pair] = end = _AMOUNTS % (values[principal], values[fee], values[principal + fee])
        return end


class _Who(NamedTuple):
    """A payer's instrument in an offer: the means, up to the number of instalments; lender, product and itself."""

    means: bytes
    shown: bytes


class _Writer:
    """Writes the offers of one quote, as `QuoteOffer` says; what they share is made once.

    All of it as bytes, which a quote joins at its end: a text with one Chinese name in it takes twice the room, and
    long to encode.
    """

    __slots__ = (
        "_buyer_fee",
        "_ends",
        "_fee",
        "_free",
        "_money",
        "_names",
        "_sponsors",
        "_total",
        "_values",
        "_who",
    )

    def __init__(self, names: Names, code: str) -> None:
        self._names = names
        self._values = _Values(code)
        self._ends = _Ends(self._values)
        self._who: dict[int, _Who] = {}
        money = b'{"currency":"%b","value":"' % code.encode()
        self._money = money
        self._fee = b'"},"fee":' + money
        self._buyer_fee = b'"},"buyer_fee":' + money
        self._total = b'"},"total":' + money
        self._free: dict[int, bytes] = {}
        self._sponsors: dict[tuple[int, bool], tuple[bytes, bytes]] = {}

    def offer(self, number: int, offer: Offer) -> bytes:
        """An offer under its number."""
        return b"".join(self._parts(number, offer))

    def all(self, offers: Sequence[Offer]) -> bytes:
        """A list of offers, numbered from 1."""
        written = [b"["]
        between = b""
        for number, offer in enumerate(offers, 1):
            written.append(between)
            written += self._parts(number, offer)
            between = b","
        written.append(b"]")
        return b"".join(written)

    def _parts(self, number: int, offer: Offer) -> list[bytes]:
        """An offer under its number, in parts that are to be joined."""
        who = self._who.get(offer.instrument_id) or self._write_who(offer)
        values = self._values
        principal, buyer_fee = offer.principal_minor, offer.buyer_fee_minor
        parts = [
            b'{"offer":%d' % number,
            who.means,
            b'%d,"principal":%b' % (offer.instalments, self._money),
            values[principal],
            self._fee,
            values[offer.fee_minor],
        ]
        if buyer_fee:
            ppm = offer.rate_ppm
            rate = b'"},"annual_rate_pct":"%d.%04d"' % (ppm // 10_000, ppm % 10_000)
            parts += (self._buyer_fee, values[buyer_fee], self._total, values[principal + buyer_fee], rate)
        else:
            parts.append(self._free.get(principal) or self._write_free(principal))
        parts.append(who.shown)
        if offer.shares:
            between = b',"sponsors":['
            for share in offer.shares:
                before, after = self._sponsors.get((share.sponsor_id, share.waived)) or self._write_sponsor(share)
                parts += (between, before, values[share.amount_minor], after)
                between = b","
            parts.append(b"]")
        if offer.due_on:
            self._write_schedule(parts, offer)
        parts.append(b"}")
        return parts

    def _write_who(self, offer: Offer) -> _Who:
        """The means, and lender, product and the payer's instrument, which the balance has none of."""
        number = offer.instrument_id
        shown = b""
        if number:
            lender, product = self._names.lender(offer.lender_id), self._names.product(offer.product_id)
            shown = b',"lender":%b,"product":%b' % (lender, product)
        if number > 0:
            shown += b',"instrument":%b' % encode(PayerInstrument(str(number), offer.masked))
        means = self._names.means(offer.product_id).encode()
        found = self._who[number] = _Who(b',"means":"%b","instalments":' % means, shown)
        return found

    def _write_free(self, principal: int) -> bytes:
        """What an offer says that costs the consumer nothing, behind its fee."""
        values = self._values
        found = b'%b%b%b%b"},"annual_rate_pct":"0.0000"' % (self._buyer_fee, values[0], self._total, values[principal])
        self._free[principal] = found
        return found

    def _write_sponsor(self, share: OfferShare) -> tuple[bytes, bytes]:
        """What a sponsor bears, before and behind the amount."""
        number, kind, name, campaign = self._names.sponsor(share.sponsor_id)
        document = FeeShare(
            sponsor_id=number,
            kind=kind,
            name=name,
            amount=Amount(self._values.code, _PLACE),
            waived=share.waived,
            campaign=campaign,
        )
        before, _, after = encode(document).partition(_WRITTEN_PLACE)
        found = self._sponsors[share.sponsor_id, share.waived] = (before, after)
        return found

    def _write_schedule(self, parts: list[bytes], offer: Offer) -> None:
        """The instalments; where those between the first and the last are alike, their amounts are written once."""
        beginning, beginnings = _beginnings(offer.due_on)
        ends = self._ends
        regular = regular_split_of(offer)
        if regular is not None:
            first, between, last = regular
            parts += (beginning, ends[first], ends[between].join(beginnings), ends[last], b"]")
            return
        amounts = split_of(offer)
        if not self._values.in_cents:
            each = [ends[pair] for pair in zip(*amounts, strict=True)]
            parts += (*map(add, (beginning, *beginnings), each), b"]")
            return
        filled: list[int | str] = []
        for principal, fee in zip(*amounts, strict=True):
            paid = principal + fee
            filled += (
                principal // 100,
                _CENTS[principal % 100],
                fee // 100,
                _CENTS[fee % 100],
                paid // 100,
                _CENTS[paid % 100],
            )
        parts.append((_irregular(offer.due_on) % tuple(filled)).encode())


def _not_offered(names: Names, declined: Declined) -> NotOffered:
    number = declined.instrument_id
    return NotOffered(
        reason=declined.reason,
        message=CODES[declined.reason],
        means=names.means(declined.product_id) if declined.lender_id or not number else None,
        instalments=declined.instalments or None,
        lender=names.lender(declined.lender_id),
        product=names.product(declined.product_id),
        instrument=PayerInstrument(str(number), declined.masked) if number > 0 else None,
    )


def quote_document(reference: Reference, view: QuoteView) -> Quote:
    """A quote with all its offers, ready to be encoded."""
    quote = view.quote
    status: _Json = quote.status
    return Quote(
        quote_id=str(quote.quote_id),
        status=status,
        buyer_id=str(quote.consumer_id),
        amount=amount(quote.amount_minor, quote.currency),
        created_at=time_text(quote.created_at),
        expires_at=time_text(quote.expires_at),
        offers=_offers(reference, view.offers, quote.currency),
        order_id=text_or_none(quote.order_id),
        confirmed_offer=None if quote.choice is None else quote.choice + 1,
        not_offered=_all_not_offered(reference, view.declined),
    )


def _offers(reference: Reference, offers: tuple[Offer, ...], currency: str) -> _Json:
    return msgspec.Raw(_Writer(reference.derived(Names), currency).all(offers))


def _all_not_offered(reference: Reference, declined: tuple[Declined, ...]) -> tuple[NotOffered, ...]:
    names = reference.derived(Names)
    return tuple([_not_offered(names, each) for each in declined])


def render_indication(
    reference: Reference, basket: Basket, order_id: int | None, offers: Offers, now: Micros
) -> Answer:
    """The answer with what anybody might be offered."""
    document = Quote(
        status="indicative",
        amount=amount(basket.amount_minor, basket.currency),
        created_at=time_text(now),
        offers=_offers(reference, offers.offered, basket.currency),
        order_id=text_or_none(order_id),
        not_offered=_all_not_offered(reference, offers.declined),
    )
    return Answer(201, encode(document))


def render_quote(reference: Reference, view: QuoteView, status: int = 200) -> Answer:
    """The answer with a quote."""
    return Answer(status, encode(quote_document(reference, view)))


def render_confirmation(reference: Reference, quote_id: int, confirmation: Confirmation) -> Answer:
    """The held offer, or the reason why there is none and the next best quote."""
    view, reason = confirmation.view, confirmation.reason
    quote, chosen = view.quote, view.chosen
    held = reason is None and chosen is not None
    offer: _Json = None
    if held and chosen is not None:
        writer = _Writer(reference.derived(Names), quote.currency)
        offer = msgspec.Raw(writer.offer((quote.choice or 0) + 1, chosen))
    document = QuoteConfirmation(
        confirmed=held,
        quote_id=str(quote_id),
        expires_at=time_text(quote.expires_at),
        offer=offer,
        reason=reason,
        message=None if reason is None else CODES[reason],
        next_quote=None if held else quote_document(reference, view),
    )
    return Answer(200, encode(document))


_PLAN_STATUS: Final[dict[str, _Json]] = {"completed": "active"}
"""The merchant is not told what the buyer has repaid."""


def plan_document(reference: Reference, plan: Plan) -> PlanDocument:
    """A plan as the merchant sees it that was paid by it, ready to be encoded."""
    names = reference.derived(Names)
    currency = plan.currency
    sponsors = []
    for sponsor_id, borne, returned, waived in zip(
        plan.sponsors, plan.subsidies, plan.returned, plan.waived, strict=True
    ):
        number, kind, name, campaign = names.sponsor(sponsor_id)
        sponsors.append(
            PlanShare(
                sponsor_id=number,
                kind=kind,
                name=name,
                amount=amount(borne, currency),
                returned=amount(returned, currency),
                waived=bool(waived),
                campaign=campaign,
            )
        )
    return PlanDocument(
        plan_id=str(plan.plan_id),
        payment_id=str(plan.payment_id),
        order_id=str(plan.order_id),
        status=_PLAN_STATUS.get(plan.status, plan.status),
        lender=names.lender(plan.lender_id),
        product=names.product(plan.product_id),
        instalments=plan.instalments,
        principal=amount(plan.principal_minor, currency),
        fee=amount(plan.fee_minor, currency),
        buyer_fee=amount(plan.buyer_fee_minor, currency),
        refunded_amount=amount(plan.refunded_minor, currency),
        created_at=time_text(plan.created_at),
        sponsors=tuple(sponsors),
    )
