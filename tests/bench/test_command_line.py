"""`chuanliu bench`: one JSON object, help for each name, status 1 with a sentence when something is missing."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chuanliu.cli.bench import app

PROMISED = {"name", "per_second", "yardstick_per_second", "ratio", "p50_ms", "p99_ms", "audit"}
NAMES = [
    "pay",
    "instalments",
    "quote",
    "capacity",
    "bills",
    "assistant",
    "ledger",
    "memory",
    "baseline",
    "rsa",
    "generator",
    "all",
]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_help(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert name in result.output


def test_rsa_prints_one_object() -> None:
    result = CliRunner().invoke(app, ["rsa", "--seconds", "0.1", "--json"])
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert set(report) >= PROMISED
    assert report["name"] == "rsa"
    assert report["extras"]["rsa"]["cores"] == report["machine"]["cores"]
    assert report["per_second"] == report["extras"]["rsa"]["payments_all_cores"] > 0


def test_quote_prints_one_object() -> None:
    result = CliRunner().invoke(app, ["quote", "--seconds", "1", "--json"])
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert set(report) >= PROMISED
    assert report["name"] == "quote"
    assert report["audit"] == "clean"
    assert report["extras"]["goals"]["p50_ms"]["below"] == 5.0


def test_capacity_holds_the_plan_against_other_policies() -> None:
    result = CliRunner().invoke(app, ["capacity", "--days", "1", "--json"])
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["name"], report["audit"]) == ("capacity", "clean")
    assert report["extras"]["steps"]["over_share_plan"] < report["extras"]["steps"]["over_share_reactive"]
    bounds = {"units_over_reactive", "units_over_static", "over_of_reactive", "smooth_units", "plan_ms"}
    assert set(report["extras"]["goals"]) == bounds


def test_the_generator_measures_itself(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["generator", "--seconds", "1", "--data", str(tmp_path), "--json"])
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert set(report) >= PROMISED
    assert report["outcomes"].keys() == {"accepted"}
    assert list((tmp_path / "bench").iterdir()) == []


def test_without_json_there_is_a_table() -> None:
    result = CliRunner().invoke(app, ["rsa", "--seconds", "0.1"])
    assert result.exit_code == 0
    assert "bench rsa" in result.output
    assert "payments_all_cores" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["pay", "--dialect", "morse"],
        ["pay", "--merchants", "0"],
        ["pay", "--seconds", "0"],
        ["instalments", "--pairs", "0"],
        ["ledger", "--batch", "999"],
        ["memory", "--seconds", "1"],
    ],
)
def test_nonsense_is_refused_before_anything_starts(arguments: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [*arguments, "--data", str(tmp_path)])
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []
