"""Reference data: merchants, keys, terms. Small, read by every request, rarely changed; kept as a snapshot in each
process.

A change raises the one-row `reference_version` in its own transaction and notifies; each batch reads that version
first and refreshes a stale snapshot before it decides, so a revoked key or a changed fee is never used after its change
committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar, cast

from chuanliu.engine.kinds import SmallInt
from chuanliu.engine.rows import Keys, Rows
from chuanliu.engine.table import Key, Row, Table

R = TypeVar("R", bound=Row)
T = TypeVar("T")


class ReferenceVersion(Row, frozen=True, gc=False):
    """The one row that every change of reference data raises."""

    cell: SmallInt
    version: int


REFERENCE_VERSION: Table[ReferenceVersion] = Table("reference_version", ReferenceVersion, ("cell",), rank=1)
REFERENCE_CHANNEL = "chuanliu_reference"


class Reference:
    """An immutable snapshot. `find` answers by any column that was declared for lookups."""

    def __init__(self, version: int = 0) -> None:
        self.version = version
        self._rows: dict[Table[Any], dict[Key, Row]] = {}
        self._lookups: dict[tuple[Table[Any], str], dict[Any, tuple[Row, ...]]] = {}
        self._derived: dict[Callable[[Reference], Any], Any] = {}

    def get(self, table: Table[R], *key: Any) -> R | None:
        """The row by its key."""
        return cast("R | None", self._rows.get(table, {}).get(key))

    def all(self, table: Table[R]) -> list[R]:
        """All rows of a table, in key order."""
        rows = self._rows.get(table, {})
        return [cast("R", rows[key]) for key in sorted(rows)]

    def find(self, table: Table[R], column: str, value: Any) -> tuple[R, ...]:
        """All rows with this value in the column; the lookup is built on first use and lives as long as the
        snapshot.
        """
        lookup = self._lookups.get((table, column))
        if lookup is None:
            lookup = {}
            for row in self.all(table):
                at = getattr(row, column)
                lookup[at] = (*lookup.get(at, ()), row)
            self._lookups[(table, column)] = lookup
        return cast("tuple[R, ...]", lookup.get(value, ()))

    def derived(self, make: Callable[[Reference], T]) -> T:
        """What a pure function makes of this snapshot: made once, kept as long as the snapshot lives."""
        if make not in self._derived:
            self._derived[make] = make(self)
        return cast("T", self._derived[make])

    def with_changes(self, version: int, changed: Sequence[tuple[Table[Any], Iterable[Row]]]) -> Reference:
        """The next snapshot: this one with newer rows laid over it."""
        successor = Reference(version)
        successor._rows = {table: dict(rows) for table, rows in self._rows.items()}
        for table, rows in changed:
            successor._rows.setdefault(table, {}).update({table.key_of(row): row for row in rows})
        return successor


def lock_reference(keys: Keys) -> None:
    """To be called by `discover` of every command that changes reference data."""
    keys.lock(REFERENCE_VERSION, 0)


def raise_version(rows: Rows) -> int:
    """The version that rows changed by this command must carry. One command at a time holds it."""
    current = rows.get(REFERENCE_VERSION, 0)
    if current is None:
        raise ValueError("the database has no reference version: run `chuanliu db migrate`")
    rows.update(REFERENCE_VERSION, current.changed(version=current.version + 1))
    return current.version + 1


def change_reference(rows: Rows, table: Table[R], before: R, after: R) -> R:
    """Store the row under a new version if it differs from before, and return it as it is then."""
    if after == before:
        return before
    versioned = after.changed(version=raise_version(rows))
    rows.update(table, versioned)
    return versioned


class ReferenceSource(Protocol):
    """What lanes need of reference data."""

    @property
    def current(self) -> Reference:
        """The snapshot."""

    async def refresh(self, at_least: int) -> None:
        """Load until the snapshot has at least this version."""
