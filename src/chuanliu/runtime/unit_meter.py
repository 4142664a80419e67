"""The units of this machine, for scrapers: the same from each of them, read from the board they share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chuanliu.serving import Board, Figure, PlaceState

_WANTED: Final = {
    "wanted": Figure.WANTED,
    "plan": Figure.PLANNED,
    "load": Figure.BY_LOAD,
    "hand": Figure.BY_HAND,
}
_ENDED: Final = (
    ("asked", "Units that were asked for.", Figure.ASKED_TOTAL),
    ("ready", "Units that came to serve.", Figure.READY_TOTAL),
    ("gone", "Units that left in good order.", Figure.GONE_TOTAL),
    ("failed", "Units that did not start, died, or had to be ended.", Figure.FAILED_TOTAL),
)


class UnitMeter(Collector):
    """What stands on the board."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterator[Metric]:
        """What a `CollectorRegistry` reads."""
        places = self._board.places()
        states = GaugeMetricFamily("chuanliu_units", "Gateway processes by what they do.", labels=("state",))
        for state in (PlaceState.STARTING, PlaceState.OPEN, PlaceState.LEAVING):
            states.add_metric((state.name.lower(),), sum(one.state is state for one in places.values()))
        yield states
        wanted = GaugeMetricFamily("chuanliu_units_wanted", "Units to have, and who asks for so many.", labels=("by",))
        for name, figure in _WANTED.items():
            wanted.add_metric((name,), self._board[figure])
        yield wanted
        for name, text, figure in _ENDED:
            yield CounterMetricFamily(f"chuanliu_units_{name}", text, value=self._board[figure])
        connections = GaugeMetricFamily("chuanliu_unit_connections", "Open connections.", labels=("unit",))
        waits = GaugeMetricFamily(
            "chuanliu_unit_wait_seconds", "How long what comes next has waited.", labels=("unit",)
        )
        for at, one in places.items():
            connections.add_metric((f"gateway-{at + 1}",), one.connections)
            waits.add_metric((f"gateway-{at + 1}",), one.wait_us / 1e6)
        yield connections
        yield waits
