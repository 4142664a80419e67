"""Windows that a plan sets aside for offline jobs, from the command that plans to the list of jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
import pytest
from typer.testing import CliRunner

from chuanliu.capacity import Terms, Window, Work, make_plan, windows_of
from chuanliu.cli import app
from chuanliu.clock import HOUR, MINUTE
from chuanliu.offline import JobState, LedgerAudit, Span, job_store, may_work
from trade.market import Market

STEP = 5 * MINUTE


def test_slots_that_touch_are_one_window() -> None:
    promised = np.array([[0, 0, 0, 400, 400, 0, 0, 0.0]])
    work = Work(name="audit", first=1, last=8, amount=10.0, units_max=2.0)
    terms = Terms(unit_rate=100, units_max=4)
    plan = make_plan(["north"], promised, terms, [work])
    found = windows_of(plan, 1000 * HOUR, STEP)
    begin = 1000 * HOUR
    assert found == {"audit": [Window(begin + STEP, begin + 3 * STEP), Window(begin + 5 * STEP, begin + 8 * STEP)]}
    assert windows_of(make_plan(["north"], promised, terms), begin, STEP) == {}


def state(**changed: object) -> JobState:
    asked = {"due_at": 0, "finish_by": HOUR, "started_at": None, "finished_at": None, "problem": ""}
    counted = {"done": 0, "total": 100, "worked_us": 0, "paused": False, "status": "idle", "name": "audit"}
    return JobState(**{**asked, **counted, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("windows", "now", "may"),
    [
        ([], 0, True),
        ([Span(0, MINUTE)], 0, True),
        ([Span(0, MINUTE)], MINUTE, True),
        ([Span(MINUTE, 2 * MINUTE)], 0, False),
        ([Span(0, MINUTE), Span(5 * MINUTE, 6 * MINUTE)], MINUTE, False),
        ([Span(0, MINUTE), Span(5 * MINUTE, 6 * MINUTE)], 5 * MINUTE, True),
        ([Span(2 * HOUR, 3 * HOUR)], 0, True),
        ([Span(HOUR - MINUTE, 2 * HOUR)], 59 * MINUTE + 1, True),
        ([Span(HOUR - MINUTE // 2, 2 * HOUR)], 58 * MINUTE, False),
        ([Span(HOUR - MINUTE // 2, 2 * HOUR)], 59 * MINUTE + 1, True),
    ],
)
def test_when_a_job_may_work(windows: list[Span], now: int, may: bool) -> None:
    assert may_work(state(), windows, now) is may


@pytest.fixture
def files(market: Market, tmp_path: Path) -> Iterator[tuple[str, str]]:
    with psycopg.connect(market.url, autocommit=True) as connection:
        connection.execute("DELETE FROM offline_job")
        job_store.enrol(connection, [LedgerAudit()])
    evening = (datetime.now(UTC) + timedelta(hours=3)).replace(minute=0, second=0, microsecond=0)
    calendar, jobs = tmp_path / "calendar.yaml", tmp_path / "jobs.yaml"
    calendar.write_text(
        f"events:\n  - {{tenant: north, start: '{evening.isoformat()}', duration_minutes: 60,"
        " peak_per_s: {p50: 100, p90: 150, p99: 300}}\n"
    )
    end = evening + timedelta(hours=4)
    jobs.write_text(
        f"jobs:\n  - {{name: audit, from: '{evening.isoformat()}', deadline: '{end.isoformat()}',"
        " unit_minutes: 300, units_max: 3}\n"
    )
    yield str(calendar), str(jobs)


def test_the_command_puts_the_plans_windows_in_force(market: Market, files: tuple[str, str]) -> None:
    calendar, jobs = files
    words = ["--calendar", calendar, "--jobs", jobs, "--units-max", "3", "--database-url", market.url, "--json"]
    done = CliRunner().invoke(app, ["capacity", "windows", *words])
    assert done.exit_code == 0, done.output
    windows = json.loads(done.stdout)["windows"]
    assert windows
    assert {one["job"] for one in windows} == {"audit"}
    shown = CliRunner().invoke(app, ["offline", "list", "--database-url", market.url, "--json"])
    [job] = json.loads(shown.stdout)["jobs"]
    assert job["windows"] == [{"from": one["from"], "until": one["until"]} for one in windows]
    plain = CliRunner().invoke(app, ["offline", "list", "--database-url", market.url])
    assert f"window at {windows[0]['from']}" in plain.stdout


def test_windows_of_unknown_jobs_and_plans_without_jobs_are_refused(market: Market, files: tuple[str, str]) -> None:
    calendar, jobs = files
    Path(jobs).write_text(Path(jobs).read_text().replace("name: audit", "name: nothing"))
    common = ["--calendar", calendar, "--units-max", "3", "--database-url", market.url]
    unknown = CliRunner().invoke(app, ["capacity", "windows", *common, "--jobs", jobs])
    assert unknown.exit_code != 0
    assert "job_not_found" in str(unknown.exception)
    without = CliRunner().invoke(app, ["capacity", "windows", *common])
    assert without.exit_code != 0
    assert "--jobs" in str(without.exception)
    assert market.one("SELECT count(*) FROM offline_window") == 0
