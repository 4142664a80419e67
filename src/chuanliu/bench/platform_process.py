"""`chuanliu up` as a process of a run: started with its own command on a data folder, asked and stopped with others."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from chuanliu.bench.report import CLEAN
from chuanliu.runtime import Settings, gateway_answers, read_status

_READY_SECONDS = 120.0
_STOP_SECONDS = 60.0
_EXCERPT = 1000


class PlatformFailed(RuntimeError):
    """A command of the platform failed, or its gateway did not come up; the message is the end of its output."""


class Merchant(msgspec.Struct, frozen=True):
    """What `chuanliu merchant add --json` prints, as far as a run needs it."""

    app_id: str
    seller_id: str
    app_private_key: str
    platform_public_key: str
    api_key: str


class PlatformProcess:
    """A supervisor and its children. `start` may follow `kill`: the data is the same."""

    host = "127.0.0.1"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The supervisor's, while it was started here and lives."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start and wait for the gateway. Raises `PlatformFailed` when it does not come up."""
        self.settings.data.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603
                _command("up"), env=self._environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise PlatformFailed(self._last_output())
            if self._is_up():
                return
            time.sleep(0.2)
        raise PlatformFailed(f"the gateway was not ready in time: {self._last_output()}")

    def stop(self) -> None:
        """Stop in order; what does not end within a minute is killed."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """`kill -9` of the supervisor alone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def status(self) -> dict[str, Any]:
        """The supervisor's status file; empty before the first start."""
        return read_status(self.settings.data) or {}

    def roles(self) -> dict[str, list[int]]:
        """Process ids of the running children by name without number: gateway, worker, postgres."""
        roles: dict[str, list[int]] = {}
        for child in self.status().get("children", []):
            if child.get("pid") is not None:
                roles.setdefault(str(child["name"]).rstrip("-0123456789"), []).append(int(child["pid"]))
        return roles

    def add_merchant(self, name: str) -> Merchant:
        """Add a merchant with its command. Raises `PlatformFailed`."""
        done = self._run("merchant", "add", name, "--json")
        if done.returncode != 0:
            raise PlatformFailed(done.stderr[-_EXCERPT:])
        return msgspec.json.decode(done.stdout, type=Merchant)

    def audit_books(self) -> str:
        """ "clean" when `chuanliu audit` exits with 0, else the end of what it printed."""
        done = self._run("audit", "--json")
        return CLEAN if done.returncode == 0 else (done.stdout + done.stderr)[-_EXCERPT:] or f"status {done.returncode}"

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            _command(*arguments), env=self._environment(), capture_output=True, text=True, check=False
        )

    def _environment(self) -> dict[str, str]:
        return os.environ | self.settings.to_environment()

    def _is_up(self) -> bool:
        """Whether this supervisor's children are: those of one that was killed may answer for a while."""
        status = self.status()
        is_ours = self._process is not None and status.get("supervisor_pid") == self._process.pid
        return is_ours and status.get("state") == "running" and gateway_answers(self.settings, 2.0)

    @property
    def _log(self) -> Path:
        return self.settings.data / "up.log"

    def _last_output(self) -> str:
        return self._log.read_text(errors="replace")[-_EXCERPT:]


def free_port() -> int:
    """A loopback port that nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from chuanliu.cli import main; main()", *arguments]
