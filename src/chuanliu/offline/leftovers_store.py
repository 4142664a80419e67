"""The offline job that deletes what nobody can ask for any more."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from chuanliu.clock import HOUR, MINUTE, Micros
from chuanliu.engine import OldRows
from chuanliu.offline.job_store import Connection
from chuanliu.offline.jobs import CHUNK_S

_ROWS_FIRST: Final = 200
_ROWS_MAX: Final = 20_000
_COUNTED_MAX: Final = 1_000_000


class Leftovers:
    """Deletes rows of these kinds, a chunk of some at a time. Its unit is a row."""

    name: Final = "leftovers"
    every: Final[Micros] = MINUTE
    within: Final[Micros] = HOUR

    def __init__(self, kinds: Sequence[OldRows]) -> None:
        self._kinds = kinds

    def remaining(self, connection: Connection) -> int:
        """Rows to delete; of each kind a million at the most are counted."""
        now = time.time_ns() // 1000
        total = 0
        for kind in self._kinds:
            values = {**kind.values(now), "most": _COUNTED_MAX}
            row = connection.execute(kind.counting, values).fetchone()
            total += int(row[0]) if row else 0
        return total

    def chunks(self, connection: Connection) -> Iterator[int]:
        """Each chunk is one statement, of as many rows as it deletes in 50 ms."""
        now = time.time_ns() // 1000
        for kind in self._kinds:
            rows = _ROWS_FIRST
            while True:
                began = time.perf_counter()
                values = {**kind.values(now), "rows": rows}
                gone = connection.execute(kind.deletion, values).rowcount
                took = time.perf_counter() - began
                yield gone
                if gone < rows:
                    break
                rows = max(1, min(_ROWS_MAX, 2 * rows, int(rows * CHUNK_S * 0.8 / max(took, 0.001))))
