"""The platform as real processes, started and stopped as a person would, and a client without comforts."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from chuanliu.runtime import read_status

COMMAND: Final = [sys.executable, "-c", "from chuanliu.cli import main; main()"]
READY_S: Final = 90.0


def free_port() -> int:
    """A loopback port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ended(process: psutil.Process) -> bool:
    """Whether the process does nothing any more, be it reaped or left a zombie by an init that does not reap."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def eventually(check: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The first truthy answer of `check`. Fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)
    return found


@dataclass
class RunningPlatform:
    """`chuanliu up` on one data folder. `options` are further words of the command line."""

    data: Path
    options: tuple[str, ...] = ("--sandbox",)
    command: str = "up"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start and wait until a gateway answers, and commands find the platform."""
        argv = [*COMMAND, self.command, "--data", str(self.data), "--port", str(self.port), *self.options]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        process = self.process

        def answers() -> bool:
            assert process.poll() is None, process.communicate()[0]
            return self.is_healthy() and (read_status(self.data) or {}).get("state") == "running"

        eventually(answers, READY_S)

    def stop(self) -> tuple[int, str]:
        """Ctrl-C; status and output of the command."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output

    def is_healthy(self) -> bool:
        """Whether a gateway answers."""
        try:
            return self.request("GET", "/healthz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def processes(self) -> list[psutil.Process]:
        """The command and all that it started."""
        assert self.process is not None
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def child(self, name: str) -> dict[str, Any]:
        """What the status file says of a child."""
        status = read_status(self.data) or {}
        return next((child for child in status.get("children", []) if child["name"] == name), {})

    def chuanliu(self, *words: str) -> Any:
        """Run a command with `--json` and return what it printed."""
        done = run_command(*words, "--data", str(self.data), "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status, and the answer read as JSON where it is some."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = None if body is None else json.dumps(body)
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, sent, {"content-type": "application/json", **names})
            response = connection.getresponse()
            text = response.read()
            is_json = "json" in response.headers.get("content-type", "")
            return response.status, json.loads(text) if is_json and text else text.decode()
        finally:
            connection.close()

    def ask(self, api_key: str, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """A call of the native API that must succeed."""
        headers = {"authorization": f"Bearer {api_key}"} | ({"idempotency_key": key} if key else {})
        status, answer = self.request(method, path, body, **headers)
        assert status < 300, answer
        return answer

    def pay(self, api_key: str, user_id: str, key: str, value: str = "8.88") -> Any:
        """A payment by a fresh code."""
        code = self.chuanliu("consumer", "code", user_id)["auth_code"]
        return self.pay_code(api_key, code, key, value)

    def pay_code(self, api_key: str, code: str, key: str, value: str = "8.88") -> Any:
        """A payment by this code."""
        body = {"payment_code": code, "amount": {"currency": "CNY", "value": value}, "subject": "龙井茶"}
        return self.ask(api_key, "POST", "/v1/payments", body, key)


def run_command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with nothing of this process's environment that names an installation."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("CHUANLIU_")}
    return subprocess.run([*COMMAND, *words], env=variables, capture_output=True, text=True, timeout=60, check=False)
