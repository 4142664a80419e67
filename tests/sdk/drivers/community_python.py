"""Driver of PyPI `python-alipay-sdk`, in key mode (`AliPay`) and certificate mode (`DCAliPay`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from alipay import AliPay, DCAliPay
from conversation import converse


def pem(key: str, kind: str) -> str:
    """The SDK takes keys only as PEM."""
    return key if key.startswith("-----") else f"-----BEGIN {kind}-----\n{key}\n-----END {kind}-----"


class Client:
    """One merchant's client."""

    def __init__(self, config: dict[str, Any]) -> None:
        kind = "RSA PRIVATE KEY" if config["key_format"] == "PKCS1" else "PRIVATE KEY"
        private_key = pem(config["app_private_key"], kind)
        certificates = config["certificates"]
        if certificates:
            self._sdk = DCAliPay(
                appid=config["app_id"],
                app_private_key_string=private_key,
                app_public_key_cert_string=certificates["app"],
                alipay_public_key_cert_string=certificates["platform"],
                alipay_root_cert_string=certificates["root"],
                sign_type=config["sign_type"],
            )
        else:
            self._sdk = AliPay(
                appid=config["app_id"],
                app_private_key_string=private_key,
                alipay_public_key_string=pem(config["platform_public_key"], "PUBLIC KEY"),
                sign_type=config["sign_type"],
            )
        self._gateway = config["url"] + "/gateway.do"
        self._sdk._gateway = self._gateway

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        if name == "verify_notification":
            fields = dict(parse_qsl(arguments["form"], keep_blank_values=True))
            return self._sdk.verify(fields, fields.pop("sign"))
        if name == "raw_execute":
            return self._sdk.server_api(arguments["method"], arguments["biz"])
        biz = dict(arguments["biz"])
        if name in ("page_pay", "wap_pay", "app_pay"):
            biz.pop("product_code", None)
        method: Callable[..., Any] = getattr(self._sdk, self._method(name))
        answer = method(**biz, **self._urls(arguments))
        return f"{self._gateway}?{answer}" if name in ("page_pay", "wap_pay") else answer

    @staticmethod
    def _method(name: str) -> str:
        return "api_alipay_trade_" + {"refund_query": "fastpay_refund_query"}.get(name, name)

    @staticmethod
    def _urls(arguments: dict[str, Any]) -> dict[str, str]:
        return {key: arguments[key] for key in ("notify_url", "return_url") if arguments.get(key)}


if __name__ == "__main__":
    converse(Client)
