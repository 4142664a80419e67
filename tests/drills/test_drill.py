"""Processes are killed under load: no acknowledged payment is lost, none is doubled, and the books are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from chuanliu.drill import DrillPlan, DrillReport, run_drill
from chuanliu.drill.victims import POSTGRES


def check(report: DrillReport, kills: int) -> None:
    assert report.violations == []
    assert report.audit == "clean"
    assert report.is_clean
    assert sum(report.kills.values()) == kills
    assert 3 * sum(count for victim, count in report.kills.items() if victim in POSTGRES) >= kills
    assert all(count for what, count in report.acknowledged.items() if what != "card payments")
    assert report.notifications > 0
    assert report.events >= report.acknowledged["payments"]


def test_four_kills(scratch: Path) -> None:
    home = scratch / "drill"
    check(run_drill(DrillPlan(kills=4, between=(0.3, 1.0), workers=2), home), 4)
    assert list(home.iterdir()) == []


@pytest.mark.long
def test_thirty_kills(scratch: Path) -> None:
    report = run_drill(DrillPlan(kills=30, between=(1.0, 4.0), workers=3), scratch / "long-drill")
    check(report, 30)
    assert set(report.kills) == {"gateway", "worker", "backend", "auxiliary", "postmaster", "supervisor"}


@pytest.mark.long
def test_banks_with_every_fault_and_kills(scratch: Path) -> None:
    report = run_drill(DrillPlan(kills=12, between=(1.0, 4.0), workers=2, banks=True), scratch / "bank-drill")
    check(report, 12)
    assert report.kills["banks"] == 2
    assert report.bank_payments == report.acknowledged["card payments"] > 0
