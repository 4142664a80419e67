"""Orders, payments and refunds: their life as commands and queries."""

from chuanliu.trade.audit_store import CHECKS as TRADE_CHECKS
from chuanliu.trade.bank_answers import BACK_OFF, RecordBankAnswer
from chuanliu.trade.closing import CancelOrder, CancelOutcome, CloseOrder, ExpireOrder, FinishOrder
from chuanliu.trade.events import (
    KINDS,
    ORDER_CLOSED,
    ORDER_PAID,
    ORDER_REFUNDED,
    FundLine,
    OrderSnapshot,
    PlanLine,
    fund_line,
    instrument_kind,
    plan_line,
    snapshot_of,
)
from chuanliu.trade.order_ref import OrderRef
from chuanliu.trade.ordering import (
    AMOUNT_MAX_MINOR,
    TIMEOUT_DEFAULT,
    TIMEOUT_MIN,
    CreateOrder,
    OrderSpec,
    require_orderable,
    require_payable,
)
from chuanliu.trade.paying import ConfirmPayment, PayByCode, PayOrder
from chuanliu.trade.queries import (
    FindOrder,
    FindOrderById,
    FindPayment,
    FindRefund,
    FindRefundById,
    OrderView,
    PaymentView,
)
from chuanliu.trade.refunding import RefundOrder, RefundOutcome
from chuanliu.trade.settling import AWAITING, IN_PROGRESS, PAID, REFUSED, PayOutcome, receivable_account
from chuanliu.trade.tables import ORDER, PAYMENT, PAYMENT_LEG, REFUND, Order, Payment, PaymentLeg, Refund
from chuanliu.trade.tendering import Choice, PendingCall, basket_of

__all__ = [
    "AMOUNT_MAX_MINOR",
    "AWAITING",
    "BACK_OFF",
    "IN_PROGRESS",
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
    "Choice",
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
    "PaymentView",
    "PendingCall",
    "PlanLine",
    "RecordBankAnswer",
    "Refund",
    "RefundOrder",
    "RefundOutcome",
    "basket_of",
    "fund_line",
    "instrument_kind",
    "plan_line",
    "receivable_account",
    "require_orderable",
    "require_payable",
    "snapshot_of",
]
