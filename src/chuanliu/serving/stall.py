"""A time limit for many short waits at once, at a fraction of the cost of a timer for each."""

from __future__ import annotations

import asyncio
from typing import Any


class StallGuard:
    """Cuts off tasks that wait for longer than `limit_s` (up to a quarter more) between `enter` and `leave`.

    A task that is cut off sees `CancelledError`, for which `leave` answers True. One timer serves all waits, and there
    is none while nobody waits: `asyncio.timeout` costs as much as all the rest of a small request.
    """

    def __init__(self, limit_s: float) -> None:
        self._period_s = limit_s / 4
        self._tick = 0
        self._waiting: dict[asyncio.Task[Any], int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, task: asyncio.Task[Any]) -> None:
        """The task, which is the running one, begins to wait."""
        self._waiting[task] = self._tick
        if self._timer is None:
            loop = task.get_loop()
            self._timer = loop.call_later(self._period_s, self._sweep, loop)

    def leave(self, task: asyncio.Task[Any]) -> bool:
        """The wait is over; True if it was cut off, and then the cancellation is taken back."""
        if self._waiting.pop(task, None) is not None:
            return False
        task.uncancel()
        return True

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._tick += 1
        for task, tick in list(self._waiting.items()):
            if self._tick - tick <= 4:  # entries are in the order of their ticks
                break
            del self._waiting[task]
            task.cancel()
        self._timer = loop.call_later(self._period_s, self._sweep, loop) if self._waiting else None
