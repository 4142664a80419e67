"""Operations on quotes and plans."""

from __future__ import annotations

import time
from typing import Final

from chuanliu import trade
from chuanliu.clock import Micros
from chuanliu.errors import Invalid, Refused
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.fields import amount
from chuanliu.gateway.native.instalment_documents import (
    ChosenOffer,
    NewQuote,
    Plan,
    Quote,
    QuoteConfirmation,
    QuoteRelease,
)
from chuanliu.gateway.native.named_order import order_of_body
from chuanliu.gateway.native.operation import QUOTE_ERRORS, SELLER_ERRORS, Answer, Call, Operation
from chuanliu.gateway.native.quote_rendering import plan_document, render_confirmation, render_indication, render_quote
from chuanliu.gateway.native.rendering import encode, stored_wish
from chuanliu.instalments import Basket, ConfirmQuote, FindPlan, FindQuote, IndicateOffers, QuoteByCode, ReleaseQuote


async def create_quote(services: Services, call: Call) -> Answer:
    """Quote all that the buyer has who shows a payment code, for an amount or an order; without one, indicate."""
    body: NewQuote = call.body
    asked_at = time.time_ns() // 1000
    if body.order_id is None and body.reference is None:
        basket, order_id, buyer_id = _basket(services, call, body), None, None
    else:
        order = await _order(services, call, body, asked_at)
        basket = trade.basket_of(services.engine.reference, order)
        order_id, buyer_id = order.order_id, order.buyer_id
    if body.payment_code is None:
        offers = await services.engine.ask(IndicateOffers(basket))
        return render_indication(services.engine.reference, basket, order_id, offers, asked_at)
    command = QuoteByCode(int(body.payment_code), basket, asked_at, order_id, buyer_id)
    view = await services.engine.submit(command)
    return render_quote(services.engine.reference, view, 201)


def _basket(services: Services, call: Call, body: NewQuote) -> Basket:
    if body.amount is None:
        raise Invalid("invalid_parameter", "give an amount, or name an order", field="amount")
    spec = trade.OrderSpec(
        call.merchant_id,
        0,
        "",
        "qr",
        "",
        body.amount.minor(),
        body.amount.currency,
        sub_merchant_id=int(body.sub_merchant_id) if body.sub_merchant_id is not None else None,
        wish=stored_wish(body.wish, body.store_id),
    )
    trade.require_orderable(services.engine.reference, spec)
    return trade.basket_of(services.engine.reference, spec)


async def _order(services: Services, call: Call, body: NewQuote, now: Micros) -> trade.Order:
    for name in ("sub_merchant_id", "store_id", "wish"):
        if getattr(body, name) is not None:
            raise Invalid("invalid_parameter", f"the order has its {name} already", field=name)
    order = (await services.engine.ask(trade.FindOrder(order_of_body(call, body)))).order
    trade.require_payable(order, now)
    if body.amount is not None and body.amount != amount(order.amount_minor, order.currency):
        body.amount.minor()
        raise Refused("order_inconsistent", field="total_amount")
    return order


async def show_quote(services: Services, call: Call) -> Answer:
    """A quote by our id."""
    view = await services.engine.ask(FindQuote(call.id("quote"), merchant_id=call.merchant_id))
    return render_quote(services.engine.reference, view)


async def confirm_quote(services: Services, call: Call) -> Answer:
    """Hold an offer, or say what has run out and quote again."""
    body: ChosenOffer = call.body
    quote_id = call.id("quote")
    confirmation = await services.engine.submit(ConfirmQuote(quote_id, call.merchant_id, body.offer - 1))
    return render_confirmation(services.engine.reference, quote_id, confirmation)


async def release_quote(services: Services, call: Call) -> Answer:
    """Let go of what a confirmed quote holds."""
    quote_id = call.id("quote")
    released = await services.engine.submit(ReleaseQuote(quote_id, call.merchant_id))
    return Answer(200, encode(QuoteRelease(str(quote_id), released)))


async def show_plan(services: Services, call: Call) -> Answer:
    """The plan of a payment to the caller."""
    plan = await services.engine.ask(FindPlan(call.id("plan"), merchant_id=call.merchant_id))
    return Answer(200, encode(plan_document(services.engine.reference, plan)))


_TAG: Final = "Instalments"
_ONE: Final = "/v1/quotes/{quote_id}"

OPERATIONS: Final = (
    Operation(
        "POST",
        "/v1/quotes",
        create_quote,
        "Quote all ways to pay, in full and in instalments",
        tag=_TAG,
        description=(
            "By the buyer's payment code: all that she has, side by side and cheapest first, each with its schedule, "
            "its total cost, who bears the fee and the annualised rate; and what is not offered, with the reason. A "
            "quote is good for 15 minutes: pay by its `quote_id` and an offer's number, and what was quoted is what is "
            "charged. Without a code: what anybody might be offered, as an indication to show beside a price."
        ),
        request=NewQuote,
        response=Quote,
        status=201,
        errors=(
            "payment_code_invalid",
            "payment_code_quoted",
            "buyer_is_seller",
            "buyer_blocked",
            "buyer_mismatch",
            "order_not_found",
            "order_already_paid",
            "order_closed",
            "order_finished",
            "order_expired",
            "order_inconsistent",
            "amount_too_large",
            *SELLER_ERRORS,
        ),
    ),
    Operation("GET", _ONE, show_quote, "Read a quote", tag=_TAG, response=Quote),
    Operation(
        "POST",
        _ONE + "/confirm",
        confirm_quote,
        "Hold an offer until the quote expires",
        tag=_TAG,
        description=(
            "Reserves the shares of the offer's sponsors on their budgets, so that the payment cannot find them spent. "
            "Where one has run out meanwhile, the answer is not confirmed: it says why, and quotes again. Confirming "
            "the same offer again gives the same answer."
        ),
        request=ChosenOffer,
        response=QuoteConfirmation,
        errors=(*QUOTE_ERRORS, "quote_confirmed"),
    ),
    Operation(
        "POST",
        _ONE + "/release",
        release_quote,
        "Give back what a confirmed quote holds",
        tag=_TAG,
        description="A quote that nobody uses is released by itself when it expires.",
        response=QuoteRelease,
    ),
    Operation(
        "GET",
        "/v1/plans/{plan_id}",
        show_plan,
        "Read the instalment plan of a payment",
        tag=_TAG,
        response=Plan,
    ),
)
