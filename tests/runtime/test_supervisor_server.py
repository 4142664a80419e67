"""The supervisor: order, restart, refusal of a second one, and no orphans after its own kill -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from chuanliu.runtime import CannotStart
from chuanliu.runtime.child_server import ChildSpec, wait_until
from chuanliu.runtime.data_folder_store import STATUS_FILE
from chuanliu.runtime.supervisor_server import Supervisor
from live.running_platform import ended

SLEEPER = "import time\nwhile True: time.sleep(1)"
NOTES_ITS_END = """
import pathlib, signal, sys, time
def end(*_):
    with open(sys.argv[1], "a") as file:
        file.write(sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[1] + "." + sys.argv[2]).touch()
while True: time.sleep(0.05)
"""


def noting(name: str, notes: Path) -> ChildSpec:
    return ChildSpec(
        name,
        [sys.executable, "-c", NOTES_ITS_END, str(notes), name],
        ready=lambda: Path(f"{notes}.{name}").exists(),
        grace_seconds=10,
    )


def test_groups_stop_in_reverse_order(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with Supervisor(tmp_path) as supervisor:
        for name in ("database", "worker", "gateway"):
            assert supervisor.start(noting(name, notes))
    assert notes.read_text().split() == ["gateway", "worker", "database"]
    assert json.loads((tmp_path / STATUS_FILE).read_text())["state"] == "stopped"


def test_a_killed_child_is_started_again(tmp_path: Path) -> None:
    lines: list[str] = []
    with Supervisor(tmp_path, report=lines.append) as supervisor:
        supervisor.start(ChildSpec("sleeper", [sys.executable, "-c", SLEEPER]))
        first = supervisor.pid_of("sleeper")
        assert first is not None
        os.kill(first, signal.SIGKILL)

        def stop_when_back() -> None:
            if supervisor.pid_of("sleeper") not in {first, None} and len(lines) > 1:
                supervisor.request_stop()

        supervisor.run(stop_when_back)
    assert lines == ["sleeper ended (signal SIGKILL); starting it again in 0.1 s", "sleeper is up again"]


def test_a_child_that_never_becomes_ready_says_its_last_line(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="broken does not become ready: no such luck"), Supervisor(tmp_path) as sup:
        sup.start(ChildSpec("broken", [sys.executable, "-c", "exit('no such luck')"], ready_seconds=1, ready=bool))


def test_a_child_that_ends_before_it_is_ready_is_tried_again(tmp_path: Path) -> None:
    """As PostgreSQL does while orphans of a killed one still hold its shared memory."""
    tries = tmp_path / "tries"
    program = f"""
import pathlib, sys, time
tries = pathlib.Path({str(tries)!r})
with tries.open("a") as file:
    file.write("x")
if len(tries.read_text()) < 3:
    sys.exit("still in use")
tries.with_suffix(".ready").touch()
time.sleep(60)
"""
    spec = ChildSpec("late", [sys.executable, "-c", program], ready=tries.with_suffix(".ready").exists)
    with Supervisor(tmp_path) as supervisor:
        assert supervisor.start(spec)
        assert tries.read_text() == "xxx"


def test_a_signal_during_the_start_ends_it(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        os.kill(os.getpid(), signal.SIGTERM)
        assert not supervisor.start(ChildSpec("sleeper", [sys.executable, "-c", SLEEPER]))


def test_a_second_supervisor_on_the_folder_is_refused(tmp_path: Path) -> None:
    with Supervisor(tmp_path), pytest.raises(CannotStart, match="in use by another run"), Supervisor(tmp_path):
        pass


def test_no_child_survives_a_killed_supervisor(tmp_path: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from chuanliu.runtime.child_server import ChildSpec
from chuanliu.runtime.supervisor_server import Supervisor
with Supervisor(Path({str(tmp_path)!r})) as supervisor:
    supervisor.start(ChildSpec("sleeper", [sys.executable, "-c", {SLEEPER!r}]))
    supervisor.run()
"""
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        assert wait_until(lambda: _state(tmp_path) == "running", 20)
        sleeper = psutil.Process(json.loads((tmp_path / STATUS_FILE).read_text())["children"][0]["pid"])
    finally:
        process.kill()
        process.wait()
    if sys.platform != "linux":
        assert not ended(sleeper)
    with Supervisor(tmp_path):
        assert wait_until(lambda: ended(sleeper), 5)


def test_ctrl_c_ends_a_run_within_its_grace(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(noting("gateway", notes))
        began = time.monotonic()
        supervisor.run(lambda: os.kill(os.getpid(), signal.SIGINT))
        assert time.monotonic() - began < 5
    assert notes.read_text() == "gateway\n"


def _state(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / STATUS_FILE).read_text())["state"])
    except (OSError, ValueError):
        return None
