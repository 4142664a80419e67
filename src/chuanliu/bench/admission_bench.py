"""Admission under measurement: its own cost, a noisy neighbour, and three times the limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import psycopg

from chuanliu.admission import Gate, PoolSettings, Report, TenantSettings, Verdict, deal, lease_store
from chuanliu.bench.histogram import Histogram
from chuanliu.bench.open_load_client import OpenPlan, Stream, StreamResult, run_open_load
from chuanliu.bench.platform_process import Merchant
from chuanliu.bench.platform_stock_store import CODE_DIGITS, mint_codes
from chuanliu.bench.platform_under_test import PlatformUnderTest
from chuanliu.bench.target import native_rows, native_template
from chuanliu.gateway import Services
from chuanliu.gateway.edge import Edge
from chuanliu.metering import TrafficClass, TrafficMeter
from chuanliu.runtime import engine_session
from chuanliu.serving import Request, Response

TENANTS: Final = 200
QUIET: Final = 20
NOISE: Final = 10.0
OVER: Final = 3.0
PAY_SHARE: Final = 0.3
_OBEYED_S: Final = 3.0
_REQUESTS: Final = 20_000
_ROUNDS: Final = 5

Progress = Callable[[str, int, float], None]


def measure_own_cost(platform: PlatformUnderTest) -> dict[str, float]:
    """Microseconds of processor time for one request at the edge, let in and turned away, on the platform's reference
    data; and for its part of filling the buckets of 200 tenants, at 1,000 requests a second.
    """
    return asyncio.run(_own_cost(platform))


async def _own_cost(platform: PlatformUnderTest) -> dict[str, float]:
    async with engine_session(replace(platform.settings, lanes=1)) as services:
        found = {name: _timed(services, platform.merchants[0], name) for name in ("let_in", "turned_away")}
    found["buckets"] = _fill_cost()
    return {f"{name}_us": round(value, 2) for name, value in found.items()}


def _timed(services: Services, merchant: Merchant, name: str) -> float:
    gate, limit = Gate(), 1e8 if name == "let_in" else 1e-6
    own = {int(merchant.seller_id): TenantSettings(limit)}
    gate.adopt(deal(PoolSettings(limit, own), {"p": Report({})})["p"], 0.0)
    edge = Edge(services, gate, TrafficMeter())
    query = (
        f"app_id={merchant.app_id}&method=alipay.trade.pay&charset=utf-8&sign_type=RSA2&version=1.0&sign=" + "x" * 350
    )
    request = Request("POST", "/gateway.do", query, {"content-type": "text/plain"}, b"biz_content=" + b"x" * 300)
    answer, now, times = Response.json(b"{}"), 0.0, []
    for _ in range(_ROUNDS):
        now += 1.0
        gate.tick(now)
        began = time.process_time()
        for _ in range(_REQUESTS):
            passage = edge.enter(request)
            if passage is not None and not isinstance(passage, Response):
                passage.leave(answer, 0.001)
        times.append((time.process_time() - began) / _REQUESTS * 1e6)
    return median(times)


def _fill_cost() -> float:
    gate = Gate()
    tenants = {number: TenantSettings(5) for number in range(2, TENANTS + 2)}
    wants = dict.fromkeys(tenants, (1.0, 1.0, 1.0, 1.0))
    gate.adopt(deal(PoolSettings(2000, tenants), {"p": Report(wants)})["p"], 0.0)
    began = time.process_time()
    for tick in range(200):
        gate.tick(tick / 20)
    gate_s = (time.process_time() - began) / 10
    assert gate.decide(2, TrafficClass.PAY) is Verdict.ADMITTED
    return gate_s * 1e6 / 1000


def configure(platform: PlatformUnderTest, limit: float, tenants: dict[str, TenantSettings]) -> None:
    """Set limit and tenants, and wait until the gateways obey."""

    async def configured() -> None:
        async with await psycopg.AsyncConnection.connect(platform.url, autocommit=True) as connection:
            await lease_store.set_limit(connection, limit)
            for seller_id, settings in tenants.items():
                await lease_store.set_tenant(connection, int(seller_id), settings)

    asyncio.run(configured())
    time.sleep(_OBEYED_S)


def payments_of(
    platform: PlatformUnderTest, merchant: Merchant, name: str, per_s: float, seconds: float, folder: Path
) -> Stream:
    """Payments of one merchant, each by a code of its own."""
    count = int(per_s * seconds * 1.2) + 50
    path = folder / f"{name}-{time.time_ns()}.spool"
    codes = mint_codes(platform.url, count)
    with path.open("wb") as spool:
        spool.writelines(native_rows([merchant.api_key], codes, f"{name}{time.time_ns():x}"))
    template = native_template(CODE_DIGITS, f"{platform.host}:{platform.settings.port}")
    connections = max(2, min(48, int(per_s / 10)))
    return Stream(name=name, per_s=per_s, connections=connections, template=template, spool_path=str(path))


def measure_noise(
    platform: PlatformUnderTest, folder: Path, *, promise: float, seconds: float, rounds: int, progress: Progress | None
) -> dict[str, Any]:
    """Rounds without and with a tenant at ten times its promise, while twenty others run at theirs."""
    limit = promise * (QUIET + 5)
    quiet, noisy = platform.merchants[:QUIET], platform.merchants[QUIET]
    terms = TenantSettings(promise)
    configure(platform, limit, {one.seller_id: terms for one in platform.merchants[: QUIET + 1]})
    each = []
    for number in range(1, rounds + 1):
        found: dict[str, list[StreamResult]] = {}
        for name, noise in (("calm", 1.0), ("noisy", NOISE)):
            length = seconds + _OBEYED_S
            streams = [
                payments_of(platform, one, f"q{place}", promise, length, folder) for place, one in enumerate(quiet)
            ]
            streams.append(payments_of(platform, noisy, "noise", promise * noise, length, folder))
            found[name] = run_open_load(_plan(platform, streams, seconds, number))
            for stream in streams:
                Path(stream.spool_path).unlink()
        each.append(_compared(found["calm"], found["noisy"], limit, seconds))
        if progress is not None:
            progress("noisy neighbour", number, each[-1]["pool_used"] * limit)
    return {
        "limit_per_s": limit,
        "lost_share": median(one["lost_share"] for one in each),
        "p50_ratio": median(one["p50_ratio"] for one in each),
        "p99_ratio": median(one["p99_ratio"] for one in each),
        "pool_used": median(one["pool_used"] for one in each),
        "rounds": each,
    }


def _plan(platform: PlatformUnderTest, streams: list[Stream], seconds: float, seed: int) -> OpenPlan:
    return OpenPlan(
        host=platform.host,
        port=platform.settings.port,
        seconds=seconds,
        warmup_seconds=_OBEYED_S,
        streams=streams,
        seed=seed,
    )


def _merged(results: Sequence[StreamResult]) -> Histogram:
    whole = Histogram()
    for one in results:
        whole.merge(one.histogram)
    return whole


def _compared(calm: list[StreamResult], noisy: list[StreamResult], limit: float, seconds: float) -> dict[str, float]:
    others, before = noisy[:-1], calm[:-1]
    lost = sum(one.offered - one.answered for one in others)
    was, now = _merged(before), _merged(others)
    return {
        "lost": lost,
        "lost_share": round(lost / max(1, sum(one.offered for one in others)), 5),
        "p50_ratio": round((now.percentile_ms(50) or 0.0) / (was.percentile_ms(50) or 1.0), 3),
        "p99_ratio": round((now.percentile_ms(99) or 0.0) / (was.percentile_ms(99) or 1.0), 3),
        "pool_used": round(sum(one.answered for one in noisy) / seconds / limit, 3),
        "p50_ms": now.percentile_ms(50) or 0.0,
    }


def measure_overload(
    platform: PlatformUnderTest,
    folder: Path,
    *,
    limit: float,
    seconds: float,
    calm_seconds: float,
    progress: Progress | None,
) -> dict[str, Any]:
    """Half the limit, three times the limit, and half of it again; payments and queries of two merchants."""
    payer, asker = platform.merchants[:2]
    configure(platform, limit, {})
    phases: dict[str, list[StreamResult]] = {}
    for number, (name, load, length) in enumerate(
        (("before", 0.5, calm_seconds), ("over", OVER, seconds), ("after", 0.5, calm_seconds)), 1
    ):
        pays = payments_of(platform, payer, "pay", limit * load * PAY_SHARE, length + _OBEYED_S, folder)
        asks = _queries(platform, asker, limit * load * (1 - PAY_SHARE), folder)
        warm = 0.0 if name == "after" else _OBEYED_S
        plan = _plan(platform, [pays, asks], length, number)
        phases[name] = run_open_load(OpenPlan(**{**_members(plan), "warmup_seconds": warm}))
        if progress is not None:
            progress(name, 1, sum(one.answered for one in phases[name]) / length)
    pay, ask = phases["over"]
    good = (pay.answered + ask.answered) / seconds
    return {
        "limit_per_s": limit,
        "offered_per_s": round((pay.offered + ask.offered) / seconds, 1),
        "goodput": round(good / limit, 3),
        "payments_answered_share": round(pay.answered / max(1, pay.offered), 4),
        "queries_answered_share": round(ask.answered / max(1, ask.offered), 4),
        "failed": pay.failed + ask.failed,
        "unsent": pay.unsent + ask.unsent,
        "pay_p50_ms": pay.histogram.percentile_ms(50),
        "pay_p99_ms": pay.histogram.percentile_ms(99),
        "recovery_s": _recovery(phases["before"], phases["after"]),
    }


def _members(plan: OpenPlan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in plan.__struct_fields__}


def _queries(platform: PlatformUnderTest, merchant: Merchant, per_s: float, folder: Path) -> Stream:
    path = folder / "queries.spool"
    path.write_bytes(f"/v1/events?limit=1\t{merchant.api_key}\n".encode())
    where = f"{platform.host}:{platform.settings.port}"
    template = f"GET %b HTTP/1.1\r\nhost: {where}\r\nauthorization: Bearer %b\r\n\r\n".encode()
    return Stream(name="query", per_s=per_s, connections=48, template=template, spool_path=str(path))


def _recovery(before: list[StreamResult], after: list[StreamResult]) -> float:
    """Seconds from the end of the overload after which nobody is turned away and nobody waits longer than before."""
    usual = max(max(one.latest_ms) for one in before) * 2 + 50
    bad = [
        second
        for second in range(len(after[0].timeline))
        if any(one.refused_timeline[second] or one.latest_ms[second] > usual for one in after)
    ]
    return float(bad[-1] + 1) if bad else 0.0
