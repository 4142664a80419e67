"""The members of each answer, from the outcomes of `trade`. Amounts are texts in yuan, times are in Asia/Shanghai."""

from __future__ import annotations

from typing import Final

from chuanliu.clock import wall_text
from chuanliu.engine import Reference
from chuanliu.gateway.alipay.emission import Json
from chuanliu.gateway.alipay.funds import (
    charges,
    deposits_back,
    fund_bills,
    goes_to_bank,
    instalment_info,
    refunded_charges,
)
from chuanliu.gateway.alipay.ordering import details_of
from chuanliu.gateway.alipay.qr import qr_text
from chuanliu.ids import trade_no
from chuanliu.instalments import Plan
from chuanliu.money import format_amount
from chuanliu.trade import (
    CancelOutcome,
    Order,
    OrderView,
    PaymentLeg,
    PayOutcome,
    Refund,
    RefundOutcome,
    fund_line,
)

Members = dict[str, Json]

_ZERO: Final = "0.00"


def masked_logon_id(consumer_id: int) -> str:
    """How a consumer's login is shown to merchants: first and last digits of the user number."""
    number = str(consumer_id)
    return f"{number[:4]}********{number[-4:]}"


def names(order: Order) -> Members:
    """Both numbers of an order."""
    return {"out_trade_no": order.out_trade_no, "trade_no": trade_no(order.order_id)}


def buyer(consumer_id: int | None) -> Members:
    """Who pays, where that is known."""
    if consumer_id is None:
        return {}
    return {"buyer_logon_id": masked_logon_id(consumer_id), "buyer_user_id": str(consumer_id)}


def _amounts(order: Order, *, paid: bool) -> Members:
    total = format_amount(order.amount_minor, order.currency)
    moved = total if paid else _ZERO
    return {
        "total_amount": total,
        "receipt_amount": moved,
        "buyer_pay_amount": moved,
        "invoice_amount": moved,
        "point_amount": _ZERO,
    }


def _funds(
    reference: Reference, order: Order, legs: tuple[PaymentLeg, ...], plan: Plan | None, options: frozenset[str]
) -> Members:
    """How a paid order was paid, and in how many instalments; charges where there are any, or they are asked for."""
    lines = [fund_line(reference, leg, plan) for leg in legs]
    members: Members = {"fund_bill_list": fund_bills(lines, order.currency)} if lines else {}
    info = None
    if plan is not None:
        info = instalment_info(plan, order.currency, next((line.bank for line in lines if line.bank), None))
        if info is not None:
            members["hb_fq_pay_info"] = dict(info)
    if info is not None or "charge_info_list" in options:
        members |= charges(reference, order, plan)
    return members


def _store(order: Order) -> Members:
    details = details_of(order.details)
    known = {"store_id": details.store_id, "terminal_id": details.terminal_id}
    return {name: value for name, value in known.items() if value}


def _optional_discounts(options: frozenset[str]) -> Members:
    return {name: _ZERO for name in ("discount_amount", "mdiscount_amount") if name in options}


def paid_members(reference: Reference, outcome: PayOutcome, options: frozenset[str] = frozenset()) -> Members:
    """alipay.trade.pay, paid."""
    order = outcome.order
    members = names(order) | buyer(order.buyer_id) | _amounts(order, paid=True)
    if order.paid_at is not None:
        members["gmt_payment"] = wall_text(order.paid_at)
    members |= _funds(reference, order, outcome.legs, outcome.plan, options)
    return members | _optional_discounts(options)


def waiting_members(outcome: PayOutcome) -> Members:
    """alipay.trade.pay, while the payer has yet to confirm, or the bank to answer."""
    order = outcome.order
    payer_id = outcome.payment.payer_id if outcome.payment is not None else None
    return names(order) | buyer(payer_id) | {"total_amount": format_amount(order.amount_minor, order.currency)}


def query_members(reference: Reference, view: OrderView, options: frozenset[str] = frozenset()) -> Members:
    """alipay.trade.query."""
    order = view.order
    waiting_payer = view.payment.payer_id if view.payment is not None else None
    members = names(order) | buyer(order.buyer_id or waiting_payer)
    members["trade_status"] = order.status
    members |= _amounts(order, paid=order.paid_at is not None)
    members["subject"] = order.subject
    if order.paid_at is not None:
        members["send_pay_date"] = wall_text(order.paid_at)
        members |= _funds(reference, order, view.legs, view.plan, options)
    details = details_of(order.details)
    if details.body:
        members["body"] = details.body
    if details.passback_params:
        members["passback_params"] = details.passback_params
    if details.goods and "req_goods_detail" in options:
        members["req_goods_detail"] = list(details.goods)
    return members | _store(order) | _optional_discounts(options)


def created_members(order: Order) -> Members:
    """alipay.trade.create and alipay.trade.close."""
    return names(order)


def precreate_members(order: Order, public_url: str) -> Members:
    """alipay.trade.precreate: the text that the merchant shows as a QR code."""
    return {"out_trade_no": order.out_trade_no, "qr_code": qr_text(public_url, order.order_id)}


def refund_members(outcome: RefundOutcome, options: frozenset[str] = frozenset()) -> Members:
    """alipay.trade.refund: `refund_fee` is the order's total, `fund_change` whether this request moved money."""
    order, refund = outcome.order, outcome.refund
    members = names(order) | buyer(order.buyer_id)
    members["fund_change"] = "Y" if outcome.moved else "N"
    members["refund_fee"] = format_amount(order.refunded_minor, order.currency)
    members["send_back_fee"] = format_amount(refund.amount_minor, order.currency)
    if refund.completed_at is not None:
        members["gmt_refund_pay"] = wall_text(refund.completed_at)
    if goes_to_bank(outcome.lines):
        members["has_deposit_back"] = "true"
    if outcome.moved and (outcome.plan is not None or "refund_charge_info_list" in options):
        members |= refunded_charges(outcome)
    if "refund_detail_item_list" in options and outcome.lines:
        members["refund_detail_item_list"] = fund_bills(outcome.lines, order.currency)
    return members


def refund_query_members(
    reference: Reference, found: tuple[OrderView, Refund | None], options: frozenset[str] = frozenset()
) -> Members:
    """alipay.trade.fastpay.refund.query; no members at all for a request number that refunded nothing."""
    view, refund = found
    if refund is None:
        return {}
    order = view.order
    members = names(order)
    members["out_request_no"] = refund.out_request_no
    members["refund_amount"] = format_amount(refund.amount_minor, order.currency)
    members["total_amount"] = format_amount(order.amount_minor, order.currency)
    members["send_back_fee"] = members["refund_amount"]
    if refund.status == "SUCCEEDED":
        members["refund_status"] = "REFUND_SUCCESS"
    if refund.reason:
        members["refund_reason"] = refund.reason
    if "gmt_refund_pay" in options and refund.completed_at is not None:
        members["gmt_refund_pay"] = wall_text(refund.completed_at)
    if "refund_detail_item_list" in options and len(view.legs) == 1:
        line = fund_line(reference, view.legs[0], view.plan, refund.amount_minor)
        members["refund_detail_item_list"] = fund_bills([line], order.currency)
    back = deposits_back(view.refund_calls, order.currency)
    if back and "deposit_back_info" in options:
        members["deposit_back_info"] = dict(back[0])
    if back and "deposit_back_info_list" in options:
        members["deposit_back_info_list"] = [dict(each) for each in back]
    return members


def cancel_members(outcome: CancelOutcome, out_trade_no: str | None) -> Members:
    """alipay.trade.cancel; a number never seen has neither trade_no nor action."""
    members: Members = {"retry_flag": "N"}
    if outcome.order is not None:
        members |= names(outcome.order)
    elif out_trade_no is not None:
        members["out_trade_no"] = out_trade_no
    if outcome.action is not None:
        members["action"] = outcome.action
    if outcome.refund is not None and outcome.refund.refund.completed_at is not None:
        members["gmt_refund_pay"] = wall_text(outcome.refund.refund.completed_at)
    return members


def app_pay_members(order: Order, timestamp: str) -> Members:
    """What a wallet hands to the merchant's app after app.pay."""
    return {
        "code": "10000",
        "msg": "Success",
        "app_id": str(order.app_id),
        "out_trade_no": order.out_trade_no,
        "trade_no": trade_no(order.order_id),
        "total_amount": format_amount(order.amount_minor, order.currency),
        "seller_id": str(order.merchant_id),
        "charset": "utf-8",
        "timestamp": timestamp,
    }


def return_members(order: Order, timestamp: str) -> dict[str, str]:
    """The query of the browser's way back from the cashier, unsigned."""
    product = "wap" if order.scene == "wap" else "page"
    return {
        "charset": "utf-8",
        "out_trade_no": order.out_trade_no,
        "method": f"alipay.trade.{product}.pay.return",
        "total_amount": format_amount(order.amount_minor, order.currency),
        "trade_no": trade_no(order.order_id),
        "auth_app_id": str(order.app_id),
        "version": "1.0",
        "app_id": str(order.app_id),
        "seller_id": str(order.merchant_id),
        "timestamp": timestamp,
    }
