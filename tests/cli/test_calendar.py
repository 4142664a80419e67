"""`chuanliu calendar`, as real commands on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from chuanliu.calendars import read_calendar, write_icalendar
from chuanliu.cli import app
from chuanliu.errors import ChuanliuError

Run = Callable[..., Result]

TWO = """
events:
  - {tenant: cashier, name: opening, start: 2026-11-11T20:00:00+08:00, duration_minutes: 60,
     peak_per_s: {p50: 100, p90: 150, p99: 300}}
  - {tenant: cashier, name: a host, shape: pulse, duration_minutes: 5,
     window: {from: 2026-11-11T19:30:00+08:00, to: 2026-11-11T23:00:00+08:00},
     peak_per_s: {p50: 40, p90: 60, p99: 90}}
"""


@pytest.fixture(scope="module")
def invoke(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Run:
    data = tmp_path_factory.mktemp("data")
    variables = {"CHUANLIU_DATA": str(data), "CHUANLIU_DATABASE_URL": database_url, "CHUANLIU_SANDBOX": "true"}
    return lambda *words: CliRunner().invoke(app, list(words), env=variables)


def answer(invoke: Run, *words: str) -> Any:
    done = invoke(*words, "--json")
    assert (done.exit_code, done.exception) == (0, None), done
    return json.loads(done.stdout)


def test_put_list_overlaps_remove_from_both_kinds_of_files(invoke: Run, tmp_path: Path) -> None:
    plain, ical = tmp_path / "two.yaml", tmp_path / "two.ics"
    plain.write_text(TWO)
    ical.write_text(write_icalendar(read_calendar(TWO), 0), newline="")
    put = answer(invoke, "calendar", "put", "autumn", str(plain))
    assert (put["calendar"], put["events"], put["overlaps"]) == ("autumn", 2, 1)
    assert put["conflicts"][0]["tenants"] == ["cashier"]
    listed = answer(invoke, "calendar", "list")["events"]
    assert [(one["calendar"], one["name"], one["peak_per_s"]) for one in listed] == [
        ("autumn", "opening", "100 / 150 / 300"),
        ("autumn", "a host", "40 / 60 / 90"),
    ]
    assert listed[1]["start"] == "2026-11-11T11:30:00.000Z to 2026-11-11T15:00:00.000Z"
    assert answer(invoke, "calendar", "put", "autumn", str(ical)) == put
    assert answer(invoke, "calendar", "list")["events"] == listed
    (overlap,) = answer(invoke, "calendar", "overlaps")["overlaps"]
    assert (overlap["names"], overlap["is_conflict"]) == ("opening, a host", True)
    for words in (("calendar", "list"), ("calendar", "overlaps"), ("calendar", "put", "autumn", str(plain))):
        assert invoke(*words).exit_code == 0
    assert answer(invoke, "calendar", "remove", "autumn") == {"calendar": "autumn", "removed": True}
    assert answer(invoke, "calendar", "list")["events"] == []


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("Autumn", TWO, "invalid_parameter"),
        ("autumn", "events: [", "invalid_parameter"),
        ("autumn", TWO.replace("cashier", "north"), "invalid_parameter"),
        ("autumn", TWO.replace("cashier", "2088999999999999"), "merchant_not_found"),
    ],
)
def test_what_is_wrong_is_said(invoke: Run, tmp_path: Path, name: str, text: str, code: str) -> None:
    file = tmp_path / "one.yaml"
    file.write_text(text)
    done = invoke("calendar", "put", name, str(file))
    assert isinstance(done.exception, ChuanliuError)
    assert done.exception.code == code
    gone = invoke("calendar", "remove", "autumn")
    assert isinstance(gone.exception, ChuanliuError)
    assert gone.exception.code == "calendar_not_found"
