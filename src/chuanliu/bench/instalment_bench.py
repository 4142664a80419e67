"""`bench instalments`: quotes confirmed with a campaign and without, payments with a plan against plain ones.

All are measured in turns on one platform. A payment by a bank's card counts when the bank has also been told to
complete it: the time in which what is due is worked off after a measurement belongs to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from chuanliu.bench.instalment_targets import Confirmations
from chuanliu.bench.ledger_bench import count_backlog
from chuanliu.bench.load_client import LoadFailed, LoadPlan, LoadResult, run_load
from chuanliu.bench.machine import Machine
from chuanliu.bench.payment_load import PaymentLoad
from chuanliu.bench.platform_under_test import PlatformUnderTest
from chuanliu.bench.quote_stock_store import confirmed_quotes, due_calls
from chuanliu.bench.report import CLEAN, Backlog, Report, checked, ratio_fields
from chuanliu.bench.rounds import Round, median_rate, ratio_of, run_rounds
from chuanliu.bench.target import Tally
from chuanliu.bench.yardstick_client import Yardstick

Progress = Callable[[str, int, float], None]

BURST: Final = 2_000
"""Confirmations at once, each on a connection of its own."""

SCARCE: Final = 500
"""How many of a burst a scarce budget is for."""

_WORK_OFF_SECONDS_MAX: Final = 120.0
_FOLD_SECONDS_MAX: Final = 30.0
_POLL_SECONDS: Final = 0.05


class Burst:
    """Confirmations all at once, round after round; on a budget that is for some of them only, or on none.

    A burst is short: it begins when folder and dispatcher have worked off what the measurement before it left them.
    """

    def __init__(self, targets: list[Confirmations], folder: Path) -> None:
        self.results: list[LoadResult] = []
        self._targets = targets
        self._folder = folder

    def measure(self) -> float:
        """One round: answers per second, confirmed or not. Each round has a target of its own."""
        target = self._targets[len(self.results) % len(self._targets)]
        requests = target.make_requests(BURST, self._folder)
        fold_and_dispatch(target.platform.url)
        result = run_load(
            LoadPlan(
                host=target.host,
                port=target.port,
                connections=BURST,
                seconds=_WORK_OFF_SECONDS_MAX,
                warmup_seconds=0.0,
                to_the_end=True,
                template=requests.template,
                spool_path=requests.spool_path,
                accepted_marker=requests.accepted_marker,
            )
        )
        Path(requests.spool_path).unlink(missing_ok=True)
        self.results.append(result)
        return sum(result.outcomes.values()) / result.seconds

    @property
    def confirmed(self) -> list[int]:
        """How many were confirmed in each round."""
        return [result.accepted_ever for result in self.results]

    @property
    def unknown(self) -> int:
        """How many were never answered."""
        return sum(result.unknown for result in self.results)


class InstalmentRun(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured, by name. `payments` and `confirmations` are audited each against what is stored."""

    platform: PlatformUnderTest
    payments: dict[str, PaymentLoad]
    confirmations: dict[str, PaymentLoad]
    bursts: dict[str, Burst]
    yardstick: Yardstick
    seconds: int
    rounds: int
    machine: Machine | None = None


RATIOS: Final[dict[str, tuple[str, str]]] = {
    "confirmations": ("confirm", "confirm_plain"),
    "scarce": ("scarce", "burst_plain"),
    "own_line": ("line", "balance"),
    "bank": ("bank", "balance_of_many"),
}
"""What is reported: which is held against which."""


def work_off(database_url: str) -> float:
    """Wait until no call to a bank is due; for how many seconds. Raises `LoadFailed` when that takes too long."""
    began = time.monotonic()
    while due_calls(database_url):
        if time.monotonic() - began > _WORK_OFF_SECONDS_MAX:
            raise LoadFailed(f"{due_calls(database_url)} calls to the bank are still due")
        time.sleep(_POLL_SECONDS)
    return time.monotonic() - began


def fold_and_dispatch(database_url: str) -> None:
    """Wait until nothing waits for the folder or the dispatcher, half a minute at most: they are never quite done."""
    began = time.monotonic()
    while count_backlog(database_url) != Backlog(0, 0) and time.monotonic() - began < _FOLD_SECONDS_MAX:
        time.sleep(_POLL_SECONDS)


def bench_instalments(run: InstalmentRun, progress: Progress | None = None) -> Report:
    """Prepare, measure in interleaved rounds, audit, report. Figures are withheld unless the audit is clean."""
    run.yardstick.prepare()
    loads = {**run.confirmations, **run.payments}
    for load in loads.values():
        load.prepare(run.rounds)
    measures: dict[str, Callable[[], float]] = {name: load.measure for name, load in loads.items()}
    measures |= {name: burst.measure for name, burst in run.bursts.items()}
    measures["pgbench"] = lambda: run.yardstick.measure(run.seconds).per_second
    rounds = run_rounds(measures, run.rounds, progress)
    backlog = due_calls(run.platform.url)
    audit = _audit(run)
    if audit == CLEAN and any(one[name] <= 0 for one in rounds for name in measures):
        audit = f"nothing was accepted in a round: {[load.samples for load in loads.values()]}"
    if audit != CLEAN:
        return checked(_report(run, None, audit, {}))
    return _report(run, rounds, audit, _extras(run, rounds, backlog))


def _audit(run: InstalmentRun) -> str:
    """Payments and confirmations that were acknowledged, against what is stored; then the books."""
    work_off(run.platform.url)
    held = confirmed_quotes(run.platform.url)
    bursts = run.bursts.values()
    confirmed = _tally(run.confirmations).acknowledged + sum(sum(burst.confirmed) for burst in bursts)
    unknown = _tally(run.confirmations).unknown + sum(burst.unknown for burst in bursts)
    if not confirmed <= held <= confirmed + unknown:
        return f"{held} quotes are held, {confirmed} confirmations acknowledged, {unknown} unknown"
    return run.platform.audit(_tally(run.payments))


def _tally(loads: dict[str, PaymentLoad]) -> Tally:
    return Tally(
        acknowledged=sum(load.tally.acknowledged for load in loads.values()),
        unknown=sum(load.tally.unknown for load in loads.values()),
    )


def _extras(run: InstalmentRun, rounds: list[Round], backlog: int) -> dict[str, Any]:
    loads = {**run.confirmations, **run.payments}
    found: dict[str, Any] = {
        name: {
            "per_second": median_rate(rounds, subject),
            "against_per_second": median_rate(rounds, other),
            "ratio": ratio_of(rounds, subject, other),
        }
        for name, (subject, other) in RATIOS.items()
    }
    for name, (subject, _) in RATIOS.items():
        if subject in loads:
            load = loads[subject]
            histogram = load.histogram
            found[name] |= {
                "connections": load.connections,
                "p50_ms": histogram.percentile_ms(50),
                "p99_ms": histogram.percentile_ms(99),
                "cpu_seconds": load.cpu_seconds,
                "outcomes": load.outcomes,
                "short_rounds": load.short_rounds,
            }
    found["scarce"] |= {"at_once": BURST, "budget_for": SCARCE, "confirmed": run.bursts["scarce"].confirmed}
    found["bank"] |= {"work_off_seconds_max": run.payments["bank"].work_off_seconds, "due_calls_at_the_end": backlog}
    return found


def _report(run: InstalmentRun, rounds: list[Round] | None, audit: str, extras: dict[str, Any]) -> Report:
    bank = run.payments["bank"]
    ratio, ratio_range = ratio_fields(ratio_of(rounds, "bank", "pgbench")) if rounds else (None, None)
    return Report(
        name="instalments",
        per_second=median_rate(rounds, "bank") if rounds else None,
        yardstick_per_second=median_rate(rounds, "pgbench") if rounds else None,
        ratio=ratio,
        ratio_range=ratio_range,
        p50_ms=bank.histogram.percentile_ms(50),
        p99_ms=bank.histogram.percentile_ms(99),
        audit=audit,
        seconds=run.seconds,
        pairs=rounds or [],
        connections=bank.connections,
        workers=bank.target.workers,
        outcomes=bank.outcomes,
        cpu_seconds=bank.cpu_seconds,
        extras=extras,
        machine=run.machine,
    )
