"""Operations on payments and refunds."""

from __future__ import annotations

from typing import Final

from chuanliu import trade
from chuanliu.errors import Invalid
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.documents import NewPayment, NewRefund, NewRefundOfPayment, Payment, Refund
from chuanliu.gateway.native.fields import id_of, number_or_key
from chuanliu.gateway.native.operation import Answer, Call, Operation
from chuanliu.gateway.native.rendering import (
    details_of,
    encode,
    payment_document,
    refund_document,
    render_payment,
    render_refund,
)
from chuanliu.gateway.native.submission_routes import submit


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
    )
    command = trade.PayByCode(spec, int(body.payment_code))
    if call.key is None or call.key == reference:
        return render_payment(await services.engine.submit(command))
    return await submit(services, call, "create_payment", command, render_payment)


async def show_payment(services: Services, call: Call) -> Answer:
    """A payment by our id."""
    payment_id = id_of(call.params["payment_id"], "payment_not_found")
    found = await services.engine.ask(trade.FindPayment(payment_id, merchant_id=call.merchant_id))
    return Answer(200, encode(payment_document(*found)))


async def refund_payment(services: Services, call: Call) -> Answer:
    """Refund the order that a payment paid."""
    body: NewRefundOfPayment = call.body
    payment_id = id_of(call.params["payment_id"], "payment_not_found")
    _, _, orders = await services.engine.ask(trade.FindPayment(payment_id, merchant_id=call.merchant_id))
    ref = trade.OrderRef(call.merchant_id, order_id=orders[0].order_id)
    return await _refund(services, call, "refund_payment", ref, body)


async def create_refund(services: Services, call: Call) -> Answer:
    """Refund an order."""
    body: NewRefund = call.body
    if body.order_id is None and body.reference is None:
        raise Invalid("invalid_parameter", "name the order by reference or order_id", field="reference")
    order_id = id_of(body.order_id, "order_not_found") if body.order_id is not None else None
    ref = trade.OrderRef(call.merchant_id, body.reference, order_id)
    return await _refund(services, call, "create_refund", ref, body)


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
    refund_id = id_of(call.params["refund_id"], "refund_not_found")
    order, refund = await services.engine.ask(trade.FindRefundById(call.merchant_id, refund_id))
    return Answer(200, encode(refund_document(refund, order)))


_REFUNDING: Final = (
    "order_status_invalid",
    "order_finished",
    "refund_inconsistent",
    "refund_exceeds_payment",
    "refund_not_allowed",
    "seller_balance_insufficient",
    "seller_not_found",
    "seller_blocked",
    "currency_not_supported",
    "invalid_amount",
    "idempotency_conflict",
)

OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/payments",
        name="create_payment",
        tag="Payments",
        summary="Pay by the code that a wallet shows",
        description=(
            "Makes the order and pays it. `awaiting_payer` means that the payer confirms in the wallet: ask again, or "
            "wait for the event. A refused payment is a problem with status 422 whose `details` name the order, which "
            "can be paid with a new code. The same `reference` again gives the first payment."
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
            "buyer_mismatch",
            "order_inconsistent",
            "order_closed",
            "order_finished",
            "order_expired",
            "amount_too_large",
            "seller_not_found",
            "seller_blocked",
            "currency_not_supported",
            "invalid_amount",
            "idempotency_conflict",
        ),
        keyed=True,
        handle=create_payment,
    ),
    Operation(
        method="GET",
        path="/v1/payments/{payment_id}",
        name="show_payment",
        tag="Payments",
        summary="Read a payment",
        response=Payment,
        errors=("payment_not_found",),
        handle=show_payment,
    ),
    Operation(
        method="POST",
        path="/v1/payments/{payment_id}/refunds",
        name="refund_payment",
        tag="Refunds",
        summary="Refund part or all of a payment",
        request=NewRefundOfPayment,
        response=Refund,
        status=201,
        errors=("payment_not_found", *_REFUNDING),
        keyed=True,
        handle=refund_payment,
    ),
    Operation(
        method="POST",
        path="/v1/refunds",
        name="create_refund",
        tag="Refunds",
        summary="Refund part or all of an order",
        description="The same `request_no` again gives the first refund; with another amount, `refund_inconsistent`.",
        request=NewRefund,
        response=Refund,
        status=201,
        errors=("order_not_found", *_REFUNDING),
        keyed=True,
        handle=create_refund,
    ),
    Operation(
        method="GET",
        path="/v1/refunds/{refund_id}",
        name="show_refund",
        tag="Refunds",
        summary="Read a refund",
        response=Refund,
        errors=("refund_not_found",),
        handle=show_refund,
    ),
)
