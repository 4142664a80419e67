"""The SQL of the engine, made once per table and kept in plain sight.

All statements take arrays. A lock statement joins nothing but its own key list: values of the locked row are those of
the version that was locked. Lanes forbid hash, merge and sequential plans, so rows are locked in the order of the list.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from chuanliu.engine.kinds import Kind
from chuanliu.engine.table import Index, Row, Table


@dataclass(frozen=True)
class Statement:
    """A prepared statement. `kinds` are the array parameters' kinds, in order."""

    name: str
    sql: str
    kinds: tuple[Kind, ...] = ()
    row: type[Row] | None = None


def _unnest(kinds: tuple[Kind, ...], names: tuple[str, ...], alias: str) -> str:
    parameters = ", ".join(f"${i}::{kind.array_sql}" for i, kind in enumerate(kinds, 1))
    return f"unnest({parameters}) AS {alias} ({', '.join(names)})"


def _select(table: Table[Any], columns: tuple[str, ...], kinds: tuple[Kind, ...]) -> str:
    picked = ", ".join(f"t.{column}" for column in table.columns)
    condition = " AND ".join(f"t.{column} = k.{column}" for column in columns)
    return f"SELECT {picked} FROM {_unnest(kinds, columns, 'k')} JOIN {table.name} t ON {condition}"


@cache
def read_by_key(table: Table[Any]) -> Statement:
    """Rows by key, without locks."""
    return Statement(f"read.{table.name}", _select(table, table.key, table.key_kinds), table.key_kinds, table.row)


@cache
def read_by_index(index: Index[Any]) -> Statement:
    """Rows by a lookup, without locks."""
    return Statement(
        f"look.{index.name}", _select(index.table, index.columns, index.kinds), index.kinds, index.table.row
    )


@cache
def lock_by_key(table: Table[Any], skip_locked: bool) -> Statement:
    """Rows by key, each locked `FOR NO KEY UPDATE` in the order of the list."""
    suffix = " FOR NO KEY UPDATE OF t" + (" SKIP LOCKED" if skip_locked else "")
    name = f"{'skip' if skip_locked else 'lock'}.{table.name}"
    return Statement(name, _select(table, table.key, table.key_kinds) + suffix, table.key_kinds, table.row)


@cache
def insert(table: Table[Any]) -> Statement:
    """New rows."""
    columns = ", ".join(table.columns)
    values = ", ".join(
        f"n.{column}::{kind.sql}" if kind.sql.endswith("[]") else f"n.{column}"
        for column, kind in zip(table.columns, table.kinds, strict=True)
    )
    source = _unnest(table.kinds, table.columns, "n")
    return Statement(
        f"insert.{table.name}", f"INSERT INTO {table.name} ({columns}) SELECT {values} FROM {source}", table.kinds
    )


@cache
def update(table: Table[Any], columns: tuple[str, ...]) -> Statement:
    """New values of some columns of rows by key."""
    names = table.key + columns
    kinds = tuple(table.kinds[table.columns.index(name)] for name in names)
    assignments = ", ".join(
        f"{name} = n.{name}::{kind.sql}" if kind.sql.endswith("[]") else f"{name} = n.{name}"
        for name, kind in zip(columns, kinds[len(table.key) :], strict=True)
    )
    condition = " AND ".join(f"t.{name} = n.{name}" for name in table.key)
    sql = f"UPDATE {table.name} t SET {assignments} FROM {_unnest(kinds, names, 'n')} WHERE {condition}"
    return Statement(f"update.{table.name}.{'.'.join(columns)}"[:63], sql, kinds)


@cache
def delete(table: Table[Any]) -> Statement:
    """Rows gone, by key."""
    condition = " AND ".join(f"t.{name} = n.{name}" for name in table.key)
    sql = f"DELETE FROM {table.name} t USING {_unnest(table.key_kinds, table.key, 'n')} WHERE {condition}"
    return Statement(f"delete.{table.name}", sql, table.key_kinds)


BEGIN = Statement("begin", "BEGIN ISOLATION LEVEL READ COMMITTED")
BEGIN_READ = Statement("begin_read", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
COMMIT = Statement("commit", "COMMIT")
ROLLBACK = Statement("rollback", "ROLLBACK")
CLOCK = Statement("clock", "SELECT version, clock_timestamp() FROM reference_version WHERE cell = 0")
