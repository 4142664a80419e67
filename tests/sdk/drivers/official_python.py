"""Driver of PyPI `alipay-sdk-python`: typed models in, typed responses out."""

from __future__ import annotations

import importlib
import json
from typing import Any
from urllib.parse import parse_qsl

from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.util.SignatureUtils import get_sign_content, verify_with_rsa
from conversation import converse, reroute_web_ports

METHODS = {
    "pay": "alipay.trade.pay",
    "create": "alipay.trade.create",
    "precreate": "alipay.trade.precreate",
    "query": "alipay.trade.query",
    "refund": "alipay.trade.refund",
    "refund_query": "alipay.trade.fastpay.refund.query",
    "close": "alipay.trade.close",
    "cancel": "alipay.trade.cancel",
}


def sdk_class(kind: str, method: str) -> Any:
    """The SDK's class for a method, such as `AlipayTradePayRequest`."""
    stem = "".join(word.capitalize() for word in method.split("."))
    name = f"{stem}{kind.capitalize()}"
    return getattr(importlib.import_module(f"alipay.aop.api.{kind}.{name}"), name)


class Client:
    """One merchant's client, in key mode: the SDK has no certificate mode, and its AES does not run on Python 3."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._settings = self._configured(config, reroute_web_ports(config["url"]))
        self._client = DefaultAlipayClient(self._settings)
        # Pages are opened by a browser, which is not rerouted; making a URL does not mind the port.
        self._pages = DefaultAlipayClient(self._configured(config, config["url"]))

    @staticmethod
    def _configured(config: dict[str, Any], origin: str) -> AlipayClientConfig:
        settings = AlipayClientConfig()
        settings.server_url = f"{origin}/gateway.do"
        settings.app_id = config["app_id"]
        settings.app_private_key = config["app_private_key"]
        settings.alipay_public_key = config["platform_public_key"]
        settings.charset = config["charset"]
        settings.sign_type = config["sign_type"]
        return settings

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        if name == "verify_notification":
            return self._verify(arguments["form"])
        if name in ("page_pay", "wap_pay"):
            request = self._request(f"alipay.trade.{name.replace('_', '.')}", arguments)
            return self._pages.page_execute(request, http_method=arguments["http_method"])
        if name == "app_pay":
            return self._client.sdk_execute(self._request("alipay.trade.app.pay", arguments))
        method = METHODS.get(name) or arguments["method"]
        content = self._client.execute(self._request(method, arguments))
        response = sdk_class("response", method)()
        response.parse_response_content(content)
        if response.is_success() != ("sub_code" not in json.loads(content)):
            raise AssertionError("is_success() disagrees with the response")
        return json.loads(response.body)

    def _request(self, method: str, arguments: dict[str, Any]) -> Any:
        request = sdk_class("request", method)()
        # The setter turns the mapping into the typed model, which drops fields that it does not know.
        request.biz_content = arguments["biz"]
        if arguments.get("notify_url"):
            request.notify_url = arguments["notify_url"]
        if arguments.get("return_url"):
            request.return_url = arguments["return_url"]
        return request

    def _verify(self, form: str) -> bool:
        fields = dict(parse_qsl(form, keep_blank_values=True, encoding=self._settings.charset))
        sign = fields.pop("sign")
        fields.pop("sign_type")
        message = get_sign_content(fields).encode(self._settings.charset)
        try:
            return bool(verify_with_rsa(self._settings.alipay_public_key, message, sign))
        except Exception as error:
            if type(error).__name__ == "VerificationError":
                return False
            raise


if __name__ == "__main__":
    converse(Client)
