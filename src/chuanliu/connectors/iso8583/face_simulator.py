"""A simulated bank's side of ISO 8583 links: it listens, reads, and answers as its faults say."""

from __future__ import annotations

import asyncio
from typing import Final, cast

from chuanliu.connectors.bank_book import Entry
from chuanliu.connectors.iso8583.bank_side import (
    BUSY,
    DUPLICATE,
    FORMAT_ERROR,
    Asked,
    is_network,
    is_request,
    read_request,
    write_ruling,
)
from chuanliu.connectors.iso8583.conversation import answer_network
from chuanliu.connectors.iso8583.dialect import Dialect
from chuanliu.connectors.iso8583.wire import Framer, Message, decode_message
from chuanliu.connectors.simulated_bank import SimulatedBank, Turn
from chuanliu.errors import Invalid

_GARBAGE_BYTES: Final = 64
_BACKLOG: Final = 128


class Iso8583Face:
    """One bank on one port."""

    def __init__(self, bank: SimulatedBank, dialect: Dialect, host: str, port: int) -> None:
        self.port = port
        self._bank = bank
        self._dialect = dialect
        self._host = host
        self._links: set[_BankLink] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen, as `BankFace` says."""
        if self._server is None:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _BankLink(self._bank, self._dialect, self._links), self._host, self.port, backlog=_BACKLOG
            )
            self.port = int(self._server.sockets[0].getsockname()[1])

    async def cut(self) -> None:
        """Refuse and drop, as `BankFace` says."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for link in list(self._links):
            link.drop()

    async def close(self) -> None:
        """End."""
        await self.cut()


class _BankLink(asyncio.Protocol):
    """One connection from a platform. What cannot be read ends it; what no call looks like is a format error."""

    def __init__(self, bank: SimulatedBank, dialect: Dialect, links: set[_BankLink]) -> None:
        self._bank = bank
        self._dialect = dialect
        self._links = links
        self._loop = asyncio.get_running_loop()
        self._framer = Framer()
        self._transport: asyncio.Transport
        self._out: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._links.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._links.discard(self)

    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        try:
            for octets in self._framer.feed(data):
                self._take(decode_message(octets, self._dialect.spec))
        except Invalid:
            self.drop()

    def drop(self) -> None:
        self._transport.abort()

    def _take(self, message: Message) -> None:
        if is_network(message, self._dialect):
            self._after(self._bank.faults.latency_ms, answer_network(message, self._dialect))
            return
        try:
            asked = read_request(message, self._dialect)
        except Invalid:
            if is_request(message):
                self._write(write_ruling(message, None, FORMAT_ERROR, self._dialect))
            return
        denied = self._bank.faults.denies_repeats and self._bank.book.has_ruled(asked.kind, asked.call_id)
        turn = self._bank.take(_entry(asked, self._bank), asked.holder if asked.is_card else None)
        if denied and turn.ruling is not None:
            turn = Turn(turn.fault, DUPLICATE, turn.delay_ms)
        self._do(message, asked, turn)

    def _do(self, message: Message, asked: Asked, turn: Turn) -> None:
        if turn.fault == "drop_link":
            self._loop.call_later(turn.delay_ms / 1000, self.drop)
        elif turn.fault == "garbage":
            self._after(turn.delay_ms, self._garbage())
        elif turn.fault != "lose_answer":
            answer = write_ruling(message, asked.kind, turn.ruling or BUSY, self._dialect)
            self._after(turn.delay_ms, answer * 2 if turn.fault == "twice" else answer)

    def _garbage(self) -> bytes:
        """A message of the right length that cannot be read, or octets that are no message at all."""
        octets = bytes(self._bank.draw(256) for _ in range(_GARBAGE_BYTES))
        return b"\xff" * 2 + octets if self._bank.draw(2) else len(octets).to_bytes(2, "big") + octets

    def _after(self, delay_ms: int, octets: bytes) -> None:
        if delay_ms:
            self._loop.call_later(delay_ms / 1000, self._write, octets)
        else:
            self._write(octets)

    def _write(self, octets: bytes) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(octets)

    def _flush(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()


def _entry(asked: Asked, bank: SimulatedBank) -> Entry:
    return Entry(
        asked.kind,
        asked.call_id,
        asked.amount_minor,
        asked.currency,
        bank.holder_of(asked.holder) if asked.holder else "",
        asked.original_call_id,
        asked.instalments,
    )
