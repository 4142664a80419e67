"""The offline job that walks the whole ledger and fails when it is off by a cent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chuanliu.clock import DAY, HOUR, Micros
from chuanliu.errors import Refused
from chuanliu.ledger import walk_store
from chuanliu.offline.job_store import Connection


class LedgerAudit:
    """Compares all transfers, entries, deltas and balances. Its unit is a row looked at; their number is estimated.

    What it finds is its problem, as operators are shown it; `chuanliu audit` then names each offender.
    """

    name: Final = "audit"
    every: Final[Micros] = DAY
    within: Final[Micros] = 20 * HOUR

    def remaining(self, connection: Connection) -> int:
        """Rows that a whole walk looks at."""
        return walk_store.rows_to_walk(connection)

    def chunks(self, connection: Connection) -> Iterator[int]:
        """Each chunk is one step of the walk. Raises `Refused(books_off)` at its end where something is off."""
        for step in walk_store.steps(connection):
            yield step.rows
        found = walk_store.outcome(connection)
        if found.offenders_count:
            raise Refused("books_off", f"{found.offenders_count} accounts are off, the first is {found.first_offender}")
