"""What lanes have in common: a bounded queue whose batches one task settles, one after the other, without a timer."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog

from chuanliu.engine.reference import Reference
from chuanliu.engine.rows import Keys, Seen
from chuanliu.errors import Busy, ChuanliuError, Unavailable

log = structlog.get_logger()


@dataclass(frozen=True)
class LaneLimits:
    """`queue` commands may wait, `batch` run together, or fewer when their `weight` sums to more than `rows`."""

    queue: int = 8192
    batch: int = 1024
    rows: int = 20_000
    patience_s: float = 5.0
    lock_timeout_ms: int = 300


@dataclass(eq=False)
class Envelope:
    """A command or query under way, with whom to answer. `requeues` counts how often it was put back."""

    asked: Any
    answer: asyncio.Future[Any]
    accepted_at: float
    requeues: int = 0

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        """Ask for rows. Raises what the command or query raises."""
        self.asked.discover(seen, keys, reference)

    def tell(self, outcome: Any) -> None:
        """Answer, unless nobody waits any more."""
        if not self.answer.done():
            self.answer.set_result(outcome)

    def fail(self, error: ChuanliuError) -> None:
        """Refuse, unless nobody waits any more."""
        if not self.answer.done():
            self.answer.set_exception(error)


E = TypeVar("E", bound=Envelope)


class Intake(Generic[E]):
    """`start` it with what settles a batch, `submit` to it, `close` drains it."""

    def __init__(self, envelope: Callable[[Any, asyncio.Future[Any], float], E], limits: LaneLimits) -> None:
        self._envelope = envelope
        self._limits = limits
        self._queue: deque[E] = deque()
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.closing = False

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def wait_s(self) -> float:
        """How long what comes next has waited; 0 for an empty queue."""
        return asyncio.get_running_loop().time() - self._queue[0].accepted_at if self._queue else 0.0

    def start(self, settle: Callable[[list[E]], Awaitable[None]], name: str) -> None:
        """Begin to settle batches."""
        self._task = asyncio.create_task(self._run(settle), name=name)

    def submit(self, asked: Any) -> asyncio.Future[Any]:
        """Queue it. Raises `Busy` when the queue is full and `Unavailable` when it is closing."""
        if self.closing:
            raise Unavailable("shutting down")
        if len(self._queue) >= self._limits.queue:
            raise Busy
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._queue.append(self._envelope(asked, answer, loop.time()))
        self._arrived.set()
        return answer

    def put_back(self, envelope: E) -> None:
        """Queue again what could not be settled now; a full queue and closing are no hindrance."""
        envelope.requeues += 1
        self._queue.append(envelope)

    def is_late(self, envelope: Envelope) -> bool:
        """Whether it has waited for longer than its patience."""
        return asyncio.get_running_loop().time() - envelope.accepted_at > self._limits.patience_s

    def tell_late(self, batch: Iterable[E]) -> list[E]:
        """Answer `Unavailable` to those who have waited too long, and return who still waits."""
        for envelope in batch:
            if self.is_late(envelope):
                envelope.fail(Unavailable())
        return [envelope for envelope in batch if not envelope.answer.done()]

    def tell_late_in_queue(self) -> None:
        """Answer `Unavailable` to those who have waited too long in the queue, while it stands still."""
        self.tell_late(self._queue)

    async def close(self, within_s: float) -> None:
        """Take no more, settle what was accepted, and end. What is not settled in time gets `Unavailable`."""
        self.closing = True
        self._arrived.set()
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=within_s)
            if not done:
                self._task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._task
        for envelope in self._queue:
            envelope.fail(Unavailable("shutting down"))
        self._queue.clear()

    async def _run(self, settle: Callable[[list[E]], Awaitable[None]]) -> None:
        while True:
            if not self._queue:
                if self.closing:
                    return
                self._arrived.clear()
                await self._arrived.wait()
                continue
            batch = self._take_batch()
            try:
                await settle(batch)
            except asyncio.CancelledError:
                for envelope in batch:
                    envelope.fail(Unavailable("shutting down"))
                raise
            except Exception:
                log.exception("a batch failed in an unforeseen way", size=len(batch))
                for envelope in batch:
                    envelope.fail(ChuanliuError("internal"))

    def _take_batch(self) -> list[E]:
        """What runs next. What was put back runs apart from what is new, which it would hold up."""
        batch: list[E] = []
        weight = 0
        queue = self._queue
        while queue and len(batch) < self._limits.batch and weight < self._limits.rows:
            if batch and bool(queue[0].requeues) != bool(batch[0].requeues):
                break
            envelope = queue.popleft()
            if not envelope.answer.done():
                batch.append(envelope)
                weight += getattr(envelope.asked, "weight", 10)
        return batch
