"""Keeps the pods of a deployment at what is needed: a fleet, a planner and an API server, until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Final

import structlog
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chuanliu.elastic.fleet import Fleet
from chuanliu.elastic.kubernetes_client import KubernetesUnits
from chuanliu.elastic.need import Need
from chuanliu.elastic.planning_client import Planner
from chuanliu.elastic.provider import carry_out
from chuanliu.elastic.units import Limits, Phase
from chuanliu.errors import ChuanliuError

log = structlog.get_logger()

CLUSTER_LIMITS: Final = Limits(ask_s=60.0, start_s=600.0, drain_s=90.0, end_s=30.0)
"""A pod may have to wait for a node."""
_STEP_S: Final = 1.0


class ClusterScaling(Collector):
    """One deployment. While the API server does not answer, nothing is decided: what is seen is all that counts."""

    def __init__(self, units: KubernetesUnits, limits: Limits = CLUSTER_LIMITS) -> None:
        self.fleet = Fleet(limits)
        self._units = units
        self._need: Need | None = None
        self._lock = threading.Lock()
        self._problem = ""
        self._problems = 0

    def publish(self, need: Need) -> None:
        """What the planner says is needed."""
        self._need = need

    async def run(self, planner: Planner, stop: asyncio.Event) -> None:
        """Plan and scale until `stop`; the pods then stay as they are."""
        planning = asyncio.create_task(planner.run(stop))
        while not stop.is_set():
            await asyncio.to_thread(self.step, time.monotonic())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STEP_S):
                    await stop.wait()
        await planning

    def step(self, now: float) -> None:
        """Look, and give the next orders. What fails is tried again with the next step."""
        need = self._need
        if need is None:
            return
        problem = ""
        try:
            with self._lock:
                orders = self.fleet.step(need.units, self._units.seen(), now)
            for order in orders:
                log.info("units", order=order.what, unit=order.name or None)
            carry_out(orders, self.fleet, self._units, now)
        except ChuanliuError as error:
            problem = str(error)
            self._problems += 1
        if problem != self._problem:
            self._problem = problem
            log.warning("the cluster does not obey", problem=problem) if problem else log.info("the cluster obeys")

    def collect(self) -> Iterator[Metric]:
        """What a `CollectorRegistry` reads."""
        with self._lock:
            counts = self.fleet.counts
            phases = {phase: len(self.fleet.of(phase)) for phase in Phase}
        units = GaugeMetricFamily("chuanliu_units", "Units by what they do.", labels=("state",))
        for phase in (Phase.ASKED, Phase.STARTING, Phase.READY, Phase.DRAINING, Phase.FAILED):
            units.add_metric((phase.value,), phases[phase])
        yield units
        wanted = GaugeMetricFamily("chuanliu_units_wanted", "Units to have, and who asks for so many.", labels=("by",))
        if self._need is not None:
            for name, value in zip(("wanted", "plan", "load", "hand"), self._need, strict=True):
                wanted.add_metric((name,), value)
        yield wanted
        for name, value in counts._asdict().items():
            yield CounterMetricFamily(f"chuanliu_units_{name}", "Of units, since the start.", value=value)
        yield CounterMetricFamily(
            "chuanliu_cluster_refusals", "Steps that the cluster did not do.", value=self._problems
        )
