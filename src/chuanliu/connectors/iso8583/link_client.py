"""One TCP link to a bank: many calls in flight, answers matched to them, writes gathered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final, Literal, Protocol, cast

from chuanliu.connectors.bank import BankAnswer, BankRequest
from chuanliu.connectors.iso8583.conversation import (
    STANS,
    Acquirer,
    Call,
    answer_network,
    is_answer_to,
    nominal_stan,
    read_answer,
    write_call,
    write_network,
)
from chuanliu.connectors.iso8583.dialect import Dialect, NetworkKind, answer_mti
from chuanliu.connectors.iso8583.private_field import CALL_ID
from chuanliu.connectors.iso8583.wire import Framer, Message, decode_message
from chuanliu.errors import Invalid

NO_ANSWER: Final = BankAnswer("unknown", "bank_no_answer")
_UNREADABLE: Final = BankAnswer("unknown", "bank_answer_invalid")
_SETTLED_MAX: Final = 4096
_UNSENT_BYTES_MAX: Final = 1024 * 1024
"""More than a bank that reads leaves standing, however many calls are made in one moment."""


@dataclass(slots=True)
class LinkCounters:
    """What happened on the links to one bank since the start.

    `late` answers came after we stopped waiting, `duplicate` ones twice, `unmatched` ones to nothing that we asked;
    all three are ignored. `garbage` closed a link. `refused` calls were not sent.
    """

    sent: int = 0
    answered: int = 0
    expired: int = 0
    late: int = 0
    duplicate: int = 0
    unmatched: int = 0
    garbage: int = 0
    connected: int = 0
    connect_failed: int = 0
    lost: int = 0
    echoes: int = 0
    refused: int = 0
    opened: int = 0


class LinkOwner(Protocol):
    """Who is told what a link learns of its bank."""

    def bank_answered(self, answer: BankAnswer) -> None:
        """A call has its answer."""

    def bank_was_silent(self) -> None:
        """A call has waited long enough."""

    def link_lost(self, link: Link) -> None:
        """The link is down; its calls have been told."""


@dataclass(slots=True, eq=False)
class _Flight:
    call: Call
    answer: asyncio.Future[BankAnswer]
    timer: asyncio.TimerHandle


class Link(asyncio.Protocol):
    """Of one connection. Octets that are no message close it: what follows them cannot be trusted."""

    def __init__(self, dialect: Dialect, acquirer: Acquirer, counters: LinkCounters, owner: LinkOwner) -> None:
        self._dialect = dialect
        self._acquirer = acquirer
        self._counters = counters
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._flights: dict[int, _Flight] = {}
        self._network: dict[int, asyncio.Future[bool]] = {}
        self._network_stan = 0
        self._network_answer = answer_mti(dialect.network)
        self._settled: dict[str, Literal["late", "duplicate"]] = {}
        self._out: list[bytes] = []
        self._down = False
        self._at_loss = NO_ANSWER
        self._congested = False
        self.answers = 0
        self.opened_at = self.heard_at = self._loop.time()

    # the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The bank has accepted."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_UNSENT_BYTES_MAX)

    def data_received(self, data: bytes) -> None:
        """Octets have come."""
        self.heard_at = self._loop.time()
        spec = self._dialect.spec
        try:
            for octets in self._framer.feed(data):
                self._take(decode_message(octets, spec))
        except Invalid:
            self._counters.garbage += 1
            self._at_loss = _UNREADABLE
            self.abort()

    def pause_writing(self) -> None:
        """The bank does not read: nothing more is sent until it does."""
        self._congested = True

    def resume_writing(self) -> None:
        """The bank reads again."""
        self._congested = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever is in flight may have taken effect or not."""
        del exc
        self._settle_all()

    # calls

    @property
    def usable(self) -> bool:
        """Whether a call can be sent now."""
        return not (self._down or self._congested)

    def call(self, request: BankRequest, deadline: float) -> asyncio.Future[BankAnswer]:
        """Send, and give what will hold the verdict at the deadline (of the loop's clock) at the latest.

        The link must be up. Raises `ChuanliuError`, and then nothing was sent.
        """
        stan = nominal_stan(request.call_id)
        while stan in self._flights:
            stan = stan % STANS + 1
        try:
            call, octets = write_call(request, stan, self._dialect, self._acquirer)
        except (ValueError, OverflowError):
            raise Invalid("invalid_parameter", "the call has values that no message can hold") from None
        answer: asyncio.Future[BankAnswer] = self._loop.create_future()
        timer = self._loop.call_at(deadline, self._expire, stan)
        self._flights[stan] = _Flight(call, answer, timer)
        self._write(octets)
        self._counters.sent += 1
        return answer

    async def network(self, kind: NetworkKind, within_s: float) -> bool:
        """Sign on or off, or ask for an echo; whether the bank said yes in time."""
        stan = self._network_stan = self._network_stan % STANS + 1
        said_yes: asyncio.Future[bool] = self._loop.create_future()
        if self._down:
            return False
        self._network[stan] = said_yes
        self._write(write_network(kind, stan, time.time_ns() // 1000, self._dialect))
        try:
            async with asyncio.timeout(within_s):
                return await said_yes
        except TimeoutError:
            return False
        finally:
            self._network.pop(stan, None)

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()
        self._settle_all()

    def sign_off(self) -> None:
        """Say good-bye, and close when it is written."""
        if self._transport is not None and not self._down:
            self._write(write_network("sign_off", STANS, time.time_ns() // 1000, self._dialect))
            self._flush()
            self._transport.close()
        self._settle_all()

    # in between

    def _write(self, octets: bytes) -> None:
        """Everything that is written in one turn of the loop goes out in one piece."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(octets)

    def _flush(self) -> None:
        if self._out and self._transport is not None and not self._down:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _take(self, message: Message) -> None:
        number = message.fields.get("11", "")
        stan = int(number) if number.isdecimal() and number.isascii() else 0
        if message.mti == self._network_answer:
            waiting = self._network.pop(stan, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message.fields.get("39") == self._dialect.network_approved)
            return
        if message.mti == self._dialect.network:
            self._write(answer_network(message, self._dialect))
            return
        flight = self._flights.get(stan)
        if flight is None or not is_answer_to(message, flight.call):
            self._count_stray(message)
            return
        del self._flights[stan]
        flight.timer.cancel()
        self._remember(flight.call, "duplicate")
        self._counters.answered += 1
        self.answers += 1
        answer = read_answer(message, flight.call, self._dialect)
        if not flight.answer.done():
            flight.answer.set_result(answer)
        self._owner.bank_answered(answer)

    def _expire(self, stan: int) -> None:
        flight = self._flights.pop(stan)
        self._remember(flight.call, "late")
        if not flight.answer.done():
            self._counters.expired += 1
            flight.answer.set_result(NO_ANSWER)
            self._owner.bank_was_silent()

    def _remember(self, call: Call, how: Literal["late", "duplicate"]) -> None:
        settled = self._settled
        settled[call.call_text] = how
        if len(settled) > _SETTLED_MAX:
            del settled[next(iter(settled))]

    def _count_stray(self, message: Message) -> None:
        private = message.fields.get("48", "")
        how = self._settled.get(private[5:24]) if private[:2] == CALL_ID else None
        if how == "late":
            self._counters.late += 1
        elif how == "duplicate":
            self._counters.duplicate += 1
        else:
            self._counters.unmatched += 1

    def _settle_all(self) -> None:
        if self._down:
            return
        self._down = True
        self._out.clear()
        flights, self._flights = list(self._flights.values()), {}
        for flight in flights:
            flight.timer.cancel()
            if not flight.answer.done():
                flight.answer.set_result(self._at_loss)
        for waiting in self._network.values():
            if not waiting.done():
                waiting.set_result(False)
        self._owner.link_lost(self)
