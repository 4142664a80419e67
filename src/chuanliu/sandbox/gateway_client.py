"""The gateway over HTTP, as merchants' systems and wallets' browsers reach it."""

from __future__ import annotations

from typing import Final, NamedTuple, Self
from urllib.parse import urlencode

import httpcore

FORM: Final = "application/x-www-form-urlencoded;charset=utf-8"
JSON: Final = "application/json"
_TIMEOUTS: Final = {"connect": 5.0, "read": 20.0, "write": 5.0, "pool": 20.0}


class GatewayAway(Exception):
    """Nobody answers, or the gateway says that it is busy: what became of the request is unknown."""


class Reply(NamedTuple):
    """Status, headers with lower-case names, and body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class GatewayClient:
    """A few kept connections to one gateway."""

    def __init__(self, url: str, connections: int = 8) -> None:
        self._url = url
        self._pool = httpcore.AsyncConnectionPool(max_connections=connections, keepalive_expiry=30.0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.aclose()

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Reply:
        """GET a path of the gateway. Raises `GatewayAway`."""
        return await self._request("GET", path, headers or {}, b"")

    async def post(self, path: str, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> Reply:
        """POST a body to a path of the gateway. Raises `GatewayAway`."""
        return await self._request("POST", path, {"content-type": content_type, **(headers or {})}, body)

    async def post_form(self, path: str, fields: dict[str, str], headers: dict[str, str] | None = None) -> Reply:
        """POST fields as a browser does. Raises `GatewayAway`."""
        return await self.post(path, urlencode(fields).encode(), FORM, headers)

    async def _request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        try:
            response = await self._pool.request(
                method, self._url + path, headers=list(headers.items()), content=body, extensions={"timeout": _TIMEOUTS}
            )
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise GatewayAway(str(error) or type(error).__name__) from None
        if response.status == 503:
            raise GatewayAway("busy")
        names = tuple((name.decode().lower(), value.decode("latin-1")) for name, value in response.headers)
        return Reply(response.status, names, response.content)
