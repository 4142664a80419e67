"""All units of one kind: how many there are to be, which come, which go. Decides; a provider does. No clock here."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from chuanliu.elastic.units import ALIVE, COMING, Limits, Phase, Seen, Unit, advance, drained

_BACKOFF_S: Final = 1.0
_BACKOFF_S_MAX: Final = 60.0
_REMEMBERED: Final = 20

What = Literal["ask", "drain", "kill"]


class Order(NamedTuple):
    """What a provider is to do; `name` is empty for a unit that does not exist yet."""

    what: What
    name: str = ""


class Counts(NamedTuple):
    """Units since the fleet began: asked for, come to serve, left in good order, failed."""

    asked: int
    ready: int
    gone: int
    failed: int


class Fleet:
    """Goes from what is seen to what is wanted. Times are seconds of one clock that only goes on.

    A unit that serves leaves only while as many others serve as are wanted. After a unit that failed, the next one is
    asked for a second later, then two, four, at most a minute; one that comes to serve ends that.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.units: dict[str, Unit] = {}
        self.ended: deque[Unit] = deque(maxlen=_REMEMBERED)
        self._limits = limits or Limits()
        self._failures = 0
        self._ask_from = 0.0
        self._asked = self._ready = self._gone = self._failed = 0

    @property
    def counts(self) -> Counts:
        """What became of the units so far."""
        return Counts(self._asked, self._ready, self._gone, self._failed)

    def of(self, *phases: Phase) -> list[Unit]:
        """Units in these phases, the earliest first."""
        return sorted((unit for unit in self.units.values() if unit.phase in phases), key=lambda one: one.since)

    def asked(self, name: str, now: float) -> None:
        """A provider has taken an order to ask for a unit, and calls it so."""
        self._asked += 1
        self.units[name] = Unit(name=name, phase=Phase.ASKED, since=now)

    def step(self, wanted: int, seen: Mapping[str, Seen], now: float) -> list[Order]:
        """Look at every unit, then give the orders that lead to `wanted` units. Units that nobody asked for here (those
        of an earlier run, on a cluster) are taken in.
        """
        for name, how in seen.items():
            if name not in self.units and how is not Seen.ABSENT:
                self.units[name] = Unit(name=name, phase=Phase.STARTING, since=now)
        orders = []
        for name, unit in list(self.units.items()):
            after, is_to_end = advance(unit, seen.get(name, Seen.ABSENT), now, self._limits)
            self._note(unit, after, seen.get(name, Seen.ABSENT), now)
            if is_to_end:
                orders.append(Order("kill", name))
        alive = self.of(*ALIVE)
        if len(alive) < wanted and now >= self._ask_from:
            orders += [Order("ask")] * (wanted - len(alive))
        orders += self._leaving(len(alive) - wanted, now)
        return orders

    def _leaving(self, surplus: int, now: float) -> list[Order]:
        """Those that do not serve yet go first, then the youngest."""
        coming, serving = self.of(*COMING), self.of(Phase.READY)
        chosen = [*reversed(coming), *reversed(serving)][: max(surplus, 0)]
        for unit in chosen:
            self.units[unit.name] = drained(unit, now)
        return [Order("drain", unit.name) for unit in chosen]

    def _note(self, before: Unit, after: Unit, seen: Seen, now: float) -> None:
        self.units[after.name] = after
        if after.phase is not before.phase:
            if after.phase is Phase.READY:
                self._ready += 1
                self._failures = 0
            elif after.phase is Phase.FAILED:
                self._failed += 1
                self._ask_from = now + min(_BACKOFF_S * 2.0**self._failures, _BACKOFF_S_MAX)
                self._failures = min(self._failures + 1, 10)
            elif after.phase is Phase.GONE and before.ended_at is None:
                self._gone += 1
            elif after.phase is Phase.GONE:
                self._failed += 1
        if after.phase is Phase.GONE or (after.phase is Phase.FAILED and seen is Seen.ABSENT):
            self.ended.append(after)
            del self.units[after.name]
