"""A consumer with a wallet: shows codes at the till, scans QR codes, and pays in the cashier as a browser would."""

from __future__ import annotations

import asyncio
import re
from typing import Final
from urllib.parse import urlsplit

from chuanliu.gateway.start import CODE_PATH, SandboxConsumer
from chuanliu.sandbox.gateway_client import GatewayClient, Reply

_STAGE: Final = re.compile(rb'data-stage="([a-z-]+)"')
_TOKEN: Final = re.compile(rb'name="csrf_token" value="([^"]+)"')
_QUOTE: Final = re.compile(rb'name="quote_id" value="([0-9]+)"')
_CHECKED: Final = re.compile(rb'name="offer"[^>]* value="([0-9]+)"[^>]* checked')


class WalletClient:
    """One consumer. Signs in to the cashier once for as long as its session lasts, and pays one order at a time."""

    def __init__(self, gateway: GatewayClient, consumer: SandboxConsumer) -> None:
        self._gateway = gateway
        self._consumer = consumer
        self._cookies: dict[str, str] = {}
        self._one_at_a_time = asyncio.Lock()

    async def show_code(self) -> str:
        """A fresh payment code. Raises `GatewayAway`."""
        reply = await self._gateway.get(f"{CODE_PATH}?user_id={self._consumer.user_id}")
        return reply.body.decode().strip()

    async def scan(self, qr_code: str) -> bool:
        """Open what a QR code names, pay as the cashier proposes; whether it is paid now. Raises `GatewayAway`."""
        path = urlsplit(qr_code).path
        cashier = "/cashier/" + path.rpartition("/")[2]
        async with self._one_at_a_time:
            page = await self._get(path)
            if _stage(page) == "sign-in":
                given = {"user_id": self._consumer.user_id, "password": self._consumer.pay_password}
                await self._submit(cashier, page, given)
                page = await self._get(cashier)
            if _stage(page) == "choose":
                chosen = {"quote_id": _value(_QUOTE, page), "offer": _value(_CHECKED, page)}
                await self._submit(f"{cashier}/pay", page, chosen)
                page = await self._get(cashier)
            return _stage(page) == "paid"

    async def _get(self, path: str) -> Reply:
        return self._keep_cookies(await self._gateway.get(path, self._headers()))

    async def _submit(self, path: str, page: Reply, fields: dict[str, str]) -> None:
        form = {"csrf_token": _value(_TOKEN, page), **fields}
        self._keep_cookies(await self._gateway.post_form(path, form, self._headers()))

    def _headers(self) -> dict[str, str]:
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}

    def _keep_cookies(self, reply: Reply) -> Reply:
        for name, value in reply.headers:
            if name == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self._cookies[cookie] = content
        return reply


def _stage(page: Reply) -> str:
    return _value(_STAGE, page)


def _value(pattern: re.Pattern[bytes], page: Reply) -> str:
    found = pattern.search(page.body)
    return found.group(1).decode() if found is not None else ""
