"""Counts and latencies per route, cheap enough for every request, and their Prometheus text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BOUNDS: Final = (*(str(bound) for bound in BUCKETS_S), "+Inf")


class _Latency:
    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.sum_s = 0.0


class RequestMeter(Collector):
    """One process's requests. Used from one event loop only, so it needs no locks."""

    def __init__(self) -> None:
        self._answered: dict[tuple[str, int], int] = {}
        self._latency: dict[str, _Latency] = {}

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one answer. `route` is the template, never the path: its values must stay few."""
        key = (route, status)
        self._answered[key] = self._answered.get(key, 0) + 1
        latency = self._latency.get(route)
        if latency is None:
            latency = self._latency[route] = _Latency()
        latency.counts[bisect_left(BUCKETS_S, seconds)] += 1
        latency.sum_s += seconds

    def collect(self) -> Iterator[Metric]:
        """What a `CollectorRegistry` reads."""
        answered = CounterMetricFamily("chuanliu_http_requests", "Requests answered.", labels=("route", "status"))
        for (route, status), count in sorted(self._answered.items()):
            answered.add_metric((route, str(status)), count)
        yield answered
        latency = HistogramMetricFamily(
            "chuanliu_http_request_seconds", "From the request's head to its answer.", labels=("route",)
        )
        for route, measured in sorted(self._latency.items()):
            buckets = list(zip(_BOUNDS, map(float, accumulate(measured.counts)), strict=True))
            latency.add_metric((route,), buckets, sum_value=measured.sum_s)
        yield latency


def metrics_text(*collectors: Collector) -> str:
    """The Prometheus exposition text of the collectors."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry).decode()
