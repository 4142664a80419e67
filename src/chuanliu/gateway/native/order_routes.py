"""Operations on orders."""

from __future__ import annotations

from typing import Final

from chuanliu import trade
from chuanliu.clock import HOUR, SECOND, from_datetime
from chuanliu.errors import Invalid, Refused
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.documents import (
    Cancellation,
    CancelledOrder,
    NewOrder,
    Order,
    OrderByReference,
    Refunds,
)
from chuanliu.gateway.native.fields import id_of, number_or_key
from chuanliu.gateway.native.operation import Answer, Call, Operation
from chuanliu.gateway.native.rendering import details_of, encode, order_document, render_cancellation, render_refunds
from chuanliu.gateway.native.submission_routes import submit

EXPIRES_IN_DEFAULT: Final = 2 * HOUR
_PASSED: Final = frozenset({"order_already_paid", "order_finished", "order_closed", "order_expired"})


async def create_order(services: Services, call: Call) -> Answer:
    """Create an order; asked again with the same identity, the order as it is by now."""
    body: NewOrder = call.body
    if body.expires_at is not None and body.expires_in_s is not None:
        raise Invalid("invalid_parameter", "give expires_in_s or expires_at, not both", field="expires_at")
    spec = trade.OrderSpec(
        call.merchant_id,
        0,
        number_or_key(body.reference, call.key, "reference"),
        "qr",
        body.subject,
        body.amount.minor(),
        body.amount.currency,
        buyer_id=int(body.buyer_id) if body.buyer_id is not None else None,
        sub_merchant_id=int(body.sub_merchant_id) if body.sub_merchant_id is not None else None,
        expires_in=body.expires_in_s * SECOND if body.expires_in_s is not None else EXPIRES_IN_DEFAULT,
        expires_at=from_datetime(body.expires_at) if body.expires_at is not None else None,
        return_url=body.return_url,
        details=details_of(body.metadata),
    )
    if call.key == spec.out_trade_no:
        call = call._replace(key=None)

    def render(order: trade.Order) -> Answer:
        return Answer(201, encode(order_document(order, services.public_url)))

    try:
        return await submit(services, call, "create_order", trade.CreateOrder(spec), render)
    except Refused as error:
        # The identity was compared before the state: this is the same request again, after its order moved on.
        if error.code not in _PASSED or error.field is not None:
            raise
        try:
            return render((await services.engine.ask(trade.FindOrder(spec.ref))).order)
        except Refused:
            raise error from None


async def show_order(services: Services, call: Call) -> Answer:
    """An order by our id."""
    ref = trade.OrderRef(call.merchant_id, order_id=id_of(call.params["order_id"], "order_not_found"))
    return await _show(services, ref)


async def find_order(services: Services, call: Call) -> Answer:
    """An order by the merchant's number."""
    query: OrderByReference = call.query
    return await _show(services, trade.OrderRef(call.merchant_id, query.reference))


async def _show(services: Services, ref: trade.OrderRef) -> Answer:
    view = await services.engine.ask(trade.FindOrder(ref))
    return Answer(200, encode(order_document(view.order, services.public_url)))


async def list_refunds(services: Services, call: Call) -> Answer:
    """The refunds of an order."""
    ref = trade.OrderRef(call.merchant_id, order_id=id_of(call.params["order_id"], "order_not_found"))
    return render_refunds(await services.engine.ask(trade.FindOrder(ref, with_refunds=True)))


async def close_order(services: Services, call: Call) -> Answer:
    """Close an unpaid order."""
    ref = trade.OrderRef(call.merchant_id, order_id=id_of(call.params["order_id"], "order_not_found"))

    def render(order: trade.Order) -> Answer:
        return Answer(200, encode(order_document(order, services.public_url)))

    return await submit(services, call, "close_order", trade.CloseOrder(ref), render)


async def cancel_order(services: Services, call: Call) -> Answer:
    """Undo an order whose outcome the merchant does not know."""
    body: CancelledOrder = call.body
    if body.order_id is None and body.reference is None:
        raise Invalid("invalid_parameter", "name the order by reference or order_id", field="reference")
    order_id = id_of(body.order_id, "order_not_found") if body.order_id is not None else None
    ref = trade.OrderRef(call.merchant_id, body.reference, order_id)

    def render(outcome: trade.CancelOutcome) -> Answer:
        return render_cancellation(outcome, services.public_url)

    return await submit(services, call, "cancel_order", trade.CancelOrder(ref), render)


_TAG: Final = "Orders"
_BY_ID: Final = "/v1/orders/{order_id}"
_MAKING: Final = (
    "order_inconsistent",
    "order_closed",
    "order_expired",
    "buyer_mismatch",
    "amount_too_large",
    "seller_not_found",
    "seller_blocked",
    "currency_not_supported",
    "invalid_amount",
    "idempotency_conflict",
)

OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/orders",
        name="create_order",
        tag=_TAG,
        summary="Create an order to be paid by QR code or in the cashier",
        description="The same `reference` again gives the order as it is; with another amount, `order_inconsistent`.",
        request=NewOrder,
        response=Order,
        status=201,
        errors=_MAKING,
        keyed=True,
        handle=create_order,
    ),
    Operation(
        method="GET",
        path="/v1/orders",
        name="find_order",
        tag=_TAG,
        summary="Find an order by your reference",
        query=OrderByReference,
        response=Order,
        errors=("order_not_found",),
        handle=find_order,
    ),
    Operation(
        method="POST",
        path="/v1/orders/cancel",
        name="cancel_order",
        tag=_TAG,
        summary="Undo an order whose outcome you do not know",
        description=(
            "Closes an unpaid order and refunds one that was paid today. A `reference` never seen is marked, so that a "
            "payment that arrives later is refused."
        ),
        request=CancelledOrder,
        response=Cancellation,
        errors=(
            "order_not_found",
            "cancel_too_late",
            "order_finished",
            "seller_balance_insufficient",
            "seller_not_found",
            "seller_blocked",
            "idempotency_conflict",
        ),
        keyed=True,
        handle=cancel_order,
    ),
    Operation(
        method="GET",
        path=_BY_ID,
        name="show_order",
        tag=_TAG,
        summary="Read an order",
        response=Order,
        errors=("order_not_found",),
        handle=show_order,
    ),
    Operation(
        method="POST",
        path=_BY_ID + "/close",
        name="close_order",
        tag=_TAG,
        summary="Close an unpaid order",
        response=Order,
        errors=("order_not_found", "order_status_invalid", "idempotency_conflict"),
        keyed=True,
        handle=close_order,
    ),
    Operation(
        method="GET",
        path=_BY_ID + "/refunds",
        name="list_refunds",
        tag=_TAG,
        summary="List the refunds of an order",
        response=Refunds,
        errors=("order_not_found",),
        handle=list_refunds,
    ),
)
