"""The error codes in Chinese, for payers and developers who read pages. English is the catalogue's own sentence."""

from __future__ import annotations

from typing import Final

from chuanliu.errors import CODES
from chuanliu.web.language import Language

CHINESE: Final[dict[str, str]] = {
    "order_not_found": "该商户没有这个订单。",
    "order_already_paid": "订单已支付。",
    "order_closed": "订单已关闭，不能再付款或修改。",
    "order_finished": "订单已结束，退款期已过。",
    "order_status_invalid": "订单当前状态不允许此操作。",
    "order_inconsistent": "订单号已存在，但内容不同。",
    "order_expired": "订单已过支付时间。",
    "amount_too_large": "金额超过单笔限额。",
    "buyer_is_seller": "买卖双方不能相同。",
    "buyer_mismatch": "该订单属于另一位买家。",
    "buyer_not_found": "没有这个用户。",
    "buyer_blocked": "该用户目前不能付款。",
    "balance_insufficient": "余额不足。",
    "payment_code_invalid": "付款码不存在、已使用或已过期。",
    "payment_refused": "付款方式拒绝了这笔付款。",
    "payment_not_found": "没有这笔付款。",
    "payment_in_progress": "该订单有另一笔付款正在处理。",
    "no_funding_method": "该用户没有可用于此订单的付款方式。",
    "seller_not_found": "没有这个商户。",
    "seller_blocked": "该商户目前不能收款。",
    "seller_balance_insufficient": "商户资金不足以退款。",
    "refund_exceeds_payment": "退款金额超过可退余额。",
    "refund_not_found": "没有这笔退款。",
    "refund_inconsistent": "退款号已存在，但金额不同。",
    "refund_not_allowed": "该订单不允许退款。",
    "cancel_too_late": "已过撤销时间，请改用退款。",
    "currency_not_supported": "不支持该币种。",
    "confirmation_too_late": "该付款已不再等待付款人确认。",
    "account_not_found": "没有这个账户。",
    "account_exists": "账户已存在。",
    "account_closed": "账户已关闭。",
    "account_blocked": "账户已冻结，不能支出。",
    "balance_below_floor": "转账会使账户低于下限。",
    "currency_mismatch": "借贷账户币种不同。",
    "same_account": "借贷账户相同。",
    "hold_not_found": "没有这笔冻结。",
    "hold_not_active": "冻结已入账、已解除或已过期。",
    "hold_exceeded": "入账金额超过冻结金额。",
    "budget_exhausted": "预算已用完。",
    "merchant_not_found": "没有这个商户。",
    "app_not_found": "没有这个应用。",
    "key_not_found": "没有这个密钥。",
    "consumer_not_found": "没有这个用户。",
    "pay_password_wrong": "支付密码错误。",
    "pay_password_locked": "支付密码错误次数过多，请稍后再试。",
    "webhook_not_found": "没有这个通知端点。",
    "delivery_not_found": "没有这次投递。",
    "destination_refused": "不允许投递到该地址。",
    "invalid_parameter": "参数缺失或格式不正确。",
    "invalid_amount": "金额格式不正确或超出范围。",
    "invalid_json": "请求体不是有效的 JSON。",
    "body_too_large": "请求超过允许的大小。",
    "route_not_found": "没有这个资源。",
    "method_not_allowed": "该资源不支持此方法。",
    "unsupported_media_type": "不支持该内容类型。",
    "api_key_missing": "需要 API 密钥。",
    "api_key_invalid": "API 密钥不存在或已吊销。",
    "signature_invalid": "签名不匹配。",
    "forbidden": "该密钥没有此权限。",
    "idempotency_conflict": "幂等键已用于其他内容。",
    "busy": "排队的请求太多，请稍后再试。",
    "unavailable": "服务暂时不可用，请稍后再试。",
    "internal": "我们这边出了点问题，请先查询结果再重试。",
}

FOR_PAYERS: Final[dict[str, tuple[str, str]]] = {
    "balance_insufficient": ("余额不足，付不了这笔订单。", "Your balance is not sufficient for this order."),
    "buyer_blocked": ("您的账户目前不能付款。", "Your account may not pay at present."),
    "buyer_is_seller": ("不能向自己付款。", "You cannot pay yourself."),
    "buyer_mismatch": ("该订单已由另一位用户付款。", "Another account has begun to pay this order."),
    "buyer_not_found": ("用户号或支付密码不正确。", "The user number or the password is wrong."),
    "forbidden": ("页面已过期，请再试一次。", "This page was open for too long; please try again."),
    "no_funding_method": ("您没有可用于此订单的付款方式。", "None of your payment methods can pay this order."),
    "payment_refused": (
        "该付款方式拒绝了这笔付款，请换一种。",
        "This method refused the payment; please choose another.",
    ),
    "seller_blocked": ("商家目前不能收款。", "The merchant cannot receive payments at present."),
}


def payer_text(code: str, language: Language) -> str:
    """The sentence that a payer reads in the cashier: addressed to them where the catalogue speaks of a consumer."""
    pair = FOR_PAYERS.get(code)
    if pair is None:
        return error_text(code, language)
    return pair[0] if language is Language.ZH else pair[1]


def error_text(code: str, language: Language) -> str:
    """The sentence for an error code; an unknown code reads as `internal`, so a page never fails over it."""
    known = code if code in CODES else "internal"
    return CODES[known] if language is Language.EN else CHINESE.get(known, CHINESE["internal"])
