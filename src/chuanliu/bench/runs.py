"""The benchmarks by name: each composes its parts on a ground and returns one report."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from chuanliu.bench.assistant_bench import bench_assistant
from chuanliu.bench.bills_bench import bench_bills
from chuanliu.bench.capacity_bench import bench_capacity
from chuanliu.bench.ground import Ground
from chuanliu.bench.instalment_bench import SCARCE
from chuanliu.bench.instalment_runs import InstalmentOptions
from chuanliu.bench.instalment_runs import run_instalments as measure_instalments
from chuanliu.bench.ledger_bench import LedgerRun, bench_ledger
from chuanliu.bench.ledger_client import PostingPlan
from chuanliu.bench.load_client import LoadPlan, run_load
from chuanliu.bench.machine import machine_facts
from chuanliu.bench.memory_bench import MemoryRun, bench_memory
from chuanliu.bench.payment_bench import PaymentRun, bench_payments
from chuanliu.bench.payment_load import PaymentLoad
from chuanliu.bench.platform_under_test import Dialect, PlatformUnderTest
from chuanliu.bench.quote_bench import bench_quotes
from chuanliu.bench.report import CLEAN, Report
from chuanliu.bench.rounds import LEAST_ROUNDS
from chuanliu.bench.rsa_ceiling import measure_rsa
from chuanliu.bench.target import native_rows, native_template
from chuanliu.bench.yardstick_client import Yardstick

Progress = Callable[[str, int, float], None]
Stocking = Callable[[int, int], None]

SPREAD_MERCHANTS = 20
GOALS: dict[str, float] = {"ledger": 6.0, "native": 0.6, "alipay": 0.2, "baseline": 5.0, "spread": 0.9, "empty": 0.85}
"""Least ratios: to pgbench for ledger, native and alipay; to the other target for baseline, spread and empty."""

INSTALMENT_GOALS: dict[str, float] = {"confirmations": 0.8, "scarce": 0.8, "own_line": 0.5, "bank": 0.2}
"""Least ratios to the same without: confirmations without a campaign, payments from the balance."""

P99_OVER_P50_MAX = 8.0
ALONE_P50_MS_MAX = 15.0
QUOTE_P50_MS_MAX = 5.0
PLAN_MS_MAX = 5_000.0
CAPACITY_GOALS = {"units_over_reactive": 1.15, "units_over_static": 0.4, "over_of_reactive": 0.25, "smooth_units": 1.05}
"""At most: the plan's units as a share of the others' on days with steps, and of reactive's on smooth ones."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line can choose. `preload` payments are stored before `pay` runs; `batch` and `lanes`
    are the ledger's.
    """

    seconds: int = 10
    pairs: int = LEAST_ROUNDS
    connections: int = 64
    workers: int = 2
    dialect: Dialect = "native"
    merchants: int = SPREAD_MERCHANTS
    preload: int = 0
    idle: bool = False
    batch: int = 4000
    lanes: int = 2


def run_pay(
    ground: Ground, options: Options, progress: Progress | None = None, stocking: Stocking | None = None
) -> Report:
    """Payments over HTTP. One merchant is compared with many, a preloaded database with an empty one, in each round.

    `stocking` hears how many of the payments to be preloaded are there, and of how many.
    """
    with ExitStack() as stack:
        merchants = max(options.merchants, SPREAD_MERCHANTS if options.merchants == 1 else 1)
        platform = stack.enter_context(_platform(ground, options, "chuanliu_bench", merchants))
        subject = _load(ground, platform, options, options.merchants)
        others: dict[str, PaymentLoad] = {}
        if options.merchants == 1:
            others["spread"] = _load(ground, platform, options, None)
        if options.preload:
            platform.stock_payments(options.preload, stocking)
            subject.count_stock(options.preload)
            empty = stack.enter_context(_platform(ground, options, "chuanliu_bench_empty", merchants))
            others["empty"] = _load(ground, empty, options, options.merchants)
        report = bench_payments(
            PaymentRun(
                name="pay",
                subject=subject,
                others=others,
                yardstick=Yardstick(ground.server_url),
                seconds=options.seconds,
                rounds=options.pairs,
                idle=options.idle,
                machine=machine_facts(ground.server_url),
            ),
            progress,
        )
    extras: dict[str, Any] = {"dialect": options.dialect, "merchants": options.merchants, "preload": options.preload}
    if report.is_clean and options.dialect == "alipay":
        rsa = measure_rsa()
        share = (report.per_second or 0.0) / rsa.payments_all_cores
        extras |= {"rsa": rsa, "share_of_rsa_ceiling": round(share, 3)}
    report = _with_extras(report, extras)
    return _with_extras(report, {"goals": _pay_goals(report, options.dialect)} if report.is_clean else {})


def run_instalments(ground: Ground, options: Options, progress: Progress | None = None) -> Report:
    """Confirmations and payments in instalments against plain ones; see `instalment_bench`."""
    report = measure_instalments(
        ground,
        InstalmentOptions(seconds=options.seconds, pairs=options.pairs, workers=options.workers),
        progress,
    )
    if not report.is_clean:
        return report
    goals = {name: _at_least(report.extras[name]["ratio"].median, least) for name, least in INSTALMENT_GOALS.items()}
    confirmed = report.extras["scarce"]["confirmed"]
    goals["confirmed_on_a_scarce_budget"] = {
        "value": confirmed,
        "exactly": SCARCE,
        "met": all(one == SCARCE for one in confirmed),
    }
    return _with_extras(report, {"goals": goals})


def run_ledger(ground: Ground, options: Options, progress: Progress | None = None) -> Report:
    """Transfers in large batches straight to a lane, with the platform's folder and dispatcher running."""
    with _platform(ground, options, "chuanliu_bench", 1) as platform:
        report = bench_ledger(
            LedgerRun(
                plan=PostingPlan(database_url=platform.url, batch=options.batch, lanes=options.lanes),
                yardstick=Yardstick(ground.server_url),
                seconds=options.seconds,
                rounds=options.pairs,
                audit=platform.audit_books,
                machine=machine_facts(ground.server_url),
            ),
            progress,
        )
    return _with_extras(
        report, {"goals": {"ratio": _at_least(report.ratio, GOALS["ledger"])}} if report.is_clean else {}
    )


def run_memory(ground: Ground, options: Options, progress: Callable[[float, float], None] | None = None) -> Report:
    """Gateway memory under saturation."""
    with _platform(ground, options, "chuanliu_bench", options.merchants) as platform:
        load = _load(ground, platform, options, None)
        return bench_memory(
            MemoryRun(
                load=load,
                role="gateway",
                seconds=options.seconds,
                folder=ground.folder,
                audit=lambda: platform.audit(load.tally),
                machine=machine_facts(ground.server_url),
            ),
            progress,
        )


def run_baseline(ground: Ground, options: Options, progress: Progress | None = None) -> Report:
    """The same payment written the usual way, in the same rounds as the platform's."""
    # Its packages are an extra that nothing else needs.
    from chuanliu.bench.baseline.running_server import RunningBaseline  # noqa: PLC0415

    with (
        RunningBaseline(ground.server_url, workers=options.workers, merchants=SPREAD_MERCHANTS) as baseline,
        _platform(ground, options, "chuanliu_bench", SPREAD_MERCHANTS) as platform,
    ):
        subject = PaymentLoad(baseline, ground.folder, seconds=options.seconds, connections=options.connections)
        report = bench_payments(
            PaymentRun(
                name="baseline",
                subject=subject,
                others={"pay": _load(ground, platform, options, None)},
                yardstick=Yardstick(ground.server_url),
                seconds=options.seconds,
                rounds=options.pairs,
                machine=machine_facts(ground.server_url),
            ),
            progress,
        )
    if not report.is_clean:
        return report
    times = report.extras["against"]["pay"]["it_over_subject"].median
    return _with_extras(report, {"goals": {"pay_over_baseline": _at_least(times, GOALS["baseline"])}})


def run_rsa(seconds: float = 1.0) -> Report:
    """RSA-2048 here; `per_second` is a verification and a signature each on all cores, the Alipay dialect's ceiling."""
    rsa = measure_rsa(seconds)
    return _plain("rsa", rsa.payments_all_cores, seconds, {"rsa": rsa})


def run_quote(seconds: float) -> Report:
    """Processor time of a quote; nothing but this process takes part."""
    report = bench_quotes(seconds, machine_facts())
    if not report.is_clean:
        return report
    median = report.p50_ms
    goal = {"value": median, "below": QUOTE_P50_MS_MAX, "met": median is not None and median < QUOTE_P50_MS_MAX}
    return _with_extras(report, {"goals": {"p50_ms": goal}})


def run_bills(ground: Ground, lines: int, progress: Callable[[str, int, int], None]) -> Report:
    """Statements of many lines against one INSERT … SELECT … GROUP BY, in one process on one connection."""
    return bench_bills(ground.server_url, lines, progress)


def run_assistant(ground: Ground, consumers: int, rounds: int, progress: Callable[[str, int, int], None]) -> Report:
    """Questions from text to answer, one at a time in this process."""
    return bench_assistant(ground.server_url, ground.folder, consumers, rounds, progress)


def run_capacity(days: int) -> Report:
    """Plans and replayed days; nothing but this process takes part."""
    report = bench_capacity(days, machine_facts())
    if not report.is_clean:
        return report
    stepped, calm = report.extras["steps"], report.extras["smooth"]
    values = {
        "units_over_reactive": stepped["units_over_reactive"],
        "units_over_static": stepped["units_over_static"],
        "over_of_reactive": round(stepped["over_share_plan"] / max(stepped["over_share_reactive"], 1e-12), 3),
        "smooth_units": calm["units_over_reactive"],
    }
    bounds = {**CAPACITY_GOALS, "plan_ms": PLAN_MS_MAX}
    values["plan_ms"] = report.p99_ms
    goals = {
        name: {"value": values[name], "at_most": most, "met": values[name] <= most} for name, most in bounds.items()
    }
    return _with_extras(report, {"goals": goals})


def run_generator(folder: Path, options: Options) -> Report:
    """The load generator against a server that only answers: what it can do, and what it costs."""
    with _null_server() as port:
        spool = folder / "generator.spool"
        with spool.open("wb") as rows:
            rows.writelines(
                native_rows(["sk_none"], (str(28 * 10**16 + n) for n in range(options.seconds * 150_000)), "g")
            )
        result = run_load(
            LoadPlan(
                host="127.0.0.1",
                port=port,
                connections=options.connections,
                seconds=options.seconds,
                template=native_template(18, f"127.0.0.1:{port}"),
                spool_path=str(spool),
            )
        )
        spool.unlink()
    extras = {"requests_per_cpu_second": round(result.accepted / max(result.cpu_seconds, 1e-9), 1)}
    report = _plain("generator", round(result.per_second, 1), options.seconds, extras)
    histogram = result.histogram
    return msgspec.structs.replace(
        report,
        p50_ms=histogram.percentile_ms(50),
        p99_ms=histogram.percentile_ms(99),
        connections=options.connections,
        outcomes=result.outcomes,
        cpu_seconds={"generator": round(result.cpu_seconds, 2)},
    )


@contextmanager
def _null_server() -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-c", "from chuanliu.bench.null_server import main; main()"], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def _platform(ground: Ground, options: Options, name: str, merchants: int) -> PlatformUnderTest:
    return PlatformUnderTest(
        ground.server_url,
        ground.folder,
        name=name,
        workers=options.workers,
        merchants=merchants,
        postgres_pid=ground.postgres_pid,
    )


def _load(ground: Ground, platform: PlatformUnderTest, options: Options, merchants: int | None) -> PaymentLoad:
    return PaymentLoad(
        platform.payments(options.dialect, merchants),
        ground.folder,
        seconds=options.seconds,
        connections=options.connections,
    )


def _pay_goals(report: Report, dialect: Dialect) -> dict[str, Any]:
    goals = {"ratio": _at_least(report.ratio, GOALS[dialect])}
    tail = report.extras.get("p99_over_p50")
    goals["p99_over_p50"] = {
        "value": tail,
        "at_most": P99_OVER_P50_MAX,
        "met": tail is not None and tail <= P99_OVER_P50_MAX,
    }
    for other in ("spread", "empty"):
        if other in report.extras["against"]:
            goals[other] = _at_least(report.extras["against"][other]["subject_over_it"].median, GOALS[other])
    if "alone" in report.extras:
        alone = report.extras["alone"]["p50_ms"]
        met = alone is not None and alone < ALONE_P50_MS_MAX
        goals["alone_p50_ms"] = {"value": alone, "below": ALONE_P50_MS_MAX, "met": met}
    return goals


def _at_least(value: float | None, least: float) -> dict[str, Any]:
    return {"value": value, "at_least": least, "met": value is not None and value >= least}


def _with_extras(report: Report, extras: dict[str, Any]) -> Report:
    return msgspec.structs.replace(report, extras={**report.extras, **extras})


def _plain(name: str, per_second: float, seconds: float, extras: dict[str, Any]) -> Report:
    return Report(
        name=name,
        per_second=per_second,
        yardstick_per_second=None,
        ratio=None,
        p50_ms=None,
        p99_ms=None,
        audit=CLEAN,
        seconds=seconds,
        extras=extras,
        machine=machine_facts(),
    )
