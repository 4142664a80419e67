"""Operations on payments and refunds."""

from __future__ import annotations

import time
from functools import partial
from typing import Final

from chuanliu import trade
from chuanliu.errors import Invalid
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.documents import NewPayment, NewRefund, NewRefundOfPayment, Payment, Refund
from chuanliu.gateway.native.fields import id_of, number_or_key
from chuanliu.gateway.native.named_order import order_of_body
from chuanliu.gateway.native.operation import (
    CREDIT_ERRORS,
    ORDER_ERRORS,
    QUOTE_ERRORS,
    SELLER_ERRORS,
    Answer,
    Call,
    Operation,
)
from chuanliu.gateway.native.rendering import (
    details_of,
    encode,
    payment_document,
    payment_in_progress,
    refund_document,
    render_payment,
    render_payment_again,
    render_refund,
    stored_wish,
)
from chuanliu.gateway.native.submission_routes import record, submit


async def create_payment(services: Services, call: Call) -> Answer:
    """Create and pay in one step. This is the hottest way through the API."""
    body: NewPayment = call.body
    reference = number_or_key(body.reference, call.key, "reference")
    spec = trade.OrderSpec(
        call.merchant_id,
        0,
        reference,
        "barcode",
        body.subject,
        body.amount.minor(),
        body.amount.currency,
        buyer_id=int(body.buyer_id) if body.buyer_id is not None else None,
        sub_merchant_id=int(body.sub_merchant_id) if body.sub_merchant_id is not None else None,
        details=details_of(body.metadata),
        wish=stored_wish(body.wish, body.store_id),
    )
    command = trade.PayByCode(spec, int(body.payment_code), _choice(body), time.time_ns() // 1000)
    render = partial(render_payment, services.engine.reference)
    if call.key is None or call.key == reference:
        return render(await services.banks.settle(await services.engine.submit(command)))
    recorded = await record(services, call, call.key, "create_payment", command, render)
    if recorded.outcome is not None:
        return render(await services.banks.settle(recorded.outcome))
    # The first answer was given before the bank's.
    in_progress = payment_in_progress(recorded.answer)
    if in_progress is None:
        return recorded.answer
    found = await services.engine.ask(trade.FindPayment(in_progress, merchant_id=call.merchant_id))
    return render_payment_again(services.engine.reference, found)


def _choice(body: NewPayment) -> trade.Choice | None:
    if body.quote_id is None:
        if body.offer is not None:
            raise Invalid("invalid_parameter", "an offer is one of a quote: give quote_id too", field="quote_id")
        return None
    return trade.Choice(id_of(body.quote_id, "quote_not_found"), None if body.offer is None else body.offer - 1)


async def show_payment(services: Services, call: Call) -> Answer:
    """A payment by our id."""
    payment_id = call.id("payment")
    found = await services.engine.ask(trade.FindPayment(payment_id, merchant_id=call.merchant_id))
    return Answer(200, encode(payment_document(services.engine.reference, found)))


async def refund_payment(services: Services, call: Call) -> Answer:
    """Refund the order that a payment paid."""
    body: NewRefundOfPayment = call.body
    payment_id = call.id("payment")
    found = await services.engine.ask(trade.FindPayment(payment_id, merchant_id=call.merchant_id))
    ref = trade.OrderRef(call.merchant_id, order_id=found.orders[0].order_id)
    return await _refund(services, call, "refund_payment", ref, body)


async def create_refund(services: Services, call: Call) -> Answer:
    """Refund an order."""
    body: NewRefund = call.body
    return await _refund(services, call, "create_refund", order_of_body(call, body), body)


async def _refund(
    services: Services, call: Call, operation: str, ref: trade.OrderRef, body: NewRefund | NewRefundOfPayment
) -> Answer:
    request_no = number_or_key(body.request_no, call.key, "request_no")
    if call.key == request_no:
        call = call._replace(key=None)
    command = trade.RefundOrder(ref, body.amount.minor(), request_no, body.reason, body.amount.currency)
    return await submit(services, call, operation, command, render_refund)


async def show_refund(services: Services, call: Call) -> Answer:
    """A refund by our id."""
    refund_id = call.id("refund")
    order, refund = await services.engine.ask(trade.FindRefundById(call.merchant_id, refund_id))
    return Answer(200, encode(refund_document(refund, order)))


_REFUNDING: Final = (
    "order_status_invalid",
    "order_finished",
    "refund_inconsistent",
    "refund_exceeds_payment",
    "refund_not_allowed",
    "seller_balance_insufficient",
    *SELLER_ERRORS,
)

OPERATIONS: Final = (
    Operation(
        "POST",
        "/v1/payments",
        create_payment,
        "Pay by the code that a wallet shows",
        tag="Payments",
        description=(
            "Makes the order and pays it. `awaiting_payer` means that the payer confirms in the wallet, `in_progress` "
            "that her bank has not answered yet: ask again, or wait for the event. A refused payment is a problem with "
            "status 422 whose `details` name the order, which can be paid with a new code. The same `reference` again "
            "gives the first payment."
        ),
        request=NewPayment,
        response=Payment,
        status=201,
        errors=(
            "payment_code_invalid",
            "balance_insufficient",
            "no_funding_method",
            "payment_refused",
            "buyer_is_seller",
            "order_finished",
            *ORDER_ERRORS,
            *QUOTE_ERRORS,
            *CREDIT_ERRORS,
        ),
        keyed=True,
    ),
    Operation("GET", "/v1/payments/{payment_id}", show_payment, "Read a payment", tag="Payments", response=Payment),
    Operation(
        "POST",
        "/v1/payments/{payment_id}/refunds",
        refund_payment,
        "Refund part or all of a payment",
        tag="Refunds",
        request=NewRefundOfPayment,
        response=Refund,
        status=201,
        errors=_REFUNDING,
        keyed=True,
    ),
    Operation(
        "POST",
        "/v1/refunds",
        create_refund,
        "Refund part or all of an order",
        tag="Refunds",
        description="The same `request_no` again gives the first refund; with another amount, `refund_inconsistent`.",
        request=NewRefund,
        response=Refund,
        status=201,
        errors=("order_not_found", *_REFUNDING),
        keyed=True,
    ),
    Operation("GET", "/v1/refunds/{refund_id}", show_refund, "Read a refund", tag="Refunds", response=Refund),
)
