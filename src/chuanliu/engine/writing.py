"""The write of a batch: one statement a table and kind of change."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import msgspec

from chuanliu.engine import statements
from chuanliu.engine.connection import Call
from chuanliu.engine.loading import Batching, call
from chuanliu.engine.rows import Changes
from chuanliu.engine.statements import Statement
from chuanliu.engine.table import Row, Table


def write_calls(changes: Changes, batching: Batching) -> list[Call]:
    """The calls that write all changes, tables in lock order, rows in key order."""
    calls: list[Call] = []
    for table in sorted(changes.inserts, key=lambda t: (t.rank, t.name)):
        rows = [msgspec.structs.astuple(row) for row in changes.inserts[table]]
        calls += _per_cell(statements.insert(table), rows, batching)
    for table in sorted(changes.updates, key=lambda t: (t.rank, t.name)):
        calls += _update_calls(table, changes.updates[table], batching)
    return calls


def _per_cell(statement: Statement, rows: list[tuple[Any, ...]], batching: Batching) -> list[Call]:
    if not batching.per_cell:
        return [call(statement, rows)]
    by_cell: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        by_cell.setdefault(row[0], []).append(row)
    return [call(statement, by_cell[cell]) for cell in sorted(by_cell)]


def _update_calls(table: Table[Any], pairs: list[tuple[Row, Row]], batching: Batching) -> list[Call]:
    """One statement that sets the columns that changed in any of the rows."""
    changed = [
        column
        for column in table.columns
        if column not in table.key and any(getattr(old, column) != getattr(new, column) for old, new in pairs)
    ]
    if not changed:
        return []
    rows = sorted((msgspec.structs.astuple(new) for _, new in pairs), key=itemgetter(*range(len(table.key))))
    return _per_cell(statements.update(table, tuple(changed)), rows, batching)
