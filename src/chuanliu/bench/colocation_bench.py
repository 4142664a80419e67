"""Offline work beside payments at half load: what payments feel of it, what it gets, and how soon it gives way.

The offline work is the audit of the ledger, over and over, on stock that takes it seconds to walk.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil
import psycopg

from chuanliu.bench.admission_bench import payments_of
from chuanliu.bench.histogram import Histogram
from chuanliu.bench.open_load_client import OpenPlan, StreamResult, run_open_load
from chuanliu.bench.payment_load import PaymentLoad
from chuanliu.bench.platform_under_test import PlatformUnderTest
from chuanliu.offline import job_store

STOCK: Final = 400_000
MERCHANTS: Final = 5
BURSTS: Final = 5
_JOB: Final = "audit"
_WARMUP_S: Final = 2.0
_AGAIN_S: Final = 0.2
_BURST_S: Final = 3.0
_BEFORE_BURST_S: Final = 2.0
_SAMPLE_S: Final = 0.005
_QUIET_S: Final = 0.1
_BUSY_SHARE: Final = 0.5
_QUIET_SHARE: Final = 0.05
_AT_WORK_SHARE: Final = 0.2
_AT_WORK_S: Final = 0.5
_IDLE_SHARE_MIN: Final = 0.05
"""Of the machine's CPU. Where less is idle, others use it, and what offline work gets of it says nothing."""

Progress = Callable[[str, int, float], None]
Samples = list[tuple[float, int, int]]
"""Instant in seconds, nanoseconds that the offline backend has run, those of the gateways."""


def half_load(platform: PlatformUnderTest, folder: Path, seconds: float) -> float:
    """Half of what a closed loop of 32 connections gets through, in payments a second."""
    load = PaymentLoad(platform.payments(), folder, seconds=seconds, connections=32, probe_seconds=seconds)
    return load.probe().per_second / 2


def measure_colocation(
    platform: PlatformUnderTest, folder: Path, *, per_s: float, seconds: float, rounds: int, progress: Progress | None
) -> dict[str, Any]:
    """Interleaved rounds: payments alone, then beside offline work that never ends."""
    each = []
    whole = {"alone": Histogram(), "beside": Histogram()}
    with psycopg.connect(platform.url, autocommit=True) as connection:
        for number in range(1, rounds + 1):
            _pause(connection)
            alone, idle_s, _ = _round(platform, folder, connection, per_s, seconds, number)
            with _at_work(platform, connection):
                beside, _, offline_s = _round(platform, folder, connection, per_s, seconds, number)
            was, now = _merged(alone), _merged(beside)
            whole["alone"].merge(was)
            whole["beside"].merge(now)
            each.append(
                {
                    "p50_ratio": _ratio(was, now, 50),
                    "p99_ratio": _ratio(was, now, 99),
                    "idle_cpu_s": round(idle_s, 2),
                    "offline_cpu_s": round(offline_s, 2),
                    "offline_share": offline_share(offline_s, idle_s, seconds),
                    "lost": sum(one.offered - one.answered for one in [*alone, *beside]),
                }
            )
            if progress is not None:
                progress("payments beside offline work", number, per_s)
        gave_way = _bursts(platform, folder, connection, per_s, progress)
    return {
        "per_s": round(per_s, 1),
        **{name: _median([one[name] for one in each]) for name in ("p50_ratio", "p99_ratio", "offline_share")},
        "give_way_ms": {"median": _median(gave_way), "longest": max(gave_way, default=None), "each": gave_way},
        "alone_p50_ms": whole["alone"].percentile_ms(50),
        "alone_p99_ms": whole["alone"].percentile_ms(99),
        "rounds": each,
    }


def _median(values: Sequence[float | None]) -> float | None:
    """None where one of them could not be measured, or there is none."""
    known = [value for value in values if value is not None]
    return median(known) if known and len(known) == len(values) else None


def offline_share(offline_s: float, idle_s: float, seconds: float) -> float | None:
    """CPU of offline work over what was idle without it; None on a machine that has nothing left over by itself."""
    cores = psutil.cpu_count() or 1
    return round(offline_s / idle_s, 3) if idle_s > _IDLE_SHARE_MIN * cores * seconds else None


def _round(
    platform: PlatformUnderTest,
    folder: Path,
    connection: psycopg.Connection[Any],
    per_s: float,
    seconds: float,
    seed: int,
) -> tuple[list[StreamResult], float, float]:
    """The load's outcome, CPU seconds that nobody used, and those of offline work, all of the same time."""
    plan = _plan(platform, folder, per_s, seconds, seed)
    processes = _offline_processes(platform, connection)
    used, idle = _used(processes), psutil.cpu_times().idle
    results = run_open_load(plan)
    found = results, psutil.cpu_times().idle - idle, _used(processes) - used
    for stream in plan.streams:
        Path(stream.spool_path).unlink()
    return found


def _plan(platform: PlatformUnderTest, folder: Path, per_s: float, seconds: float, seed: int) -> OpenPlan:
    length = seconds + _WARMUP_S
    streams = [
        payments_of(platform, merchant, f"p{place}", per_s / MERCHANTS, length, folder)
        for place, merchant in enumerate(platform.merchants[:MERCHANTS])
    ]
    return OpenPlan(
        host=platform.host,
        port=platform.settings.port,
        seconds=seconds,
        warmup_seconds=_WARMUP_S,
        streams=streams,
        seed=seed,
    )


def _pause(connection: psycopg.Connection[Any]) -> None:
    job_store.ask(connection, _JOB, "pause")
    deadline = time.monotonic() + 10
    while job_store.state(connection, _JOB).status == "running" and time.monotonic() < deadline:
        time.sleep(0.05)


@contextmanager
def _at_work(platform: PlatformUnderTest, connection: psycopg.Connection[Any]) -> Iterator[None]:
    """The job runs, and again as soon as it has ended."""
    job_store.ask(connection, _JOB, "run")
    stop = threading.Event()

    def keep_due() -> None:
        with psycopg.connect(platform.url, autocommit=True) as own:
            while not stop.wait(_AGAIN_S):
                job_store.ask(own, _JOB, "run")

    keeping = threading.Thread(target=keep_due)
    keeping.start()
    try:
        deadline = time.monotonic() + 10
        while job_store.state(connection, _JOB).status != "running" and time.monotonic() < deadline:
            time.sleep(0.05)
        yield
    finally:
        stop.set()
        keeping.join()


def _offline_processes(platform: PlatformUnderTest, connection: psycopg.Connection[Any]) -> list[psutil.Process]:
    """The offline process and its backend."""
    return [psutil.Process(pid) for pid in [*platform.roles()["offline"], _backend(connection)]]


def _backend(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'chuanliu offline' AND datname = current_database()"
    ).fetchone()
    if row is None:
        raise RuntimeError("the offline process is not connected")
    return int(row[0])


def _used(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _merged(results: list[StreamResult]) -> Histogram:
    whole = Histogram()
    for one in results:
        whole.merge(one.histogram)
    return whole


def _ratio(was: Histogram, now: Histogram, percentile: float) -> float:
    return round((now.percentile_ms(percentile) or 0.0) / (was.percentile_ms(percentile) or 1.0), 3)


def _bursts(
    platform: PlatformUnderTest,
    folder: Path,
    connection: psycopg.Connection[Any],
    per_s: float,
    progress: Progress | None,
) -> list[float]:
    """Milliseconds from the begin of a burst of four times the load until offline work stands still, burst by burst."""
    found = []
    for number in range(1, BURSTS + 1):
        with _at_work(platform, connection):
            time.sleep(_BEFORE_BURST_S)
            plan = _plan(platform, folder, per_s * 4, _BURST_S, number)
            backend, gateways = _backend(connection), platform.roles()["gateway"]
            stop = threading.Event()
            samples: Samples = []
            sampling = threading.Thread(target=_sample, args=(backend, gateways, samples, stop))
            sampling.start()
            run_open_load(plan)
            stop.set()
            sampling.join()
        for stream in plan.streams:
            Path(stream.spool_path).unlink()
        gave_way = give_way_ms(samples)
        if gave_way is not None:
            found.append(gave_way)
        if progress is not None:
            progress("giving way", number, per_s * 4)
    return found


def _sample(backend: int, gateways: list[int], samples: Samples, stop: threading.Event) -> None:
    while not stop.wait(_SAMPLE_S):
        samples.append((time.perf_counter(), _run_ns(backend), sum(map(_run_ns, gateways))))


def _run_ns(pid: int) -> int:
    """Nanoseconds that a process's main thread has run (`/proc/PID/schedstat`)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def give_way_ms(samples: Samples) -> float | None:
    """From when the gateways are busy (half of a CPU, over 20 ms) until the offline backend is at rest for 100 ms.

    None where either never came, or the backend was at rest in the half second before.
    """
    begins = _first(samples, 0.02, lambda one, other: other[2] - one[2] > _BUSY_SHARE * (other[0] - one[0]) * 1e9)
    if begins is None:
        return None
    before = [one for one in samples if begins - _AT_WORK_S <= one[0] <= begins]
    ran_s = (before[-1][1] - before[0][1]) / 1e9
    if ran_s < _AT_WORK_SHARE * (before[-1][0] - before[0][0]):
        return None
    later = [one for one in samples if one[0] >= begins]
    rests = _first(later, _QUIET_S, lambda one, other: other[1] - one[1] < _QUIET_SHARE * (other[0] - one[0]) * 1e9)
    return None if rests is None else round((rests - begins) * 1000, 1)


def _first(
    samples: Samples, window_s: float, holds: Callable[[tuple[float, int, int], tuple[float, int, int]], bool]
) -> float | None:
    """The begin of the first window in which it holds between the first sample and the last."""
    end = 0
    for one in samples:
        while end < len(samples) and samples[end][0] - one[0] < window_s:
            end += 1
        if end == len(samples):
            return None
        if holds(one, samples[end]):
            return one[0]
    return None
