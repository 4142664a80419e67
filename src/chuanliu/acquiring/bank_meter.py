"""How it stands with banks, for Prometheus: this process's calls and breakers, and what waits in the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chuanliu.acquiring.banks_client import BankState
from chuanliu.acquiring.sweep_store import WaitingCalls


class BankMeter(Collector):
    """One reading. Without the database's part it has what this process knows."""

    def __init__(
        self,
        states: Sequence[BankState],
        waiting: Sequence[WaitingCalls] | None = None,
        held_quotes: int | None = None,
    ) -> None:
        self._states = states
        self._waiting = waiting
        self._held_quotes = held_quotes

    def collect(self) -> Iterator[Metric]:
        """What a `CollectorRegistry` reads."""
        yield from self._of_process()
        if self._waiting is not None:
            due = GaugeMetricFamily("chuanliu_bank_calls_due", "Calls without an answer.", labels=("lender",))
            overdue = GaugeMetricFamily(
                "chuanliu_bank_calls_overdue_seconds", "How long the first of them has been due.", labels=("lender",)
            )
            for one in self._waiting:
                due.add_metric((one.lender,), one.calls)
                overdue.add_metric((one.lender,), one.overdue_seconds)
            yield due
            yield overdue
        if self._held_quotes is not None:
            yield GaugeMetricFamily("chuanliu_quotes_held", "Confirmed quotes.", value=self._held_quotes)

    def _of_process(self) -> Iterator[Metric]:
        labels = ("product", "endpoint")
        events = CounterMetricFamily("chuanliu_bank_events", "What happened with a bank.", labels=(*labels, "event"))
        flying = GaugeMetricFamily("chuanliu_bank_calls_in_flight", "Calls that wait for an answer.", labels=labels)
        stopped = GaugeMetricFamily("chuanliu_bank_breaker_open", "Whether a bank is not asked.", labels=labels)
        for state in self._states:
            named = (state.product, state.endpoint)
            for event, count in state.counts.items():
                events.add_metric((*named, event), count)
            flying.add_metric(named, state.in_flight)
            stopped.add_metric(named, state.breaker_open)
        yield events
        yield flying
        yield stopped
