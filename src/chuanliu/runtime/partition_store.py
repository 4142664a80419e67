"""Making partitions ahead of time and dropping drained ones, beside running traffic."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import errors
from psycopg.sql import SQL, Identifier, Literal

from chuanliu.clock import Micros
from chuanliu.runtime.partitions import PARTITIONED_TABLES, Partition, outdated, partitions_due

_LOCK_WAIT_MAKE = SQL("SET LOCAL lock_timeout = '2s'")
_LOCK_WAIT_DROP = SQL("SET LOCAL lock_timeout = '100ms'")

_PARTITIONS_OF = """
SELECT child.relname FROM pg_inherits
  JOIN pg_class child ON child.oid = inhrelid
  JOIN pg_class parent ON parent.oid = inhparent
 WHERE inhparent = to_regclass(%s) ORDER BY child.relname
"""


def ensure_partitions(connection: psycopg.Connection[Any], now: Micros) -> list[str]:
    """Make the missing partitions of `now` and the next periods; drop empty, outdated ones. Returns what was made.

    The connection is in autocommit mode. A partition whose locks are taken is left for the next call: until then its
    rows go to the default partition. Safe to run in several processes at once.
    """
    made = []
    for table in PARTITIONED_TABLES:
        names = [row[0] for row in connection.execute(_PARTITIONS_OF, [table.name]).fetchall()]
        if not names:
            continue
        made += [p.name for p in partitions_due(table, now) if p.name not in names and _make(connection, p)]
        for name in outdated(table, names, now):
            _drop_if_empty(connection, name)
    return made


def _make(connection: psycopg.Connection[Any], partition: Partition) -> bool:
    """ATTACH takes a weaker lock on the parent than CREATE … PARTITION OF, so writers go on.

    Rows that went to the default partition move along; one that comes in between fails the ATTACH, and the next call
    takes it too.
    """
    parent, name = Identifier(partition.table.name), Identifier(partition.name)
    bounds = {"lo": Literal(partition.first_id), "hi": Literal(partition.end_id)}
    try:
        with connection.transaction():
            connection.execute(_LOCK_WAIT_MAKE)
            connection.execute(SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(name, parent))
            connection.execute(
                SQL(
                    "WITH moved AS (DELETE FROM {default} WHERE {id} >= {lo} AND {id} < {hi} RETURNING *)"
                    " INSERT INTO {name} SELECT * FROM moved"
                ).format(
                    default=Identifier(f"{partition.table.name}_default"),
                    id=Identifier(partition.table.id_column),
                    name=name,
                    **bounds,
                )
            )
            connection.execute(
                SQL("ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({lo}) TO ({hi})").format(
                    parent=parent, name=name, **bounds
                )
            )
    except (
        errors.LockNotAvailable,
        errors.DuplicateTable,
        errors.UniqueViolation,
        errors.CheckViolation,
        errors.DeadlockDetected,
    ):
        # Unique violation: two processes making the same table meet in pg_type.
        return False
    return True


def _drop_if_empty(connection: psycopg.Connection[Any], name: str) -> None:
    """DROP locks the whole table, so it waits for that no longer than a payment may."""
    table = Identifier(name)
    if connection.execute(SQL("SELECT 1 FROM {} LIMIT 1").format(table)).fetchone() is not None:
        return
    try:
        with connection.transaction():
            connection.execute(_LOCK_WAIT_DROP)
            connection.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
            if connection.execute(SQL("SELECT 1 FROM {} LIMIT 1").format(table)).fetchone() is None:
                connection.execute(SQL("DROP TABLE {}").format(table))
    except (errors.LockNotAvailable, errors.UndefinedTable, errors.DeadlockDetected):
        return
