"""The load generator: closed loop over keep-alive connections, in a process of its own.

It must cost far less than what it measures, so it does per request only: take a spooled row, fill the template, write,
find the end of the response, compare its status, count the latency. `main` reads a `LoadPlan`
as JSON on stdin and writes a `LoadResult` as JSON on stdout.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import uvloop

from chuanliu.bench.histogram import Histogram, bucket_of
from chuanliu.bench.http_framing import INCOMPLETE, UnframedResponse, response_length

_DRAIN_SECONDS = 10.0
_RECONNECT_SECONDS = 0.05
_SAMPLES = 3
_SAMPLE_BYTES = 600


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send. `template` is filled with the tab-separated fields of one spool line for each request.

    A response is accepted when its status is listed and its bytes contain `accepted_marker`. `pause_seconds` is kept
    between a response and the next request of the same connection (0 saturates). With `to_the_end` the window lasts
    until the last request of a used up spool is answered, not until it is sent.
    """

    host: str
    port: int
    connections: int
    seconds: float
    warmup_seconds: float = 1.0
    pause_seconds: float = 0.0
    to_the_end: bool = False
    template: bytes
    spool_path: str
    spool_offset: int = 0
    accepted_statuses: tuple[str, ...] = ("200", "201")
    accepted_marker: bytes = b""


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. `accepted`, `outcomes`, `latency` and `timeline` cover the measured window only.

    `accepted_ever` also counts warm-up and drain: it is what an audit must find. `unknown` requests were sent and
    never answered, so each may or may not have taken effect. `latency` maps histogram buckets to counts of accepted
    responses; `timeline` holds accepted responses for each full second; `cpu_seconds` is the generator's own.
    """

    seconds: float
    accepted: int
    accepted_ever: int
    unknown: int
    outcomes: dict[str, int]
    samples: dict[str, list[str]]
    latency: dict[int, int]
    timeline: list[int]
    spool_offset: int
    exhausted: bool
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Accepted responses per second of the window."""
        return self.accepted / self.seconds if self.seconds > 0 else 0.0

    @property
    def histogram(self) -> Histogram:
        """The latencies of the accepted responses."""
        return Histogram(self.latency)


class LoadFailed(RuntimeError):
    """The generator process ended without a result; the message is the end of its error output."""


class LoadRun:
    """The state that all connections of one generator share."""

    def __init__(self, plan: LoadPlan, rows: BinaryIO) -> None:
        self.plan = plan
        self.rows = rows
        self.running = True
        self.measuring = False
        self.exhausted = False
        self.in_flight = 0
        self.accepted = 0
        self.accepted_ever = 0
        self.unknown = 0
        self.outcomes: dict[str, int] = {}
        self.samples: dict[str, list[str]] = {}
        self.latency: dict[int, int] = {}
        self.finished = asyncio.Event()
        self.drained = asyncio.Event()

    def next_request(self) -> bytes | None:
        """The next request's bytes, or None when the run is over or the spool is used up."""
        if not self.running:
            return None
        line = self.rows.readline()
        if not line:
            self.exhausted = True
            self.stop()
            return None
        return self.plan.template % tuple(line[:-1].split(b"\t"))

    def stop(self) -> None:
        """Send no more; responses still under way are awaited by `drained`."""
        self.running = False
        self.finished.set()
        if self.in_flight == 0:
            self.drained.set()

    def answered(self, response: bytes, micros: int) -> None:
        """Count one response."""
        self.in_flight -= 1
        status = response[9:12].decode("latin-1")
        if status in self.plan.accepted_statuses and self.plan.accepted_marker in response:
            self.accepted_ever += 1
            if self.measuring:
                self.accepted += 1
                bucket = bucket_of(micros)
                self.latency[bucket] = self.latency.get(bucket, 0) + 1
        else:
            self.refused(status, response)
        if not self.running and self.in_flight == 0:
            self.drained.set()

    def refused(self, outcome: str, response: bytes = b"") -> None:
        """Count what is not an accepted response, and keep the first few to show."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        samples = self.samples.setdefault(outcome, [])
        if len(samples) < _SAMPLES:
            samples.append(response[:_SAMPLE_BYTES].decode("utf-8", "replace"))

    def lost(self) -> None:
        """Count a request whose connection broke before the answer."""
        self.in_flight -= 1
        self.unknown += 1
        self.refused("connection_lost")
        if not self.running and self.in_flight == 0:
            self.drained.set()


class LoadConnection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, run: LoadRun, reconnect: Callable[[], None]) -> None:
        self.run = run
        self.reconnect = reconnect
        self.pause = run.plan.pause_seconds
        self.buffer = b""
        self.waiting = False
        self.sent_at = 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self.transport = cast(asyncio.Transport, transport)
        self.send_next()

    def send_next(self) -> None:
        """Send the next request, or close when there is none."""
        request = self.run.next_request()
        if self.transport is None:
            return
        if request is None:
            self.transport.close()
            return
        self.run.in_flight += 1
        self.waiting = True
        self.sent_at = time.perf_counter_ns()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Frame the response, count it, go on."""
        if self.buffer:
            data = self.buffer + data
        try:
            length = response_length(data)
        except UnframedResponse:
            self.run.refused("unframed", data)
            if self.transport is not None:
                self.transport.abort()
            return
        if length == INCOMPLETE:
            self.buffer = data
            return
        self.buffer = b""
        self.waiting = False
        self.run.answered(data, (time.perf_counter_ns() - self.sent_at) // 1000)
        if self.pause:
            asyncio.get_running_loop().call_later(self.pause, self.send_next)
        else:
            self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Open a new connection while the run lasts."""
        del exc
        self.transport = None
        if self.waiting:
            self.waiting = False
            self.run.lost()
        if self.run.running:
            self.reconnect()


class Connections:
    """Opens the plan's connections and re-opens those that break."""

    def __init__(self, run: LoadRun) -> None:
        self.run = run
        self.tasks: set[asyncio.Task[None]] = set()

    def open(self, delay: float = 0.0) -> None:
        """Open one connection after `delay` seconds, trying again while the server refuses."""
        task = asyncio.create_task(self._connect(delay))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _connect(self, delay: float) -> None:
        loop = asyncio.get_running_loop()
        plan = self.run.plan
        await asyncio.sleep(delay)
        while self.run.running:
            try:
                await loop.create_connection(
                    lambda: LoadConnection(self.run, lambda: self.open(_RECONNECT_SECONDS)), plan.host, plan.port
                )
            except OSError:
                self.run.refused("connection_refused")
                await asyncio.sleep(_RECONNECT_SECONDS)
            else:
                return


async def generate(plan: LoadPlan, rows: BinaryIO) -> LoadResult:
    """Run a plan on this loop to its end, or until the spool `rows` is used up."""
    rows.seek(plan.spool_offset)
    run = LoadRun(plan, rows)
    connections = Connections(run)
    for _ in range(plan.connections):
        connections.open()
    await _wait(run, plan.warmup_seconds)
    run.outcomes, run.samples = {}, {}
    cpu_before, began = time.process_time(), time.perf_counter()
    run.measuring = True
    timeline = await _count_seconds(run, plan.seconds)
    if plan.to_the_end and run.exhausted:
        await _drain(run)
    run.measuring = False
    elapsed, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_before
    outcomes = dict(run.outcomes)
    run.stop()
    if not await _drain(run):
        run.unknown += run.in_flight
    return LoadResult(
        seconds=elapsed,
        accepted=run.accepted,
        accepted_ever=run.accepted_ever,
        unknown=run.unknown,
        outcomes={"accepted": run.accepted, **outcomes},
        samples=run.samples,
        latency=run.latency,
        timeline=timeline,
        spool_offset=rows.tell(),
        exhausted=run.exhausted,
        cpu_seconds=cpu_seconds,
    )


async def _drain(run: LoadRun) -> bool:
    """Wait for what is under way; whether all of it was answered."""
    try:
        await asyncio.wait_for(run.drained.wait(), _DRAIN_SECONDS)
    except TimeoutError:
        return False
    return True


async def _wait(run: LoadRun, seconds: float) -> None:
    try:
        await asyncio.wait_for(run.finished.wait(), seconds)
    except TimeoutError:
        return


async def _count_seconds(run: LoadRun, seconds: float) -> list[int]:
    timeline: list[int] = []
    ends_at = time.perf_counter() + seconds
    counted = 0
    while not run.finished.is_set() and (left := ends_at - time.perf_counter()) > 0:
        await _wait(run, min(left, 1.0))
        if left >= 1.0:
            timeline.append(run.accepted - counted)
            counted = run.accepted
    return timeline


class LoadProcess:
    """A generator running in a process of its own; `result` waits for its end."""

    def __init__(self, plan: LoadPlan) -> None:
        self._deadline = plan.warmup_seconds + plan.seconds + _DRAIN_SECONDS + 60
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from chuanliu.bench.load_client import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(plan))
        self._process.stdin.close()
        self._process.stdin = None

    @property
    def pid(self) -> int:
        """Process id of the generator."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the generator has not ended yet. Its result fits into the pipe's buffer, so it can end unread."""
        return self._process.poll() is None

    def result(self) -> LoadResult:
        """Wait for the generator. Raises `LoadFailed` when it crashed or hung."""
        try:
            output, errors = self._process.communicate(timeout=self._deadline)
        except subprocess.TimeoutExpired:
            self.stop()
            raise LoadFailed("the load generator did not end in time") from None
        if self._process.returncode != 0:
            raise LoadFailed(errors.decode("utf-8", "replace")[-2000:])
        return msgspec.json.decode(output, type=LoadResult)

    def stop(self) -> None:
        """End the generator without a result."""
        self._process.kill()
        self._process.communicate()


def run_load(plan: LoadPlan) -> LoadResult:
    """Run a plan in a process of its own and wait for it. Raises `LoadFailed`."""
    return LoadProcess(plan).result()


def main() -> None:
    """Entry point of the generator process."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=LoadPlan)
    with (
        Path(plan.spool_path).open("rb", buffering=1 << 20) as rows,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        result = runner.run(generate(plan, rows))
    sys.stdout.buffer.write(msgspec.json.encode(result))
