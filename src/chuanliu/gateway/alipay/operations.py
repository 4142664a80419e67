"""What each method asks of the platform, and what its outcome says on the wire: one table, without I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from chuanliu.clock import Micros
from chuanliu.engine import Command, Context, Keys, Query, Reference, Seen
from chuanliu.errors import Refused
from chuanliu.gateway.alipay import members
from chuanliu.gateway.alipay.answers import IN_PROCESS, SUCCESS, Answer
from chuanliu.gateway.alipay.biz_content import (
    CancelRequest,
    CashierRequest,
    CloseRequest,
    CreateRequest,
    PayRequest,
    PrecreateRequest,
    QueryRequest,
    RefundQueryRequest,
    RefundRequest,
)
from chuanliu.gateway.alipay.business_answers import answer_for
from chuanliu.gateway.alipay.fields import FieldInvalid
from chuanliu.gateway.alipay.members import Members
from chuanliu.gateway.alipay.ordering import Caller, order_ref, order_spec
from chuanliu.ids import cell_of_party
from chuanliu.parties import CONSUMER
from chuanliu.trade import (
    AWAITING,
    IN_PROGRESS,
    PAID,
    CancelOrder,
    CancelOutcome,
    CloseOrder,
    CreateOrder,
    FindOrder,
    FindRefund,
    Order,
    OrderView,
    PayByCode,
    PayOutcome,
    Refund,
    RefundOrder,
    RefundOutcome,
)

PAGE_SCENES: Final = {"alipay.trade.page.pay": "page", "alipay.trade.wap.pay": "wap"}
"""Methods that a browser opens: they answer with the cashier, never with JSON."""

APP_PAY: Final = "alipay.trade.app.pay"
"""Only inside an order string, which a wallet opens."""

CERTIFICATE_DOWNLOAD: Final = "alipay.open.app.alipaycert.download"

_CODE_MAX: Final = 2**63
_Result = tuple[Answer, Members]


class Site(NamedTuple):
    """What an answer needs to know of the platform: its address, and its reference data."""

    public_url: str
    reference: Reference


class Operation(NamedTuple):
    """`ask` makes the command or query; `tell` the answer, from business fields, outcome and the platform."""

    ask: Callable[[Any, Caller, Micros], Command[Any] | Query[Any]]
    tell: Callable[[Any, Any, Site], _Result]


class RequireBuyer(Query[None], frozen=True):
    """Whether a consumer can be named as buyer. Raises `Refused`: buyer_not_found, buyer_blocked."""

    consumer_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.look(CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)

    def answer(self, seen: Seen, context: Context) -> None:
        consumer = seen.get(CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)
        if consumer is None:
            raise Refused("buyer_not_found", field="buyer_id")
        if consumer.status != "active":
            raise Refused("buyer_blocked", field="buyer_id")


def buyer_to_check(biz: object) -> RequireBuyer | None:
    """The question to ask before an order is made for a named buyer. Raises `Refused(buyer_not_found)`."""
    if not isinstance(biz, CreateRequest):
        return None
    if biz.buyer_id is not None:
        return RequireBuyer(int(biz.buyer_id))
    if biz.buyer_open_id is not None:
        raise Refused("buyer_not_found", field="buyer_open_id")
    return None


def cashier_order(method: str, biz: CashierRequest, caller: Caller, now: Micros) -> CreateOrder:
    """The order behind page.pay, wap.pay and app.pay."""
    scene = PAGE_SCENES.get(method, "app")
    return CreateOrder(order_spec(caller, biz.terms, scene, now, quit_url=biz.quit_url))


def _ask_create(biz: CreateRequest, caller: Caller, now: Micros) -> CreateOrder:
    buyer_id = int(biz.buyer_id) if biz.buyer_id is not None else None
    return CreateOrder(order_spec(caller, biz.terms, "create", now, buyer_id=buyer_id))


def _tell_created(_biz: object, order: Order, _site: Site) -> _Result:
    return SUCCESS, members.created_members(order)


def _ask_pay(biz: PayRequest, caller: Caller, now: Micros) -> PayByCode:
    spec = order_spec(caller, biz.terms, "barcode", now)
    # Face codes and numbers that no bigint holds are of the right form, but none of ours.
    code = int(biz.auth_code) if biz.auth_code.isdecimal() else _CODE_MAX
    if code >= _CODE_MAX:
        raise Refused("payment_code_invalid", field="auth_code")
    return PayByCode(spec, code, asked_at=now)


def _tell_paid(biz: PayRequest, outcome: PayOutcome, site: Site) -> _Result:
    if outcome.result == PAID:
        return SUCCESS, members.paid_members(site.reference, outcome, biz.terms.query_options)
    if outcome.result in (AWAITING, IN_PROGRESS):
        return IN_PROCESS, members.waiting_members(outcome)
    refusal = Refused(outcome.reason or "payment_refused")
    return answer_for(refusal, "alipay.trade.pay"), members.names(outcome.order)


def _ask_precreate(biz: PrecreateRequest, caller: Caller, now: Micros) -> CreateOrder:
    return CreateOrder(order_spec(caller, biz.terms, "qr", now, code_timeout=biz.qr_code_timeout))


def _tell_precreated(_biz: PrecreateRequest, order: Order, site: Site) -> _Result:
    return SUCCESS, members.precreate_members(order, site.public_url)


def _ask_query(biz: QueryRequest, caller: Caller, _now: Micros) -> FindOrder:
    return FindOrder(order_ref(caller, biz.order))


def _tell_found(biz: QueryRequest, view: OrderView, site: Site) -> _Result:
    return SUCCESS, members.query_members(site.reference, view, biz.query_options)


def _ask_close(biz: CloseRequest, caller: Caller, _now: Micros) -> CloseOrder:
    return CloseOrder(order_ref(caller, biz.order))


def _ask_cancel(biz: CancelRequest, caller: Caller, _now: Micros) -> CancelOrder:
    return CancelOrder(order_ref(caller, biz.order), caller.app_id)


def _tell_cancelled(biz: CancelRequest, outcome: CancelOutcome, _site: Site) -> _Result:
    return SUCCESS, members.cancel_members(outcome, biz.order.out_trade_no)


def _ask_refund(biz: RefundRequest, caller: Caller, _now: Micros) -> RefundOrder:
    if biz.out_request_no is not None and biz.out_request_no.startswith("cancel:"):
        raise FieldInvalid("out_request_no", "不能以cancel:开头")  # under these numbers cancelling gives money back
    return RefundOrder(order_ref(caller, biz.order), biz.refund_minor, biz.out_request_no, biz.refund_reason, "CNY")


def _tell_refunded(biz: RefundRequest, outcome: RefundOutcome, _site: Site) -> _Result:
    return SUCCESS, members.refund_members(outcome, biz.query_options)


def _ask_refund_query(biz: RefundQueryRequest, caller: Caller, _now: Micros) -> FindRefund:
    return FindRefund(order_ref(caller, biz.order), biz.out_request_no)


def _tell_refund(biz: RefundQueryRequest, found: tuple[OrderView, Refund | None], site: Site) -> _Result:
    return SUCCESS, members.refund_query_members(site.reference, found, biz.query_options)


OPERATIONS: Final[dict[str, Operation]] = {
    "alipay.trade.create": Operation(_ask_create, _tell_created),
    "alipay.trade.pay": Operation(_ask_pay, _tell_paid),
    "alipay.trade.precreate": Operation(_ask_precreate, _tell_precreated),
    "alipay.trade.query": Operation(_ask_query, _tell_found),
    "alipay.trade.close": Operation(_ask_close, _tell_created),
    "alipay.trade.cancel": Operation(_ask_cancel, _tell_cancelled),
    "alipay.trade.refund": Operation(_ask_refund, _tell_refunded),
    "alipay.trade.fastpay.refund.query": Operation(_ask_refund_query, _tell_refund),
}
"""Methods that answer with JSON and touch orders."""

API_METHODS: Final = frozenset({*OPERATIONS, CERTIFICATE_DOWNLOAD})
"""Methods that answer with JSON: v3 serves these."""

GATEWAY_METHODS: Final = API_METHODS | frozenset(PAGE_SCENES)
"""Methods served at gateway.do."""
