"""Quotes and plans as JSON. A quote may hold hundreds of offers with their schedules, so what many share is made once.

Names are kept as JSON with the snapshot of reference data; instalments that are alike are written once and joined.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from operator import add
from typing import Any, Final

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
def _beginnings(due_on: tuple[int, ...]) -> tuple[str, tuple[str, ...]]:
    """How the first instalment of a schedule begins, up to its amounts, and how the others do."""
    days = [f"{day // 10_000:04d}-{day // 100 % 100:02d}-{day % 100:02d}" for day in due_on]
    first, *others = [f'{{"number":{number},"due_on":"{day}",' for number, day in enumerate(days, 1)]
    return f',"schedule":[{first}', tuple(f",{other}" for other in others)


_IN_CENTS: Final = '"principal":"%d.%02d","fee":"%d.%02d","amount":"%d.%02d"}'
_IN_TEXT: Final = '"principal":"%s","fee":"%s","amount":"%s"}'
_PLACE: Final = "\x00"
_WRITTEN_PLACE: Final = encode(_PLACE).strip(b'"')


class _Values(dict[int, str]):
    """Amounts of one currency as decimal text, each written once."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code
        self.in_cents = CURRENCIES[code].exponent == 2

    def __missing__(self, minor: int) -> str:
        text = f"{minor // 100}.{minor % 100:02d}" if self.in_cents else format_amount(minor, self.code)
        self[minor] = text
        return text


class _Ends(dict[tuple[int, int], str]):
    """How instalments end, by their principal and fee: with their amounts."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self._code = code
        self._in_cents = CURRENCIES[code].exponent == 2

    def __missing__(self, pair: tuple[int, int]) -> str:
        self[pair] = end = self.of(*pair)
        return end

    def of(self, principal: int, fee: int) -> str:
        """An end that is not kept."""
        total = principal + fee
        if self._in_cents:
            return _IN_CENTS % (principal // 100, principal % 100, fee // 100, fee % 100, total // 100, total % 100)
        return _IN_TEXT % tuple(format_amount(part, self._code) for part in (principal, fee, total))


class _Writer:
    """Writes the offers of one quote, as `QuoteOffer` says; what they share is made once.

    Names are kept apart as bytes: a text with one Chinese name in it takes twice the room, and long to encode.
    """

    __slots__ = ("_ends", "_means", "_names", "_sponsors", "_values")

    def __init__(self, names: Names, code: str) -> None:
        self._names = names
        self._values = _Values(code)
        self._ends = _Ends(code)
        self._means: dict[int, tuple[str, bytes]] = {}
        self._sponsors: dict[tuple[int, bool], tuple[bytes, bytes]] = {}

    def offer(self, number: int, offer: Offer) -> bytes:
        """An offer under its number."""
        known = self._means.get(offer.instrument_id)
        means, who = known if known is not None else self._write_means(offer)
        value = self._values
        money = f'{{"currency":"{value.code}","value":"'
        ppm = offer.rate_ppm
        costs = (
            f'{{"offer":{number},"means":"{means}","instalments":{offer.instalments},'
            f'"principal":{money}{value[offer.principal_minor]}"}},"fee":{money}{value[offer.fee_minor]}"}},'
            f'"buyer_fee":{money}{value[offer.buyer_fee_minor]}"}},'
            f'"total":{money}{value[offer.principal_minor + offer.buyer_fee_minor]}"}},'
            f'"annual_rate_pct":"{ppm // 10_000}.{ppm % 10_000:04d}"'
        )
        sponsors = b',"sponsors":[%b]' % b",".join(map(self._share, offer.shares)) if offer.shares else b""
        schedule = self._schedule(offer).encode() if offer.due_on else b""
        return b"".join((costs.encode(), who, sponsors, schedule, b"}"))

    def _write_means(self, offer: Offer) -> tuple[str, bytes]:
        """The means, and lender, product and the payer's instrument, which the balance has none of."""
        number = offer.instrument_id
        who = b""
        if number:
            lender, product = self._names.lender(offer.lender_id), self._names.product(offer.product_id)
            who = b',"lender":%b,"product":%b' % (lender, product)
        if number > 0:
            who += b',"instrument":%b' % encode(PayerInstrument(str(number), offer.masked))
        found = self._means[number] = (self._names.means(offer.product_id), who)
        return found

    def _share(self, share: OfferShare) -> bytes:
        """What a sponsor bears."""
        key = (share.sponsor_id, share.waived)
        around = self._sponsors.get(key)
        if around is None:
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
            around = self._sponsors[key] = (before, after)
        return b"".join((around[0], self._values[share.amount_minor].encode(), around[1]))

    def _schedule(self, offer: Offer) -> str:
        """The instalments; where those between the first and the last are alike, their amounts are written once."""
        beginning, beginnings = _beginnings(offer.due_on)
        ends = self._ends
        regular = regular_split_of(offer)
        if regular is not None:
            first, between, last = regular
            return f"{beginning}{ends[first]}{ends[between].join(beginnings)}{ends[last]}]"
        each = map(ends.of, *split_of(offer))
        return "".join(map(add, (beginning, *beginnings), each)) + "]"


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
    write = _Writer(reference.derived(Names), currency).offer
    return msgspec.Raw(b"[%b]" % b",".join(map(write, count(1), offers)))


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
