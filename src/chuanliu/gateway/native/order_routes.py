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
from chuanliu.gateway.native.fields import number_or_key
from chuanliu.gateway.native.named_order import order_of_body, order_of_path
from chuanliu.gateway.native.operation import ORDER_ERRORS, SELLER_ERRORS, Answer, Call, Operation
from chuanliu.gateway.native.rendering import (
    details_of,
    encode,
    order_document,
    order_view_document,
    render_cancellation,
    render_refunds,
    stored_wish,
)
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
        wish=stored_wish(body.wish, body.store_id),
    )
    if call.key == spec.out_trade_no:
        call = call._replace(key=None)

    def render(order: trade.Order) -> Answer:
        return Answer(201, encode(order_document(order, services.public_url)))

    try:
        if call.key is not None:
            return await submit(services, call, "create_order", trade.CreateOrder(spec), render)
        order = await services.engine.submit(trade.CreateOrder(spec))
        return render(order) if order.payment_id is None else await _show(services, spec.ref, 201)
    except Refused as error:
        # The identity was compared before the state: this is the same request again, after its order moved on.
        if error.code not in _PASSED or error.field is not None:
            raise
        try:
            return await _show(services, spec.ref, 201)
        except Refused:
            raise error from None


async def show_order(services: Services, call: Call) -> Answer:
    """An order by our id."""
    return await _show(services, order_of_path(call))


async def find_order(services: Services, call: Call) -> Answer:
    """An order by the merchant's number."""
    query: OrderByReference = call.query
    return await _show(services, trade.OrderRef(call.merchant_id, query.reference))


async def _show(services: Services, ref: trade.OrderRef, status: int = 200) -> Answer:
    view = await services.engine.ask(trade.FindOrder(ref))
    return Answer(status, encode(order_view_document(services.engine.reference, view, services.public_url)))


async def list_refunds(services: Services, call: Call) -> Answer:
    """The refunds of an order."""
    return render_refunds(await services.engine.ask(trade.FindOrder(order_of_path(call), with_refunds=True)))


async def close_order(services: Services, call: Call) -> Answer:
    """Close an unpaid order."""

    def render(order: trade.Order) -> Answer:
        return Answer(200, encode(order_document(order, services.public_url)))

    return await submit(services, call, "close_order", trade.CloseOrder(order_of_path(call)), render)


async def cancel_order(services: Services, call: Call) -> Answer:
    """Undo an order whose outcome the merchant does not know."""
    body: CancelledOrder = call.body

    def render(outcome: trade.CancelOutcome) -> Answer:
        return render_cancellation(outcome, services.public_url)

    return await submit(services, call, "cancel_order", trade.CancelOrder(order_of_body(call, body)), render)


_TAG: Final = "Orders"
_BY_ID: Final = "/v1/orders/{order_id}"
OPERATIONS: Final = (
    Operation(
        "POST",
        "/v1/orders",
        create_order,
        "Create an order to be paid by QR code or in the cashier",
        tag=_TAG,
        description="The same `reference` again gives the order as it is; with another amount, `order_inconsistent`.",
        request=NewOrder,
        response=Order,
        status=201,
        errors=ORDER_ERRORS,
        keyed=True,
    ),
    Operation(
        "GET",
        "/v1/orders",
        find_order,
        "Find an order by your reference",
        tag=_TAG,
        query=OrderByReference,
        response=Order,
        errors=("order_not_found",),
    ),
    Operation(
        "POST",
        "/v1/orders/cancel",
        cancel_order,
        "Undo an order whose outcome you do not know",
        tag=_TAG,
        description=(
            "Closes an unpaid order and refunds one that was paid today. A `reference` never seen is marked, so that a "
            "payment that arrives later is refused."
        ),
        request=CancelledOrder,
        response=Cancellation,
        errors=("order_not_found", "cancel_too_late", "order_finished", "seller_balance_insufficient", *SELLER_ERRORS),
        keyed=True,
    ),
    Operation("GET", _BY_ID, show_order, "Read an order", tag=_TAG, response=Order),
    Operation(
        "POST",
        _BY_ID + "/close",
        close_order,
        "Close an unpaid order",
        tag=_TAG,
        response=Order,
        errors=("order_status_invalid",),
        keyed=True,
    ),
    Operation("GET", _BY_ID + "/refunds", list_refunds, "List the refunds of an order", tag=_TAG, response=Refunds),
)
