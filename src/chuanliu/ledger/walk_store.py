"""The audit of the ledger in small steps, beside traffic: an offline job that may be killed at any point.

First the transfers below a horizon (those of the last ten minutes may still be under way) are added up by account.
Then each account is looked at in one snapshot of its own: its entries run without a gap to its balance, and its entries
and deltas below the horizon are just those sides of transfers. Accounts with many entries are walked in pieces: entries
are never changed, so what was behind stays true. At last, sides without an account. Each step is one transaction that
also moves the row which says how far the walk is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.rows import class_row

from chuanliu.ids import CELLS, SHADOW_OFFSET, first_id_at

Connection = psycopg.Connection[Any]

STEP_S: Final = 0.035
SETTLING_S: Final = 600.0
_ROWS_FIRST: Final = 200
_ROWS_MIN: Final = 20
_ROWS_MAX: Final = 20_000
_ALL_CELLS: Final = [*range(CELLS), *range(SHADOW_OFFSET, SHADOW_OFFSET + CELLS)]


class Walked(NamedTuple):
    """What a step has looked at (transfers, entries and accounts)."""

    rows: int


class Outcome(NamedTuple):
    """Accounts that are off, and the first of them in words."""

    offenders_count: int
    first_offender: str


class _Walk(NamedTuple):
    phase: str
    horizon_id: int
    cell: int
    after_id: int
    seq: int
    balance_minor: int
    old_sides: int
    old_minor: int
    broken: int


_BEGIN: Final = """
    INSERT INTO ledger_walk (phase, horizon_id, cell, after_id) VALUES ('transfers', %(horizon)s, 0, -1)
    ON CONFLICT (one) DO UPDATE SET phase = 'transfers', horizon_id = excluded.horizon_id, cell = 0, after_id = -1,
        seq = 0, balance_minor = 0, old_sides = 0, old_minor = 0, broken = 0, offenders_count = 0, first_offender = '',
        started_at = now(), finished_at = NULL
"""
_TAKE: Final = """
    SELECT phase, horizon_id, cell, after_id, seq, balance_minor, old_sides, old_minor, broken
    FROM ledger_walk FOR UPDATE
"""
_MOVE: Final = """
    UPDATE ledger_walk SET phase = %(phase)s, cell = %(cell)s, after_id = %(after_id)s, seq = %(seq)s,
        balance_minor = %(balance_minor)s, old_sides = %(old_sides)s, old_minor = %(old_minor)s, broken = %(broken)s,
        offenders_count = offenders_count + cardinality(%(offenders)s::text[]),
        first_offender = CASE first_offender WHEN '' THEN coalesce((%(offenders)s::text[])[1], '')
            ELSE first_offender END,
        finished_at = CASE WHEN %(phase)s = 'done' THEN clock_timestamp() END
"""
_TRANSFERS: Final = """
    WITH taken AS MATERIALIZED (
        SELECT transfer_id, debit_account_id, credit_account_id, amount_minor FROM transfer
        WHERE cell = %(cell)s AND transfer_id > %(after_id)s AND transfer_id < %(horizon_id)s
        ORDER BY transfer_id LIMIT %(rows)s
    ), added AS (
        INSERT INTO ledger_walk_side (account_id, amount_minor, sides)
        SELECT account_id, sum(amount), count(*) FROM (
            SELECT debit_account_id AS account_id, -amount_minor AS amount FROM taken
            UNION ALL SELECT credit_account_id, amount_minor FROM taken
        ) side GROUP BY account_id ORDER BY account_id
        ON CONFLICT (account_id) DO UPDATE SET
            amount_minor = ledger_walk_side.amount_minor + excluded.amount_minor,
            sides = ledger_walk_side.sides + excluded.sides
    )
    SELECT count(*), max(transfer_id) FROM taken
"""
_DELTAS: Final = """
    CROSS JOIN LATERAL (
        SELECT count(*) AS sides, coalesce(sum(d.amount_minor), 0)::bigint AS amount FROM delta d
        WHERE t.mode = 'buffered' AND d.cell = ANY (%(cells)s) AND d.account_id = t.account_id
            AND d.transfer_id < %(horizon_id)s
    ) d
"""
_OFFENCE: Final = """
    CASE
        WHEN broken > 0 THEN 'entries have a gap, or a balance that is not their sum'
        WHEN entries <> entry_count OR total <> balance_minor THEN 'the balance is not the sum of its entries'
        WHEN old_sides <> sides OR old_minor <> amount THEN 'entries and deltas are not the sides of its transfers'
        WHEN mode = 'checked' AND balance_minor - held_minor < floor_minor THEN 'the balance is below its floor'
    END
"""
_ACCOUNTS: Final = f"""
    WITH near AS MATERIALIZED (
        SELECT *, sum(entry_count + 1) OVER (ORDER BY account_id) AS weight FROM (
            SELECT cell, account_id, mode, floor_minor, balance_minor, held_minor, entry_count FROM account
            WHERE cell = %(cell)s AND account_id > %(after_id)s ORDER BY account_id LIMIT %(rows)s
        ) a
    ), compared AS MATERIALIZED (
        SELECT t.*, e.*, e.entries_old + d.sides AS old_sides, e.minor_old + d.amount AS old_minor,
            coalesce(s.sides, 0) AS sides, coalesce(s.amount_minor, 0) AS amount
        FROM near t
        LEFT JOIN ledger_walk_side s USING (account_id)
        CROSS JOIN LATERAL (
            SELECT count(*) AS entries, coalesce(sum(x.amount_minor), 0)::bigint AS total,
                count(*) FILTER (WHERE x.seq <> x.place OR x.balance_minor <> x.running) AS broken,
                count(*) FILTER (WHERE x.transfer_id < %(horizon_id)s) AS entries_old,
                coalesce(sum(x.amount_minor) FILTER (WHERE x.transfer_id < %(horizon_id)s), 0)::bigint AS minor_old
            FROM (
                SELECT e.seq, e.transfer_id, e.amount_minor, e.balance_minor, row_number() OVER w AS place,
                    sum(e.amount_minor) OVER w AS running
                FROM entry e WHERE e.cell = t.cell AND e.account_id = t.account_id WINDOW w AS (ORDER BY e.seq)
            ) x
        ) e
        {_DELTAS}
        WHERE t.weight <= %(rows)s
    ), done AS (
        DELETE FROM ledger_walk_side s USING compared c WHERE s.account_id = c.account_id
    )
    SELECT (SELECT min(account_id) FROM near) AS first_id, max(account_id), coalesce(sum(entries), 0) + count(*),
        coalesce(array_agg(account_id || ': ' || offence ORDER BY account_id) FILTER (WHERE offence <> ''), '{{}}')
    FROM (SELECT account_id, entries, {_OFFENCE} AS offence FROM compared) c
"""  # noqa: S608 - of constants
_PIECE: Final = f"""
    WITH t AS MATERIALIZED (
        SELECT cell, account_id, mode, floor_minor, balance_minor, held_minor, entry_count FROM account
        WHERE cell = %(cell)s AND account_id = %(account_id)s
    ), piece AS MATERIALIZED (
        SELECT count(*) AS entries, coalesce(sum(x.amount_minor), 0)::bigint AS total,
            count(*) FILTER (WHERE x.seq <> %(seq)s + x.place OR x.balance_minor <> %(balance_minor)s + x.running)
                AS broken,
            count(*) FILTER (WHERE x.transfer_id < %(horizon_id)s) AS entries_old,
            coalesce(sum(x.amount_minor) FILTER (WHERE x.transfer_id < %(horizon_id)s), 0)::bigint AS minor_old,
            max(x.seq) AS last_seq
        FROM (
            SELECT e.seq, e.transfer_id, e.amount_minor, e.balance_minor, row_number() OVER w AS place,
                sum(e.amount_minor) OVER w AS running
            FROM (
                SELECT e.* FROM entry e WHERE e.cell = %(cell)s AND e.account_id = %(account_id)s AND e.seq > %(seq)s
                ORDER BY e.seq LIMIT %(rows)s
            ) e WINDOW w AS (ORDER BY e.seq)
        ) x
    ), compared AS MATERIALIZED (
        SELECT t.mode, t.floor_minor, t.balance_minor, t.held_minor, t.entry_count, p.entries AS found, p.last_seq,
            p.total AS moved, %(seq)s + p.entries AS entries, %(balance_minor)s + p.total AS total,
            %(broken)s + p.broken AS broken, %(old_sides)s + p.entries_old AS so_far_sides,
            %(old_minor)s + p.minor_old AS so_far_minor, %(old_sides)s + p.entries_old + d.sides AS old_sides,
            %(old_minor)s + p.minor_old + d.amount AS old_minor, coalesce(s.sides, 0) AS sides,
            coalesce(s.amount_minor, 0) AS amount, p.entries < %(rows)s AS is_last
        FROM t CROSS JOIN piece p
        LEFT JOIN ledger_walk_side s ON s.account_id = %(account_id)s
        {_DELTAS}
    ), done AS (
        DELETE FROM ledger_walk_side s USING compared c WHERE s.account_id = %(account_id)s AND c.is_last
    )
    SELECT found, is_last, coalesce(last_seq, %(seq)s), total, so_far_sides, so_far_minor, broken,
        CASE WHEN is_last THEN {_OFFENCE} END
    FROM compared
"""  # noqa: S608 - of constants
_REST: Final = f"""
    WITH taken AS MATERIALIZED (
        SELECT account_id, amount_minor, sides FROM ledger_walk_side
        WHERE account_id > %(after_id)s ORDER BY account_id LIMIT %(rows)s
    )
    SELECT count(*), max(t.account_id), coalesce(
        array_agg(t.account_id || ': transfers without entries or deltas' ORDER BY t.account_id)
            FILTER (WHERE (t.sides, t.amount_minor) <> (d.sides, d.amount)), '{{}}'
    )
    FROM (SELECT *, 'buffered' AS mode FROM taken) t
    {_DELTAS}
"""  # noqa: S608 - of constants
_ESTIMATE: Final = """
    SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint FROM pg_class c
    WHERE c.relkind = 'r' AND c.oid IN (
        SELECT relid FROM pg_partition_tree('transfer') UNION ALL SELECT relid FROM pg_partition_tree('entry')
        UNION ALL SELECT 'account'::regclass
    )
"""


def rows_to_walk(connection: Connection) -> int:
    """About how many rows a whole walk looks at, by the planner's estimates."""
    row = connection.execute(_ESTIMATE).fetchone()
    return int(row[0]) if row else 0


def steps(connection: Connection, *, settling_s: float = SETTLING_S, rows_max: int = _ROWS_MAX) -> Iterator[Walked]:
    """Walk on from where the walk is, or begin one; each step is one transaction of some 35 ms. `outcome` tells more.

    A new walk compares the transfers that are older than `settling_s`. No step looks at more than `rows_max` rows.
    """
    if not _is_under_way(connection):
        horizon = first_id_at(int((time.time() - settling_s) * 1000))
        with connection.transaction():
            connection.execute("TRUNCATE ledger_walk_side")
            connection.execute(_BEGIN, {"horizon": horizon})
    rows = min(_ROWS_FIRST, rows_max)
    while True:
        began = time.perf_counter()
        with connection.transaction():
            with connection.cursor(row_factory=class_row(_Walk)) as cursor:
                walk = cursor.execute(_TAKE).fetchone()
            if walk is None or walk.phase == "done":
                return
            looked_at = _step(connection, walk, rows)
        took = max(time.perf_counter() - began, 0.0005)
        yield Walked(looked_at)
        if looked_at:
            rows = max(_ROWS_MIN, min(rows_max, 2 * rows, int(rows * STEP_S / took)))


def outcome(connection: Connection) -> Outcome:
    """What the last walk has found so far."""
    row = connection.execute("SELECT offenders_count, first_offender FROM ledger_walk").fetchone()
    return Outcome(*row) if row else Outcome(0, "")


def _is_under_way(connection: Connection) -> bool:
    row = connection.execute("SELECT phase <> 'done' FROM ledger_walk").fetchone()
    return bool(row and row[0])


def _step(connection: Connection, walk: _Walk, rows: int) -> int:
    values = {**walk._asdict(), "rows": rows, "cells": _ALL_CELLS}
    if walk.phase == "transfers":
        count, last = _one(connection, _TRANSFERS, values)
        return _go_on(connection, walk, int(count), last, rows, "accounts")
    if walk.phase == "rest":
        count, last, offenders = _one(connection, _REST, values)
        _move(connection, "rest" if count == rows else "done", walk.cell, last or 0, offenders)
        return int(count)
    if walk.seq == 0:
        first, last, count, offenders = _one(connection, _ACCOUNTS, values)
        if first is None or last is not None:
            return _go_on(connection, walk, int(count), last, None, "rest", offenders)
        return _piece(connection, walk, {**values, "account_id": first})
    return _piece(connection, walk, {**values, "account_id": walk.after_id})


def _piece(connection: Connection, walk: _Walk, values: dict[str, Any]) -> int:
    """A piece of one account; `after_id` is that account while it is under way."""
    account_id = values["account_id"]
    count, is_last, seq, total, sides, minor, broken, offence = _one(connection, _PIECE, values)
    if is_last:
        offenders = [f"{account_id}: {offence}"] if offence else []
        _move(connection, "accounts", walk.cell, account_id, offenders)
        return int(count) + 1
    so_far = {"seq": seq, "balance_minor": total, "old_sides": sides, "old_minor": minor, "broken": broken}
    values = {"phase": "accounts", "cell": walk.cell, "after_id": account_id, "offenders": [], **so_far}
    connection.execute(_MOVE, values)
    return int(count)


def _go_on(
    connection: Connection,
    walk: _Walk,
    count: int,
    last: int | None,
    rows: int | None,
    following: str,
    offenders: list[str] | None = None,
) -> int:
    """Behind what was looked at; in the next cell once there is no more, and after the last one in the next phase."""
    if last is not None and (rows is None or count == rows):
        _move(connection, walk.phase, walk.cell, last, offenders)
        return count
    later = [cell for cell in _ALL_CELLS if cell > walk.cell]
    phase, cell = (walk.phase, later[0]) if later else (following, 0)
    _move(connection, phase, cell, -1 if phase != "rest" else 0, offenders)
    return count


def _move(connection: Connection, phase: str, cell: int, after_id: int, offenders: list[str] | None) -> None:
    nothing = dict.fromkeys(("seq", "balance_minor", "old_sides", "old_minor", "broken"), 0)
    values = {**nothing, "phase": phase, "cell": cell, "after_id": after_id, "offenders": offenders or []}
    connection.execute(_MOVE, values)


def _one(connection: Connection, query: str, values: dict[str, Any]) -> tuple[Any, ...]:
    row = connection.execute(query, values).fetchone()
    return row if row is not None else ()
