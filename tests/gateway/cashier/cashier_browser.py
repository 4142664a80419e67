"""A browser for the cashier: follows redirects, keeps cookies, and fills in what the page carries."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlencode

from alipay_world.world import FORM, PASSWORD, PUBLIC_URL, Shop, World, signed_call
from chuanliu.serving import Response

RETURN_URL = "https://shop.example/back?cart=7"


@dataclass
class Browser:
    """Follows redirects on this site and keeps cookies."""

    platform: World
    page: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    last: Response = field(default_factory=Response)

    def get(self, path: str) -> str:
        return self._go("GET", path)

    def post(self, path: str, **fields: str) -> str:
        return self._go("POST", path, urlencode(fields).encode())

    def submit(self, path: str, **fields: str) -> str:
        """Post a form with the token that the page carries."""
        return self.post(path, csrf_token=self.token, lang="en", **fields)

    def pay(self, path: str, offer: str | None = None) -> str:
        """Post the pay form as the page has it: with the offer that is checked, or another one."""
        quote = re.search(r'name="quote_id" value="([^"]*)"', self.page)
        checked = re.search(r'name="offer"[^>]* value="([0-9]+)"[^>]* checked', self.page)
        chosen = offer if offer is not None else checked[1] if checked else ""
        return self.submit(f"{path}/pay", quote_id=quote[1] if quote else "", offer=chosen)

    @property
    def token(self) -> str:
        found = re.search(r'name="csrf_token" value="([^"]*)"', self.page)
        return found[1] if found else ""

    @property
    def stage(self) -> str:
        found = re.search(r'data-stage="([^"]*)"', self.page)
        return found[1] if found else ""

    def _go(self, method: str, path: str, body: bytes = b"") -> str:
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **FORM}
        place, _, query = path.partition("?")
        self.last = self.platform.send(place, query, body, method=method, headers=headers)
        for name, value in self.last.headers:
            if name == "set-cookie":
                assert "httponly" in value
                assert "samesite=lax" in value
                cookie, _, text = value.partition(";")[0].partition("=")
                self.cookies[cookie] = text
        if self.last.status == 303:
            return self._go("GET", self.last.header("location") or "")
        self.page = self.last.body.decode()
        return self.page


def checkout(platform: World, shop: Shop, *, product: str = "page", **fields: Any) -> str:
    """Path of the cashier of a new order."""
    biz = {"out_trade_no": "T" + secrets.token_hex(10), "subject": "明前龙井", "total_amount": "88.88", **fields}
    query, body = signed_call(shop, f"alipay.trade.{product}.pay", biz, return_url=RETURN_URL)
    response = platform.send("/gateway.do", query, body, headers=FORM)
    return (response.header("location") or "").removeprefix(PUBLIC_URL)


def signed_in(platform: World, path: str, user_id: int) -> Browser:
    browser = Browser(platform)
    browser.get(path)
    browser.submit(path, user_id=str(user_id), password=PASSWORD)
    return browser


def link_of(page: str, start: str) -> str:
    found = re.search(rf'href="({re.escape(start)}[^"]*)"', page)
    return unescape(found[1]) if found else ""
