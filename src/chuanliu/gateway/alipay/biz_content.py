"""Reading `biz_content` of each method into a frozen struct whose values are checked.

First msgspec reads the JSON into the wire's own shape (unknown fields are ignored, types are strict), then the
fields are checked. v3 bodies have the same fields and are read by the same functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from chuanliu.clock import DAY, HOUR, Micros
from chuanliu.errors import Invalid
from chuanliu.gateway.alipay import fields
from chuanliu.gateway.alipay.channels import ExtendParams, read_wish
from chuanliu.gateway.alipay.fields import ABSENT, FieldInvalid
from chuanliu.instalments import ANY, Wish

_CERT_SN: Final = re.compile(r"[0-9a-f]{32}\Z")
_ERROR_PATH: Final = re.compile(r"at `\$\.([A-Za-z0-9_]{1,64})")
_SHANGHAI_OFFSET: Final = 8 * HOUR


class OrderTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the merchant sells, common to all methods that make an order. Amounts in minor units of CNY.

    `timeout` is a duration, 0 for the end of the day; `expires_at` wins over it.
    """

    out_trade_no: str
    total_minor: int
    subject: str
    body: str | None = None
    product_code: str | None = None
    seller_id: str | None = None
    store_id: str | None = None
    operator_id: str | None = None
    terminal_id: str | None = None
    sub_merchant_id: str | None = None
    passback_params: str | None = None
    timeout: Micros | None = None
    expires_at: Micros | None = None
    wish: Wish = ANY
    goods: tuple[dict[str, str], ...] = ()
    query_options: frozenset[str] = frozenset()

    def deadline(self, now: Micros, default: Micros) -> Micros:
        """Until when the order can be paid; `default` is the product's own duration. May lie in the past."""
        if self.expires_at is not None:
            return self.expires_at
        if self.timeout == 0:
            return (now + _SHANGHAI_OFFSET) // DAY * DAY + DAY - _SHANGHAI_OFFSET
        return now + (default if self.timeout is None else self.timeout)


class CreateRequest(msgspec.Struct, frozen=True):
    """alipay.trade.create: an order for a known buyer, or for whoever pays it."""

    terms: OrderTerms
    buyer_id: str | None = None
    buyer_open_id: str | None = None
    op_app_id: str | None = None


class PayRequest(msgspec.Struct, frozen=True):
    """alipay.trade.pay: the code that the payer's wallet shows pays at once."""

    terms: OrderTerms
    auth_code: str
    scene: str = "bar_code"


class PrecreateRequest(msgspec.Struct, frozen=True):
    """alipay.trade.precreate: an order behind a QR code; the code's own duration may be shorter than the order's."""

    terms: OrderTerms
    qr_code_timeout: Micros | None = None


class CashierRequest(msgspec.Struct, frozen=True):
    """alipay.trade.page.pay, wap.pay and app.pay: the payer chooses in the cashier."""

    terms: OrderTerms
    goods_type: str | None = None
    qr_pay_mode: str | None = None
    integration_type: str | None = None
    quit_url: str | None = None


class OrderReference(msgspec.Struct, frozen=True):
    """An order by `trade_no`, which wins, or by `out_trade_no`; one of them is there."""

    trade_no: str | None
    out_trade_no: str | None


class QueryRequest(msgspec.Struct, frozen=True):
    """alipay.trade.query."""

    order: OrderReference
    query_options: frozenset[str] = frozenset()


class CloseRequest(msgspec.Struct, frozen=True):
    """alipay.trade.close."""

    order: OrderReference
    operator_id: str | None = None


class CancelRequest(msgspec.Struct, frozen=True):
    """alipay.trade.cancel."""

    order: OrderReference


class RefundRequest(msgspec.Struct, frozen=True):
    """alipay.trade.refund. Without `out_request_no` it can only be the whole amount, once."""

    order: OrderReference
    refund_minor: int
    out_request_no: str | None = None
    refund_reason: str | None = None
    operator_id: str | None = None
    store_id: str | None = None
    terminal_id: str | None = None
    query_options: frozenset[str] = frozenset()


class RefundQueryRequest(msgspec.Struct, frozen=True):
    """alipay.trade.fastpay.refund.query."""

    order: OrderReference
    out_request_no: str
    query_options: frozenset[str] = frozenset()


class CertificateRequest(msgspec.Struct, frozen=True):
    """alipay.open.app.alipaycert.download."""

    alipay_cert_sn: str


BizRequest = (
    CreateRequest
    | PayRequest
    | PrecreateRequest
    | CashierRequest
    | QueryRequest
    | CloseRequest
    | CancelRequest
    | RefundRequest
    | RefundQueryRequest
    | CertificateRequest
)


class _SubMerchant(msgspec.Struct):
    merchant_id: str | None = None


class _WireOrder(msgspec.Struct):
    """All fields that we read of the methods that make an order; each method looks at its own."""

    out_trade_no: str | None = None
    total_amount: msgspec.Raw = ABSENT
    discountable_amount: msgspec.Raw = ABSENT
    undiscountable_amount: msgspec.Raw = ABSENT
    subject: str | None = None
    body: str | None = None
    product_code: str | None = None
    seller_id: str | None = None
    store_id: str | None = None
    operator_id: str | None = None
    terminal_id: str | None = None
    sub_merchant: _SubMerchant | None = None
    passback_params: str | None = None
    timeout_express: str | None = None
    time_expire: str | None = None
    enable_pay_channels: str | None = None
    disable_pay_channels: str | None = None
    extend_params: ExtendParams | None = None
    goods_detail: list[dict[str, msgspec.Raw]] | None = None
    query_options: list[str] | None = None
    trans_currency: str | None = None
    settle_currency: str | None = None
    buyer_id: str | None = None
    buyer_open_id: str | None = None
    op_app_id: str | None = None
    auth_code: str | None = None
    scene: str | None = None
    qr_code_timeout_express: str | None = None
    goods_type: str | None = None
    qr_pay_mode: str | None = None
    integration_type: str | None = None
    quit_url: str | None = None


class _WireReference(msgspec.Struct):
    """All fields that we read of the methods that name an order."""

    trade_no: str | None = None
    out_trade_no: str | None = None
    out_request_no: str | None = None
    refund_amount: msgspec.Raw = ABSENT
    refund_currency: str | None = None
    refund_reason: str | None = None
    operator_id: str | None = None
    store_id: str | None = None
    terminal_id: str | None = None
    query_options: list[str] | None = None


class _WireCertificate(msgspec.Struct):
    alipay_cert_sn: str | None = None


_Wire = TypeVar("_Wire")
_ORDER: Final = msgspec.json.Decoder(_WireOrder)
_REFERENCE: Final = msgspec.json.Decoder(_WireReference)
_CERTIFICATE: Final = msgspec.json.Decoder(_WireCertificate)


def read_biz_content(method: str, content: bytes) -> BizRequest:
    """Read and check the business fields of a served method. `content` is UTF-8 JSON.

    Raises `FieldInvalid` naming a field, `Invalid(invalid_json)` for what is no JSON object, and `Refused` where the
    value has the right form but cannot be used (a payment code of another shape).
    """
    return _READERS[method](content)


def _decode(decoder: msgspec.json.Decoder[_Wire], content: bytes) -> _Wire:
    try:
        return decoder.decode(content)
    except msgspec.ValidationError as error:
        path = _ERROR_PATH.search(str(error))
        if path is None:
            raise Invalid("invalid_json", field="biz_content") from None
        raise FieldInvalid(path[1], "类型错误") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid("invalid_json", field="biz_content") from None


def _terms(wire: _WireOrder, *, virtual: bool = False) -> OrderTerms:
    total_minor = fields.required_amount(wire.total_amount, "total_amount")
    discountable = fields.optional_amount(wire.discountable_amount, "discountable_amount")
    undiscountable = fields.optional_amount(wire.undiscountable_amount, "undiscountable_amount")
    if discountable is not None and undiscountable is not None and discountable + undiscountable != total_minor:
        raise FieldInvalid("total_amount", "必须等于discountable_amount与undiscountable_amount之和", "invalid_amount")
    fields.yuan(wire.trans_currency, "trans_currency")
    fields.yuan(wire.settle_currency, "settle_currency")
    sub_merchant_id = wire.sub_merchant.merchant_id if wire.sub_merchant else None
    store_id = fields.optional_text(wire.store_id, "store_id", 32)
    return OrderTerms(
        out_trade_no=fields.merchant_number(wire.out_trade_no, "out_trade_no"),
        total_minor=total_minor,
        subject=fields.required_text(wire.subject, "subject", 256),
        body=fields.optional_text(wire.body, "body", 128),
        product_code=fields.optional_text(wire.product_code, "product_code", 64),
        seller_id=fields.party(wire.seller_id, "seller_id"),
        store_id=store_id,
        operator_id=fields.optional_text(wire.operator_id, "operator_id", 28),
        terminal_id=fields.optional_text(wire.terminal_id, "terminal_id", 32),
        sub_merchant_id=fields.optional_text(sub_merchant_id, "sub_merchant", 32),
        passback_params=fields.optional_text(wire.passback_params, "passback_params", 512),
        timeout=fields.timeout(wire.timeout_express, "timeout_express"),
        expires_at=fields.wall_time(wire.time_expire, "time_expire"),
        wish=read_wish(
            wire.enable_pay_channels,
            wire.disable_pay_channels,
            wire.extend_params,
            virtual=virtual,
            store_id=store_id,
        ),
        goods=fields.goods(wire.goods_detail, "goods_detail"),
        query_options=fields.query_options(wire.query_options),
    )


def _reference(wire: _WireReference) -> OrderReference:
    trade_no = fields.optional_text(wire.trade_no, "trade_no", 64)
    out_trade_no = fields.optional_merchant_number(wire.out_trade_no, "out_trade_no")
    if trade_no is None and out_trade_no is None:
        raise FieldInvalid("out_trade_no", "与trade_no不能同时为空")
    return OrderReference(trade_no, out_trade_no)


def _create(content: bytes) -> CreateRequest:
    wire = _decode(_ORDER, content)
    return CreateRequest(
        _terms(wire),
        buyer_id=fields.party(wire.buyer_id, "buyer_id"),
        buyer_open_id=fields.optional_text(wire.buyer_open_id, "buyer_open_id", 128),
        op_app_id=fields.optional_text(wire.op_app_id, "op_app_id", 32),
    )


def _pay(content: bytes) -> PayRequest:
    wire = _decode(_ORDER, content)
    return PayRequest(
        _terms(wire),
        auth_code=fields.auth_code(wire.auth_code),
        scene=fields.one_of(wire.scene, "scene", ("bar_code", "security_code")) or "bar_code",
    )


def _precreate(content: bytes) -> PrecreateRequest:
    wire = _decode(_ORDER, content)
    duration = fields.timeout(wire.qr_code_timeout_express, "qr_code_timeout_express")
    return PrecreateRequest(_terms(wire), qr_code_timeout=duration)


def _cashier(content: bytes) -> CashierRequest:
    wire = _decode(_ORDER, content)
    goods_type = fields.one_of(wire.goods_type, "goods_type", ("0", "1"))
    return CashierRequest(
        _terms(wire, virtual=goods_type == "0"),
        goods_type=goods_type,
        qr_pay_mode=fields.one_of(wire.qr_pay_mode, "qr_pay_mode", ("0", "1", "2", "3", "4")),
        integration_type=fields.one_of(wire.integration_type, "integration_type", ("PCWEB", "ALIAPP")),
        quit_url=fields.optional_text(wire.quit_url, "quit_url", 400),
    )


def _query(content: bytes) -> QueryRequest:
    wire = _decode(_REFERENCE, content)
    return QueryRequest(_reference(wire), query_options=fields.query_options(wire.query_options))


def _close(content: bytes) -> CloseRequest:
    wire = _decode(_REFERENCE, content)
    return CloseRequest(_reference(wire), operator_id=fields.optional_text(wire.operator_id, "operator_id", 28))


def _cancel(content: bytes) -> CancelRequest:
    return CancelRequest(_reference(_decode(_REFERENCE, content)))


def _refund(content: bytes) -> RefundRequest:
    wire = _decode(_REFERENCE, content)
    fields.yuan(wire.refund_currency, "refund_currency")
    return RefundRequest(
        _reference(wire),
        refund_minor=fields.required_amount(wire.refund_amount, "refund_amount"),
        out_request_no=fields.optional_text(wire.out_request_no, "out_request_no", 64),
        refund_reason=fields.optional_text(wire.refund_reason, "refund_reason", 256),
        operator_id=fields.optional_text(wire.operator_id, "operator_id", 30),
        store_id=fields.optional_text(wire.store_id, "store_id", 32),
        terminal_id=fields.optional_text(wire.terminal_id, "terminal_id", 32),
        query_options=fields.query_options(wire.query_options),
    )


def _refund_query(content: bytes) -> RefundQueryRequest:
    wire = _decode(_REFERENCE, content)
    return RefundQueryRequest(
        _reference(wire),
        out_request_no=fields.required_text(wire.out_request_no, "out_request_no", 64),
        query_options=fields.query_options(wire.query_options),
    )


def _certificate(content: bytes) -> CertificateRequest:
    sn = fields.required_text(_decode(_CERTIFICATE, content).alipay_cert_sn, "alipay_cert_sn", 64)
    if _CERT_SN.match(sn) is None:
        raise FieldInvalid("alipay_cert_sn", "必须是32位小写十六进制")
    return CertificateRequest(sn)


_READERS: Final[dict[str, Callable[[bytes], BizRequest]]] = {
    "alipay.trade.create": _create,
    "alipay.trade.pay": _pay,
    "alipay.trade.precreate": _precreate,
    "alipay.trade.page.pay": _cashier,
    "alipay.trade.wap.pay": _cashier,
    "alipay.trade.app.pay": _cashier,
    "alipay.trade.query": _query,
    "alipay.trade.close": _close,
    "alipay.trade.cancel": _cancel,
    "alipay.trade.refund": _refund,
    "alipay.trade.fastpay.refund.query": _refund_query,
    "alipay.open.app.alipaycert.download": _certificate,
}

METHODS: Final = frozenset(_READERS)
"""Names of the methods whose business fields are known."""
