"""Quotes and plans as callers get them, and the bodies that callers send about them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chuanliu.gateway.native.fields import END, Amount, Id, PartyNumber, PaymentCode, Reference, StoreId, Time

Means = Literal["balance", "credit_line", "bank_credit_pay", "credit_card", "debit_card"]
InstrumentKind = Literal["credit_line", "bank_credit_pay", "credit_card", "debit_card"]
SomeMeans = Annotated[tuple[Means, ...], Meta(max_length=5)]
Count = Annotated[int, Meta(ge=1, le=360, description="Number of instalments; 1 is in full.")]
OfferNumber = Annotated[int, Meta(ge=1, le=10_000, description="The offer's number in its quote; 1 is the cheapest.")]
Day = Annotated[str, Meta(description="A date, Asia/Shanghai.", extra_json_schema={"format": "date"})]
Percent = Annotated[str, Meta(pattern=r"^[0-9]+\.[0-9]{4}" + END, description="Percent as decimal text.")]
Value = Annotated[str, Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,3})?" + END, description="Major units, decimal text.")]
QuoteStatus = Literal["indicative", "offered", "confirmed", "used", "released", "expired"]
PlanStatus = Literal["pending", "active", "refunded", "void"]


class PaymentWish(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """How you let an order be paid. Without it, from the balance by code, and by any means in the cashier.

    Means that are not `allowed` (all, if none is named) or that are `forbidden` do not pay; those `in_full_only` are
    not split, those `in_instalments_only` must be. With `instalments` only that number is offered. `borne_by` says who
    bears what campaigns leave of the fee: with `merchant` you bear all of that.
    """

    allowed: SomeMeans = ()
    forbidden: SomeMeans = ()
    in_full_only: SomeMeans = ()
    in_instalments_only: SomeMeans = ()
    instalments: Annotated[int, Meta(ge=2, le=360)] | None = None
    borne_by: Literal["buyer", "merchant"] = "buyer"


class NewQuote(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What is to be paid, and by whom.

    Either an order of yours, by `order_id` or `reference`, whose amount, seller and wish then count; or an `amount`
    that is to become one. By the buyer's `payment_code` it is a quote of all that she has; her code can still pay, and
    makes no other quote. Without a code it is an indication of what anybody might be offered.
    """

    payment_code: PaymentCode | None = None
    amount: Amount | None = None
    order_id: Id | None = None
    reference: Reference | None = None
    sub_merchant_id: PartyNumber | None = None
    store_id: StoreId | None = None
    wish: PaymentWish | None = None


class LenderName(msgspec.Struct, frozen=True, gc=False):
    """Who lends."""

    lender_id: PartyNumber
    code: str
    name: str
    name_zh: str


class ProductName(msgspec.Struct, frozen=True, gc=False):
    """What the lender calls what it offers."""

    code: str
    kind: InstrumentKind
    name: str
    name_zh: str


class PayerInstrument(msgspec.Struct, frozen=True, gc=False):
    """The buyer's card or line; `masked` may be shown to her."""

    instrument_id: Id
    masked: str


class CampaignName(msgspec.Struct, frozen=True, gc=False):
    """The campaign that a sponsor pays for."""

    campaign_id: Id
    code: str
    name: str
    name_zh: str


class FeeShare(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What a sponsor bears of the fee. `waived`: it is the bank's own fee, forgone and not paid.

    `campaign` is absent where you bear the fee by your own wish.
    """

    sponsor_id: PartyNumber
    kind: Literal["merchant", "bank", "platform", "brand"]
    name: str
    amount: Amount
    waived: bool
    campaign: CampaignName | None = None


class ScheduledInstalment(msgspec.Struct, frozen=True, gc=False):
    """One payment of the buyer to the lender: `amount` is principal and fee together, in the quote's currency."""

    number: int
    due_on: Day
    principal: Value
    fee: Value
    amount: Value


class QuoteOffer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """One way to pay, with its whole cost.

    `fee` is the lender's price; `buyer_fee` is what the buyer bears of it, `sponsors` bear the rest. `total` is what
    she pays altogether. `annual_rate_pct` is the rate of her payments: the internal rate a month, times 12 (PBoC 2021
    No. 3). `lender`, `product` and `instrument` are absent for the balance, `instrument` in an indication too.
    """

    offer: OfferNumber
    means: Means
    instalments: Count
    principal: Amount
    fee: Amount
    buyer_fee: Amount
    total: Amount
    annual_rate_pct: Percent
    lender: LenderName | None = None
    product: ProductName | None = None
    instrument: PayerInstrument | None = None
    sponsors: tuple[FeeShare, ...] = ()
    schedule: tuple[ScheduledInstalment, ...] = ()


class NotOffered(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What the buyer has and cannot pay by, and why. `instalments` is absent where the means as a whole is not offered.

    `reason` is an error code, `message` its sentence.
    """

    reason: str
    message: str
    means: Means | None = None
    instalments: Count | None = None
    lender: LenderName | None = None
    product: ProductName | None = None
    instrument: PayerInstrument | None = None


class Quote(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """A promise: until `expires_at`, what is quoted is what is charged. Offers come cheapest first.

    `confirmed_offer` is the one that is held. `not_offered` is told only when the quote is made. With the status
    `indicative` it is no promise: nobody's in particular, without `quote_id`, `buyer_id` and `expires_at`.
    """

    quote_id: Id | None = None
    status: QuoteStatus
    buyer_id: PartyNumber | None = None
    amount: Amount
    created_at: Time
    expires_at: Time | None = None
    offers: tuple[QuoteOffer, ...]
    order_id: Id | None = None
    confirmed_offer: OfferNumber | None = None
    not_offered: tuple[NotOffered, ...] = ()


class ChosenOffer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which offer of a quote."""

    offer: OfferNumber


class QuoteConfirmation(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What became of a confirmation.

    Confirmed: `offer` is held, its sponsors' shares reserved, until `expires_at`. Not confirmed: `reason` is the error
    code that says what has run out, and `next_quote` is another quote, without it.
    """

    confirmed: bool
    quote_id: Id
    expires_at: Time
    offer: QuoteOffer | None = None
    reason: str | None = None
    message: str | None = None
    next_quote: Quote | None = None


class QuoteRelease(msgspec.Struct, frozen=True, gc=False):
    """Whether this request gave anything back: a quote that held nothing is left as it is."""

    quote_id: Id
    released: bool


class PlanSummary(msgspec.Struct, frozen=True, gc=False):
    """The instalment plan of a payment. `fee` is the lender's price: `buyer_fee` and `subsidy` are who bears it."""

    plan_id: Id
    lender_id: PartyNumber
    instalments: Count
    principal: Amount
    fee: Amount
    buyer_fee: Amount
    subsidy: Amount


class PlanShare(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What a sponsor bears of a plan's fee, and what it got back by refunds."""

    sponsor_id: PartyNumber
    kind: Literal["merchant", "bank", "platform", "brand"]
    name: str
    amount: Amount
    returned: Amount
    waived: bool
    campaign: CampaignName | None = None


class Plan(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """A payment in instalments, as its merchant sees it.

    What the buyer has repaid is between her and her lender: `active` says no more than that the payment succeeded.
    """

    plan_id: Id
    payment_id: Id
    order_id: Id
    status: PlanStatus
    lender: LenderName
    product: ProductName
    instalments: Count
    principal: Amount
    fee: Amount
    buyer_fee: Amount
    refunded_amount: Amount
    created_at: Time
    sponsors: tuple[PlanShare, ...] = ()


class FeeReturn(msgspec.Struct, frozen=True, gc=False):
    """What a refund gave back of a plan's fee: to the buyer, and to all sponsors together."""

    buyer_fee: Amount
    subsidy: Amount
