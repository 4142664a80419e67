"""Which order a request is about: by our id in the path, or by either number in the body."""

from __future__ import annotations

from chuanliu import trade
from chuanliu.errors import Invalid
from chuanliu.gateway.native.documents import CancelledOrder, NewRefund
from chuanliu.gateway.native.fields import id_of
from chuanliu.gateway.native.instalment_documents import NewQuote
from chuanliu.gateway.native.operation import Call


def order_of_path(call: Call) -> trade.OrderRef:
    """The order of a path with `{order_id}`. Raises `NotFound(order_not_found)` for what cannot be an id."""
    return trade.OrderRef(call.merchant_id, order_id=call.id("order"))


def order_of_body(call: Call, body: CancelledOrder | NewRefund | NewQuote) -> trade.OrderRef:
    """The order that a body names. Raises `Invalid(invalid_parameter)` when it names none."""
    if body.order_id is None and body.reference is None:
        raise Invalid("invalid_parameter", "name the order by reference or order_id", field="reference")
    order_id = id_of(body.order_id, "order_not_found") if body.order_id is not None else None
    return trade.OrderRef(call.merchant_id, body.reference, order_id)
