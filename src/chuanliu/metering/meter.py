"""Counting by tenant and class: plain integers in memory, cheap enough for every request."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Final, NamedTuple

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from chuanliu.clock import SECOND, Micros
from chuanliu.ids import is_party_number
from chuanliu.metering.classes import CASHIER_TENANT, COST_UNITS, UNKNOWN_TENANT, TrafficClass
from chuanliu.serving import LATENCY_BUCKETS_S

_BOUNDS: Final = (*(str(bound) for bound in LATENCY_BUCKETS_S), "+Inf")
_NAMES: Final = {UNKNOWN_TENANT: "unknown", CASHIER_TENANT: "cashier"}


def tenant_name(tenant_id: int) -> str:
    """A merchant's number, or the word for those who have none."""
    return _NAMES.get(tenant_id) or str(tenant_id)


def tenant_of_name(name: str) -> int | None:
    """The reverse of `tenant_name`; None for what is neither a word nor a merchant's number."""
    by_name = {word: tenant_id for tenant_id, word in _NAMES.items()}
    if name in by_name:
        return by_name[name]
    return int(name) if is_party_number(name) else None


class MeteredRow(NamedTuple):
    """What one tenant's requests of one class came to within one second that begins at `starts_at`.

    Every offered request is admitted or rejected; an admitted one is answered, maybe in a later second. `latency`
    counts answers by `LATENCY_BUCKETS_S`, the last those above all bounds.
    """

    starts_at: Micros
    tenant_id: int
    traffic_class: TrafficClass
    offered: int
    admitted: int
    answered: int
    rejected: int
    cost_units: int
    latency: tuple[int, ...]


class Tally:
    """One tenant's requests of one class since this process began."""

    __slots__ = ("_taken", "admitted", "answered", "cost", "latency", "offered", "rejected", "sum_s")

    def __init__(self, cost: int) -> None:
        self.cost = cost
        self.offered = 0
        self.admitted = 0
        self.answered = 0
        self.rejected = 0
        self.sum_s = 0.0
        self.latency = [0] * len(_BOUNDS)
        self._taken: tuple[int, ...] = ()

    def answer(self, seconds: float) -> None:
        """Count an answer to an admitted request."""
        self.answered += 1
        self.sum_s += seconds
        self.latency[bisect_left(LATENCY_BUCKETS_S, seconds)] += 1

    def take(self) -> tuple[int, ...] | None:
        """What was counted since the last call (offered, admitted, answered, rejected, latencies); None for nothing."""
        now = (self.offered, self.admitted, self.answered, self.rejected, *self.latency)
        before = self._taken or (0,) * len(now)
        self._taken = now
        return tuple(new - old for new, old in zip(now, before, strict=True)) if now != before else None


class TrafficMeter(Collector):
    """One process's requests by tenant and class. Used from one event loop only, so it needs no locks."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[int, TrafficClass], Tally] = {}

    def tally(self, tenant_id: int, traffic_class: TrafficClass) -> Tally:
        """Where to count a request."""
        found = self._tallies.get((tenant_id, traffic_class))
        if found is None:
            found = self._tallies[tenant_id, traffic_class] = Tally(COST_UNITS[traffic_class])
        return found

    def take(self, now: Micros) -> list[MeteredRow]:
        """What was counted since the last call, as of the second of `now`, in the order of the table's key."""
        starts_at = now // SECOND * SECOND
        rows = []
        for (tenant_id, traffic_class), tally in sorted(self._tallies.items()):
            found = tally.take()
            if found is not None:
                offered, admitted, answered, rejected, *latency = found
                counts = (offered, admitted, answered, rejected, admitted * tally.cost)
                rows.append(MeteredRow(starts_at, tenant_id, traffic_class, *counts, tuple(latency)))
        return rows

    def collect(self) -> Iterator[Metric]:
        """What a `CollectorRegistry` reads."""
        labels = ("tenant", "class")
        tallies = [((tenant_name(key[0]), key[1].label), tally) for key, tally in sorted(self._tallies.items())]
        counted: tuple[tuple[str, str, Callable[[Tally], int]], ...] = (
            ("offered", "Requests that came.", lambda tally: tally.offered),
            ("admitted", "Requests that were let in.", lambda tally: tally.admitted),
            ("answered", "Requests that were let in and answered.", lambda tally: tally.answered),
            ("rejected", "Requests that were turned away at the edge.", lambda tally: tally.rejected),
            ("cost_units", "Cost of the requests that were let in.", lambda tally: tally.admitted * tally.cost),
        )
        for name, text, value in counted:
            family = CounterMetricFamily(f"chuanliu_tenant_{name}", text, labels=labels)
            for of, tally in tallies:
                family.add_metric(of, value(tally))
            yield family
        latency = HistogramMetricFamily(
            "chuanliu_tenant_latency_seconds", "From the whole request to its answer.", labels=labels
        )
        for of, tally in tallies:
            buckets = list(zip(_BOUNDS, map(float, accumulate(tally.latency)), strict=True))
            latency.add_metric(of, buckets, sum_value=tally.sum_s)
        yield latency
