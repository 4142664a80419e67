"""The making of statements: an offline job that works through a product's lines, cell by cell and chunk by chunk.

A chunk is one transaction: it locks the row that says how far the cell has come, sums the postings of the next lines in
one statement, decides each statement in Python, writes them by one COPY, and moves the row. Killed at any point, the
job goes on behind the last chunk that was committed. Postings are read, never updated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
import psycopg

from chuanliu.bills.billing import Dues, Line, Opening, PlanAtCut, Postings, dues_at_cut, make_statement
from chuanliu.bills.cycles import Cycle, ended_cycles
from chuanliu.bills.tables import Statement
from chuanliu.clock import MINUTE, Micros, to_datetime
from chuanliu.ids import CELLS, SHADOW_OFFSET, is_shadow
from chuanliu.lenders import Product, terms_of
from chuanliu.money import currency

CHUNK_TARGET_S: Final = 0.04
CHUNK_LINES_FIRST: Final = 100
CHUNK_LINES_MAX: Final = 2000
SETTLING: Final = MINUTE
"""Statements are made this long behind the end of a cycle: commits under way have landed. One that lands later yet is
in the next statement.
"""

_LINES: Final = """
    WITH line AS MATERIALIZED (
        SELECT i.cell, i.consumer_id, i.line_no, i.instrument_id,
            ((i.consumer_id - 2088000000000000) << 18) | ((128 + i.line_no)::bigint << 10) | %(currency)s AS account_id
        FROM instrument i
        WHERE i.cell = %(cell)s AND i.line_no IS NOT NULL AND i.product_id = %(product)s
            AND (i.consumer_id, i.line_no) > (%(after_consumer)s, %(after_line)s)
        ORDER BY i.consumer_id, i.line_no LIMIT %(lines)s
    )
    SELECT l.consumer_id, l.line_no, l.instrument_id, l.account_id, a.entry_count,
        coalesce(o.last_seq, 0), coalesce(o.closing_minor, 0), coalesce(o.late_fees_owed_minor, 0),
        coalesce(o.interest_owed_minor, 0), m.*, d.*
    FROM line l
    JOIN account a ON a.cell = l.cell AND a.account_id = l.account_id
    LEFT JOIN LATERAL (
        SELECT s.last_seq, s.closing_minor, s.late_fees_owed_minor, s.interest_owed_minor FROM statement s
        WHERE s.cell = l.cell AND s.consumer_id = l.consumer_id AND s.product_id = %(product)s
            AND s.line_no = l.line_no AND s.cycle < %(cycle)s
        ORDER BY s.cycle DESC LIMIT 1
    ) o ON true
    CROSS JOIN LATERAL (
        SELECT max(x.seq), coalesce(sum(x.owed), 0)::bigint,
            coalesce(sum(x.owed) FILTER (WHERE x.kind = 'payment'), 0)::bigint,
            coalesce(sum(x.owed) FILTER (WHERE x.kind = 'plan_fee'), 0)::bigint,
            coalesce(sum(x.owed) FILTER (WHERE x.kind = 'late_fee'), 0)::bigint,
            coalesce(sum(x.owed) FILTER (WHERE x.kind = 'penalty_interest'), 0)::bigint,
            coalesce(-sum(x.owed) FILTER (
                WHERE x.kind IN ('refund', 'plan_fee_refund', 'plan_fee_return')), 0)::bigint,
            coalesce(-sum(x.owed) FILTER (
                WHERE x.kind IN ('repayment', 'late_fee_repayment', 'interest_repayment')), 0)::bigint,
            coalesce(-sum(x.owed) FILTER (WHERE x.kind = 'late_fee_repayment'), 0)::bigint,
            coalesce(-sum(x.owed) FILTER (WHERE x.kind = 'interest_repayment'), 0)::bigint
        FROM (
            SELECT e.seq, -e.amount_minor AS owed, t.kind,
                max(e.seq) FILTER (WHERE t.posted_at < %(cut_at)s) OVER () AS last_seq
            FROM entry e
            JOIN transfer t ON t.transfer_id = e.transfer_id AND t.cell = (e.transfer_id >> 15 & 255)::smallint
            WHERE e.cell = l.cell AND e.account_id = l.account_id AND e.seq > coalesce(o.last_seq, 0)
        ) x
        WHERE x.seq <= x.last_seq
    ) m
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(k.overdue), 0)::bigint,
            coalesce(sum(k.due) FILTER (WHERE p.instalments > 1), 0)::bigint,
            coalesce(sum(k.due) FILTER (WHERE p.instalments = 1), 0)::bigint
        FROM plan p
        CROSS JOIN LATERAL (
            SELECT sum(i.principal + i.fee - i.repaid) FILTER (WHERE i.due_on <= %(overdue_until)s) AS overdue,
                sum(i.principal + i.fee - i.repaid) FILTER (WHERE i.due_on > %(overdue_until)s) AS due
            FROM unnest(p.due_on, p.principals, p.fees, p.repaid) AS i (due_on, principal, fee, repaid)
            WHERE i.due_on <= %(billed_until)s
        ) k
        WHERE p.cell = l.cell AND p.consumer_id = l.consumer_id AND p.instrument_id = l.instrument_id
            AND p.status IN ('active', 'refunded')
    ) d
    ORDER BY l.consumer_id, l.line_no
"""

_PLANS_AT_CUT: Final = """
    SELECT l.place, p.instalments = 1,
        EXISTS (
            SELECT FROM entry e
            JOIN transfer t ON t.transfer_id = e.transfer_id AND t.cell = (e.transfer_id >> 15 & 255)::smallint
            WHERE e.cell = p.cell AND e.account_id = l.account_id AND e.seq > l.last_seq
                AND t.kind = 'payment' AND t.subject_id = p.payment_id
        ),
        k.overdue, k.due, k.repaid,
        (
            SELECT coalesce(sum(e.amount_minor), 0)::bigint FROM entry e
            JOIN transfer t ON t.transfer_id = e.transfer_id AND t.cell = (e.transfer_id >> 15 & 255)::smallint
            WHERE e.cell = p.cell AND e.account_id = l.account_id AND e.seq > l.last_seq
                AND t.kind = 'repayment' AND t.subject_id = p.plan_id
        )
    FROM unnest(%(consumers)s::bigint[], %(instruments)s::bigint[], %(accounts)s::bigint[], %(last_seqs)s::bigint[])
        WITH ORDINALITY AS l (consumer_id, instrument_id, account_id, last_seq, place)
    JOIN plan p ON p.cell = %(cell)s AND p.consumer_id = l.consumer_id AND p.instrument_id = l.instrument_id
        AND p.status IN ('active', 'completed', 'refunded')
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(i.principal + i.fee) FILTER (WHERE i.due_on <= %(overdue_until)s), 0)::bigint AS overdue,
            coalesce(sum(i.principal + i.fee) FILTER (
                WHERE i.due_on > %(overdue_until)s AND i.due_on <= %(billed_until)s), 0)::bigint AS due,
            sum(i.repaid)::bigint AS repaid
        FROM unnest(p.due_on, p.principals, p.fees, p.repaid) AS i (due_on, principal, fee, repaid)
    ) k
"""

_OPEN_RUN: Final = """
    INSERT INTO statement_run (cell, product_id, cycle, after_consumer_id, after_line_no, lines_seen, statements)
    SELECT cell, %(product)s, %(cycle)s, 0, 0, 0, 0 FROM unnest(%(cells)s::smallint[]) AS c (cell)
    ON CONFLICT (cell, product_id, cycle) DO NOTHING
"""
_UNFINISHED: Final = """
    SELECT cell FROM statement_run WHERE cell = ANY (%(cells)s) AND product_id = %(product)s AND cycle = %(cycle)s
        AND finished_at IS NULL ORDER BY cell
"""
_TAKE: Final = """
    SELECT after_consumer_id, after_line_no, clock_timestamp() FROM statement_run
    WHERE cell = %(cell)s AND product_id = %(product)s AND cycle = %(cycle)s AND finished_at IS NULL FOR UPDATE
"""
_MOVE: Final = """
    UPDATE statement_run SET after_consumer_id = %(after_consumer)s, after_line_no = %(after_line)s,
        lines_seen = lines_seen + %(seen)s, statements = statements + %(made)s,
        finished_at = CASE WHEN %(finished)s THEN clock_timestamp() END
    WHERE cell = %(cell)s AND product_id = %(product)s AND cycle = %(cycle)s
"""
_COLUMNS: Final = tuple(field.name for field in msgspec.structs.fields(Statement))
_COPY: Final = f"COPY statement ({', '.join(_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_SMALL: Final = {"cell": "int2", "line_no": "int2", "cycle": "int4", "statement_on": "int4", "due_on": "int4"}
_TYPES: Final = [
    _SMALL.get(name, "text" if name == "currency" else "timestamptz" if name == "made_at" else "int8")
    for name in _COLUMNS
]
_PLANNER: Final = (
    "SELECT set_config(name, value, false) FROM (VALUES ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'),"
    " ('enable_seqscan', 'off'), ('jit', 'off'), ('plan_cache_mode', 'force_generic_plan'),"
    " ('statement_timeout', '0')) AS s (name, value)"
)

Connection = psycopg.Connection[Any]


class Done(NamedTuple):
    """What one chunk did. `seconds` is how long its transaction was open."""

    lines: int
    statements: int
    seconds: float


@dataclass
class Progress:
    """What a run has done so far: chunks, lines looked at, statements made, the longest chunk."""

    product_id: int = 0
    cycle: int = 0
    chunks: int = 0
    lines: int = 0
    statements: int = 0
    longest_s: float = 0.0

    def add(self, done: Done) -> None:
        """Count a chunk."""
        self.chunks += 1
        self.lines += done.lines
        self.statements += done.statements
        self.longest_s = max(self.longest_s, done.seconds)


def prepare(connection: Connection) -> None:
    """Set the connection up for the job: each row is found by its key, whatever the planner believes of sizes."""
    connection.execute(_PLANNER)


def cells_of(product: Product) -> list[int]:
    """The cells that a product's lines may lie in."""
    first = SHADOW_OFFSET if is_shadow(product.cell) else 0
    return list(range(first, first + CELLS))


def lines_to_do(connection: Connection, product: Product, until: Micros) -> int:
    """How many lines a run has to look at, a line once for each cycle: the whole of a progress bar."""
    terms = terms_of(product)
    cycles = [cycle.number for cycle in ended_cycles(terms, product.created_at, until - SETTLING)]
    row = connection.execute(
        "SELECT %s * (SELECT count(*) FROM instrument WHERE product_id = %s AND line_no IS NOT NULL)"
        " - coalesce((SELECT sum(lines_seen) FROM statement_run WHERE product_id = %s AND cycle = ANY (%s)), 0)",
        [len(cycles), product.product_id, product.product_id, cycles],
    ).fetchone()
    return int(row[0]) if row else 0


def bill_product(
    connection: Connection,
    product: Product,
    until: Micros,
    *,
    report: Callable[[Progress], None] | None = None,
    may_go_on: Callable[[], bool] | None = None,
) -> Progress:
    """Make all statements of a serviced product whose cycle ended before `until`, oldest cycle first.

    What was made is left alone. `report` is told of each chunk; `may_go_on` is asked before each one, and false ends
    the run there: nothing is lost, and the next run goes on. The connection is in autocommit.
    """
    progress = Progress(product.product_id)
    for cycle, done in chunks_of(connection, product, until, may_go_on=may_go_on):
        progress.cycle = cycle.number
        progress.add(done)
        if report is not None:
            report(progress)
    return progress


def chunks_of(
    connection: Connection, product: Product, until: Micros, *, may_go_on: Callable[[], bool] | None = None
) -> Iterator[tuple[Cycle, Done]]:
    """Make all statements of a product whose cycle ended before `until`, oldest first: each chunk with its cycle."""
    if product.funding != "own":
        return
    for cycle in ended_cycles(terms_of(product), product.created_at, until - SETTLING):
        for done in bill_cycle(connection, product, cycle, may_go_on=may_go_on):
            yield cycle, done
        if may_go_on is not None and not may_go_on():
            return


def bill_cycle(
    connection: Connection, product: Product, cycle: Cycle, *, may_go_on: Callable[[], bool] | None = None
) -> Iterator[Done]:
    """Make the statements of one cycle, chunk by chunk. Each chunk is committed when it is told of."""
    values = {"product": product.product_id, "cycle": cycle.number, "cells": cells_of(product)}
    connection.execute(_OPEN_RUN, values)
    lines = CHUNK_LINES_FIRST
    for (cell,) in connection.execute(_UNFINISHED, values).fetchall():
        while True:
            if may_go_on is not None and not may_go_on():
                return
            done = bill_chunk(connection, product, cycle, cell, lines)
            if done is None:
                break
            yield done
            wanted = int(lines * CHUNK_TARGET_S / max(done.seconds, 0.001))
            if done.lines == lines:
                lines = max(1, min(wanted, lines * 2, CHUNK_LINES_MAX))


def bill_chunk(connection: Connection, product: Product, cycle: Cycle, cell: int, lines: int) -> Done | None:
    """Make the statements of a cell's next lines in one transaction; None where the cell is finished."""
    started = time.perf_counter()
    with connection.transaction():
        values: dict[str, Any] = {"cell": cell, "product": product.product_id, "cycle": cycle.number, "lines": lines}
        taken = connection.execute(_TAKE, values).fetchone()
        if taken is None:
            return None
        values["after_consumer"], values["after_line"], made_at = taken
        found = _read(connection, product, cycle, values)
        statements = _decide(connection, product, cycle, cell, found, int(made_at.timestamp() * 1_000_000))
        _write(connection, statements)
        if found:
            values["after_consumer"], values["after_line"] = found[-1][0], found[-1][1]
        values |= {"seen": len(found), "made": len(statements), "finished": len(found) < lines}
        connection.execute(_MOVE, values)
    return Done(len(found), len(statements), time.perf_counter() - started)


def _read(connection: Connection, product: Product, cycle: Cycle, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    asked = values | {
        "currency": currency(product.currency).numeric,
        "cut_at": to_datetime(cycle.cut_at),
        "billed_until": cycle.billed_until,
        "overdue_until": cycle.overdue_until,
    }
    return connection.execute(_LINES, asked, prepare=True, binary=True).fetchall()


def _decide(
    connection: Connection, product: Product, cycle: Cycle, cell: int, found: list[tuple[Any, ...]], now: Micros
) -> list[Statement]:
    terms = terms_of(product).billing
    product_id, code = product.product_id, product.currency
    moved: list[tuple[Line, Opening, Postings]] = []
    statements = []
    for row in found:
        consumer_id, line_no, instrument_id, account_id, entry_count = row[:5]
        line = Line(cell, consumer_id, product_id, line_no, instrument_id, account_id, code)
        opening, postings = Opening(*row[5:9]), Postings(*row[9:19])
        if entry_count > (postings.last_seq or opening.last_seq):
            moved.append((line, opening, postings))
            continue
        statement = make_statement(line, cycle, opening, postings, Dues(*row[19:22]), terms, now)
        if statement is not None:
            statements.append(statement)
    if moved:
        dues = _dues_at_cut(connection, cycle, moved)
        for place, (line, opening, postings) in enumerate(moved, 1):
            statement = make_statement(line, cycle, opening, postings, dues.get(place, Dues()), terms, now)
            if statement is not None:
                statements.append(statement)
    return statements


def _dues_at_cut(connection: Connection, cycle: Cycle, moved: list[tuple[Line, Opening, Postings]]) -> dict[int, Dues]:
    rows = connection.execute(
        _PLANS_AT_CUT,
        {
            "cell": moved[0][0].cell,
            "consumers": [line.consumer_id for line, _, _ in moved],
            "instruments": [line.instrument_id for line, _, _ in moved],
            "accounts": [line.account_id for line, _, _ in moved],
            "last_seqs": [postings.last_seq or opening.last_seq for _, opening, postings in moved],
            "billed_until": cycle.billed_until,
            "overdue_until": cycle.overdue_until,
        },
    ).fetchall()
    plans: dict[int, list[PlanAtCut]] = {}
    for place, *plan in rows:
        plans.setdefault(place, []).append(PlanAtCut(*plan))
    return {place: dues_at_cut(of_line) for place, of_line in plans.items()}


def _write(connection: Connection, statements: list[Statement]) -> None:
    if not statements:
        return
    made_at = to_datetime(statements[0].made_at)
    with connection.cursor().copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for statement in statements:
            copy.write_row((*msgspec.structs.astuple(statement)[:-1], made_at))
