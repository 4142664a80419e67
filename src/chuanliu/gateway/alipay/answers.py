"""What the Alipay gateway says about a request itself, before any business rule: code, msg, sub_code, sub_msg."""

from __future__ import annotations

from typing import Final

import msgspec

_MESSAGES: Final = {
    "10000": "Success",
    "10003": "order success pay inprocess",
    "20000": "Service Currently Unavailable",
    "20001": "Insufficient Token Permissions",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40003": "Insufficient Conditions",
    "40004": "Business Failed",
    "40005": "Call Limited",
    "40006": "Insufficient Permissions",
}

_SUB_CODES: Final = {
    "20000": {
        "isp.unknow-error": "服务暂不可用（业务系统不可用）",
        "aop.unknow-error": "服务暂不可用（网关自身的未知错误）",
    },
    "20001": {
        "aop.invalid-auth-token": "无效的访问令牌",
        "aop.auth-token-time-out": "访问令牌已过期",
        "aop.invalid-app-auth-token": "无效的应用授权令牌",
        "aop.invalid-app-auth-token-no-api": "商户未授权当前接口",
        "aop.app-auth-token-time-out": "应用授权令牌已过期",
        "aop.no-product-reg-by-partner": "商户未签约任何产品",
    },
    "40001": {
        "isv.missing-method": "缺少方法名参数",
        "isv.missing-signature": "缺少签名参数",
        "isv.missing-signature-type": "缺少签名类型参数",
        "isv.missing-signature-key": "缺少签名配置",
        "isv.missing-app-id": "缺少appId参数",
        "isv.missing-timestamp": "缺少时间戳参数",
        "isv.missing-version": "缺少版本参数",
        "isv.missing-app-cert-sn": "缺少应用公钥证书序列号",
        "isv.missing-alipay-root-cert-sn": "缺少支付宝根证书序列号",
        "isv.decryption-error-missing-encrypt-type": "解密出错，未指定加密算法",
    },
    "40002": {
        "isv.invalid-parameter": "参数无效",
        "isv.upload-fail": "文件上传失败",
        "isv.invalid-file-extension": "文件扩展名无效",
        "isv.invalid-file-size": "文件大小无效",
        "isv.invalid-method": "不存在的方法名",
        "isv.invalid-format": "无效的数据格式",
        "isv.invalid-signature-type": "无效的签名类型",
        "isv.invalid-signature": "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配",
        "isv.invalid-encrypt-type": "无效的加密类型",
        "isv.invalid-encrypt": "解密异常",
        "isv.invalid-app-id": "无效的appId参数",
        "isv.invalid-timestamp": "非法的时间戳参数",
        "isv.invalid-charset": "字符集错误",
        "isv.invalid-digest": "摘要错误",
        "isv.invalid-alipay-root-cert-sn": "无效的支付宝根证书序列号",
        "isv.app-cert-expired": "应用公钥证书已过期",
        "isv.illegal-json": "请求体不是合法的JSON",
        "isv.decryption-error-not-valid-encrypt-type": "解密出错，不支持的加密算法",
        "isv.decryption-error-not-valid-encrypt-key": "解密出错，未配置加密密钥或加密密钥格式错误",
        "isv.decryption-error-unknown": "解密出错，未知异常",
        "isv.missing-signature-config": "验签出错，未配置对应签名算法的公钥或者证书",
        "isv.not-support-app-auth": "本接口不支持第三方代理调用",
        "isv.suspected-attack": "可疑的攻击请求",
        "isv.code-invalid": "授权码无效",
    },
    "40003": {"isv.invalid-auth-relations": "无效的授权关系"},
    "40005": {
        "isv.app-call-limited": "应用调用次数超限",
        "isv.method-call-limited": "API调用次数超限",
    },
    "40006": {
        "isv.insufficient-isv-permissions": "ISV权限不足，建议在开发者中心检查对应功能是否已经添加",
        "isv.insufficient-user-permissions": "用户权限不足",
    },
}


class Answer(msgspec.Struct, frozen=True):
    """The first members of every response. `sub_code` and `sub_msg` are absent where the call went well."""

    code: str
    msg: str
    sub_code: str | None = None
    sub_msg: str | None = None

    def members(self) -> dict[str, str]:
        """As members of the response object, in the order of the wire."""
        members = {"code": self.code, "msg": self.msg}
        if self.sub_code is not None:
            members["sub_code"] = self.sub_code
        if self.sub_msg is not None:
            members["sub_msg"] = self.sub_msg
        return members


SUCCESS: Final = Answer("10000", _MESSAGES["10000"])
IN_PROCESS: Final = Answer("10003", _MESSAGES["10003"])
"""trade.pay waits for the payer to confirm, or for her bank to answer: the merchant polls trade.query."""

GATEWAY_ANSWERS: Final[dict[str, Answer]] = {
    sub_code: Answer(code, _MESSAGES[code], sub_code, sub_msg)
    for code, family in _SUB_CODES.items()
    for sub_code, sub_msg in family.items()
}


def gateway_answer(sub_code: str, sub_msg: str | None = None) -> Answer:
    """The answer of a gateway sub_code, with the catalogue's sub_msg unless there is a more precise one."""
    known = GATEWAY_ANSWERS[sub_code]
    return known if sub_msg is None else msgspec.structs.replace(known, sub_msg=sub_msg)


def business_answer(sub_code: str, sub_msg: str) -> Answer:
    """A business rule's refusal: 40004 with a code such as `ACQ.TRADE_NOT_EXIST`."""
    return Answer("40004", _MESSAGES["40004"], sub_code, sub_msg)


class GatewayRefused(Exception):
    """The request fails before it reaches a business rule. `answer` is what the wire says about it."""

    def __init__(self, sub_code: str, sub_msg: str | None = None) -> None:
        self.answer = gateway_answer(sub_code, sub_msg)
        super().__init__(sub_code)
