"""`bench assistant` with two consumers: its figures are there when its books are right."""

from __future__ import annotations

from pathlib import Path

from chuanliu.bench import Ground, run_assistant


def test_few_consumers(postgres_url: str, tmp_path: Path) -> None:
    heard: set[str] = set()
    report = run_assistant(Ground(postgres_url, tmp_path, None), 2, 1, lambda what, _done, _of: heard.add(what))
    assert report.audit == "clean" and heard == {"stocking", "asking"}
    assert report.p99_ms is not None and report.extras["goals"].keys() == {"p99_ms", "overview_p99_ms"}
    assert report.outcomes["answered"] > report.outcomes["refused"] > 0
