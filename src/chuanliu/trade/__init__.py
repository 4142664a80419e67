"""Orders, payments and refunds: their life as commands and queries."""

from chuanliu.trade.audit_store import CHECKS as TRADE_CHECKS
from chuanliu.trade.closing import CancelOrder, CancelOutcome, CloseOrder, ExpireOrder, FinishOrder
from chuanliu.trade.events import (
    KINDS,
    ORDER_CLOSED,
    ORDER_PAID,
    ORDER_REFUNDED,
    FundLine,
    OrderSnapshot,
    snapshot_of,
)
from chuanliu.trade.order_ref import OrderRef
from chuanliu.trade.ordering import AMOUNT_MAX_MINOR, TIMEOUT_DEFAULT, TIMEOUT_MIN, CreateOrder, OrderSpec
from chuanliu.trade.paying import ConfirmPayment, PayByCode, PayOrder
from chuanliu.trade.queries import FindOrder, FindOrderById, FindPayment, FindRefund, FindRefundById, OrderView
from chuanliu.trade.refunding import RefundLine, RefundOrder, RefundOutcome
from chuanliu.trade.settling import AWAITING, PAID, REFUSED, PayOutcome
from chuanliu.trade.tables import ORDER, PAYMENT, PAYMENT_LEG, REFUND, Order, Payment, PaymentLeg, Refund

__all__ = [
    "AMOUNT_MAX_MINOR",
    "AWAITING",
    "KINDS",
    "ORDER",
    "ORDER_CLOSED",
    "ORDER_PAID",
    "ORDER_REFUNDED",
    "PAID",
    "PAYMENT",
    "PAYMENT_LEG",
    "REFUND",
    "REFUSED",
    "TIMEOUT_DEFAULT",
    "TIMEOUT_MIN",
    "TRADE_CHECKS",
    "CancelOrder",
    "CancelOutcome",
    "CloseOrder",
    "ConfirmPayment",
    "CreateOrder",
    "ExpireOrder",
    "FindOrder",
    "FindOrderById",
    "FindPayment",
    "FindRefund",
    "FindRefundById",
    "FinishOrder",
    "FundLine",
    "Order",
    "OrderRef",
    "OrderSnapshot",
    "OrderSpec",
    "OrderView",
    "PayByCode",
    "PayOrder",
    "PayOutcome",
    "Payment",
    "PaymentLeg",
    "Refund",
    "RefundLine",
    "RefundOrder",
    "RefundOutcome",
    "snapshot_of",
]
