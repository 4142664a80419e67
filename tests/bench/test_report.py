"""A report whose audit is not clean holds no figure."""

import msgspec
import pytest

from chuanliu.bench.memory_bench import Sample, judge
from chuanliu.bench.report import Report, checked

REPORT = Report(
    name="pay",
    per_second=7000.0,
    yardstick_per_second=5000.0,
    ratio=1.4,
    p50_ms=8.0,
    p99_ms=15.0,
    audit="clean",
    seconds=10,
    ratio_range=(1.2, 1.5),
    pairs=[{"pay": 7000.0, "pgbench": 5000.0}],
    cpu_seconds={"gateway": 9.0},
    extras={"p99_over_p50": 1.9},
)
FIGURES = ("per_second", "yardstick_per_second", "ratio", "ratio_range", "p50_ms", "p99_ms")


def test_a_clean_report_stays_as_it_is() -> None:
    assert checked(REPORT) is REPORT


@pytest.mark.parametrize("audit", ["account 1 is off by 1", "", "Clean"])
def test_an_unclean_audit_withholds_every_figure(audit: str) -> None:
    held = msgspec.to_builtins(checked(msgspec.structs.replace(REPORT, audit=audit)))
    assert held["audit"] == audit
    assert [held[figure] for figure in FIGURES] == [None] * len(FIGURES)
    assert not any(held[figure] for figure in ("pairs", "cpu_seconds", "extras"))


def test_the_object_has_the_promised_fields() -> None:
    document = msgspec.json.decode(msgspec.json.encode(REPORT))
    assert {"name", "per_second", "yardstick_per_second", "ratio", "p50_ms", "p99_ms", "audit"} <= set(document)


@pytest.mark.parametrize(
    ("at_half", "at_end", "grew"), [(120.0, 120.0, False), (120.0, 122.9, False), (120.0, 124.0, True)]
)
def test_growth_is_judged_between_the_middle_and_the_end(at_half: float, at_end: float, grew: bool) -> None:
    samples = [
        Sample(at=at, pid=pid, rss_mb=at_half if at < 300 else at_end) for at in range(0, 600, 2) for pid in (7, 8)
    ]
    verdicts = judge(samples, 600)
    assert [verdict.pid for verdict in verdicts] == [7, 8]
    assert all(verdict.grew is grew for verdict in verdicts)
    assert verdicts[0].peak_mb == max(at_half, at_end)


def test_a_process_that_ended_early_has_no_verdict() -> None:
    assert judge([Sample(at=at, pid=7, rss_mb=100.0) for at in range(0, 400, 2)], 600) == []
