"""Counts and latencies per route, cheap enough for every request, and their Prometheus text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from chuanliu.serving.request import Request
from chuanliu.serving.response import Response

LATENCY_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BOUNDS: Final = (*(str(bound) for bound in LATENCY_BUCKETS_S), "+Inf")


class _Route:
    __slots__ = ("answered", "buckets", "sum_s")

    def __init__(self) -> None:
        self.answered: dict[int, int] = {}
        self.buckets = [0] * len(_BOUNDS)
        self.sum_s = 0.0


class RequestMeter(Collector):
    """One process's requests. Used from one event loop only, so it needs no locks."""

    def __init__(self) -> None:
        self._routes: dict[str, _Route] = {}

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one answer. `route` is the template, never the path: its values must stay few."""
        measured = self._routes.get(route)
        if measured is None:
            measured = self._routes[route] = _Route()
        answered = measured.answered
        answered[status] = answered.get(status, 0) + 1
        measured.buckets[bisect_left(LATENCY_BUCKETS_S, seconds)] += 1
        measured.sum_s += seconds

    def collect(self) -> Iterator[Metric]:
        """What a `CollectorRegistry` reads."""
        answered = CounterMetricFamily("chuanliu_http_requests", "Requests answered.", labels=("route", "status"))
        latency = HistogramMetricFamily(
            "chuanliu_http_request_seconds", "From the whole request to its answer.", labels=("route",)
        )
        for route, measured in sorted(self._routes.items()):
            for status, count in sorted(measured.answered.items()):
                answered.add_metric((route, str(status)), count)
            buckets = list(zip(_BOUNDS, map(float, accumulate(measured.buckets)), strict=True))
            latency.add_metric((route,), buckets, sum_value=measured.sum_s)
        yield answered
        yield latency


def metrics_text(*collectors: Collector) -> str:
    """The Prometheus exposition text of the collectors."""
    return generate_latest(_registered(collectors)).decode()


def metrics_response(request: Request, *collectors: Collector) -> Response:
    """The collectors as the scraper asks for them: OpenMetrics where it accepts that, else Prometheus' own text."""
    registry = _registered(collectors)
    if "application/openmetrics-text" in str(request.headers.get("accept", "")):
        body, kind = openmetrics.generate_latest(registry), openmetrics.CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]
    else:
        body, kind = generate_latest(registry), "text/plain; charset=utf-8"
    return Response(200, [("content-type", kind), ("cache-control", "no-store")], body)


def _registered(collectors: Iterable[Collector]) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    return registry
