"""`bench ledger`: transfers posted in batches of a thousand and more, straight to a lane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import psycopg

from chuanliu.bench.histogram import Histogram
from chuanliu.bench.ledger_client import PostingPlan, post_transfers, stock_accounts
from chuanliu.bench.machine import Machine
from chuanliu.bench.report import CLEAN, Backlog, Report, checked, ratio_fields
from chuanliu.bench.rounds import median_rate, ratio_of, run_rounds
from chuanliu.bench.yardstick_client import Yardstick

LEAST_BATCH = 1000


class LedgerRun(msgspec.Struct, frozen=True, kw_only=True):
    """`audit` answers "clean" or what is wrong with the whole database; it is asked after the bench's own check."""

    plan: PostingPlan
    yardstick: Yardstick
    seconds: int
    rounds: int
    audit: Callable[[], str]
    machine: Machine | None = None


def bench_ledger(run: LedgerRun, progress: Callable[[str, int, float], None] | None = None) -> Report:
    """Stock accounts, post in interleaved rounds with the yardstick, audit, report."""
    if run.plan.batch < LEAST_BATCH:
        raise ValueError(f"a batch holds at least {LEAST_BATCH} transfers")
    url = run.plan.database_url
    run.yardstick.prepare()
    stock_accounts(run.plan)
    before = _count_transfers(url)
    posted = 0
    latency = Histogram()
    refused: dict[str, int] = {}
    cpu_seconds = 0.0

    def post() -> float:
        nonlocal posted, cpu_seconds
        result = post_transfers(run.plan, run.seconds, posted)
        posted += result.posted
        cpu_seconds += result.cpu_seconds
        latency.merge(Histogram(result.latency))
        for code, number in result.refused.items():
            refused[code] = refused.get(code, 0) + number
        return result.per_second

    post()
    latency.counts.clear()
    cpu_seconds = 0.0
    rounds = run_rounds(
        {"ledger": post, "pgbench": lambda: run.yardstick.measure(run.seconds).per_second}, run.rounds, progress
    )
    backlog = count_backlog(url)
    audit = check_books(url, before + posted)
    if audit == CLEAN:
        audit = run.audit()
    ratio, ratio_range = ratio_fields(ratio_of(rounds, "ledger", "pgbench"))
    extras: dict[str, Any] = {
        "batch": run.plan.batch,
        "batches_in_flight": run.plan.in_flight * run.plan.lanes,
        "lanes": run.plan.lanes,
        "payers": run.plan.payers,
        "sellers": run.plan.sellers,
        "latency": "of whole batches",
    }
    return checked(
        Report(
            name="ledger",
            per_second=median_rate(rounds, "ledger"),
            yardstick_per_second=median_rate(rounds, "pgbench"),
            ratio=ratio,
            ratio_range=ratio_range,
            p50_ms=latency.percentile_ms(50),
            p99_ms=latency.percentile_ms(99),
            audit=audit,
            seconds=run.seconds,
            pairs=rounds,
            workers=1,
            backlog_folder=backlog.folder,
            backlog_dispatcher=backlog.dispatcher,
            outcomes={"accepted": posted, **refused},
            cpu_seconds={"engine": round(cpu_seconds, 2)},
            extras=extras,
            machine=run.machine,
        )
    )


def count_backlog(database_url: str) -> Backlog:
    """Rows that wait for the folder and the dispatcher now."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT (SELECT count(*) FROM delta), (SELECT count(*) FROM outbox)").fetchone()
    return Backlog(folder=int(row[0]), dispatcher=int(row[1])) if row else Backlog(folder=0, dispatcher=0)


def _count_transfers(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM transfer").fetchone()
    return int(row[0]) if row else 0


def check_books(database_url: str, transfers: int) -> str:
    """Every acknowledged transfer is stored, nothing else is, and all accounts together are zero."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = connection.execute(
            "SELECT (SELECT count(*) FROM transfer),"
            " (SELECT coalesce(sum(balance_minor), 0) FROM account)"
            " + (SELECT coalesce(sum(amount_minor), 0) FROM delta)"
        ).fetchone()
    if row is None:
        return "nothing to audit"
    stored, total_minor = int(row[0]), int(row[1])
    if stored != transfers:
        return f"{stored} transfers stored, {transfers} acknowledged"
    return CLEAN if total_minor == 0 else f"all accounts together are {total_minor}, not 0"
