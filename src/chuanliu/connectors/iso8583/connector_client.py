"""A bank over ISO 8583: keeps one link to it up, and asks it no more while it does not answer."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import asdict
from typing import Final

import msgspec
import structlog

from chuanliu.connectors.bank import BankAnswer, BankRequest
from chuanliu.connectors.breaker import Breaker
from chuanliu.connectors.iso8583.conversation import Acquirer
from chuanliu.connectors.iso8583.dialect import Dialect
from chuanliu.connectors.iso8583.link_client import Link, LinkCounters
from chuanliu.errors import ChuanliuError

_STEADY_S: Final = 1.0
_DOUBLINGS_MAX: Final = 16

log = structlog.get_logger(__name__)


class LinkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the link to one bank. Times in seconds.

    `connect_s` is for the connection and, once more, for the sign-on; a call waits no longer than that for a link.
    After `echo_idle_s` without a word the bank is asked for an echo, and the link dropped if none comes in `echo_s`.
    Reconnecting starts at `backoff_s`, doubled up to `backoff_s_max`, each shortened at random by up to a half. The
    breaker opens after `failures_max` calls in a row that came to nothing, for `open_s`, doubled up to `open_s_max`.
    """

    acquirer: Acquirer = Acquirer()
    in_flight_max: int = 1024
    connect_s: float = 3.0
    echo_idle_s: float = 30.0
    echo_s: float = 5.0
    backoff_s: float = 0.1
    backoff_s_max: float = 5.0
    failures_max: int = 5
    open_s: float = 1.0
    open_s_max: float = 30.0


class Iso8583Connector:
    """The way to one bank. Connects when it is first asked; from then on a task keeps the link, until `close`.

    For one event loop.
    """

    def __init__(self, dialect: Dialect, host: str, port: int, settings: LinkSettings | None = None) -> None:
        self._dialect = dialect
        self._host = host
        self._port = port
        self._settings = settings or LinkSettings()
        self.counters = LinkCounters()
        self.breaker = Breaker(self._settings.failures_max, self._settings.open_s, self._settings.open_s_max)
        self._link: Link | None = None
        self._coming: asyncio.Future[Link | None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._under_way = 0
        self._closed = False

    @property
    def in_flight(self) -> int:
        """Calls that wait for a link or an answer."""
        return self._under_way

    @property
    def counts(self) -> dict[str, int]:
        """What happened on its links."""
        return asdict(self.counters)

    async def ask(self, request: BankRequest, within_s: float) -> BankAnswer:
        """Call and wait, as `BankConnector` says."""
        if self._closed or not self.breaker.closed or self._under_way >= self._settings.in_flight_max:
            return self._not_sent(request)
        deadline = asyncio.get_running_loop().time() + within_s
        self._under_way += 1
        try:
            link = self._link or await self._next_link(within_s)
            if link is None or not link.usable:
                return self._not_sent(request)
            return await link.call(request, deadline)
        except ChuanliuError as error:
            log.warning("a call that no message can hold", bank=self._name, call_id=request.call_id, field=error.field)
            return self._not_sent(request, error.code)
        finally:
            self._under_way -= 1

    async def close(self) -> None:
        """Sign off. Who still waits gets `unknown`."""
        self._closed = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self._link is not None:
            self._link.sign_off()
        self._release(None)

    # what a link tells

    def bank_answered(self, answer: BankAnswer) -> None:
        """Close or trip the breaker: a bank that answers that it knows nothing is as good as silent."""
        if answer.verdict == "unknown":
            self.bank_was_silent()
            return
        if not self.breaker.closed:
            self._news.set()
        self.breaker.succeeded()

    def bank_was_silent(self) -> None:
        """Count towards the breaker."""
        was_closed = self.breaker.closed
        self.breaker.failed(self._now())
        if was_closed and not self.breaker.closed:
            self.counters.opened += 1
            self._news.set()
            log.warning("breaker opened", bank=self._name)

    def link_lost(self, link: Link) -> None:
        """However many calls were in flight, a lost link counts once."""
        if link is self._link:
            self._link = None
            self.counters.lost += 1
            if not self._closed:
                log.warning("link lost", bank=self._name)
                self.bank_was_silent()
        self._news.set()

    # keeping the link

    @property
    def _name(self) -> str:
        return f"{self._host}:{self._port}"

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def _not_sent(self, request: BankRequest, reason: str = "bank_unavailable") -> BankAnswer:
        self.counters.refused += 1
        return not_sent(request, reason)

    async def _next_link(self, within_s: float) -> Link | None:
        """The link that is being made; None if that fails, or takes too long."""
        if self._coming is None:
            self._coming = asyncio.get_running_loop().create_future()
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name=f"link to {self._name}")
        try:
            async with asyncio.timeout(min(within_s, self._settings.connect_s)):
                return await asyncio.shield(self._coming)
        except TimeoutError:
            return None

    def _release(self, link: Link | None) -> None:
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.set_result(link)

    async def _keep(self) -> None:
        """Connect, watch, connect again. Until closed."""
        failures = 0
        while not self._closed:
            while not self.breaker.closed and not self.breaker.admit(self._now()):
                await self._rest(self.breaker.reopens_at - self._now())
            link = self._link or await self._connect()
            if link is not None and self.breaker.probing and not await self._probe(link):
                link = None
            if link is None:
                self._release(None)
                await asyncio.sleep(self._backoff(failures))
                failures += 1
                continue
            self._release(link)
            await self._watch(link)
            steady = link.answers > 0 or self._now() - link.opened_at > _STEADY_S
            if self._link is None and not steady:
                await asyncio.sleep(self._backoff(failures))
            failures = 0 if steady else failures + 1

    def _backoff(self, failures: int) -> float:
        longest: float = self._settings.backoff_s * 2 ** min(failures, _DOUBLINGS_MAX)
        return min(longest, self._settings.backoff_s_max) * random.uniform(0.5, 1.0)  # noqa: S311

    async def _connect(self) -> Link | None:
        loop = asyncio.get_running_loop()
        link = Link(self._dialect, self._settings.acquirer, self.counters, self)
        try:
            async with asyncio.timeout(self._settings.connect_s):
                await loop.create_connection(lambda: link, self._host, self._port)
        except (OSError, TimeoutError, ValueError):
            signed_on = False
        else:
            signed_on = await link.network("sign_on", self._settings.connect_s)
        if not (signed_on and link.usable):
            link.abort()
            self.counters.connect_failed += 1
            self.bank_was_silent()
            return None
        self.counters.connected += 1
        self._link = link
        log.info("link up", bank=self._name)
        return link

    async def _probe(self, link: Link) -> bool:
        """Whether a bank that did not answer does again; if so, calls may go to it."""
        if await self._echo(link):
            self.breaker.succeeded()
            log.info("breaker closed", bank=self._name)
            return True
        return False

    async def _echo(self, link: Link) -> bool:
        self.counters.echoes += 1
        if await link.network("echo", self._settings.echo_s):
            return True
        link.abort()
        return False

    async def _watch(self, link: Link) -> None:
        """Until the link is lost or the breaker opens: ask for an echo when there is nothing else to hear."""
        while link is self._link and self.breaker.closed:
            idle_s = self._now() - link.heard_at
            if idle_s >= self._settings.echo_idle_s:
                await self._echo(link)
                continue
            await self._rest(self._settings.echo_idle_s - idle_s)

    async def _rest(self, seconds: float) -> None:
        """For so long, or until there is news."""
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.001)):
                await self._news.wait()


def not_sent(request: BankRequest, reason: str) -> BankAnswer:
    """The verdict on a call that did not go out: refused, where nothing of it can have taken effect.

    Of a repeat, an earlier attempt may have. And that we could not ask to complete, refund, reverse or inquire is no
    answer of the bank: those are unknown, and asked again.
    """
    if request.kind == "authorise" and request.attempt == 1:
        return BankAnswer("refused", reason)
    return BankAnswer("unknown", reason)
