"""`chuanliu up --units-max`: gateways that come and go while clients keep asking."""

from __future__ import annotations

import http.client
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chuanliu.runtime import read_status
from live.running_platform import RunningPlatform, eventually, run_command


@pytest.fixture(scope="module")
def platform(scratch: Path) -> Iterator[RunningPlatform]:
    folder = Path(tempfile.mkdtemp(dir=scratch))
    folder.chmod(0o711)
    (folder / "calendar.yaml").write_text("events: []")
    options = ("--workers", "1", "--units-max", "4", "--calendar", str(folder / "calendar.yaml"))
    running = RunningPlatform(folder / "data", ("--sandbox", *options))
    running.start()
    eventually(lambda: running.child("planner").get("state") == "ready")
    yield running
    status, output = running.stop()
    assert status == 0, output


def units(platform: RunningPlatform, *words: str) -> Any:
    return platform.chuanliu("capacity", "units", *words)


def serving(platform: RunningPlatform, count: int) -> None:
    """Wait until so many gateways serve, and no other is there."""

    def states() -> list[str]:
        children = (read_status(platform.data) or {})["children"]
        return [child["state"] for child in children if child["name"].startswith("gateway-")]

    eventually(lambda: states() == ["ready"] * count, 60)


class Asking:
    """Clients on connections that are kept alive, each with its own pauses; what fails is kept."""

    def __init__(self, port: int, clients: int = 6) -> None:
        self.failures: list[str] = []
        self.answered = 0
        self._port = port
        self._running = True
        self._threads = [threading.Thread(target=self._ask, args=(0.004 * 3**n,)) for n in range(clients)]

    def __enter__(self) -> Asking:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        for thread in self._threads:
            thread.join()

    def _ask(self, pause_s: float) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        while self._running:
            try:
                connection.request("GET", "/healthz")
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.failures.append(str(answer.status))
                self.answered += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            time.sleep(pause_s)
        connection.close()


def test_units_come_by_hand_and_leave_and_no_request_fails(platform: RunningPlatform) -> None:
    with Asking(platform.port) as asking:
        for _ in range(2):
            assert units(platform, "--at-least", "3")["wish"].startswith("at least 3 until ")
            serving(platform, 3)
            units(platform, "--at-least", "0")
            serving(platform, 1)
    assert asking.failures == []
    assert asking.answered > 100
    found = units(platform)
    assert (found["wanted"], found["failed"], found["came"], found["left"]) == (1, 0, 4, 4)
    assert {unit["phase"] for unit in found["ended"]} == {"gone"}
    shown = run_command("capacity", "units", "--data", str(platform.data))
    assert "gateway-1" in shown.stdout and "always there" in shown.stdout


def test_a_unit_that_dies_is_replaced_and_scrapers_see_all_of_it(platform: RunningPlatform) -> None:
    units(platform, "--at-least", "2")
    serving(platform, 2)
    before = units(platform)["failed"]
    pid = platform.child("gateway-2")["pid"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: platform.child("gateway-2").get("pid") not in (None, pid), 60)
    serving(platform, 2)
    found = units(platform)
    assert found["failed"] == before + 1
    assert (found["ended"][0]["phase"], found["ended"][0]["reason"]) == ("failed", "died")
    text = platform.request("GET", "/metrics")[1]
    assert 'chuanliu_units{state="open"} 2.0' in text
    assert 'chuanliu_units_wanted{by="hand"} 2.0' in text
    assert f"chuanliu_units_failed_total {before + 1}.0" in text
    assert 'chuanliu_unit_connections{unit="gateway-2"}' in text
    units(platform, "--at-least", "0")
    serving(platform, 1)


def test_units_come_by_the_calendar(platform: RunningPlatform) -> None:
    calendar = platform.data.parent / "calendar.yaml"
    event = {"start": datetime.now(UTC).isoformat(timespec="seconds"), "duration_minutes": 60, "tenant": "north"}
    lines = "".join(f"    {name}: {value}\n" for name, value in event.items())
    calendar.write_text(f"events:\n  -\n{lines}    peak_per_s: {{p50: 100, p90: 150, p99: 250}}\n")
    serving(platform, 3)
    found = units(platform)
    assert (found["by_plan"], found["by_hand"], found["by_load"]) == (3, 0, 0)
    calendar.write_text("events: []")
    serving(platform, 1)


def test_what_cannot_be_is_refused(platform: RunningPlatform, scratch: Path) -> None:
    data = ("--data", str(platform.data))
    for words, said in (
        (("--at-least", "2", "--minutes", "0", *data), "above 0"),
        (("--data", str(scratch / "nowhere")), "nothing runs"),
    ):
        done = run_command("capacity", "units", *words)
        assert done.returncode == 1
        assert said in done.stderr
