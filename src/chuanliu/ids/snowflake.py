"""Time-sortable 63-bit ids: 40 bits of milliseconds since 2026-01-01 UTC, 8 bits cell, 8 bits worker, 7 bits sequence.

A worker number is leased from the database together with a ceiling in time (`WorkerLease`); ids never pass the
ceiling, so a worker number that changes hands, or a clock that steps back, never makes an id twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chuanliu.errors import Unavailable

_EPOCH_MILLIS: Final = 1_767_225_600_000
_CELL_SHIFT: Final = 15
_WORKER_SHIFT: Final = 7
_TIME_SHIFT: Final = 23
_SEQUENCE_MASK: Final = 0x7F
_CELL_MASK: Final = 0xFF << _CELL_SHIFT


@dataclass(frozen=True)
class WorkerLease:
    """Worker number in [0, 256) and the milliseconds (Unix) in (from, until] that its holder may use in ids."""

    worker: int
    from_millis: int
    until_millis: int


class IdSource:
    """Makes ids for one process. Cell zero; the caller puts the cell in with `with_cell`.

    When a millisecond's 128 numbers are used up it borrows from the next ones, so it never waits and never repeats.
    """

    def __init__(self, lease: WorkerLease) -> None:
        self._tick = (lease.from_millis - _EPOCH_MILLIS + 1) << 7
        self._ceiling = (lease.until_millis - _EPOCH_MILLIS) << 7
        self._worker = lease.worker << _WORKER_SHIFT

    def extend(self, until_millis: int) -> None:
        """Raise the ceiling after the lease was renewed in the database."""
        self._ceiling = max(self._ceiling, (until_millis - _EPOCH_MILLIS) << 7)

    def move_to(self, lease: WorkerLease) -> None:
        """Go on with another worker number, later than any id before."""
        self._tick = max(self._tick, (lease.from_millis - _EPOCH_MILLIS + 1) << 7)
        self._ceiling = (lease.until_millis - _EPOCH_MILLIS) << 7
        self._worker = lease.worker << _WORKER_SHIFT

    def advance(self, now_millis: int) -> None:
        """Move on to the present; never back."""
        tick = (now_millis - _EPOCH_MILLIS) << 7
        self._tick = max(self._tick, tick)

    @property
    def worker(self) -> int:
        """The leased worker number."""
        return self._worker >> _WORKER_SHIFT

    @property
    def latest_millis(self) -> int:
        """Milliseconds (Unix) of the latest id."""
        return (self._tick >> 7) + _EPOCH_MILLIS

    def next(self) -> int:
        """The next id, in cell 0. Raises `Unavailable` when the lease's ceiling is reached."""
        tick = self._tick + 1
        if tick > self._ceiling:
            raise Unavailable("the worker number's lease has run out")
        self._tick = tick
        return (tick >> 7) << _TIME_SHIFT | self._worker | (tick & _SEQUENCE_MASK)


def with_cell(number: int, cell: int) -> int:
    """The same id in another cell."""
    return number & ~_CELL_MASK | cell << _CELL_SHIFT


def cell_of_id(number: int) -> int:
    """The cell that an id carries."""
    return number >> _CELL_SHIFT & 0xFF


def id_millis(number: int) -> int:
    """Milliseconds since the Unix epoch at which an id was made."""
    return (number >> _TIME_SHIFT) + _EPOCH_MILLIS


def first_id_at(millis: int) -> int:
    """Lower bound of all ids made at or after an instant: for partitions and range scans. Never below zero."""
    return max(0, millis - _EPOCH_MILLIS) << _TIME_SHIFT
