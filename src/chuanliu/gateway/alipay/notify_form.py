"""Events of orders as signed asynchronous notifications (`trade_status_sync`)."""

from __future__ import annotations

import msgspec

from chuanliu.clock import SECOND, Micros, wall_text
from chuanliu.crypto import SignType
from chuanliu.gateway.alipay.forms import signed_form
from chuanliu.gateway.alipay.funds import camel, fund_bill, instalment_info
from chuanliu.gateway.alipay.members import masked_logon_id
from chuanliu.gateway.alipay.ordering import details_of
from chuanliu.ids import trade_no
from chuanliu.money import format_amount
from chuanliu.trade import OrderSnapshot

_OWN_REQUEST = "cancel:"


def notification_members(snapshot: OrderSnapshot, notify_id: int, now: Micros) -> dict[str, str]:
    """The unsigned members. `notify_id` is the event's id, the same on every attempt; `now` is when this one is sent.

    What is not known is left out, never sent empty: SDKs disagree on whether empty values are signed.
    """
    details = details_of(snapshot.details)
    total = format_amount(snapshot.amount_minor, snapshot.currency)
    members: dict[str, str | None] = {
        "notify_time": wall_text(now),
        "notify_type": "trade_status_sync",
        "notify_id": str(notify_id),
        "app_id": str(snapshot.app_id),
        "auth_app_id": str(snapshot.app_id),
        "charset": "utf-8",
        "version": "1.0",
        "trade_no": trade_no(snapshot.order_id),
        "out_trade_no": snapshot.out_trade_no,
        "seller_id": str(snapshot.merchant_id),
        "trade_status": snapshot.status,
        "total_amount": total,
        "subject": snapshot.subject,
        "body": details.body,
        "passback_params": details.passback_params,
        "gmt_create": wall_text(snapshot.created_at),
        "gmt_close": wall_text(snapshot.closed_at) if snapshot.closed_at is not None else None,
    }
    if snapshot.buyer_id is not None:
        members |= {"buyer_id": str(snapshot.buyer_id), "buyer_logon_id": masked_logon_id(snapshot.buyer_id)}
    if snapshot.paid_at is not None:
        members |= {
            "gmt_payment": wall_text(snapshot.paid_at),
            "receipt_amount": total,
            "invoice_amount": total,
            "buyer_pay_amount": total,
            "point_amount": "0.00",
            "fund_bill_list": _fund_bills(snapshot),
            "hb_fq_pay_info": _instalments(snapshot),
        }
    if snapshot.refund_id is not None:
        members |= _refund(snapshot)
    return {name: value for name, value in members.items() if value}


def alipay_notification(
    snapshot: OrderSnapshot, notify_id: int, now: Micros, key: str, sign_type: SignType | None = None
) -> bytes:
    """The body of a notification, of content type `NOTIFICATION_CONTENT_TYPE`, signed with the app's platform key.

    The algorithm is the one that the order's own request was signed with, unless another is given.
    """
    signing = sign_type or details_of(snapshot.details).sign_type
    return signed_form(notification_members(snapshot, notify_id, now), key, signing)


def _refund(snapshot: OrderSnapshot) -> dict[str, str | None]:
    number = snapshot.refund_request_no
    at = snapshot.refund_at
    return {
        # A cancellation refunds under a number of ours, which says nothing to the merchant.
        "out_biz_no": None if number is None or number.startswith(_OWN_REQUEST) else number,
        "refund_fee": format_amount(snapshot.refunded_minor, snapshot.currency),
        "gmt_refund": None if at is None else f"{wall_text(at)}.{at % SECOND // 1000:03d}",
    }


def _fund_bills(snapshot: OrderSnapshot) -> str | None:
    """A JSON text with camel-case names, unlike the answers' list."""
    if not snapshot.funds:
        return None
    lines = [camel(fund_bill(line, snapshot.currency)) for line in snapshot.funds]
    return msgspec.json.encode(lines).decode()


def _instalments(snapshot: OrderSnapshot) -> str | None:
    bank = next((line.bank for line in snapshot.funds if line.bank), None)
    info = None if snapshot.plan is None else instalment_info(snapshot.plan, snapshot.currency, bank)
    return None if info is None else msgspec.json.encode(camel(info)).decode()
