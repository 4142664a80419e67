"""`bench bills`: statements of many lines, against one INSERT … SELECT … GROUP BY of the same postings."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import psutil
import psycopg

from chuanliu.bench.bills_stock_store import POSTINGS, stock_lines, stock_product, yardstick
from chuanliu.bench.machine import machine_facts
from chuanliu.bench.report import CLEAN, Report, checked
from chuanliu.bills import BILL_CHECKS, Cycle, cycle_of_terms, generation_store
from chuanliu.lenders import Product, terms_of
from chuanliu.runtime import ensure_database, migrate, with_database

CYCLE: Final = 202602
DATABASE: Final = "chuanliu_bench_bills"
RATIO_MAX: Final = 4.0
PAUSE_MS_MAX: Final = 200.0
MEMORY_MB_MAX: Final = 1000.0


def bench_bills(server_url: str, lines: int, progress: Callable[[str, int, int], None]) -> Report:
    """Statements of `lines` lines with five postings and one plan each. `ratio` is their time over the yardstick's.

    The job pauses between two transactions, so the longest one is the longest pause to wait for: `p99_ms`, beside the
    median in `p50_ms`. Statements that are not their postings are a flaw.
    """
    url = with_database(server_url, DATABASE)
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    ensure_database(url)
    migrate(url)
    product = stock_product()
    cycle = cycle_of_terms(terms_of(product), CYCLE)
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET statement_timeout = 0")
            stock_lines(connection, product, lines, lambda done: progress("stocking", done, lines))
            progress("yardstick", 0, lines)
            began = time.perf_counter()
            made = yardstick(connection, product, cycle)
            yardstick_s = time.perf_counter() - began
            connection.execute("CHECKPOINT")
            seconds, chunks_ms, memory_mb = _bill(connection, product, cycle, lines, progress)
            progress("audit", 0, lines)
            audit = _audit(connection, lines, made)
    finally:
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    ratio, longest = round(seconds / yardstick_s, 2), round(chunks_ms[-1], 1)
    return checked(
        Report(
            name="bills",
            per_second=round(lines / seconds),
            yardstick_per_second=round(lines / yardstick_s),
            ratio=ratio,
            p50_ms=round(chunks_ms[len(chunks_ms) // 2], 1),
            p99_ms=longest,
            audit=audit,
            seconds=round(seconds, 1),
            extras={
                "lines": lines,
                "postings": lines * POSTINGS,
                "yardstick_seconds": round(yardstick_s, 1),
                "ratio": "seconds of the job over those of one INSERT … SELECT … GROUP BY",
                "chunks": len(chunks_ms),
                "longest_pause_ms": longest,
                "memory_mb": memory_mb,
                "goals": {
                    "ratio": ratio <= RATIO_MAX,
                    "pause": longest <= PAUSE_MS_MAX,
                    "memory": memory_mb <= MEMORY_MB_MAX,
                },
            },
            machine=machine_facts(server_url),
        )
    )


def _bill(
    connection: psycopg.Connection[Any],
    product: Product,
    cycle: Cycle,
    lines: int,
    progress: Callable[[str, int, int], None],
) -> tuple[float, list[float], float]:
    """Seconds of the job, milliseconds of its chunks in rising order, and its memory in megabytes."""
    generation_store.prepare(connection)
    chunks: list[float] = []
    seen = 0
    began = time.perf_counter()
    for done in generation_store.bill_cycle(connection, product, cycle):
        chunks.append(done.seconds * 1000)
        seen += done.lines
        if len(chunks) % 100 == 0:
            progress("billing", seen, lines)
    seconds = time.perf_counter() - began
    return seconds, sorted(chunks), round(psutil.Process().memory_info().rss / 1e6, 1)


def _audit(connection: psycopg.Connection[Any], lines: int, made: int) -> str:
    connection.execute(
        "SELECT set_config(name, 'on', false) FROM unnest(ARRAY['enable_hashjoin', 'enable_seqscan']) name"
    )
    row = connection.execute("SELECT count(*) FROM statement").fetchone()
    if row is None or row[0] != lines or made != lines:
        return f"{row and row[0]} statements and {made} by the yardstick, of {lines} lines"
    for name, query in BILL_CHECKS.items():
        if connection.execute(query).fetchone() is not None:
            return name
    different = connection.execute(
        "SELECT count(*) FROM statement s JOIN statement_yardstick y USING (cell, consumer_id, product_id, line_no)"
        " WHERE s.closing_minor <> y.closing_minor OR s.purchases_minor <> y.purchases_minor"
        " OR s.due_minor <> 90000 + 2070 - 50000"
    ).fetchone()
    return CLEAN if different is not None and different[0] == 0 else "statements differ from the yardstick's"
