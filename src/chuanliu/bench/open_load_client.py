"""An open-loop load generator: requests come when they are due, whether or not earlier ones were answered.

That is how tenants behave, and what overload is made of. Each stream has its own rate (Poisson arrivals) and
connections. Latency counts from when a request was due. `main` reads an `OpenPlan` as JSON on stdin and writes
`StreamResult`s on stdout.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec
import uvloop

from chuanliu.bench.histogram import Histogram, bucket_of
from chuanliu.bench.http_framing import INCOMPLETE, response_length
from chuanliu.bench.load_client import LoadFailed

_STEP_S: Final = 0.002
_DRAIN_S: Final = 5.0
_LATE_S: Final = 2.0
_CLOSE: Final = b"\r\nconnection: close\r\n"


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant's requests of one kind: rows of the spool fill the template, again from its start when it ends."""

    name: str
    per_s: float
    connections: int
    template: bytes
    spool_path: str
    spool_offset: int = 0


class OpenPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, for how long. `seed` fixes the arrivals."""

    host: str
    port: int
    seconds: float
    warmup_seconds: float
    streams: list[Stream]
    seed: int = 1


class StreamResult(msgspec.Struct, kw_only=True):
    """What came of one stream within the measured window: by when requests were due.

    `refused` were turned away honestly (429), `failed` is every other answer or a lost connection, `unsent` found no
    free connection within two seconds. `unopened` counts connections that were refused, whenever. `latency` and
    `timeline` (per second) are of the answered.
    """

    name: str
    offered: int = 0
    answered: int = 0
    refused: int = 0
    failed: int = 0
    unsent: int = 0
    unopened: int = 0
    latency: dict[int, int] = {}
    timeline: list[int] = []
    refused_timeline: list[int] = []
    latest_ms: list[float] = []

    @property
    def histogram(self) -> Histogram:
        """Latencies of the answered."""
        return Histogram(self.latency)


class _Connection(asyncio.Protocol):
    def __init__(self, sender: _Sender) -> None:
        self._sender = sender
        self._buffer = b""
        self._due: float | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._sender.idle.append(self)

    def send(self, due: float, request: bytes) -> None:
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data
        if response_length(data) == INCOMPLETE:
            self._buffer = data
            return
        self._buffer = b""
        due, self._due = self._due, None
        if due is not None:
            self._sender.answered(due, data[9:12])
        if _CLOSE in data[: data.find(b"\r\n\r\n") + 2].lower():
            self._transport.close()
        else:
            self._sender.idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._due is not None:
            self._sender.answered(self._due, b"")
        if self in self._sender.idle:
            self._sender.idle.remove(self)
        self._sender.reopen()


class _Sender:
    """One stream under way."""

    def __init__(self, plan: OpenPlan, stream: Stream, rows: BinaryIO, begins: float, draw: random.Random) -> None:
        seconds = round(plan.seconds)
        self.result = StreamResult(
            name=stream.name,
            timeline=[0] * seconds,
            refused_timeline=[0] * seconds,
            latest_ms=[0.0] * seconds,
            latency={},
        )
        self.idle: deque[_Connection] = deque()
        self.running = True
        self._plan = plan
        self._stream = stream
        self._rows = rows
        self._begins = begins
        self._draw = draw
        self._due: deque[float] = deque()
        self._next = time.perf_counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def reopen(self) -> None:
        if self.running:
            task = asyncio.get_running_loop().create_task(self.open())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        while self.running:
            try:
                await loop.create_connection(lambda: _Connection(self), self._plan.host, self._plan.port)
            except OSError:
                self.result.unopened += 1
                await asyncio.sleep(0.05)
            else:
                return

    def step(self, now: float) -> None:
        while self._next <= now:
            self._due.append(self._next)
            self._next += self._draw.expovariate(self._stream.per_s)
            if self._second(self._due[-1]) is not None:
                self.result.offered += 1
        while self._due and now - self._due[0] > _LATE_S:
            if self._second(self._due.popleft()) is not None:
                self.result.unsent += 1
        while self._due and self.idle:
            self.idle.popleft().send(self._due.popleft(), self._request())

    def _request(self) -> bytes:
        line = self._rows.readline()
        if not line:
            self._rows.seek(0)
            line = self._rows.readline()
        return self._stream.template % tuple(line[:-1].split(b"\t"))

    def _second(self, due: float) -> int | None:
        at = int(due - self._begins) if due >= self._begins else -1
        return at if 0 <= at < len(self.result.timeline) else None

    def answered(self, due: float, status: bytes) -> None:
        second = self._second(due)
        if second is None:
            return
        result = self.result
        if status in (b"200", b"201", b"202"):
            passed = time.perf_counter() - due
            result.answered += 1
            result.timeline[second] += 1
            result.latest_ms[second] = max(result.latest_ms[second], round(passed * 1000, 1))
            bucket = bucket_of(int(passed * 1e6))
            result.latency[bucket] = result.latency.get(bucket, 0) + 1
        elif status == b"429":
            result.refused += 1
            result.refused_timeline[second] += 1
        else:
            result.failed += 1


def _spool(stream: Stream) -> BinaryIO:
    return Path(stream.spool_path).open("rb", buffering=1 << 18)


async def generate(plan: OpenPlan) -> list[StreamResult]:
    """Run a plan on this loop to its end."""
    begins = time.perf_counter() + plan.warmup_seconds
    draw = random.Random(plan.seed)  # noqa: S311 - arrivals, no secrets
    with ExitStack() as stack:
        senders = []
        for stream in plan.streams:
            rows = stack.enter_context(_spool(stream))
            rows.seek(stream.spool_offset)
            sender = _Sender(plan, stream, rows, begins, random.Random(draw.random()))  # noqa: S311
            await asyncio.gather(*(sender.open() for _ in range(stream.connections)))
            senders.append(sender)
        while (now := time.perf_counter()) < begins + plan.seconds:
            for sender in senders:
                sender.step(now)
            await asyncio.sleep(_STEP_S)
        drained = time.perf_counter() + _DRAIN_S
        while time.perf_counter() < drained and any(  # noqa: ASYNC110 - nobody would set an event
            one.result.offered > one.result.answered + one.result.refused + one.result.failed + one.result.unsent
            for one in senders
        ):
            await asyncio.sleep(0.05)
        for sender in senders:
            sender.running = False
        return [sender.result for sender in senders]


def run_open_load(plan: OpenPlan) -> list[StreamResult]:
    """Run a plan in a process of its own. Raises `LoadFailed`."""
    done = subprocess.run(
        [sys.executable, "-c", "from chuanliu.bench.open_load_client import main; main()"],
        input=msgspec.json.encode(plan),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise LoadFailed(done.stderr.decode("utf-8", "replace")[-2000:])
    return msgspec.json.decode(done.stdout, type=list[StreamResult])


def main() -> None:
    """Entry point of the generator process."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=OpenPlan)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results = runner.run(generate(plan))
    sys.stdout.buffer.write(msgspec.json.encode(results))
