"""Gateway processes of this machine as units, under the supervisor, at one shared door."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from chuanliu.elastic.fleet import Fleet
from chuanliu.elastic.provider import carry_out
from chuanliu.elastic.units import Phase, Seen, Unit
from chuanliu.runtime import ChildSpec, Supervisor
from chuanliu.serving import Board, Figure, PlaceState

SILENT_S: Final = 15.0
"""A unit that has not written to the board for so long serves no more."""
_STEP_S: Final = 0.1


class LocalUnits:
    """Units `gateway-N` beside the first `base`, which are always there; N is at most `most`.

    For the supervisor's own thread. `spec_of` says how to start unit N; it takes place N - 1 on the board.
    """

    def __init__(
        self, supervisor: Supervisor, board: Board, spec_of: Callable[[int], ChildSpec], *, base: int, most: int
    ) -> None:
        self._supervisor = supervisor
        self._board = board
        self._spec_of = spec_of
        self._numbers = range(base + 1, most + 1)

    def seen(self) -> dict[str, Seen]:
        """All of them that are there."""
        found = {}
        for number in self._numbers:
            name = _name(number)
            state = self._supervisor.state_of(name)
            if state is not None:
                found[name] = self._how(state, number)
            elif self._board.place(number - 1).state is not PlaceState.FREE:
                self._board.enter(number - 1, PlaceState.FREE)
        return found

    def _how(self, state: str, number: int) -> Seen:
        if state in {"leaving", "killed"}:
            return Seen.LEAVING
        is_heard = self._board.place(number - 1).age_s < SILENT_S
        return Seen.READY if state == "ready" and is_heard else Seen.STARTING

    def ask(self) -> str | None:
        """Start a process under the first free number."""
        for number in self._numbers:
            if self._supervisor.state_of(_name(number)) is None:
                self._supervisor.add(self._spec_of(number))
                return _name(number)
        return None

    def drain(self, name: str) -> None:
        """Ask a process to hand its connections over and end."""
        self._supervisor.release(name)

    def kill(self, name: str) -> None:
        """`kill -9`."""
        self._supervisor.kill(name)


class Stretch:
    """Keeps the units of this machine at what the planner has written on the board. `tick` it often.

    `facts` are for the status file; `on_change` is called when they have changed.
    """

    def __init__(self, units: LocalUnits, board: Board, *, base: int, on_change: Callable[[], None]) -> None:
        self._units = units
        self._board = board
        self._base = base
        self._fleet = Fleet()
        self._on_change = on_change
        self._due = 0.0
        self._shown: list[Unit] = []
        self.facts: dict[str, Any] = {}

    def tick(self) -> None:
        """Take the next step, at most ten a second."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + _STEP_S
        fleet, board = self._fleet, self._board
        carry_out(fleet.step(board[Figure.WANTED] - self._base, self._units.seen(), now), fleet, self._units, now)
        counts = fleet.counts
        board[Figure.ASKED_TOTAL], board[Figure.READY_TOTAL] = counts.asked, counts.ready
        board[Figure.GONE_TOTAL], board[Figure.FAILED_TOTAL] = counts.gone, counts.failed
        shown = [*fleet.units.values(), *fleet.ended]
        if shown != self._shown:
            self._shown = shown
            self._tell(now)

    def _tell(self, now: float) -> None:
        wall = time.time() - now
        self.facts["units"] = [_facts(unit, wall) for unit in self._fleet.units.values()]
        self.facts["units_ended"] = [_facts(unit, wall) for unit in self._fleet.ended]
        self.facts["units_serving"] = self._base + len(self._fleet.of(Phase.READY))
        self._on_change()


def _facts(unit: Unit, wall: float) -> dict[str, Any]:
    since = round((wall + unit.since) * 1e6)
    return {"name": unit.name, "phase": unit.phase.value, "since": since, "reason": unit.reason}


def _name(number: int) -> str:
    return f"gateway-{number}"
