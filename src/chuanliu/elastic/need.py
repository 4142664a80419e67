"""How many units there are to be: by the plan, by hand, and by load where that is more than was planned for."""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import Final, NamedTuple

HEADROOM: Final = 1.25
"""Of the load that was seen, where the plan did not foresee it."""
HOLD_S: Final = 120.0
"""Units that came by load stay for so long after it."""


class Need(NamedTuple):
    """Units to have (`units`, within the bounds), and what each reason asks for; 0 for nothing."""

    units: int
    planned: int
    by_load: int
    by_hand: int


class NeedOfUnits:
    """Bounds `least` and `most`; a unit serves `unit_rate` requests/s."""

    def __init__(self, *, least: int, most: int, unit_rate: float) -> None:
        self._least, self._most, self._rate = least, max(least, most), unit_rate
        self._loads: deque[tuple[float, int]] = deque()

    def need(self, now: float, *, planned: int, load_per_s: float, by_hand: int) -> Need:
        """What is needed at `now` (seconds of a clock that only goes on). `load_per_s` is what has lately come."""
        known = max(planned, self._least)
        by_load = ceil(load_per_s * HEADROOM / self._rate) if load_per_s > known * self._rate else 0
        while self._loads and self._loads[0][0] < now - HOLD_S:
            self._loads.popleft()
        while self._loads and self._loads[-1][1] <= by_load:
            self._loads.pop()
        if by_load:
            self._loads.append((now, by_load))
        held = self._loads[0][1] if self._loads else 0
        units = min(max(self._least, planned, held, by_hand), self._most)
        return Need(units, planned, held, by_hand)
