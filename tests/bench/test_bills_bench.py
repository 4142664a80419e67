"""`bench bills` on a few lines: its figures are there when its books are right."""

from __future__ import annotations

from chuanliu.bench import Ground, run_bills


def test_few_lines(postgres_url: str, tmp_path: object) -> None:
    heard: list[str] = []
    ground = Ground(postgres_url, tmp_path, None)  # type: ignore[arg-type]
    report = run_bills(ground, 640, lambda what, _done, _of: heard.append(what))
    assert report.audit == "clean"
    assert report.extras["postings"] == 3200 and report.ratio is not None
    assert {"stocking", "yardstick", "audit"} <= set(heard)
