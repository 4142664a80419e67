"""`chuanliu rehearse` on a running platform, beside real tenants: the shipped scenario at small scale."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chuanliu.ids import SHADOW_OFFSET, SHADOW_PARTIES
from chuanliu.runtime import read_status
from live.running_platform import COMMAND, RunningPlatform, eventually

EVENING = ("--from", "2026-11-11T19:55:00+08:00", "--scale", "0.01", "--hold", "0.25", "--payers", "40")
# How fast a machine is that does other things meanwhile is not what is tested.
PATIENT = ("--stop-times", "1000", "--latency-ms", "60000", "--connections", "32")


class RealMerchant(threading.Thread):
    """Asks for something that is not there, five times a second, and is always answered the same."""

    def __init__(self, platform: RunningPlatform) -> None:
        super().__init__(daemon=True)
        self._platform = platform
        self._key = platform.chuanliu("merchant", "add", "真商户")["api_key"]
        self.answers: list[int] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.wait(0.2):
            status, _ = self._platform.request("GET", "/v1/orders/1", authorization=f"Bearer {self._key}")
            self.answers.append(status)


@pytest.fixture(scope="module")
def platform(scratch: Path) -> Iterator[RunningPlatform]:
    running = RunningPlatform(scratch / "rehearsed")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def merchant(platform: RunningPlatform) -> Iterator[RealMerchant]:
    made = RealMerchant(platform)
    made.start()
    yield made
    made.stopping.set()
    made.join()


@pytest.fixture(scope="module")
def database(platform: RunningPlatform) -> Iterator[psycopg.Connection[Any]]:
    url = (read_status(platform.data) or {})["database_url"]
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def rehearsing(platform: RunningPlatform, *words: str) -> subprocess.Popen[str]:
    argv = [*COMMAND, "rehearse", "--data", str(platform.data), "--json", *words]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def count(database: psycopg.Connection[Any], what: str) -> int:
    row = database.execute(f"SELECT count(*) FROM {what}").fetchone()
    assert row is not None
    return int(row[0])


def test_the_shipped_scenario_runs_in_shadow(
    platform: RunningPlatform, merchant: RealMerchant, database: psycopg.Connection[Any], tmp_path: Path
) -> None:
    process = rehearsing(
        platform, "double-eleven", *EVENING, *PATIENT, "--minutes", "40", "--compress", "240", "--before", "2",
        "--output", str(tmp_path),
    )  # fmt: skip
    output, errors = process.communicate(timeout=180)
    report = json.loads(output) if output else pytest.fail(errors)
    assert process.returncode == (0 if report["status"] == "passed" else 1)
    # Whether promises were kept depends on the machine; the books do not.
    assert {one["kind"] for one in report["findings"]} <= {"promise_broken"}, (report["findings"], report["samples"])
    assert len(report["tenants"]) == 120
    assert report["offered"] == report["answered"] + report["turned_away"] > 300
    told, books = report["books"]["acknowledged"], report["books"]
    assert told["payments"] == books["stored_payments"] > 100 and told["by_card"] > 0 and told["refunds"] > 0
    assert (told["payments_minor"], books["joined"]) == (books["stored_minor"], 0)
    assert report["audit_clean"]
    assert report["cost_units"] > 8 * told["payments"] * 0.9
    assert {one["name"] for one in report["offline"]} >= {"leftovers", "statements"}
    # Real tenants were there all along, lost nothing, and their figures have nothing of the shadow's.
    assert report["real_during"]["offered"] > 10 and report["real_during"]["rejected"] == 0
    assert set(merchant.answers) == {404}
    shown = platform.request("GET", "/sandbox/live")[1]["figures"]
    assert shown["paid_count"] == "0"
    assert count(database, f"payment WHERE cell < {SHADOW_OFFSET}") == 0
    # Nothing of it can go on.
    assert count(database, "rehearsal_pool WHERE until > now()") == 0
    assert count(database, f"admission_tenant WHERE tenant_id >= {SHADOW_PARTIES}") == 0
    live = f"api_key WHERE merchant_id >= {SHADOW_PARTIES} AND (valid_until IS NULL OR valid_until > now())"
    assert count(database, live) == 0
    assert database.execute("SELECT scenario, status FROM rehearsal").fetchall() == [
        ("double-eleven", report["status"])
    ]
    (page,) = tmp_path.glob("*.html")
    text = page.read_text()
    assert text.count('<svg class="flows"') == 4 and "underestimated" in text and "<script" not in text


def test_what_it_left_is_removed_and_only_that(platform: RunningPlatform, database: psycopg.Connection[Any]) -> None:
    payer = platform.chuanliu("consumer", "add", "--name", "真顾客", "--balance", "100")["user_id"]
    removed = platform.chuanliu("rehearse", "--remove")["removed"]
    assert removed["payment"] > 100 and removed["transfer"] > 200 and removed["consumer"] == 100
    tables = ("orders", "payment", "transfer", "entry", "delta", "event", "outbox", "plan", "bank_call", "consumer")
    assert {table: count(database, f"{table} WHERE cell >= {SHADOW_OFFSET}") for table in tables} == dict.fromkeys(
        tables, 0
    )
    assert count(database, f"consumer WHERE consumer_id = {payer}") == 1
    assert platform.chuanliu("audit")["clean"]
    assert platform.chuanliu("rehearse", "--remove")["removed"] == {}


def test_it_stops_when_real_tenants_suffer(
    platform: RunningPlatform, merchant: RealMerchant, database: psycopg.Connection[Any], tmp_path: Path
) -> None:
    process = rehearsing(
        platform, "double-eleven", *EVENING, *PATIENT, "--no-banks", "--compress", "60", "--minutes", "180",
        "--before", "3", "--output", str(tmp_path),
    )  # fmt: skip
    try:
        eventually(lambda: count(database, "rehearsal WHERE status = 'running'"), 60)
        eventually(lambda: count(database, "planned_slot WHERE shadow AND starts_at > now()"), 30)
        other = rehearsing(platform, "double-eleven", *EVENING, "--compress", "240", "--minutes", "40")
        assert "under way" in other.communicate(timeout=60)[1] and other.returncode == 1
        time.sleep(2)
        platform.chuanliu("tenant", "limit", "0.5")
        output, errors = process.communicate(timeout=90)
    finally:
        process.kill()
        platform.chuanliu("tenant", "limit", "none")
    report = json.loads(output) if output else pytest.fail(errors)
    assert (process.returncode, report["status"]) == (1, "stopped")
    assert "turned away" in report["stopped_because"]
    assert report["findings"][-1]["kind"] == "stopped"
    assert report["audit_clean"] and report["seconds"] < 60
    assert count(database, "planned_slot WHERE shadow AND starts_at > now()") == 0
    assert 429 in merchant.answers


def test_who_ends_it_leaves_nothing_that_goes_on(platform: RunningPlatform, database: psycopg.Connection[Any]) -> None:
    process = rehearsing(platform, "double-eleven", *EVENING, *PATIENT, "--no-banks", "--compress", "60")
    try:
        eventually(lambda: count(database, "rehearsal WHERE status = 'running'"), 90)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=90)
    finally:
        process.kill()
    assert (process.returncode, output) == (1, "") and "was ended" in errors, errors
    assert count(database, "rehearsal WHERE status = 'running'") == 0
    assert count(database, "rehearsal_pool WHERE until > now()") == 0
    assert count(database, "planned_slot WHERE shadow AND starts_at > now()") == 0
    live = f"api_key WHERE merchant_id >= {SHADOW_PARTIES} AND (valid_until IS NULL OR valid_until > now())"
    assert count(database, live) == 0
    assert platform.chuanliu("audit")["clean"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("none-such.yaml",), "cannot be read"),
        ((), "say which scenario"),
        (("double-eleven", "--from", "yesterday"), "ISO 8601"),
        (("double-eleven", "--compress", "-1"), "above 0"),
        (("double-eleven", "--compress", "60", "--gateway", "https://pay.example"), "--gateway must be"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(platform: RunningPlatform, words: tuple[str, ...], told: str) -> None:
    process = rehearsing(platform, *words)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and told in errors
