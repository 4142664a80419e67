"""Benchmarks that load payment targets over HTTP: `bench pay` in its variants, and `bench baseline`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from chuanliu.bench.machine import Machine
from chuanliu.bench.payment_load import PaymentLoad
from chuanliu.bench.process_meter import Memory, memory_of
from chuanliu.bench.report import CLEAN, Report, checked, ratio_fields
from chuanliu.bench.rounds import Round, median_rate, ratio_of, run_rounds
from chuanliu.bench.target import Tally
from chuanliu.bench.yardstick_client import Yardstick

YARDSTICK = "pgbench"

Progress = Callable[[str, int, float], None]


class PaymentRun(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure: the subject by name, others that run in the same rounds, for how long and how often."""

    name: str
    subject: PaymentLoad
    others: dict[str, PaymentLoad] = {}
    yardstick: Yardstick
    seconds: int
    rounds: int
    idle: bool = False
    machine: Machine | None = None


def bench_payments(run: PaymentRun, progress: Progress | None = None) -> Report:
    """Prepare, measure in interleaved rounds, audit, report. Figures are withheld unless every audit is clean."""
    loads = {run.name: run.subject, **run.others}
    run.yardstick.prepare()
    for load in loads.values():
        load.prepare(run.rounds)
    extras: dict[str, Any] = {}
    if run.idle:
        alone = run.subject.measure_alone(min(run.seconds, 10))
        extras["alone"] = {
            "p50_ms": alone.percentile_ms(50),
            "p99_ms": alone.percentile_ms(99),
            "requests": alone.total,
        }
    measures: dict[str, Callable[[], float]] = {name: load.measure for name, load in loads.items()}
    measures[YARDSTICK] = lambda: run.yardstick.measure(run.seconds).per_second
    rounds = run_rounds(measures, run.rounds, progress)
    backlog = run.subject.target.backlog()
    memory = {role: memory_of(pids) for role, pids in run.subject.target.roles().items()}
    audit = audit_all(loads)
    if audit != CLEAN or any(one[name] <= 0 for one in rounds for name in measures):
        failed = audit if audit != CLEAN else f"nothing was accepted in a round: {run.subject.samples}"
        return _failed(run, failed)
    extras |= {
        "against": _against(rounds, run),
        "short_rounds": run.subject.short_rounds,
        "samples": run.subject.samples,
    }
    report = _report(run, rounds, memory, audit, extras)
    if backlog is not None:
        report = msgspec.structs.replace(report, backlog_folder=backlog.folder, backlog_dispatcher=backlog.dispatcher)
    return checked(report)


def audit_all(loads: Mapping[str, PaymentLoad]) -> str:
    """Audit each set of books once, with the tallies of all loads that were booked there."""
    by_books: dict[str, list[PaymentLoad]] = {}
    for load in loads.values():
        by_books.setdefault(load.target.books, []).append(load)
    for booked in by_books.values():
        tally = Tally(
            acknowledged=sum(load.tally.acknowledged for load in booked),
            unknown=sum(load.tally.unknown for load in booked),
        )
        audit = booked[0].target.audit(tally)
        if audit != CLEAN:
            return audit
    return CLEAN


def _report(
    run: PaymentRun, rounds: list[Round], memory: dict[str, list[Memory]], audit: str, extras: dict[str, Any]
) -> Report:
    ratio, ratio_range = ratio_fields(ratio_of(rounds, run.name, YARDSTICK))
    histogram = run.subject.histogram
    p50, p99 = histogram.percentile_ms(50), histogram.percentile_ms(99)
    if p50 and p99:
        extras["p99_over_p50"] = round(p99 / p50, 2)
    extras["p999_ms"], extras["max_ms"] = histogram.percentile_ms(99.9), histogram.percentile_ms(100)
    return Report(
        name=run.name,
        per_second=median_rate(rounds, run.name),
        yardstick_per_second=median_rate(rounds, YARDSTICK),
        ratio=ratio,
        ratio_range=ratio_range,
        p50_ms=p50,
        p99_ms=p99,
        audit=audit,
        seconds=run.seconds,
        pairs=rounds,
        connections=run.subject.connections,
        workers=run.subject.target.workers,
        outcomes=run.subject.outcomes,
        cpu_seconds=run.subject.cpu_seconds,
        memory=memory,
        extras=extras,
        machine=run.machine,
    )


def _against(rounds: list[Round], run: PaymentRun) -> dict[str, Any]:
    """For each other target its rate, the subject's ratio to it, and the ratio the other way round."""
    found: dict[str, Any] = {}
    for name, load in run.others.items():
        found[name] = {
            "per_second": median_rate(rounds, name),
            "subject_over_it": ratio_of(rounds, run.name, name),
            "it_over_subject": ratio_of(rounds, name, run.name),
            "p50_ms": load.histogram.percentile_ms(50),
            "p99_ms": load.histogram.percentile_ms(99),
        }
    return found


def _failed(run: PaymentRun, audit: str) -> Report:
    return checked(
        Report(
            name=run.name,
            per_second=None,
            yardstick_per_second=None,
            ratio=None,
            p50_ms=None,
            p99_ms=None,
            audit=audit,
            seconds=run.seconds,
            connections=run.subject.connections,
            workers=run.subject.target.workers,
            outcomes=run.subject.outcomes,
            machine=run.machine,
        )
    )
