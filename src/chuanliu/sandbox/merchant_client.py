"""A merchant's system, in both dialects: signed forms to `gateway.do`, and JSON with an API key."""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from chuanliu.clock import SHANGHAI
from chuanliu.crypto import sign
from chuanliu.gateway.alipay import request_sign_string
from chuanliu.gateway.start import INBOX_PATH, SandboxMerchant
from chuanliu.money import format_amount
from chuanliu.sandbox.gateway_client import FORM, JSON, GatewayClient

_SUCCESS = "10000"


class RequestRefused(Exception):
    """The gateway said no, with the dialect's code."""


def new_number() -> str:
    """A merchant's own number for an order or a refund."""
    return f"{datetime.now(SHANGHAI):%Y%m%d%H%M%S}{secrets.token_hex(4)}"


class MerchantClient:
    """One merchant of the sandbox at one gateway. Amounts are minor units of CNY."""

    def __init__(self, gateway: GatewayClient, merchant: SandboxMerchant, public_url: str) -> None:
        self.name = merchant.name
        self._gateway = gateway
        self._keys = merchant.credentials
        self._notify_url = public_url + INBOX_PATH

    async def pay_by_code(self, number: str, code: str, subject: str, amount_minor: int) -> None:
        """trade.pay: the till scans a wallet's code. Raises `RequestRefused`, `GatewayAway`."""
        await self._alipay(
            "alipay.trade.pay",
            {
                "out_trade_no": number,
                "scene": "bar_code",
                "auth_code": code,
                "subject": subject,
                "total_amount": format_amount(amount_minor, "CNY"),
            },
        )

    async def show_qr(self, number: str, subject: str, amount_minor: int, extend: dict[str, str] | None = None) -> str:
        """trade.precreate: the text of a QR code for the payer to scan; `extend` asks for instalments.

        Raises `RequestRefused`, `GatewayAway`.
        """
        total = format_amount(amount_minor, "CNY")
        content: dict[str, Any] = {"out_trade_no": number, "subject": subject, "total_amount": total}
        if extend is not None:
            content["extend_params"] = extend
        return str((await self._alipay("alipay.trade.precreate", content))["qr_code"])

    async def ask(self, number: str) -> str:
        """trade.query: the order's trade_status. Raises `RequestRefused`, `GatewayAway`."""
        return str((await self._alipay("alipay.trade.query", {"out_trade_no": number}))["trade_status"])

    async def refund(self, number: str, amount_minor: int) -> None:
        """trade.refund of a part or all. Raises `RequestRefused`, `GatewayAway`."""
        amount = format_amount(amount_minor, "CNY")
        content = {"out_trade_no": number, "refund_amount": amount, "out_request_no": new_number()}
        await self._alipay("alipay.trade.refund", content)

    async def end(self, number: str, verb: str) -> None:
        """trade.close of what nobody paid, or trade.cancel. Raises `RequestRefused`, `GatewayAway`."""
        await self._alipay(f"alipay.trade.{verb}", {"out_trade_no": number})

    async def pay_native(self, number: str, code: str, subject: str, amount_minor: int) -> str:
        """POST /v1/payments: as `pay_by_code`; returns the payment's id."""
        body = {"payment_code": code, "subject": subject, "amount": _money(amount_minor)}
        return str((await self._native("/v1/payments", body, number))["payment_id"])

    async def quote(self, number: str, code: str, amount_minor: int) -> dict[str, Any]:
        """POST /v1/quotes: all that whoever shows a code can pay by. Raises `RequestRefused`, `GatewayAway`."""
        body = {"payment_code": code, "amount": _money(amount_minor)}
        return await self._native("/v1/quotes", body, number)

    async def pay_quoted(
        self, number: str, code: str, subject: str, amount_minor: int, quote_id: str, offer: int
    ) -> tuple[str, bool]:
        """POST /v1/payments by an offer of a quote: the payment's id, and whether it is paid or its bank thinks."""
        body = {"payment_code": code, "subject": subject, "amount": _money(amount_minor)}
        answer = await self._native("/v1/payments", {**body, "quote_id": quote_id, "offer": offer}, number)
        return str(answer["payment_id"]), answer["status"] == "succeeded"

    async def refund_native(self, payment_id: str, amount_minor: int) -> None:
        """POST /v1/payments/{id}/refunds of a part or all."""
        await self._native(f"/v1/payments/{payment_id}/refunds", {"amount": _money(amount_minor)}, new_number())

    async def order_native(self, number: str, subject: str, amount_minor: int) -> str:
        """POST /v1/orders: the text of a QR code."""
        answer = await self._native("/v1/orders", {"subject": subject, "amount": _money(amount_minor)}, number)
        return str(answer["qr_code"])

    async def _alipay(self, method: str, content: dict[str, Any]) -> dict[str, Any]:
        fields = {
            "app_id": self._keys.app_id,
            "method": method,
            "format": "json",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": f"{datetime.now(SHANGHAI):%Y-%m-%d %H:%M:%S}",
            "version": "1.0",
            "notify_url": self._notify_url,
            "biz_content": msgspec.json.encode(content).decode(),
        }
        text = request_sign_string({name.encode(): value.encode() for name, value in fields.items()})
        fields["sign"] = await asyncio.to_thread(sign, text, self._keys.app_private_key)
        reply = await self._gateway.post("/gateway.do", urlencode(fields).encode(), FORM)
        answer: dict[str, Any] = msgspec.json.decode(reply.body)[method.replace(".", "_") + "_response"]
        if answer["code"] != _SUCCESS:
            raise RequestRefused(f"{method}: {answer.get('sub_code') or answer['code']}")
        return answer

    async def _native(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self._keys.api_key}", "idempotency-key": key}
        reply = await self._gateway.post(path, msgspec.json.encode(body), JSON, headers)
        answer: dict[str, Any] = msgspec.json.decode(reply.body)
        if reply.status >= 400:
            raise RequestRefused(f"{path}: {answer.get('code', reply.status)}")
        return answer


def _money(amount_minor: int) -> dict[str, str]:
    return {"currency": "CNY", "value": format_amount(amount_minor, "CNY")}
