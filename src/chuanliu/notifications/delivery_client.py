"""Sends notifications to merchants over HTTP/1.1.

Trusts nobody: names are resolved here and every address is judged before one is connected to, so that a name cannot
point elsewhere between check and use; redirects are answers like any other; time and size are bounded.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from time import monotonic
from typing import Any, Final, Literal

import httpcore

from chuanliu.connectors import Breaker
from chuanliu.errors import Refused
from chuanliu.notifications.acknowledgement import Acknowledgement
from chuanliu.notifications.destination import Destination, DestinationPolicy, IPAddress
from chuanliu.notifications.places import PER_HOST_MAX, Line

BODY_BYTES_MAX: Final = 64 * 1024
EXCERPT_BYTES: Final = 1024
TROUBLED_MAX: Final = 10_000
RESOLVER_THREADS: Final = 32

Outcome = Literal[
    "delivered", "rejected", "unreachable", "timeout", "refused_destination", "breaker_open", "over_capacity"
]
Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""From a host name to its addresses in the order of preference. Raises `OSError`."""


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """Bounds of one client. Times are seconds; `*_max` counts are of deliveries under way.

    How the merchants of one host share it is the caller's (`Places`). Breakers are kept for a merchant at a host.
    """

    total_s: float = 10.0
    connect_s: float = 4.0
    concurrent_max: int = 512
    concurrent_per_host_max: int = PER_HOST_MAX
    breaker: Breaker = field(default_factory=Breaker)


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What became of one delivery. `status` is None where no answer came; `detail` is for the delivery log."""

    outcome: Outcome
    status: int | None = None
    body_excerpt: bytes = b""
    latency_ms: int = 0
    detail: str = ""

    @property
    def attempted(self) -> bool:
        """Whether the destination was called. If not, the delivery keeps its place in the schedule: ask again soon."""
        return self.outcome not in ("breaker_open", "over_capacity")


@dataclass(slots=True)
class _Traffic:
    """What is known of one merchant at one host."""

    breaker: Breaker
    running: int = 0


class _AddressRefused(Exception):
    """A name resolves to an address that the policy forbids."""


class _JudgingBackend(httpcore.AsyncNetworkBackend):
    """Connects to the very addresses that were judged. One seam to the network, under TLS and HTTP."""

    def __init__(self, policy: DestinationPolicy, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, judge all addresses, connect to the first that answers. `timeout` covers all of it."""
        async with asyncio.timeout(timeout):
            addresses = await self._judged_addresses(host)
            share = timeout / len(addresses) if timeout else None
            for address in addresses[:-1]:
                try:
                    return await self._sockets.connect_tcp(str(address), port, share, local_address, socket_options)
                except (httpcore.ConnectError, httpcore.ConnectTimeout):
                    continue
            return await self._sockets.connect_tcp(str(addresses[-1]), port, None, local_address, socket_options)

    async def _judged_addresses(self, host: str) -> list[IPAddress]:
        try:
            addresses = [ip_address(host)]
        except ValueError:
            addresses = [ip_address(text) for text in dict.fromkeys(await self._resolver(host))]
        if not addresses:
            raise OSError("the name has no address")
        for address in addresses:
            if not self._policy.allows(address):
                raise _AddressRefused(f"{host} resolves to {address}")
        return addresses


class SystemResolver:
    """The operating system's resolver on threads of its own, so that a name server that hangs holds up nothing else."""

    def __init__(self, threads: int = RESOLVER_THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    async def __call__(self, host: str) -> Sequence[str]:
        """Addresses of a name. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host)
        return [str(address[4][0]) for address in found]

    def close(self) -> None:
        """Let go of the threads without waiting for look-ups under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str) -> list[Any]:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)


class DeliveryClient:
    """Posts to merchants, many at once. One event loop only.

    Nothing queues in here: over a limit or with the destination's breaker open, `deliver` returns at once without
    having called anybody, so a destination that hangs takes no more than its own share.
    """

    def __init__(
        self,
        policy: DestinationPolicy,
        *,
        resolver: Resolver | None = None,
        limits: DeliveryLimits | None = None,
        tls: ssl.SSLContext | None = None,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._policy = policy
        self._system_resolver = SystemResolver()
        self._backend = _JudgingBackend(policy, resolver or self._system_resolver)
        self._limits = limits or DeliveryLimits()
        self._tls = tls or httpcore.default_ssl_context()
        self._now = now
        self._traffic: dict[Line, _Traffic] = {}
        self._hosts: Counter[str] = Counter()
        self._running = 0

    @property
    def room(self) -> int:
        """How many more deliveries may be under way."""
        return self._limits.concurrent_max - self._running

    def room_for(self, url: str, merchant_id: int = 0) -> int:
        """How many more of a merchant to this destination: 0 while its breaker is open or for a URL that is refused."""
        try:
            host = self._policy.parse(url).key
        except Refused:
            return 0
        traffic = self._traffic.get((merchant_id, host))
        if traffic is not None and not traffic.breaker.closed:
            return int(not traffic.breaker.probing and self._now() >= traffic.breaker.reopens_at)
        return min(self._limits.concurrent_per_host_max - self._hosts[host], self.room)

    def close(self) -> None:
        """Release what the client holds besides deliveries under way."""
        self._system_resolver.close()

    async def deliver(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        acknowledged: Acknowledgement,
        *,
        merchant_id: int = 0,
    ) -> DeliveryResult:
        """POST once for a merchant and judge the answer.

        Raises nothing but cancellation; see `DeliveryResult` for what can happen.
        """
        try:
            destination = self._policy.parse(url)
        except Refused as refusal:
            return DeliveryResult("refused_destination", detail=refusal.message)
        host, line = destination.key, (merchant_id, destination.key)
        traffic = self._traffic.get(line) or _Traffic(replace(self._limits.breaker))
        if self.room <= 0 or self._hosts[host] >= self._limits.concurrent_per_host_max:
            return DeliveryResult("over_capacity", detail="Too many deliveries are under way.")
        if not traffic.breaker.admit(self._now()):
            return DeliveryResult("breaker_open", detail="The destination has not answered lately.")
        self._traffic[line] = traffic
        started = self._now()
        self._running += 1
        self._hosts[host] += 1
        traffic.running += 1
        result: DeliveryResult | None = None
        try:
            result = await self._post(destination, headers, body, acknowledged)
        finally:
            self._running -= 1
            traffic.running -= 1
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]
            self._learn(line, traffic, result)
        return replace(result, latency_ms=round((self._now() - started) * 1000))

    def _learn(self, key: Line, traffic: _Traffic, result: DeliveryResult | None) -> None:
        if result is None or result.outcome == "refused_destination":
            traffic.breaker.abandoned()
        elif result.outcome in ("delivered", "rejected"):
            traffic.breaker.succeeded()
        else:
            traffic.breaker.failed(self._now())
        if traffic.running == 0 and traffic.breaker.failures == 0:
            self._traffic.pop(key, None)
        elif len(self._traffic) > TROUBLED_MAX:
            oldest = next(iter(self._traffic))
            if self._traffic[oldest].running == 0:
                del self._traffic[oldest]

    async def _post(
        self, destination: Destination, headers: Mapping[str, str], body: bytes, acknowledged: Acknowledgement
    ) -> DeliveryResult:
        answer = _Answer()
        try:
            async with asyncio.timeout(self._limits.total_s):
                await self._exchange(destination, headers, body, answer)
        except (TimeoutError, httpcore.TimeoutException):
            return DeliveryResult("timeout", answer.status, answer.excerpt, detail="No complete answer in time.")
        except _AddressRefused as refusal:
            return DeliveryResult("refused_destination", detail=f"{refusal}, which is not a public address.")
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            detail = str(error)[:200] or type(error).__name__
            return DeliveryResult("unreachable", answer.status, answer.excerpt, detail=detail)
        taken = answer.status is not None and acknowledged(answer.status, bytes(answer.body))
        return DeliveryResult("delivered" if taken else "rejected", answer.status, answer.excerpt)

    async def _exchange(
        self, destination: Destination, headers: Mapping[str, str], body: bytes, answer: _Answer
    ) -> None:
        host = destination.host.encode()
        url = httpcore.URL(
            scheme=destination.scheme.encode(), host=host, port=destination.port, target=destination.target.encode()
        )
        # A connection for each delivery: an idle one may be closed by the merchant just as the next POST goes out,
        # and that delivery would wait for minutes in the retry schedule.
        connection = httpcore.AsyncHTTPConnection(url.origin, ssl_context=self._tls, network_backend=self._backend)
        sent = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "Chuanliu/1"}
        sent |= {name.lower(): value for name, value in headers.items()}
        sent["connection"] = "close"
        try:
            async with connection.stream(
                b"POST",
                url,
                headers=[(name.encode(), value.encode()) for name, value in sent.items()],
                content=body,
                extensions={"timeout": {"connect": self._limits.connect_s}},
            ) as response:
                answer.status = response.status
                async for chunk in response.aiter_stream():
                    answer.body += chunk[: BODY_BYTES_MAX - len(answer.body)]
                    if len(answer.body) >= BODY_BYTES_MAX:
                        break
        finally:
            await connection.aclose()


@dataclass(slots=True)
class _Answer:
    """What has come so far, kept apart so that a time-out does not lose it."""

    status: int | None = None
    body: bytearray = field(default_factory=bytearray)

    @property
    def excerpt(self) -> bytes:
        return bytes(self.body[:EXCERPT_BYTES])
