"""A board in shared memory: what the processes that serve one address tell each other, and whoever else looks.

Each process writes its own place only; each figure is one aligned word, so nobody sees half of one. Nothing waits.
"""

from __future__ import annotations

import mmap
import os
import time
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple, Self

PLACES: Final = 64
"""The most processes on one address."""
FRESH_S: Final = 1.0
"""A process that has not written for so long is not counted on."""

_WORD: Final = 8
_WORDS_OF_PLACE: Final = 8
_FIGURES: Final = 16
_WORDS: Final = _FIGURES + PLACES * _WORDS_OF_PLACE
_STATE, _CONNECTIONS, _WAIT_US, _BEAT_NS = range(4)


class PlaceState(IntEnum):
    """What a process at a place does."""

    FREE = 0
    STARTING = 1
    OPEN = 2
    LEAVING = 3


class Figure(IntEnum):
    """What the owner of the board writes: numbers of units, and how many there have been."""

    WANTED = 0
    PLANNED = 1
    BY_LOAD = 2
    BY_HAND = 3
    ASKED_TOTAL = 4
    READY_TOTAL = 5
    GONE_TOTAL = 6
    FAILED_TOTAL = 7


class Place(NamedTuple):
    """One process: its connections, how long what comes next has waited there (microseconds), and the age in seconds
    of these figures.
    """

    state: PlaceState
    connections: int
    wait_us: int
    age_s: float

    @property
    def is_counted_on(self) -> bool:
        """Whether it takes connections, and wrote so lately."""
        return self.state is PlaceState.OPEN and self.age_s <= FRESH_S


class Board:
    """The board in a file. `create` makes an empty one in its place; `open` takes part in one. Close it in the end."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR)
        try:
            self._memory = mmap.mmap(descriptor, _WORDS * _WORD)
        finally:
            os.close(descriptor)
        self._words = memoryview(self._memory).cast("q")
        self.path = path

    @classmethod
    def create(cls, path: Path) -> Self:
        """An empty board; who has the former one open keeps that."""
        fresh = path.with_name(f"{path.name}.new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(bytes(_WORDS * _WORD))
        fresh.replace(path)
        return cls(path)

    def close(self) -> None:
        """Let go of the memory."""
        self._words.release()
        self._memory.close()

    def __getitem__(self, figure: Figure) -> int:
        return self._words[figure]

    def __setitem__(self, figure: Figure, value: int) -> None:
        self._words[figure] = value

    def enter(self, place: int, state: PlaceState) -> None:
        """Write what the process at a place (0 to 63) does now, and that it has no figures yet."""
        base = _FIGURES + place * _WORDS_OF_PLACE
        self._words[base + _CONNECTIONS] = self._words[base + _WAIT_US] = 0
        self._words[base + _BEAT_NS] = time.monotonic_ns()
        self._words[base + _STATE] = state

    def change(self, place: int, state: PlaceState) -> None:
        """Write a new state, the figures as they are."""
        self._words[_FIGURES + place * _WORDS_OF_PLACE + _STATE] = state

    def count(self, place: int, connections: int) -> None:
        """Write how many connections a process has."""
        self._words[_FIGURES + place * _WORDS_OF_PLACE + _CONNECTIONS] = connections

    def beat(self, place: int, connections: int, wait_us: int) -> None:
        """Write the figures of a process, and that it lives."""
        base = _FIGURES + place * _WORDS_OF_PLACE
        self._words[base + _CONNECTIONS] = connections
        self._words[base + _WAIT_US] = wait_us
        self._words[base + _BEAT_NS] = time.monotonic_ns()

    def place(self, place: int) -> Place:
        """What stands at a place."""
        base = _FIGURES + place * _WORDS_OF_PLACE
        words = self._words
        age_s = (time.monotonic_ns() - words[base + _BEAT_NS]) / 1e9
        return Place(PlaceState(words[base + _STATE]), words[base + _CONNECTIONS], words[base + _WAIT_US], age_s)

    def places(self) -> dict[int, Place]:
        """All places that are not free."""
        taken = (at for at in range(PLACES) if self._words[_FIGURES + at * _WORDS_OF_PLACE + _STATE])
        return {at: self.place(at) for at in taken}

    def connections_of_others(self, own: int) -> list[int]:
        """The connections of every other process that takes some."""
        return [one.connections for at, one in self.places().items() if at != own and one.is_counted_on]
