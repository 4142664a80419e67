"""From checked business fields to what `trade` is asked: order specs, references, and the details that come back."""

from __future__ import annotations

from typing import Final

import msgspec

from chuanliu.clock import HOUR, Micros
from chuanliu.crypto import SignType
from chuanliu.errors import Forbidden, Refused
from chuanliu.gateway.alipay.biz_content import OrderReference, OrderTerms
from chuanliu.ids import is_party_number, order_id_of
from chuanliu.instalments import wish_bytes
from chuanliu.trade import OrderRef, OrderSpec

_CODE_TIMEOUT: Final = 2 * HOUR


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Who asks: the app and its merchant, and what of the common parameters belongs to an order."""

    merchant_id: int
    app_id: int
    sign_type: SignType = "RSA2"
    notify_url: str | None = None
    return_url: str | None = None


class OrderDetails(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the merchant sent and gets back, kept with the order as JSON. `sign_type` is how its messages are signed."""

    body: str | None = None
    passback_params: str | None = None
    product_code: str | None = None
    store_id: str | None = None
    operator_id: str | None = None
    terminal_id: str | None = None
    quit_url: str | None = None
    goods: tuple[dict[str, str], ...] = ()
    sign_type: SignType = "RSA2"


_ENCODE: Final = msgspec.json.Encoder().encode
_DECODER: Final = msgspec.json.Decoder(OrderDetails)
_NONE: Final = OrderDetails()


def details_of(stored: bytes | None) -> OrderDetails:
    """An order's details; those of other dialects read as empty ones."""
    if stored is None:
        return _NONE
    try:
        return _DECODER.decode(stored)
    except msgspec.DecodeError:
        return _NONE


def details_bytes(terms: OrderTerms, sign_type: SignType, quit_url: str | None = None) -> bytes | None:
    """The details to keep with an order, or None where there are none."""
    details = OrderDetails(
        terms.body,
        terms.passback_params,
        terms.product_code,
        terms.store_id,
        terms.operator_id,
        terms.terminal_id,
        quit_url,
        terms.goods,
        sign_type,
    )
    encoded = _ENCODE(details)
    return None if encoded == b"{}" else encoded


def order_spec(
    caller: Caller,
    terms: OrderTerms,
    scene: str,
    now: Micros,
    *,
    buyer_id: int | None = None,
    code_timeout: Micros | None = None,
    quit_url: str | None = None,
) -> OrderSpec:
    """What `trade` is asked for. `code_timeout` (0 for the end of the day) may end an order behind a QR code earlier.

    Raises `Forbidden(forbidden)` where the money is to go to another seller, `Refused(seller_not_found)` for a
    sub-merchant that is no party.
    """
    if terms.seller_id is not None and int(terms.seller_id) != caller.merchant_id:
        raise Forbidden("forbidden", field="seller_id")
    expires_at = terms.expires_at
    if terms.timeout == 0 and expires_at is None:
        expires_at = terms.deadline(now, 0)
    if code_timeout is not None:
        of_code = msgspec.structs.replace(terms, timeout=code_timeout, expires_at=None)
        expires_at = min(terms.deadline(now, _CODE_TIMEOUT), of_code.deadline(now, _CODE_TIMEOUT))
    return OrderSpec(
        merchant_id=caller.merchant_id,
        app_id=caller.app_id,
        out_trade_no=terms.out_trade_no,
        scene=scene,
        subject=terms.subject,
        amount_minor=terms.total_minor,
        buyer_id=buyer_id,
        sub_merchant_id=_sub_merchant(terms.sub_merchant_id),
        expires_in=terms.timeout,
        expires_at=expires_at,
        notify_url=caller.notify_url,
        return_url=caller.return_url,
        details=details_bytes(terms, caller.sign_type, quit_url),
        wish=wish_bytes(terms.wish),
    )


def order_ref(caller: Caller, order: OrderReference) -> OrderRef:
    """How the request names one of the caller's orders; trade_no wins. Raises `Refused(order_not_found)`."""
    if order.trade_no is None:
        return OrderRef(caller.merchant_id, order.out_trade_no)
    order_id = order_id_of(order.trade_no)
    if order_id is None:
        raise Refused("order_not_found", field="trade_no")
    return OrderRef(caller.merchant_id, order_id=order_id)


def _sub_merchant(number: str | None) -> int | None:
    if number is None:
        return None
    if not is_party_number(number):
        raise Refused("seller_not_found", field="sub_merchant")
    return int(number)
