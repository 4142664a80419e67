"""`chuanliu capacity`, as a real process."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from calendars.test_calendar import SOUTH, STEP

SHIPPED = str(Path(__file__).parents[2] / "scenarios" / "double-eleven.yaml")


def capacity(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from chuanliu.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "capacity", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def written(folder: Path) -> tuple[str, str]:
    trace, calendar = folder / "trace.csv", folder / "calendar.yaml"
    rows = [
        f"2026-11-11T{19 + minute // 60}:{minute % 60:02}:00+08:00,north,{220 if 60 <= minute < 120 else 20}"
        for minute in range(180)
    ]
    trace.write_text("\n".join(["time,tenant,requests_per_s", *reversed(rows)]))
    calendar.write_text(STEP)
    return str(trace), str(calendar)


def test_evaluate_prints_four_policies(tmp_path: Path) -> None:
    trace, calendar = written(tmp_path)
    done = capacity(
        "evaluate", "--trace", trace, "--calendar", calendar, "--lag-s", "300", "--unit-rate", "10", "--json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert list(found) == ["static", "reactive", "plan", "oracle"]
    for one in found.values():
        assert list(one) == ["unit_minutes", "over_share", "worst_tenant", "worst_tenant_over_share"]
    assert found["static"]["unit_minutes"] == 22 * 180
    assert found["oracle"] == {
        "unit_minutes": 22 * 60 + 2 * 120, "over_share": 0.0, "worst_tenant": "north", "worst_tenant_over_share": 0.0
    }  # fmt: skip
    # Six minutes at 220 with units for 30: the first slot of the peak is seen at its end, its units start 5 min later.
    assert abs(found["reactive"]["over_share"] - 6 * 190 / (220 * 60 + 20 * 120)) < 1e-6
    assert found["plan"]["over_share"] == 0
    assert found["plan"]["unit_minutes"] < found["reactive"]["unit_minutes"]


def test_people_get_a_table_and_precise_errors(tmp_path: Path) -> None:
    trace, calendar = written(tmp_path)
    assert "reactive" in capacity("evaluate", "--trace", trace).stdout
    done = capacity("evaluate", "--trace", str(tmp_path / "none.csv"))
    assert done.returncode == 1 and "none.csv cannot be read: No such file" in done.stderr
    assert "Traceback" not in done.stderr
    assert capacity("evaluate", "--trace", trace, "--lag-s", "-1").returncode == 1
    assert capacity("evaluate", "--trace", trace, "--unit-rate", "0").returncode == 1
    assert "line 1" in capacity("evaluate", "--trace", calendar).stderr


def test_conflicts(tmp_path: Path) -> None:
    calendar = tmp_path / "calendar.yaml"
    calendar.write_text(STEP + SOUTH)
    found = json.loads(capacity("conflicts", "--calendar", str(calendar), "--json").stdout)["overlaps"]
    assert found[0]["tenants"] == ["host", "north"]
    assert "overlap: north step, host pulse" in capacity("conflicts", "--calendar", str(calendar)).stdout


def test_plan_and_why(tmp_path: Path) -> None:
    _, calendar = written(tmp_path)
    found = json.loads(capacity("plan", "--calendar", calendar, "--json").stdout)
    assert (len(found["slots"]), [one["units"] for one in found["slots"]].count(3)) == (288, 12)
    done = capacity("why", "north", "2026-11-11T20:10:00+08:00", "--calendar", calendar)
    assert "north is guaranteed 300 requests/s" in done.stdout
    assert "24 hours" in capacity("why", "north", "2026-11-13T20:10:00+08:00", "--calendar", calendar).stderr
    assert "2 units serve 200/s" in capacity("plan", "--calendar", calendar, "--units-max", "2").stderr


def test_what_the_docs_show_runs(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "capacity.md").read_text()
    trace, calendar = written(tmp_path)
    example, jobs = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    Path(calendar).write_text(example)
    (tmp_path / "jobs.yaml").write_text(jobs)
    planned = capacity("plan", "--calendar", calendar, "--jobs", str(tmp_path / "jobs.yaml"), "--json").stdout
    given = sum(slot["offline_units"]["archive"] * 5 for slot in json.loads(planned)["slots"])
    assert abs(given - 600) < 0.01
    shown = re.findall(r"^\$ chuanliu capacity (.*)$", text, re.MULTILINE)
    assert len(shown) == 8
    for line in shown:
        words = [
            {"scenarios/double-eleven.yaml": SHIPPED, "trace.csv": trace, "calendar.yaml": calendar}.get(word, word)
            for word in shlex.split(line)
        ]
        done = capacity(*words)
        assert (done.returncode, done.stderr) == (0, ""), line
        assert done.stdout
