"""`bench memory`: a long saturation run that watches the memory of each gateway process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from chuanliu.bench.machine import Machine
from chuanliu.bench.payment_load import PaymentLoad
from chuanliu.bench.process_meter import memory_of
from chuanliu.bench.report import CLEAN, Report, checked

SAMPLE_SECONDS = 2.0
LIMIT_MB = 300.0
GROWTH_MB = 3.0
"""Less than this between the middle and the end is the allocator's breathing, not growth."""


class Sample(msgspec.Struct, frozen=True):
    """Resident megabytes of a process at a moment of the run, in seconds from its beginning."""

    at: float
    pid: int
    rss_mb: float


class Verdict(msgspec.Struct, frozen=True):
    """Of one process: peak, and the medians of the tenths of the run that end at its half and at its end."""

    pid: int
    peak_mb: float
    half_mb: float
    end_mb: float

    @property
    def grew(self) -> bool:
        """Whether the end is above the middle by more than noise."""
        return self.end_mb - self.half_mb > GROWTH_MB


class MemoryRun(msgspec.Struct, frozen=True, kw_only=True):
    """`role` names the processes to watch among the target's roles; ten minutes are 600 seconds."""

    load: PaymentLoad
    role: str
    seconds: int
    folder: Path
    audit: Callable[[], str]
    machine: Machine | None = None


def judge(samples: list[Sample], seconds: float) -> list[Verdict]:
    """Peak, middle and end of each process; for ten minutes minute 5 and minute 10. Needs samples in both tenths."""
    tenth = seconds / 10
    verdicts = []
    for pid in sorted({sample.pid for sample in samples}):
        own = [sample for sample in samples if sample.pid == pid]
        half = [sample.rss_mb for sample in own if seconds / 2 - tenth <= sample.at < seconds / 2]
        end = [sample.rss_mb for sample in own if seconds - tenth <= sample.at]
        if half and end:
            peak = max(sample.rss_mb for sample in own)
            verdicts.append(
                Verdict(pid=pid, peak_mb=peak, half_mb=round(median(half), 1), end_mb=round(median(end), 1))
            )
    return verdicts


def bench_memory(run: MemoryRun, progress: Callable[[float, float], None] | None = None) -> Report:
    """Saturate for the whole time in one run of the generator. A process that ended on the way fails the run."""
    load = run.load
    needed = int(max(load.probe().per_second, 50) * (run.seconds + 5) * 1.5)
    requests = load.target.make_requests(needed, run.folder)
    process = load.start(requests, run.seconds)
    began = time.monotonic()
    samples: list[Sample] = []
    watched = set(load.target.roles()[run.role])
    while process.is_running:
        at = time.monotonic() - began
        if at < run.seconds:
            samples += [Sample(at=round(at, 1), pid=one.pid, rss_mb=one.rss_mb) for one in memory_of(watched)]
        if progress is not None:
            progress(at, run.seconds)
        time.sleep(SAMPLE_SECONDS)
    result = load.finish(process, requests)
    verdicts = judge(samples, run.seconds)
    audit = run.audit()
    if audit == CLEAN and len(verdicts) != len(watched):
        audit = f"{len(watched) - len(verdicts)} of the watched processes ended during the run"
    p50, p99 = result.histogram.percentile_ms(50), result.histogram.percentile_ms(99)
    extras: dict[str, Any] = {
        "processes": verdicts,
        "peak_mb": max((verdict.peak_mb for verdict in verdicts), default=None),
        "growth_mb": max((round(verdict.end_mb - verdict.half_mb, 1) for verdict in verdicts), default=None),
        "holds": all(verdict.peak_mb < LIMIT_MB and not verdict.grew for verdict in verdicts),
        "limit_mb": LIMIT_MB,
        "exhausted": result.exhausted,
        "per_second_by_minute": _by_minute(result.timeline),
    }
    return checked(
        Report(
            name="memory",
            per_second=round(result.per_second, 1),
            yardstick_per_second=None,
            ratio=None,
            p50_ms=p50,
            p99_ms=p99,
            audit=audit,
            seconds=run.seconds,
            connections=load.connections,
            workers=load.target.workers,
            outcomes=load.outcomes,
            extras=extras,
            machine=run.machine,
        )
    )


def _by_minute(timeline: list[int]) -> list[float]:
    minutes = [timeline[start : start + 60] for start in range(0, len(timeline), 60)]
    return [round(sum(minute) / len(minute), 1) for minute in minutes if minute]
