"""The SQL of the engine, made once per table and kept in plain sight.

All statements take arrays. A lock statement joins nothing but its own key list: values of the locked row are those of
the version that was locked, and rows are locked in the order of the list.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any
from zlib import crc32

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


def _select(table: Table[Any], columns: tuple[str, ...], kinds: tuple[Kind, ...], suffix: str) -> str:
    """Rows by key, found one by one in the order of the list.

    A plain join would let the planner turn the join around while the table is nearly empty, and keep that plan while it
    grows; a lateral subquery that it may not flatten (`OFFSET 0`, or a lock) is always an index search per key.
    """
    picked = ", ".join(f"t.{column}" for column in table.columns)
    condition = " AND ".join(f"r.{column} = k.{column}" for column in columns)
    search = f"SELECT * FROM {table.name} r WHERE {condition} {suffix}"
    return f"SELECT {picked} FROM {_unnest(kinds, columns, 'k')} CROSS JOIN LATERAL ({search}) t"


@cache
def read_by_key(table: Table[Any]) -> Statement:
    """Rows by key, without locks."""
    return Statement(
        f"read.{table.name}", _select(table, table.key, table.key_kinds, "OFFSET 0"), table.key_kinds, table.row
    )


@cache
def read_by_index(index: Index[Any]) -> Statement:
    """Rows by a lookup, without locks."""
    sql = _select(index.table, index.columns, index.kinds, "OFFSET 0")
    return Statement(f"look.{index.name}", sql, index.kinds, index.table.row)


@cache
def lock_by_key(table: Table[Any], skip_locked: bool) -> Statement:
    """Rows by key, each locked `FOR NO KEY UPDATE` in the order of the list."""
    suffix = "FOR NO KEY UPDATE" + (" SKIP LOCKED" if skip_locked else "")
    name = f"{'skip' if skip_locked else 'lock'}.{table.name}"
    return Statement(name, _select(table, table.key, table.key_kinds, suffix), table.key_kinds, table.row)


def _insert(table: Table[Any]) -> str:
    columns = ", ".join(table.columns)
    values = ", ".join(
        f"n.{column}::{kind.sql}" if kind.sql.endswith("[]") else f"n.{column}"
        for column, kind in zip(table.columns, table.kinds, strict=True)
    )
    return f"INSERT INTO {table.name} ({columns}) SELECT {values} FROM {_unnest(table.kinds, table.columns, 'n')}"


@cache
def insert(table: Table[Any]) -> Statement:
    """New rows."""
    return Statement(f"insert.{table.name}", _insert(table), table.kinds)


@cache
def update(table: Table[Any], columns: tuple[str, ...]) -> Statement:
    """New values of some columns of rows that this transaction has locked.

    Written as an insert that always conflicts: the rows are found by the unique index whatever the planner believes of
    the table's size, which an `UPDATE … FROM` cannot promise.
    """
    assignments = ", ".join(f"{name} = excluded.{name}" for name in columns)
    sql = f"{_insert(table)} ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {assignments}"
    return Statement(f"update.{table.name}.{crc32(','.join(columns).encode()):08x}", sql, table.kinds)


BEGIN = Statement("begin", "BEGIN ISOLATION LEVEL READ COMMITTED")
BEGIN_READ = Statement("begin_read", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
COMMIT = Statement("commit", "COMMIT")
ROLLBACK = Statement("rollback", "ROLLBACK")
FORGET_PLANS = Statement("forget_plans", "DISCARD PLANS")
CLOCK = Statement("clock", "SELECT version, clock_timestamp() FROM reference_version WHERE cell = 0")
