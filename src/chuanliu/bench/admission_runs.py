"""Benchmarks of admission, co-location and elastic units by name: a platform, a measurement, goals, a report each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from chuanliu.bench.admission_bench import QUIET, measure_noise, measure_overload, measure_own_cost
from chuanliu.bench.colocation_bench import MERCHANTS, STOCK, half_load, measure_colocation
from chuanliu.bench.elastic_bench import OUT, WORKERS, measure_pops
from chuanliu.bench.ground import Ground
from chuanliu.bench.machine import machine_facts
from chuanliu.bench.platform_under_test import PlatformUnderTest
from chuanliu.bench.report import Report, checked

Progress = Callable[[str, int, float], None]

OWN_COST_US_MAX: Final = 20.0
LOST_SHARE_MAX: Final = 0.001
P50_RATIO_MAX: Final = 1.5
P99_RATIO_MAX: Final = 3.0
POOL_USED_MIN: Final = 0.95
GOODPUT_MIN: Final = 0.9
RECOVERY_S_MAX: Final = 5.0
OFFLINE_SHARE_MIN: Final = 0.5
GIVE_WAY_MS_MAX: Final = 200.0


def run_admission(ground: Ground) -> Report:
    """What the edge costs a request."""
    with _platform(ground, 2) as platform:
        cost = measure_own_cost(platform)
        worst = max(cost["let_in_us"], cost["turned_away_us"]) + cost["buckets_us"]
        goals = {"own_cost_us": _at_most(round(worst, 2), OWN_COST_US_MAX)}
        return _report("admission", ground, platform, 0.0, {**cost, "goals": goals})


def run_noisy_neighbour(
    ground: Ground, promise: float, seconds: int, rounds: int, progress: Progress | None = None
) -> Report:
    """Twenty tenants at their promise, and one at ten times its own."""
    with _platform(ground, QUIET + 1) as platform:
        found = measure_noise(
            platform, ground.folder, promise=promise, seconds=seconds, rounds=rounds, progress=progress
        )
        goals = {
            "lost_share": _at_most(found["lost_share"], LOST_SHARE_MAX),
            "p50_ratio": _at_most(found["p50_ratio"], P50_RATIO_MAX),
            "p99_ratio": _at_most(found["p99_ratio"], P99_RATIO_MAX),
            "pool_used": _at_least(found["pool_used"], POOL_USED_MIN),
        }
        return _report("noisy-neighbour", ground, platform, seconds, {**found, "goals": goals})


def run_overload(ground: Ground, limit: float, seconds: int, progress: Progress | None = None) -> Report:
    """Three times the pool's limit, and what comes after."""
    with _platform(ground, 2) as platform:
        found = measure_overload(
            platform, ground.folder, limit=limit, seconds=seconds, calm_seconds=10, progress=progress
        )
        goals = {
            "goodput": _at_least(found["goodput"], GOODPUT_MIN),
            "payments_before_queries": {
                "value": found["payments_answered_share"],
                "above": found["queries_answered_share"],
                "met": found["payments_answered_share"] > found["queries_answered_share"],
            },
            "recovery_s": {
                "value": found["recovery_s"],
                "below": RECOVERY_S_MAX,
                "met": found["recovery_s"] < RECOVERY_S_MAX,
            },
        }
        return _report("overload", ground, platform, seconds, {**found, "goals": goals})


def run_colocation(
    ground: Ground, per_s: float | None, seconds: int, rounds: int, stock: int = STOCK, progress: Progress | None = None
) -> Report:
    """Offline work beside payments at half load; `per_s` None measures what half is."""
    with _platform(ground, MERCHANTS) as platform:
        platform.stock_payments(stock)
        rate = per_s if per_s is not None else half_load(platform, ground.folder, seconds)
        found = measure_colocation(
            platform, ground.folder, per_s=rate, seconds=seconds, rounds=rounds, progress=progress
        )
        goals = {
            "p50_ratio": _at_most(found["p50_ratio"], P50_RATIO_MAX),
            "p99_ratio": _at_most(found["p99_ratio"], P99_RATIO_MAX),
            "offline_share": _at_least(found["offline_share"], OFFLINE_SHARE_MIN),
            "give_way_ms": _at_most(found["give_way_ms"]["longest"], GIVE_WAY_MS_MAX),
        }
        return _report("colocation", ground, platform, seconds, {**found, "goals": goals})


def run_elastic(ground: Ground, pops: int, seconds: int, per_s: float, progress: Progress | None = None) -> Report:
    """Units out and back under constant load."""
    with PlatformUnderTest(
        ground.server_url,
        ground.folder,
        workers=WORKERS,
        units_max=WORKERS + OUT,
        merchants=2,
        postgres_pid=ground.postgres_pid,
    ) as platform:
        found = measure_pops(platform, ground.folder, pops=pops, seconds=seconds, per_s=per_s, progress=progress)
        goals = {
            "turns": _at_least(found["turns"], pops),
            "failed": _at_most(found["failed"], 0),
            "units_failed": _at_most(found["units_failed"], 0),
        }
        return _report("elastic", ground, platform, seconds, {**found, "goals": goals})


def _platform(ground: Ground, merchants: int) -> PlatformUnderTest:
    return PlatformUnderTest(ground.server_url, ground.folder, merchants=merchants, postgres_pid=ground.postgres_pid)


def _report(name: str, ground: Ground, platform: PlatformUnderTest, seconds: float, extras: dict[str, Any]) -> Report:
    return checked(
        Report(
            name=name,
            per_second=None,
            yardstick_per_second=None,
            ratio=None,
            p50_ms=None,
            p99_ms=None,
            audit=platform.audit_books(),
            seconds=seconds,
            workers=platform.settings.workers,
            extras=extras,
            machine=machine_facts(ground.server_url),
        )
    )


def _at_most(value: float | None, most: float) -> dict[str, Any]:
    return {"value": value, "at_most": most, "met": value is not None and value <= most}


def _at_least(value: float | None, least: float) -> dict[str, Any]:
    return {"value": value, "at_least": least, "met": value is not None and value >= least}
