"""The load of a batch: discovery without locks, one lock round in the global order, then reads of dependants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chuanliu.engine import statements
from chuanliu.engine.connection import Call, PipelineConnection
from chuanliu.engine.rows import Keys, Rows, Seen
from chuanliu.engine.statements import Statement
from chuanliu.engine.table import Index, Key, Row, Table

_MAX_ROUNDS = 8


@dataclass(frozen=True)
class Batching:
    """How statements cover cells. `per_cell` sends each statement once per cell, filtered on it, as a cluster needs."""

    per_cell: bool = False

    def groups(self, keys: Iterable[Key]) -> list[list[Key]]:
        """Sorted keys, in one group or in one per cell."""
        ordered = sorted(keys)
        if not self.per_cell:
            return [ordered] if ordered else []
        by_cell: dict[int, list[Key]] = defaultdict(list)
        for key in ordered:
            by_cell[key[0]].append(key)
        return list(by_cell.values())


def call(statement: Statement, keys: Sequence[Key]) -> Call:
    """A statement with its key columns as arrays."""
    columns = zip(*keys, strict=True)
    return statement, tuple(kind.encode(column) for kind, column in zip(statement.kinds, columns, strict=True))


def _by_where(asked: Iterable[tuple[Any, Key]]) -> dict[Any, list[Key]]:
    grouped: dict[Any, list[Key]] = defaultdict(list)
    for where, values in asked:
        grouped[where].append(values)
    return grouped


class Loader:
    """Loads for one connection."""

    def __init__(self, connection: PipelineConnection, batching: Batching) -> None:
        self._connection = connection
        self._batching = batching

    def look_calls(self, keys: Keys, seen: Seen) -> tuple[list[Call], list[tuple[Any, list[Key]]]]:
        """Calls for all looks that have no answer yet, and what each asks."""
        new_keys = _by_where(ask for ask in keys.look_keys if ask not in seen.by_key)
        new_values = _by_where(ask for ask in keys.look_indexes if ask not in seen.by_index)
        calls: list[Call] = []
        asks: list[tuple[Any, list[Key]]] = []
        for where, wanted in (*new_keys.items(), *new_values.items()):
            make = statements.read_by_key if isinstance(where, Table) else statements.read_by_index
            for group in self._batching.groups(wanted):
                calls.append(call(make(where), group))
                asks.append((where, group))
        return calls, asks

    def take_looks(self, seen: Seen, asks: list[tuple[Any, list[Key]]], results: Sequence[Any]) -> None:
        """Put the answers of looks into what was seen."""
        for (where, wanted), result in zip(asks, results, strict=True):
            if isinstance(where, Table):
                for key in wanted:
                    seen.by_key[where, key] = None
                for row in self._connection.rows(result, statements.read_by_key(where)):
                    seen.by_key[where, where.key_of(row)] = row
            else:
                for value in wanted:
                    seen.by_index[where, value] = []
                for row in self._connection.rows(result, statements.read_by_index(where)):
                    seen.by_index[where, where.value_of(row)].append(row)

    async def discover(self, discover: Callable[[Seen, Keys], None], seen: Seen, keys: Keys) -> None:
        """Run rounds until nothing new is looked for."""
        for _ in range(_MAX_ROUNDS):
            calls, asks = self.look_calls(keys, seen)
            if not calls:
                return
            self.take_looks(seen, asks, await self._connection.run(calls))
            discover(seen, keys)
        raise RuntimeError("discovery does not end")

    async def lock_and_read(
        self, keys: Keys, seen: Seen, *, skip_locked: bool
    ) -> tuple[Rows, set[tuple[Table[Any], Key]]]:
        """The lock round, then dependants, in one exchange.

        Rows that a look found by index are locked with the rest. Returns the rows, and with `skip_locked` the keys
        that exist but are locked by somebody else.
        """
        locks: dict[Table[Any], set[Key]] = defaultdict(set)
        for table, key in keys.locks:
            locks[table].add(key)
        for index, value in keys.look_indexes:
            if (index, value) not in keys.read_indexes:
                locks[index.table].update(index.table.key_of(row) for row in seen.by_index[index, value])
        calls: list[Call] = []
        plan: list[tuple[str, Any, list[Key]]] = []
        for table in sorted(locks, key=lambda t: t.rank):
            for group in self._batching.groups(locks[table]):
                calls.append(call(statements.lock_by_key(table, skip_locked), group))
                plan.append(("lock", table, group))
        for where, wanted in _by_where((*keys.read_keys, *keys.read_indexes)).items():
            make = statements.read_by_key if isinstance(where, Table) else statements.read_by_index
            for group in self._batching.groups(wanted):
                calls.append(call(make(where), group))
                plan.append(("read", where, group))
        results = await self._connection.run(calls) if calls else []
        rows = self._take(keys, seen, plan, results)
        held = await self._held(plan, results) if skip_locked else set()
        for table, key in held:
            rows.unload(table, key)
        return rows, held

    def _take(self, keys: Keys, seen: Seen, plan: list[tuple[str, Any, list[Key]]], results: Sequence[Any]) -> Rows:
        rows = Rows()
        for (how, where, wanted), result in zip(plan, results, strict=True):
            if isinstance(where, Table):
                statement = statements.lock_by_key(where, False) if how == "lock" else statements.read_by_key(where)
                rows.load(where, wanted, self._connection.rows(result, statement))
            else:
                self._take_index(rows, where, wanted, self._connection.rows(result, statements.read_by_index(where)))
        for index, value in keys.look_indexes:
            if (index, value) not in keys.read_indexes:
                rows.load_index(index, value, [index.table.key_of(row) for row in seen.by_index[index, value]])
        return rows

    @staticmethod
    def _take_index(rows: Rows, index: Index[Any], wanted: list[Key], found: list[Row]) -> None:
        by_value: dict[Key, list[Row]] = {value: [] for value in wanted}
        for row in found:
            by_value[index.value_of(row)].append(row)
        for value, of_value in by_value.items():
            rows.load_index(index, value, [index.table.key_of(row) for row in of_value])
        rows.load(index.table, (), found)

    async def _held(
        self, plan: list[tuple[str, Any, list[Key]]], results: Sequence[Any]
    ) -> set[tuple[Table[Any], Key]]:
        """Of the rows that a skipping lock did not return, those that exist: somebody holds them."""
        asks: list[tuple[Table[Any], list[Key]]] = []
        for (how, table, group), result in zip(plan, results, strict=True):
            if how == "lock":
                locked = {
                    table.key_of(row) for row in self._connection.rows(result, statements.lock_by_key(table, True))
                }
                missing = [key for key in group if key not in locked]
                if missing:
                    asks.append((table, missing))
        if not asks:
            return set()
        results = await self._connection.run([call(statements.read_by_key(table), group) for table, group in asks])
        return {
            (table, table.key_of(row))
            for (table, _), result in zip(asks, results, strict=True)
            for row in self._connection.rows(result, statements.read_by_key(table))
        }
