"""The load generator of a rehearsal: a process of its own that sends what the script says, when it is due.

Requests come whether or not earlier ones were answered. Each tenant pays, asks, refunds, and leaves orders unpaid, like
a shop on a busy day. Latency counts from when a request was due. `main` reads messages on stdin and reports on stdout.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from bisect import bisect_right
from collections import deque
from heapq import heappop, heappush
from typing import Any, Final, cast

import msgspec
import numpy as np
import uvloop

from chuanliu.bench import INCOMPLETE, bucket_of, response_length
from chuanliu.rehearsal import requests
from chuanliu.rehearsal.messages import Books, Codes, FromLoad, Go, LoadPlan, Ready, Second, Stop, TenantSecond, ToLoad

_TICK_S: Final = 0.004
_LATE_S: Final = 2.0
_ANSWER_WITHIN_S: Final = 15.0
_CHUNK_S: Final = 0.25
_RECENT_MAX: Final = 64
_SAMPLES_MAX: Final = 5

_QUESTIONS: Final = 0.22
_REFUNDS: Final = 0.07
_UNPAID: Final = 0.04
"""Of all requests; the rest are payments."""

_SMALL_MINOR: Final = (1_00, 500_00)
_CARD_MINOR: Final = (600_00, 3_000_00)
"""What every bank of a rehearsal takes."""

_BUSINESS: Final = (b"400", b"402", b"404", b"409", b"422")


class _Sent(msgspec.Struct, kw_only=True):
    """A request that is under way."""

    row: int
    due: float
    kind: str
    reference: str = ""
    minor: int = 0
    order_id: str = ""


class _Connection(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self.sent: _Sent | None = None
        self.deadline = 0.0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._load.idle.append(self)

    def send(self, sent: _Sent, octets: bytes, deadline: float) -> None:
        self.sent, self.deadline = sent, deadline
        self.transport.write(octets)

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data
        if response_length(data) == INCOMPLETE:
            self._buffer = data
            return
        self._buffer = b""
        sent, self.sent = self.sent, None
        if b"\r\nconnection: close" not in data[:1024].lower():
            self._load.idle.append(self)
        if sent is not None:
            self._load.answered(sent, data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        sent, self.sent = self.sent, None
        self._load.lost(self, sent)


class Load:
    """The load under way. Its clock is in seconds of the run, from `start` on."""

    def __init__(self, plan: LoadPlan) -> None:
        self.idle: deque[_Connection] = deque()
        self.stopping = False
        self._plan = plan
        self._begins = time.perf_counter()
        self._host = f"{plan.host}:{plan.port}"
        self._chance = np.random.default_rng(plan.seed)
        self._draw = random.Random(plan.seed)  # noqa: S311 - load, no secrets
        self._rates = np.array([tenant.rates for tenant in plan.tenants])
        self._holds = _by_tenant(plan.holds)
        self._ahead_s = _CHUNK_S + max((end - at for _, _, end, at in plan.holds), default=0.0)
        self._drawn_until = 0.0
        self._due: list[tuple[float, int, int]] = []
        self._number = 0
        self._recent: list[deque[tuple[str, str, int]]] = [deque(maxlen=_RECENT_MAX) for _ in plan.tenants]
        self._unpaid: list[deque[str]] = [deque(maxlen=_RECENT_MAX) for _ in plan.tenants]
        self._codes: deque[str] = deque()
        self._card_codes: deque[str] = deque()
        self._seconds: dict[int, dict[int, TenantSecond]] = {}
        self._open = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[_Connection] = set()
        self._samples: list[str] = []
        self.books = Books()

    def take_codes(self, codes: Codes) -> None:
        """Fresh codes to pay with."""
        self._codes.extend(codes.balance)
        self._card_codes.extend(codes.card)

    async def connect(self) -> None:
        """Open all connections, or keep trying."""
        await asyncio.gather(*(self._connect() for _ in range(self._plan.connections)))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.stopping:
            try:
                _, made = await loop.create_connection(lambda: _Connection(self), self._plan.host, self._plan.port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                self._connections.add(made)
                return

    def lost(self, connection: _Connection, sent: _Sent | None) -> None:
        """A connection is gone, with or without a request under way."""
        self._connections.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        if sent is not None:
            self._failed(sent, "no answer")
        if not self.stopping:
            task = asyncio.get_running_loop().create_task(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def start(self) -> None:
        """The clock begins."""
        self._begins = time.perf_counter()

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._begins

    @property
    def under_way(self) -> int:
        """Requests that wait for an answer or a connection."""
        return self._open

    def step(self, now: float) -> None:
        """Draw what comes next, and send what is due. `now` is in seconds of the run."""
        while not self.stopping and self._drawn_until < min(now + self._ahead_s, self._plan.seconds):
            self._draw_chunk()
        while self._due and self._due[0][0] <= now:
            due, _, row = self._due[0]
            if now - due > _LATE_S:
                heappop(self._due)
                self._open -= 1
                self._tally(row, due).unsent += 1
            elif self.idle:
                heappop(self._due)
                self._send(row, due)
            else:
                break
        for connection in list(self._connections):
            if connection.sent is not None and connection.deadline < now:
                connection.transport.abort()

    def _draw_chunk(self) -> None:
        """Arrivals of a short stretch: Poisson, at each tenant's rate of that time."""
        plan, begin = self._plan, self._drawn_until
        end = min(begin + _CHUNK_S, plan.seconds)
        step = min(int((begin + 1e-9) / plan.step_s), self._rates.shape[1] - 1)
        end = min(end, (step + 1) * plan.step_s) if (step + 1) < self._rates.shape[1] else end
        counts = self._chance.poisson(self._rates[:, step] * (end - begin))
        for row in np.flatnonzero(counts):
            for at in begin + (end - begin) * self._chance.random(int(counts[row])):
                due = _held(self._holds.get(int(row), ()), float(at))
                self._number += 1
                heappush(self._due, (due, self._number, int(row)))
                self._tally(int(row), due).offered += 1
                self._open += 1
        self._drawn_until = end if end > begin else begin + 1e-6

    def drop_due(self) -> None:
        """What is not sent yet never will be, and was never asked for."""
        while self._due:
            due, _, row = heappop(self._due)
            self._tally(row, due).offered -= 1
            self._open -= 1

    def _tally(self, row: int, due: float) -> TenantSecond:
        second = self._seconds.setdefault(max(int(due), 0), {})
        found = second.get(row)
        if found is None:
            found = second[row] = TenantSecond(row=row)
        return found

    def _send(self, row: int, due: float) -> None:
        sent, octets = self._request(row, due)
        connection = self.idle.popleft()
        connection.send(sent, octets, due + _ANSWER_WITHIN_S)

    def _request(self, row: int, due: float) -> tuple[_Sent, bytes]:
        api_key, chance = self._plan.tenants[row].api_key, self._draw.random()
        self._number += 1
        number = f"{self._plan.run}_{self._number:08d}"
        recent = self._recent[row]
        if chance < _QUESTIONS and recent:
            order_id = self._draw.choice(recent)[0]
            return _Sent(row=row, due=due, kind="question"), requests.question(self._host, api_key, order_id)
        chance -= _QUESTIONS
        if 0 <= chance < _REFUNDS and recent:
            _, reference, minor = recent.popleft()
            part = self._draw.randint(1, minor)
            octets = requests.refund(self._host, api_key, reference, f"{number}_r", part)
            return _Sent(row=row, due=due, kind="refund", minor=part), octets
        chance -= _REFUNDS
        if 0 <= chance < _UNPAID:
            return self._unpaid_request(row, due, api_key, number)
        by_card = bool(self._card_codes) and self._draw.random() < self._plan.card_share
        codes = self._card_codes if by_card else self._codes
        if not codes:
            # Without a code there is nobody who could pay: an order is made instead.
            return self._unpaid_request(row, due, api_key, number)
        minor = self._draw.randint(*(_CARD_MINOR if by_card else _SMALL_MINOR))
        octets = requests.payment(self._host, api_key, number, codes.popleft(), minor, by_card=by_card)
        kind = "card" if by_card else "payment"
        return _Sent(row=row, due=due, kind=kind, reference=number, minor=minor), octets

    def _unpaid_request(self, row: int, due: float, api_key: str, number: str) -> tuple[_Sent, bytes]:
        if self._unpaid[row]:
            octets = requests.close(self._host, api_key, self._unpaid[row].popleft(), f"{number}_c")
            return _Sent(row=row, due=due, kind="close"), octets
        minor = self._draw.randint(*_SMALL_MINOR)
        return _Sent(row=row, due=due, kind="order"), requests.order(self._host, api_key, number, minor)

    def answered(self, sent: _Sent, answer: bytes) -> None:
        """Count an answer, and remember what later requests need of it."""
        status = answer[9:12]
        self._open -= 1
        tally = self._tally(sent.row, sent.due)
        if status in (b"200", b"201", b"202"):
            tally.answered += 1
            bucket = bucket_of(int((self.now - sent.due) * 1e6))
            tally.latency[bucket] = tally.latency.get(bucket, 0) + 1
            self._remember(sent, answer)
        elif status == b"429":
            if requests.problem_code(answer) == "share_exceeded":
                tally.over_share += 1
            else:
                tally.overloaded += 1
        elif status == b"503" and requests.problem_code(answer) == "busy":
            tally.overloaded += 1
        elif status in _BUSINESS:
            tally.declined += 1
            self._sample(answer)
        else:
            tally.failed += 1
            self._unknown(sent)
            self._sample(answer)

    def _remember(self, sent: _Sent, answer: bytes) -> None:
        books = self.books
        if sent.kind == "order":
            order_id = requests.order_of(answer)
            if order_id is not None:
                self._unpaid[sent.row].append(order_id)
        elif sent.kind == "refund":
            books.refunds += 1
            books.refunds_minor += sent.minor
        elif sent.kind in ("payment", "card"):
            if requests.is_in_progress(answer):
                self._unknown(sent)
                return
            books.payments += 1
            books.payments_minor += sent.minor
            books.by_card += sent.kind == "card"
            order_id = requests.order_of(answer)
            if order_id is not None:
                self._recent[sent.row].append((order_id, sent.reference, sent.minor))

    def _unknown(self, sent: _Sent) -> None:
        if sent.kind in ("payment", "card"):
            self.books.unknown += 1
            self.books.unknown_minor += sent.minor
        elif sent.kind == "refund":
            self.books.refunds_unknown += 1

    def _failed(self, sent: _Sent, why: str) -> None:
        self._open -= 1
        self._tally(sent.row, sent.due).failed += 1
        self._unknown(sent)
        self._sample(why.encode())

    def _sample(self, answer: bytes) -> None:
        if len(self._samples) < _SAMPLES_MAX:
            self._samples.append(answer[-600:].decode("utf-8", "replace"))

    def settled(self, now: float, *, everything: bool = False) -> Second:
        """A report. A second is told of when no more answers are awaited of it, or at the end."""
        done = [
            one for one in self._seconds if everything or one < now - _ANSWER_WITHIN_S - 1 or self._is_answered(one)
        ]
        done = [one for one in done if everything or one < int(now) - 1]
        settled = {one: list(self._seconds.pop(one).values()) for one in sorted(done)}
        samples, self._samples = self._samples, []
        return Second(
            second=int(now),
            settled=settled,
            codes_left=len(self._codes),
            card_codes_left=len(self._card_codes),
            books=self.books,
            samples=samples,
            last=everything,
        )

    def _is_answered(self, second: int) -> bool:
        return all(
            each.offered
            <= each.answered + each.over_share + each.overloaded + each.declined + each.failed + each.unsent
            for each in self._seconds[second].values()
        )

    def close(self) -> None:
        """Drop all connections."""
        self.stopping = True
        for connection in list(self._connections):
            connection.transport.abort()


def _by_tenant(holds: list[tuple[int, float, float, float]]) -> dict[int, list[tuple[float, float, float]]]:
    found: dict[int, list[tuple[float, float, float]]] = {}
    for row, begin, end, at in sorted(holds):
        found.setdefault(row, []).append((begin, end, at))
    return found


def _held(holds: Any, due: float) -> float:
    """When a request goes out that would be due then: at the stroke, where people wait for it."""
    at = bisect_right(holds, (due, float("inf"), 0.0)) - 1
    if at >= 0 and holds[at][0] <= due < holds[at][1]:
        return float(holds[at][2])
    return due


async def generate(plan: LoadPlan, messages: asyncio.StreamReader) -> None:
    """Send the whole plan, or until told to stop; reports go to standard output."""
    load = Load(plan)
    going = asyncio.Event()
    listening = asyncio.create_task(_listen(load, messages, going))
    await load.connect()
    _say(Ready())
    await going.wait()
    load.start()
    reported = 0
    try:
        while load.now < plan.seconds and not load.stopping:
            load.step(load.now)
            if int(load.now) > reported:
                reported = int(load.now)
                _say(load.settled(load.now))
            await asyncio.sleep(_TICK_S)
        if load.stopping:
            load.drop_due()
        until = load.now + _ANSWER_WITHIN_S
        while load.under_way and load.now < until:
            load.step(load.now)
            await asyncio.sleep(_TICK_S)
    finally:
        listening.cancel()
        _say(load.settled(load.now, everything=True))
        load.close()


async def _listen(load: Load, messages: asyncio.StreamReader, going: asyncio.Event) -> None:
    decode = msgspec.json.Decoder(ToLoad).decode
    while line := await messages.readline():
        message = decode(line)
        if isinstance(message, Codes):
            load.take_codes(message)
        elif isinstance(message, Go):
            going.set()
        elif isinstance(message, Stop):
            load.stopping = True
    # Who started us is gone.
    load.stopping = True
    going.set()


def _say(message: FromLoad) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


async def _main() -> None:
    messages = asyncio.StreamReader(limit=64 * 1024 * 1024)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(messages), sys.stdin)
    plan = msgspec.json.decode(await messages.readline(), type=LoadPlan)
    await generate(plan, messages)


def main() -> None:
    """Entry point of the generator's process."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())


if __name__ == "__main__":
    main()
