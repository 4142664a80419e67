"""`chuanliu tenant`, as real commands on a real database."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from chuanliu.capacity import read_trace
from chuanliu.cli import app
from chuanliu.clock import MINUTE, SECOND
from chuanliu.errors import ChuanliuError
from chuanliu.ids import SHADOW_PARTIES
from chuanliu.metering import CASHIER_TENANT, UNKNOWN_TENANT, MeteredRow, TrafficClass, meter_store
from chuanliu.serving import LATENCY_BUCKETS_S

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def invoke(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Run:
    data = tmp_path_factory.mktemp("data")
    variables = {"CHUANLIU_DATA": str(data), "CHUANLIU_DATABASE_URL": database_url, "CHUANLIU_SANDBOX": "true"}
    return lambda *words: CliRunner().invoke(app, list(words), env=variables)


@pytest.fixture(scope="module")
def answer(invoke: Run) -> Callable[..., Any]:
    def answer(*words: str) -> Any:
        done = invoke(*words, "--json")
        assert (done.exit_code, done.exception) == (0, None), done
        return json.loads(done.stdout)

    return answer


def test_settings_are_shown_set_kept_and_forgotten(answer: Callable[..., Any]) -> None:
    merchant = str(answer("merchant", "add", "Tea house")["seller_id"])
    default = {"tenant": merchant, "guarantee_per_s": 0, "weight": 1, "burst_per_s": None, "lendable_bps": 5000}
    assert answer("tenant", "show", merchant) == {**default, "last_minute": {}}
    assert answer("tenant", "limit") == {"limit_per_s": None, "warning": None}
    assert answer("tenant", "limit", "1000")["limit_per_s"] == 1000
    set_once = answer("tenant", "set", merchant, "--guarantee", "50", "--burst", "200")
    assert set_once == {**default, "guarantee_per_s": 50, "burst_per_s": 200, "warning": None}
    again = answer("tenant", "set", merchant, "--weight", "2", "--burst", "none")
    assert (again["guarantee_per_s"], again["weight"], again["burst_per_s"]) == (50, 2, None)
    assert "more than the pool's limit" in answer("tenant", "set", "cashier", "--guarantee", "951")["warning"]
    listed = answer("tenant", "list")["tenants"]
    assert [one["tenant"] for one in listed] == ["cashier", merchant]
    assert answer("tenant", "set", merchant, "--default") == {**default, "warning": None}
    assert answer("tenant", "limit", "none")["limit_per_s"] is None


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        (("limit", "0"), "invalid_parameter", "limit"),
        (("limit", "nan"), "invalid_parameter", "limit"),
        (("limit", "many"), "invalid_parameter", "limit"),
        (("set", "2088000000000000"), "merchant_not_found", None),
        (("show", "somebody"), "invalid_parameter", "tenant"),
        (("set", "cashier", "--burst", "x"), "invalid_parameter", "burst"),
        (("set", "unknown", "--burst", "0"), "invalid_parameter", "burst"),
        (("set", "unknown", "--guarantee", "9", "--burst", "8"), "invalid_parameter", "burst"),
        (("set", "unknown", "--weight", "0"), "invalid_parameter", "weight"),
        (("set", "unknown", "--lendable-bps", "10001"), "invalid_parameter", "lendable"),
        (("trace", "x.csv", "--days", "3", "--step-minutes", "90"), "invalid_parameter", "step_minutes"),
        (("trace", "x.csv", "--days", "2"), "invalid_parameter", "days"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    invoke: Run, words: tuple[str, ...], code: str, field: str | None
) -> None:
    refused = invoke("tenant", *words).exception
    assert isinstance(refused, ChuanliuError)
    assert (refused.code, refused.field) == (code, field)


def test_what_was_metered_is_written_as_a_trace(
    answer: Callable[..., Any], invoke: Run, database_url: str, tmp_path: Path
) -> None:
    now = time.time_ns() // 1000
    file = tmp_path / "trace.csv"

    def row(minutes_ago: int, offered: int, tenant_id: int = CASHIER_TENANT) -> MeteredRow:
        starts_at = (now - minutes_ago * MINUTE) // SECOND * SECOND
        counts = (offered, offered - 1, offered - 1, 1, 0)
        return MeteredRow(starts_at, tenant_id, TrafficClass.PAY, *counts, (0,) * (len(LATENCY_BUCKETS_S) + 1))

    async def work() -> None:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            rows = [row(30, 600), row(31, 300), row(30, 60, UNKNOWN_TENANT), row(60, 9, SHADOW_PARTIES + 5)]
            await meter_store.write_rows(connection, rows)

    asyncio.run(work())
    told = answer("tenant", "trace", str(file), "--days", "1", "--step-minutes", "10")
    assert (told["tenants"], told["step_minutes"]) == (2, 10)
    trace = read_trace(file.read_text())
    assert (trace.tenants, trace.step, trace.slots) == (["cashier", "unknown"], 10 * MINUTE, 144)
    assert trace.rates.sum(axis=1) * 600 == pytest.approx([900, 60])
    assert answer("capacity", "forecast", "--trace", str(file))["is_short"]
    unwritable = invoke("tenant", "trace", str(tmp_path / "none" / "x.csv")).exception
    assert isinstance(unwritable, ChuanliuError)
    assert unwritable.field == "file"
