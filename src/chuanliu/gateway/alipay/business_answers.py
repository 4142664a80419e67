"""What each error of the platform says on the Alipay wire.

One table for all methods and a small one for each method that words the same refusal otherwise. 40004 tells the
merchant that nothing was paid; what is not known to have failed is 20000, so that the merchant asks before acting.
"""

from __future__ import annotations

from typing import Final

from chuanliu.errors import ChuanliuError
from chuanliu.gateway.alipay.answers import Answer, business_answer, gateway_answer
from chuanliu.gateway.alipay.fields import FieldInvalid

_SYSTEM_ERROR: Final = ("ACQ.SYSTEM_ERROR", "系统异常，请以相同参数重试或查询结果")
_INVALID_PARAMETER: Final = ("ACQ.INVALID_PARAMETER", "参数无效")

_BUSINESS: Final[dict[str, tuple[str, str]]] = {
    "order_not_found": ("ACQ.TRADE_NOT_EXIST", "交易不存在"),
    "order_already_paid": ("ACQ.TRADE_HAS_SUCCESS", "交易已被支付"),
    "order_closed": ("ACQ.TRADE_HAS_CLOSE", "交易已经关闭"),
    "order_finished": ("ACQ.TRADE_HAS_FINISHED", "交易已完结"),
    "order_status_invalid": ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法"),
    "order_inconsistent": ("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改：该商户订单号已用于内容不同的交易"),
    "order_expired": ("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR", "当前时间已超过允许支付的时间"),
    "amount_too_large": ("ACQ.TOTAL_FEE_EXCEED", "订单总金额超过限额"),
    "buyer_is_seller": ("ACQ.BUYER_SELLER_EQUAL", "买卖家不能相同"),
    "buyer_mismatch": ("ACQ.TRADE_BUYER_NOT_MATCH", "交易买家不匹配"),
    "buyer_not_found": ("ACQ.BUYER_NOT_EXIST", "买家不存在"),
    "buyer_blocked": ("ACQ.BUYER_ENABLE_STATUS_FORBID", "买家状态非法"),
    "balance_insufficient": ("ACQ.BUYER_BALANCE_NOT_ENOUGH", "买家余额不足"),
    "payment_code_invalid": ("ACQ.PAYMENT_AUTH_CODE_INVALID", "支付授权码无效：错误、已使用或已过期"),
    "payment_refused": ("ACQ.PAYMENT_FAIL", "支付失败"),
    "payment_not_found": ("ACQ.TRADE_NOT_EXIST", "交易不存在"),
    "payment_in_progress": ("ACQ.TRADE_STATUS_ERROR", "交易正在支付中"),
    "no_funding_method": ("ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", "没有可用的支付工具"),
    "seller_not_found": ("ACQ.SELLER_NOT_EXIST", "卖家不存在"),
    "seller_blocked": ("ACQ.SELLER_BEEN_BLOCKED", "商家账号被冻结"),
    "seller_balance_insufficient": ("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足"),
    "refund_exceeds_payment": ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限：大于可退金额"),
    "refund_not_found": ("ACQ.TRADE_NOT_EXIST", "交易不存在"),
    "refund_inconsistent": ("ACQ.DISCORDANT_REPEAT_REQUEST", "同一退款请求号的退款金额不一致"),
    "refund_not_allowed": ("ACQ.TRADE_NOT_ALLOW_REFUND", "当前交易不允许退款"),
    "cancel_too_late": ("ACQ.TRADE_CANCEL_TIME_OUT", "超过撤销时间范围，请改用退款"),
    "currency_not_supported": ("ACQ.CURRENCY_NOT_SUPPORT", "订单币种不支持"),
    "confirmation_too_late": ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法：已不再等待付款人确认"),
    # Ledger: trade turns what a merchant can cause into codes of its own, so these are surprises here.
    "account_not_found": _SYSTEM_ERROR,
    "account_exists": _SYSTEM_ERROR,
    "account_closed": _SYSTEM_ERROR,
    "account_blocked": _SYSTEM_ERROR,
    "balance_below_floor": _SYSTEM_ERROR,
    "currency_mismatch": _SYSTEM_ERROR,
    "same_account": _SYSTEM_ERROR,
    "hold_not_found": _SYSTEM_ERROR,
    "hold_not_active": _SYSTEM_ERROR,
    "hold_exceeded": _SYSTEM_ERROR,
    # Offers
    "payment_code_quoted": _SYSTEM_ERROR,
    "quote_not_found": _SYSTEM_ERROR,
    "quote_expired": ("ACQ.PAYMENT_FAIL", "支付失败：分期报价已过期"),
    "quote_used": ("ACQ.PAYMENT_FAIL", "支付失败：分期报价已使用"),
    "quote_confirmed": _SYSTEM_ERROR,
    "quote_mismatch": ("ACQ.PAYMENT_FAIL", "支付失败：分期报价与订单不符"),
    "offer_not_found": _SYSTEM_ERROR,
    "plan_not_found": _SYSTEM_ERROR,
    "job_not_found": _SYSTEM_ERROR,
    "calendar_not_found": _SYSTEM_ERROR,
    "books_off": _SYSTEM_ERROR,
    "statement_not_found": _SYSTEM_ERROR,
    "nothing_billed": _SYSTEM_ERROR,
    "plan_status_invalid": _SYSTEM_ERROR,
    "repayment_exceeds_debt": _SYSTEM_ERROR,
    "instrument_suspended": ("ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", "没有可用的支付工具：卡或额度已停用"),
    "instalments_not_offered": ("ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", "没有可用的支付工具：不支持该分期数"),
    "order_below_minimum": ("ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", "没有可用的支付工具：金额低于产品下限"),
    "order_above_maximum": ("ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", "没有可用的支付工具：金额高于产品上限"),
    "excluded_by_merchant": ("ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", "没有可用的支付工具：商户不支持"),
    "own_stop_exceeded": ("ACQ.PAYMENT_FAIL", "支付失败：超过付款人自己设定的月账单上限，请更换付款方式"),
    "cooling_off": ("ACQ.PAYMENT_FAIL", "支付失败：付款人设定了冷静期，请稍后再来，或在收银台再次确认"),
    # Campaigns: a payment falls back to the next-best offer, unless the payer was promised this one.
    "budget_exhausted": ("ACQ.PAYMENT_FAIL", "支付失败：优惠活动预算已用完"),
    "campaign_ended": ("ACQ.PAYMENT_FAIL", "支付失败：优惠活动未在进行中"),
    "campaign_limit_reached": ("ACQ.PAYMENT_FAIL", "支付失败：优惠活动参与次数已达上限"),
    # Administration: not reached from this wire.
    "campaign_not_found": _SYSTEM_ERROR,
    "campaign_exists": _SYSTEM_ERROR,
    "campaign_status_invalid": _SYSTEM_ERROR,
    "sponsor_not_found": _SYSTEM_ERROR,
    "rehearsal_running": _SYSTEM_ERROR,
    "promises_conflict": _SYSTEM_ERROR,
    # Banks
    "card_declined": ("ACQ.PAYMENT_FAIL", "支付失败：银行拒绝了这张卡"),
    "card_expired": ("ACQ.PAYMENT_FAIL", "支付失败：银行卡已过期"),
    "card_invalid": ("ACQ.PAYMENT_FAIL", "支付失败：银行卡号无效"),
    "card_funds_insufficient": ("ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH", "用户银行卡余额不足"),
    "card_limit_exceeded": ("ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR", "买家付款额度超限：超过银行卡限额"),
    "card_not_allowed": ("ACQ.PAYMENT_FAIL", "支付失败：银行卡不支持此类交易"),
    "card_stolen_or_lost": ("ACQ.PAYMENT_FAIL", "支付失败：银行卡已挂失"),
    "credit_line_insufficient": ("ACQ.BUYER_BALANCE_NOT_ENOUGH", "买家余额不足：信用额度不足"),
    "credit_line_suspended": ("ACQ.PAYMENT_FAIL", "支付失败：信用额度已停用"),
    "bank_refused": ("ACQ.PAYMENT_FAIL", "支付失败：银行拒绝了请求"),
    "bank_unavailable": ("ACQ.PAYMENT_FAIL", "支付失败：银行暂时不可用，请更换付款方式"),
    "bank_call_not_found": _SYSTEM_ERROR,
    # Administration: not reached from this wire.
    "bank_not_found": _SYSTEM_ERROR,
    "merchant_not_found": _SYSTEM_ERROR,
    "app_not_found": _SYSTEM_ERROR,
    "key_not_found": _SYSTEM_ERROR,
    "consumer_not_found": ("ACQ.BUYER_NOT_EXIST", "买家不存在"),
    "pay_password_wrong": _SYSTEM_ERROR,
    "pay_password_locked": _SYSTEM_ERROR,
    "webhook_not_found": _SYSTEM_ERROR,
    "delivery_not_found": _SYSTEM_ERROR,
    "destination_refused": ("ACQ.INVALID_PARAMETER", "参数无效：通知地址不被允许"),
    # Cards and lines are linked and opened before a payment, not by it.
    "lender_not_found": _SYSTEM_ERROR,
    "product_not_found": _SYSTEM_ERROR,
    "product_suspended": ("ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", "没有可用的支付工具：产品已停用"),
    "code_taken": _SYSTEM_ERROR,
    "bin_overlap": _SYSTEM_ERROR,
    "instrument_not_found": _SYSTEM_ERROR,
    "card_not_supported": _SYSTEM_ERROR,
    "consent_outdated": _SYSTEM_ERROR,
    "feed_line_inconsistent": ("ACQ.INVALID_PARAMETER", "账单明细编号重复且内容不一致"),
    "line_has_debt": _SYSTEM_ERROR,
    "lines_exhausted": _SYSTEM_ERROR,
    "limit_below_used": _SYSTEM_ERROR,
    # Requests
    "invalid_parameter": _INVALID_PARAMETER,
    "invalid_amount": _INVALID_PARAMETER,
    "invalid_json": ("ACQ.INVALID_PARAMETER", "参数无效：biz_content 不是合法的 JSON 对象"),
    "forbidden": ("ACQ.ACCESS_FORBIDDEN", "无权限使用接口"),
    "idempotency_conflict": ("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改：相同请求号的内容不一致"),
}

_GATEWAY: Final[dict[str, str]] = {
    "body_too_large": "isv.invalid-parameter",
    "route_not_found": "isv.invalid-method",
    "method_not_allowed": "isv.invalid-method",
    "unsupported_media_type": "isv.invalid-parameter",
    "api_key_missing": "isv.missing-app-id",
    "api_key_invalid": "isv.invalid-app-id",
    "signature_invalid": "isv.invalid-signature",
    # Not known: the merchant must ask.
    "bank_no_answer": "isp.unknow-error",
    "bank_outcome_unknown": "isp.unknow-error",
    "bank_call_repeated": "isp.unknow-error",
    "bank_answer_invalid": "isp.unknow-error",
    # Nothing was done, and the caller may send the same again.
    "busy": "isv.method-call-limited",
    "share_exceeded": "isv.app-call-limited",
    "unavailable": "isp.unknow-error",
    "internal": "aop.unknow-error",
}

_BY_METHOD: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "alipay.trade.close": {
        "order_already_paid": ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法：交易已被支付"),
        "order_closed": ("ACQ.REASON_TRADE_STATUS_INVALID", "交易状态异常：交易已经关闭"),
        "order_finished": ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法：交易已完结"),
    },
    "alipay.trade.refund": {
        "order_status_invalid": ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法：交易未支付"),
        "idempotency_conflict": ("ACQ.DISCORDANT_REPEAT_REQUEST", "同一退款请求号的内容不一致"),
    },
}


def answer_for(error: ChuanliuError, method: str) -> Answer:
    """The wire's words for an error in a method.

    A field's own refusal names the field and the rule that it breaks. A code missing from the tables (there is none,
    which a test holds) answers 20000, whose outcome the merchant must ask for.
    """
    if isinstance(error, FieldInvalid):
        return business_answer("ACQ.INVALID_PARAMETER", f"参数无效：{error.message}")
    if error.code in _GATEWAY:
        return gateway_answer(_GATEWAY[error.code])
    words = _BY_METHOD.get(method, {}).get(error.code) or _BUSINESS.get(error.code)
    if words is None:
        return gateway_answer("aop.unknow-error")
    sub_code, sub_msg = words
    if words is _INVALID_PARAMETER and error.field:
        sub_msg = f"{sub_msg}：{error.field}"
    return business_answer(sub_code, sub_msg)


def mapped_codes() -> frozenset[str]:
    """All error codes that the tables cover."""
    return frozenset(_BUSINESS) | frozenset(_GATEWAY)
