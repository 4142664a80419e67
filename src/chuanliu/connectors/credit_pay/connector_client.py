"""The platform's side of `credit-pay/v1`: one bank over HTTP/1.1, on connections that are kept and bounded in number.

What certainly never left is refused with `bank_unavailable`, what may have is unknown, and only what the bank signed is
believed.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

import httpcore
import msgspec
import structlog

from chuanliu.connectors.bank import BankAnswer, BankRequest
from chuanliu.connectors.breaker import Breaker
from chuanliu.connectors.credit_pay.contract import (
    ANSWER_BYTES_MAX,
    HEALTH_PATH,
    INVALID_ANSWER,
    call_body,
    nothing_done,
    path_of,
    unverified,
    verdict_of,
)
from chuanliu.connectors.credit_pay.signing import Signed, SigningKey, answer_is_genuine, sign_request
from chuanliu.crypto import private_key, public_key
from chuanliu.errors import Invalid

log = structlog.get_logger(__name__)

NONCE_BYTES: Final = 18
IDLE_S: Final = 15.0
"""Shorter than a bank keeps an idle connection: one that it closes as a call goes out makes that call unknown."""

_UNANSWERED: Final = BankAnswer("unknown", "bank_no_answer")
_TROUBLE: Final = frozenset({"bank_unavailable", "bank_no_answer", "bank_answer_invalid"})


@dataclass(frozen=True, slots=True)
class CreditPayParties:
    """Who speaks to whom: the code that the bank goes by here, the platform's key, and the bank's public keys by id,
    more than one while it changes them.
    """

    bank: str
    key: SigningKey
    bank_keys: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CreditPayLimits:
    """Bounds of one bank. Calls above `in_flight_max` wait for at most half of their time, `waiting_max` of them."""

    in_flight_max: int = 128
    waiting_max: int = 512
    connect_s: float = 2.0
    breaker: Breaker = field(default_factory=lambda: Breaker(open_s=2.0, open_s_max=30.0))


@dataclass(slots=True)
class _Exchange:
    """One request on the wire. `sent` is set before its first octet goes out."""

    sent: bool = False
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Told by the HTTP library of each of its steps."""
        del info
        if event.endswith("send_request_headers.started"):
            self.sent = True


class CreditPayConnector:
    """A `BankConnector`. One event loop only."""

    def __init__(
        self,
        endpoint: str,
        parties: CreditPayParties,
        limits: CreditPayLimits | None = None,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`endpoint` is a URL without a query. Raises `Invalid(invalid_parameter)` for one, or a key, of no use."""
        self._parties = parties
        self._limits = limits or CreditPayLimits()
        self._origin = _origin_of(endpoint)
        self._prefix = self._origin.target.decode().rstrip("/")
        private_key(parties.key.private_key)
        for text in parties.bank_keys.values():
            public_key(text)
        self.breaker = replace(self._limits.breaker)
        self._places = asyncio.Semaphore(self._limits.in_flight_max)
        self._waiting = 0
        self._sent = self._answered = self._refused = 0
        self._known = False
        self._asking_health = asyncio.Lock()
        self._calls: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._tls = tls or _default_tls()
        self._backend = httpcore.AnyIOBackend()
        self._idle: list[httpcore.AsyncHTTPConnection] = []

    @property
    def in_flight(self) -> int:
        """Exchanges with the bank under way."""
        return len(self._calls)

    @property
    def counts(self) -> dict[str, int]:
        """Calls that were sent, those that were answered with a verdict, and those that were not sent."""
        return {"sent": self._sent, "answered": self._answered, "refused": self._refused}

    async def ask(self, request: BankRequest, within_s: float) -> BankAnswer:
        """Call and wait; see `BankConnector`."""
        try:
            body = call_body(request)
        except Invalid as failure:
            return msgspec.structs.replace(self._not_sent(request), reason=failure.code)
        ends_at = time.monotonic() + within_s
        if self._closed or not await self._place(within_s / 2):
            return self._not_sent(request)
        try:
            return await self._admitted(request, body, ends_at)
        finally:
            self._places.release()

    def _not_sent(self, request: BankRequest) -> BankAnswer:
        self._refused += 1
        return nothing_done(request)

    async def close(self) -> None:
        """End the link. Who still waits gets `unknown`."""
        self._closed = True
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        while self._idle:
            await self._idle.pop().aclose()

    async def _place(self, within_s: float) -> bool:
        """Whether a place among those in flight was got."""
        if not self._places.locked():
            await self._places.acquire()
            return True
        if self._waiting >= self._limits.waiting_max:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(within_s):
                await self._places.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    async def healthy(self, within_s: float) -> bool:
        """Whether the bank takes calls and each side knows the other's key."""
        signed = self._signed("GET", HEALTH_PATH)
        exchange = _Exchange()
        answered = await self._run(exchange, signed, b"", time.monotonic() + within_s)
        return answered and exchange.status == 200 and self._genuine(signed, exchange)

    async def _admitted(self, request: BankRequest, body: bytes, ends_at: float) -> BankAnswer:
        """Ask under the breaker."""
        was_closed = self.breaker.closed
        if not self.breaker.admit(time.monotonic()):
            return self._not_sent(request)
        learnt: bool | None = None
        try:
            if not await self._ready(was_closed, ends_at):
                learnt = False
                return self._not_sent(request)
            exchange, answer = await self._call(request, body, ends_at)
            learnt = answer.reason not in _TROUBLE
            if not exchange.sent:
                return self._not_sent(request)
            self._sent += 1
            self._answered += answer.verdict != "unknown"
            return answer
        finally:
            if learnt is None:
                self.breaker.abandoned()
            elif learnt:
                self.breaker.succeeded()
            else:
                self.breaker.failed(time.monotonic())

    async def _ready(self, was_closed: bool, ends_at: float) -> bool:
        """Before the first call, and after an outage, the health is asked: no payment is risked to find out."""
        if was_closed and self._known:
            return True
        try:
            async with asyncio.timeout(ends_at - time.monotonic()), self._asking_health:
                if not (was_closed and self._known):
                    self._known = await self.healthy(ends_at - time.monotonic())
                return self._known
        except TimeoutError:
            return False

    async def _call(self, request: BankRequest, body: bytes, ends_at: float) -> tuple[_Exchange, BankAnswer]:
        signed = self._signed("POST", path_of(request.kind))
        exchange = _Exchange()
        if not await self._run(exchange, signed, body, ends_at):
            return exchange, _UNANSWERED
        if len(exchange.body) > ANSWER_BYTES_MAX:
            return exchange, INVALID_ANSWER
        if not self._genuine(signed, exchange):
            return exchange, unverified(exchange.status)
        return exchange, verdict_of(request, exchange.status, bytes(exchange.body))

    def _signed(self, method: str, path: str) -> Signed:
        return Signed(self._parties.bank, method, path, str(int(time.time())), secrets.token_urlsafe(NONCE_BYTES))

    def _genuine(self, signed: Signed, exchange: _Exchange) -> bool:
        return answer_is_genuine(
            signed, exchange.status, bytes(exchange.body), exchange.headers, self._parties.bank_keys
        )

    async def _run(self, exchange: _Exchange, signed: Signed, body: bytes, ends_at: float) -> bool:
        """Whether a whole answer came in time. In a task of its own, which `close` can end without ending who asks."""
        task = asyncio.create_task(self._exchange(exchange, signed, body, ends_at), name="credit pay call")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.cancelled():
            return False
        return task.result()

    async def _exchange(self, exchange: _Exchange, signed: Signed, body: bytes, ends_at: float) -> bool:
        try:
            async with asyncio.timeout(ends_at - time.monotonic()):
                headers = await asyncio.to_thread(sign_request, signed, body, self._parties.key)
                await self._send(exchange, signed, headers, body)
        except (TimeoutError, OSError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
            return False
        except Exception:
            log.exception("a call to a bank failed", bank=self._parties.bank, path=signed.path)
            return False
        return True

    async def _send(self, exchange: _Exchange, signed: Signed, headers: Mapping[str, str], body: bytes) -> None:
        sent = {
            "host": _authority(self._origin),
            "accept": "application/json",
            "accept-encoding": "identity",
            "user-agent": "Chuanliu/1",
            **headers,
        }
        if signed.method == "POST":
            sent |= {"content-type": "application/json", "content-length": str(len(body))}
        url = httpcore.URL(
            scheme=self._origin.scheme,
            host=self._origin.host,
            port=self._origin.port,
            target=(self._prefix + signed.path).encode(),
        )
        connection = await self._connection()
        try:
            async with connection.stream(
                signed.method,
                url,
                headers=[(name.encode(), value.encode()) for name, value in sent.items()],
                content=body,
                extensions={"timeout": {"connect": self._limits.connect_s}, "trace": exchange.trace},
            ) as response:
                async for chunk in response.aiter_stream():
                    exchange.body += chunk
                    if len(exchange.body) > ANSWER_BYTES_MAX:
                        break
                exchange.headers = {
                    name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
                }
                exchange.status = response.status
        finally:
            if connection.is_idle() and not self._closed:
                self._idle.append(connection)
            else:
                await connection.aclose()

    async def _connection(self) -> httpcore.AsyncHTTPConnection:
        """The one used last that still stands, or a new one; their number is bounded by the places in flight."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return httpcore.AsyncHTTPConnection(
            self._origin.origin, self._tls, keepalive_expiry=IDLE_S, network_backend=self._backend
        )


@lru_cache(maxsize=1)
def _default_tls() -> ssl.SSLContext:
    """One for all banks: reading the authorities' certificates takes as long as hundreds of calls."""
    return httpcore.default_ssl_context()


def _origin_of(endpoint: str) -> httpcore.URL:
    try:
        url = httpcore.URL(endpoint)
        well_formed = url.scheme in (b"https", b"http") and bool(url.host) and b"?" not in url.target
    except (ValueError, TypeError, UnicodeError):
        well_formed = False
    if not well_formed:
        raise Invalid("invalid_parameter", "an endpoint is https://HOST[:PORT][/PATH]", field="endpoint")
    return url


def _authority(url: httpcore.URL) -> str:
    host = url.host.decode("ascii")
    host = f"[{host}]" if ":" in host else host
    return host if url.port is None else f"{host}:{url.port}"
