"""A bank simulator as a process of a run: one bank on the real wire, that answers as late as a real one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import msgspec

from chuanliu.bench.platform_process import PlatformFailed
from chuanliu.connectors import BankListing, FaultPlan

_STOP_SECONDS = 10.0


class BankProcess:
    """Use it as a context. `port` is where the bank listens."""

    def __init__(self, folder: Path, code: str, protocol: str, latency_ms: int) -> None:
        self.port = 0
        self._code = code
        self._file = folder / f"{code}.json"
        self._listing = BankListing(code=code, protocol=protocol, faults=FaultPlan(latency_ms=latency_ms))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._file.write_bytes(msgspec.json.encode([self._listing]))
        command = "from chuanliu.cli import main; main()"
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", command, "bank-simulator", "--banks", str(self._file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.communicate()
            raise PlatformFailed("the bank simulator did not start")
        ready: dict[str, Any] = msgspec.json.decode(line)
        self.port = ready["banks"][self._code]["port"]
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    @property
    def pids(self) -> list[int]:
        """The simulator's."""
        return [] if self._process is None else [self._process.pid]
