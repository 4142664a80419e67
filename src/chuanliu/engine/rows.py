"""What a batch has loaded, and what its commands make of it.

Commands insert and update; only sweepers delete. A command sees every change of the commands before it in the batch.
If it raises, its own changes are undone from a journal and its neighbours never notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from chuanliu.engine.table import Index, Key, Row, Table
from chuanliu.errors import ChuanliuError

R = TypeVar("R", bound=Row)


class Keys:
    """What a command asks for. Asking twice is harmless.

    `look` reads without a lock and is answered in discovery; `lock` rows are locked and then current; `read` rows are
    read after all locks are held, for dependants that a locked row guards. `lane` is the number of the lane that asks.
    """

    _SETS = ("locks", "look_indexes", "look_keys", "read_indexes", "read_keys")
    __slots__ = (*_SETS, "lane")

    def __init__(self, lane: int = 0) -> None:
        self.lane = lane
        self.look_keys: set[tuple[Table[Any], Key]] = set()
        self.look_indexes: set[tuple[Index[Any], Key]] = set()
        self.locks: set[tuple[Table[Any], Key]] = set()
        self.read_keys: set[tuple[Table[Any], Key]] = set()
        self.read_indexes: set[tuple[Index[Any], Key]] = set()

    def look(self, where: Table[Any] | Index[Any], *values: Any) -> None:
        """Find rows by key or lookup without a lock.

        Rows found by a lookup are then locked too, unless the lookup is also asked for with `read`.
        """
        if isinstance(where, Table):
            self.look_keys.add((where, values))
        else:
            self.look_indexes.add((where, values))

    def lock(self, table: Table[Any], *key: Any) -> None:
        """Lock a row by key. A row that does not exist locks nothing: absence cannot be locked."""
        self.locks.add((table, key))

    def read(self, where: Table[Any] | Index[Any], *values: Any) -> None:
        """Read rows after the locks are held."""
        if isinstance(where, Table):
            self.read_keys.add((where, values))
        else:
            self.read_indexes.add((where, values))

    def merge(self, other: Keys) -> bool:
        """Take in all that another one asks for; whether some of it is new."""
        grown = False
        for name in self._SETS:
            own, others = getattr(self, name), getattr(other, name)
            if others:
                size = len(own)
                own.update(others)
                grown |= len(own) > size
        return grown


class Need(Exception):
    """A decide found that it needs more rows: the batch rolls back and runs again with them."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = Keys()

    @classmethod
    def lock(cls, table: Table[Any], *keys: Key) -> Need:
        """Need these rows locked."""
        need = cls()
        for key in keys:
            need.keys.lock(table, *key)
        return need

    @classmethod
    def read(cls, where: Table[Any] | Index[Any], *values: Any) -> Need:
        """Need this read or looked up."""
        need = cls()
        if isinstance(where, Index):
            need.keys.look(where, *values)
        else:
            need.keys.read(where, *values)
        return need


class Seen:
    """What discovery has found so far: possibly older than the locked rows, so only for pointers that never change."""

    def __init__(self) -> None:
        self.by_key: dict[tuple[Table[Any], Key], Row | None] = {}
        self.by_index: dict[tuple[Index[Any], Key], list[Row]] = {}

    def get(self, table: Table[R], *key: Any) -> R | None:
        """The row, or None where it does not exist or was not looked for yet."""
        return cast("R | None", self.by_key.get((table, key)))

    def asked(self, where: Table[Any] | Index[Any], *values: Any) -> bool:
        """Whether the look has been answered."""
        return (where, values) in (self.by_key if isinstance(where, Table) else self.by_index)

    def find(self, index: Index[R], *values: Any) -> list[R]:
        """The rows of a lookup; empty also where it was not looked up yet."""
        return cast("list[R]", self.by_index.get((index, values), []))

    def one(self, index: Index[R], *values: Any) -> R | None:
        """The row of a unique lookup."""
        rows = self.by_index.get((index, values))
        return cast("R", rows[0]) if rows else None


@dataclass
class Changes:
    """What a batch writes, per table."""

    inserts: dict[Table[Any], list[Row]] = field(default_factory=dict)
    updates: dict[Table[Any], list[tuple[Row, Row]]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.inserts or self.updates)


_Undo = tuple[dict[Any, Any], Any, Any]
_ABSENT: Any = object()


class Rows:
    """The rows of one batch during decide."""

    def __init__(self) -> None:
        self._loaded: dict[Table[Any], dict[Key, Row | None]] = {}
        self._current: dict[Table[Any], dict[Key, Row | None]] = {}
        self._index: dict[Index[Any], dict[Key, tuple[Key, ...]]] = {}
        self._appended: dict[Table[Any], list[Row]] = {}
        self._journal: list[_Undo] = []
        self._marks: list[tuple[list[Row], int]] = []

    # loading, by the lane

    def load(self, table: Table[Any], keys: Iterable[Key], rows: Iterable[Row]) -> None:
        """Take in rows read for these keys; keys without a row are known to be absent."""
        loaded = self._loaded.setdefault(table, {})
        current = self._current.setdefault(table, {})
        for key in keys:
            loaded.setdefault(key, None)
            current.setdefault(key, None)
        for row in rows:
            key = table.key_of(row)
            loaded[key] = current[key] = row

    def load_index(self, index: Index[Any], value: Key, keys: Iterable[Key]) -> None:
        """Take in what a lookup found."""
        self._index.setdefault(index, {})[value] = tuple(keys)

    def unload(self, table: Table[Any], key: Key) -> None:
        """Forget a row that exists but could not be locked: who asks for it gets `Need`, never "there is none"."""
        del self._loaded[table][key]
        del self._current[table][key]

    # reading and changing, by decide

    def get(self, table: Table[R], *key: Any) -> R | None:
        """The row as the commands before this one left it. Raises `Need` when it was not loaded."""
        try:
            return cast("R | None", self._current[table][key])
        except KeyError:
            raise Need.lock(table, key) from None

    def has(self, table: Table[Any], *key: Any) -> bool:
        """Whether a loaded or inserted row has this key; never raises `Need`."""
        current = self._current.get(table)
        return current is not None and current.get(key) is not None

    def find(self, index: Index[R], *values: Any) -> list[R]:
        """The rows of a lookup. Raises `Need` when it was not loaded."""
        try:
            keys = self._index[index][values]
        except KeyError:
            raise Need.read(index, *values) from None
        current = self._current.get(index.table, {})
        try:
            return [cast("R", row) for key in keys if (row := current[key]) is not None]
        except KeyError:
            raise Need.lock(index.table, *keys) from None

    def one(self, index: Index[R], *values: Any) -> R | None:
        """The row of a unique lookup, or None. Raises `Need` when it was not loaded."""
        rows = self.find(index, *values)
        return rows[0] if rows else None

    def append(self, table: Table[R], row: R) -> None:
        """Write a row of an append-only table."""
        rows = self._appended.get(table)
        if rows is None:
            rows = self._appended[table] = []
        self._marks.append((rows, len(rows)))
        rows.append(row)

    def appended(self, table: Table[R]) -> list[R]:
        """What this batch has appended to an append-only table so far."""
        return cast("list[R]", self._appended.get(table, []))

    def insert(self, table: Table[R], row: R) -> None:
        """Add a row. Its absence is proven by the unique key when the batch is written."""
        key = table.key_of(row)
        current = self._current.setdefault(table, {})
        if current.get(key) is not None:
            raise ValueError(f"{table} has {key} already")
        self._set(current, key, row)
        for index in table.indexes:
            # A lookup that was not loaded stays unknown: the database may hold more rows of this value.
            known = self._index.get(index, {})
            value = index.value_of(row)
            if value in known:
                self._set(known, value, (*known[value], key))

    def update(self, table: Table[R], row: R) -> None:
        """Replace a loaded row by its next version."""
        key = table.key_of(row)
        current = self._current[table]
        if current[key] is None:
            raise ValueError(f"{table} has no {key}")
        self._set(current, key, row)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Changes of the block are undone when it is left by a `ChuanliuError` that the command goes on to handle."""
        journal, marks = len(self._journal), len(self._marks)
        try:
            yield
        except ChuanliuError:
            self._undo_to(journal, marks)
            raise

    def _set(self, mapping: dict[Any, Any], key: Any, value: Any) -> None:
        self._journal.append((mapping, key, mapping.get(key, _ABSENT)))
        mapping[key] = value

    # the end of one command, and of the batch

    def keep(self) -> None:
        """The command ended normally: its changes stay."""
        self._journal.clear()
        self._marks.clear()

    def undo(self) -> None:
        """The command raised: nothing of it stays."""
        self._undo_to(0, 0)

    def _undo_to(self, journal: int, marks: int) -> None:
        for mapping, key, old in reversed(self._journal[journal:]):
            if old is _ABSENT:
                del mapping[key]
            else:
                mapping[key] = old
        for rows, length in reversed(self._marks[marks:]):
            del rows[length:]
        del self._journal[journal:]
        del self._marks[marks:]

    def changes(self) -> Changes:
        """All that is to be written: inserts in the order of unique keys, so that batches meet these in one order."""
        changes = Changes()
        for table, appended in self._appended.items():
            if appended:
                changes.inserts[table] = appended
        for table, current in self._current.items():
            loaded = self._loaded.get(table, {})
            for key, row in current.items():
                before = loaded.get(key)
                if row is before:
                    continue
                if before is None:
                    changes.inserts.setdefault(table, []).append(cast("Row", row))
                else:
                    changes.updates.setdefault(table, []).append((before, cast("Row", row)))
        for table, rows in changes.inserts.items():
            if not table.append_only:
                rows.sort(key=table.insert_order)
        return changes
