"""`chuanliu capacity scale` as a process, against a simulated API server."""

from __future__ import annotations

import signal
import subprocess
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chuanliu.elastic.kubernetes_simulator import SimulatedCluster, simulated_api_server
from live.running_platform import COMMAND, eventually, free_port, run_command


def calendar_of(path: Path, p99: int) -> str:
    start = datetime.now(UTC).isoformat(timespec="seconds")
    event = f"tenant: north, start: '{start}', duration_minutes: 60, peak_per_s: {{p50: 10, p90: 20, p99: {p99}}}"
    path.write_text(f"events:\n  - {{{event}}}\n")
    return str(path)


def test_pods_follow_the_calendar_and_stay_when_the_command_ends(tmp_path: Path) -> None:
    cluster = SimulatedCluster(namespace="pay", deployment="gate", start_s=0.5, stop_s=0.5)
    (tmp_path / "token").write_text("token")
    calendar = tmp_path / "calendar.yaml"
    port = free_port()
    with simulated_api_server(cluster) as url:
        words = ["--deployment", "gate", "--namespace", "pay", "--calendar", calendar_of(calendar, 350)]
        where = ["--api-server", url, "--token-file", str(tmp_path / "token"), "--metrics-port", str(port)]
        process = subprocess.Popen(
            [*COMMAND, "capacity", "scale", *words, *where], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            eventually(lambda: len(cluster.ready()) == 4 or process.poll() is not None, 60)
            assert process.poll() is None
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                text = answer.read().decode()
            assert 'chuanliu_units_wanted{by="plan"} 4.0' in text
            assert 'chuanliu_units{state="ready"}' in text
            calendar_of(calendar, 150)
            eventually(lambda: len(cluster.pods) == 2, 60)
        finally:
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=30)
        assert process.returncode == 0, output
        assert "Traceback" not in output
        assert (cluster.replicas, len(cluster.pods)) == (2, 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "a calendar, or a database"),
        (("--calendar", "CALENDAR", "--units-min", "9", "--units-max", "2"), "no more than the most"),
        (("--calendar", "CALENDAR"), "give --api-server"),
        (("--calendar", "CALENDAR", "--api-server", "gopher://x"), "http(s) URL"),
        (("--calendar", "CALENDAR", "--api-server", "https://127.0.0.1", "--ca-file", "nowhere.pem"), "cannot be read"),
        (("--calendar", "nowhere.yaml", "--api-server", "http://127.0.0.1"), "cannot be read"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    calendar = calendar_of(tmp_path / "calendar.yaml", 100)
    given = [calendar if word == "CALENDAR" else word for word in words]
    done = run_command("capacity", "scale", "--deployment", "gate", *given)
    assert done.returncode == 1, done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr
