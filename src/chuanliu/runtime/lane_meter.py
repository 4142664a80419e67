"""What the lanes did, for scrapers."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chuanliu.engine import Engine


class LaneMeter(Collector):
    """The counters of an engine's lanes, and what waits for them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """What a `CollectorRegistry` reads."""
        yield GaugeMetricFamily("chuanliu_lane_waiting", "Commands that wait for a lane.", value=self._engine.waiting)
        yield GaugeMetricFamily(
            "chuanliu_lane_wait_seconds", "How long what comes next has waited.", value=self._engine.wait_s
        )
        families: dict[str, CounterMetricFamily] = {}
        for number, counters in enumerate(self._engine.counters):
            for name, value in vars(counters).items():
                if name not in families:
                    families[name] = CounterMetricFamily(f"chuanliu_lane_{name}", "Of a lane.", labels=("lane",))
                families[name].add_metric((str(number),), value)
        yield from families.values()
