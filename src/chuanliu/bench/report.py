"""What a benchmark says: one object, with no figure in it unless the books were right afterwards."""

from __future__ import annotations

from typing import Any

import msgspec

from chuanliu.bench.machine import Machine
from chuanliu.bench.process_meter import Memory
from chuanliu.bench.rounds import Ratio, Round

CLEAN = "clean"


class Backlog(msgspec.Struct, frozen=True):
    """Rows that wait at the end of the last round: for the folder (deltas) and for the dispatcher (outbox)."""

    folder: int
    dispatcher: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark's outcome.

    `per_second`, `yardstick_per_second` are medians over the rounds; `ratio` is the median of the rounds' ratios.
    Percentiles are over all rounds together. `audit` is "clean", or what was wrong; then every figure is None.
    `cpu_seconds` is by role over the measured rounds of the subject. `extras` holds the benchmark's own figures.
    """

    name: str
    per_second: float | None
    yardstick_per_second: float | None
    ratio: float | None
    p50_ms: float | None
    p99_ms: float | None
    audit: str
    seconds: float
    ratio_range: tuple[float, float] | None = None
    pairs: list[Round] = []
    connections: int | None = None
    workers: int | None = None
    backlog_folder: int | None = None
    backlog_dispatcher: int | None = None
    outcomes: dict[str, int] = {}
    cpu_seconds: dict[str, float] = {}
    memory: dict[str, list[Memory]] = {}
    extras: dict[str, Any] = {}
    machine: Machine | None = None

    @property
    def is_clean(self) -> bool:
        """Whether the books were right."""
        return self.audit == CLEAN


def ratio_fields(ratio: Ratio) -> tuple[float, tuple[float, float]]:
    """Median and range as the report shows them."""
    return ratio.median, (ratio.low, ratio.high)


def checked(report: Report) -> Report:
    """The report itself when its audit is clean; otherwise without any figure, so that none can be quoted."""
    if report.is_clean:
        return report
    return msgspec.structs.replace(
        report,
        per_second=None,
        yardstick_per_second=None,
        ratio=None,
        ratio_range=None,
        p50_ms=None,
        p99_ms=None,
        pairs=[],
        cpu_seconds={},
        extras={},
    )
