"""Overload as the queue tells it: not how many wait, but how long, and whether that ever gets better.

After CoDel (Nichols and Jacobson, ACM Queue 2012): a queue that empties now and then does its work; one whose shortest
wait over an interval stays above a target only delays. Then requests are turned away, later classes first.
"""

from __future__ import annotations

from typing import Final

from chuanliu.metering import CLASS_COUNT, TrafficClass

TARGET_S: Final = 0.15
SHADOW_TARGET_S: Final = 0.075
"""Of rehearsals: they give way at waits that nobody else has to mind."""

INTERVAL_S: Final = 0.3
DEADLINES_S: Final = (5.0, 5.0, 2.0, 1.0)
"""How long a request of each class may have to wait where its sender says nothing."""

_GROWTH: Final = 0.5
_RELIEF: Final = 0.25
_PAYMENTS_SHED_MAX: Final = 0.9


class Congestion:
    """`sample` the wait of the queue's head some twenty times a second; `sheds` says whom to turn away.

    `severity` grows by a half for each bad interval and falls by a quarter for each good one. At 1 all batch requests
    are turned away, at 2 all queries, at 3 all refunds, above it payments too, never all of them. Of a class that is
    shed in part, every n-th is let in.
    """

    def __init__(self, target_s: float = TARGET_S, interval_s: float = INTERVAL_S) -> None:
        self._target_s = target_s
        self._interval_s = interval_s
        self._shortest: float | None = None
        self._ends_at: float | None = None
        self._debts = [0.0] * CLASS_COUNT
        self._parts = [0.0] * CLASS_COUNT
        self.severity = 0.0
        self.wait_s = 0.0

    def sample(self, wait_s: float, now: float) -> None:
        """`wait_s` is how long the oldest in the queue has waited; 0 for an empty queue."""
        self.wait_s = wait_s
        self._shortest = wait_s if self._shortest is None else min(self._shortest, wait_s)
        if self._ends_at is None:
            self._ends_at = now + self._interval_s
        if now < self._ends_at:
            return
        if self._shortest > self._target_s:
            self.severity = min(CLASS_COUNT - 1 + _PAYMENTS_SHED_MAX, self.severity + _GROWTH)
        else:
            self.severity = max(0.0, self.severity - _RELIEF)
        for traffic_class in range(CLASS_COUNT):
            part = min(max(self.severity - (CLASS_COUNT - 1 - traffic_class), 0.0), 1.0)
            self._parts[traffic_class] = part
        self._shortest, self._ends_at = None, now + self._interval_s

    def sheds(self, traffic_class: TrafficClass, deadline_s: float | None = None) -> bool:
        """Whether to turn a request of this class away now."""
        if self.wait_s > (DEADLINES_S[traffic_class] if deadline_s is None else deadline_s):
            return True
        part = self._parts[traffic_class]
        if part == 0.0:
            return False
        debt = self._debts[traffic_class] + part
        if debt >= 1.0:
            self._debts[traffic_class] = debt - 1.0
            return True
        self._debts[traffic_class] = debt
        return False
