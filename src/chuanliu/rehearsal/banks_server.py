"""The banks of a rehearsal: the bank simulator as a process of its own, on free ports of this machine."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from chuanliu.connectors import BankListing
from chuanliu.errors import Unavailable

_STOP_S: Final = 10.0
_JOURNAL: Final = "rehearsal-banks.journal"


@contextmanager
def simulated_banks(data: Path, listings: Sequence[BankListing]) -> Iterator[dict[str, int]]:
    """Serve banks while the context lasts; gives the port of each by its code. Their books outlive the run.

    Raises `Unavailable` when the simulator does not start.
    """
    data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="chuanliu-banks-") as folder:
        file = Path(folder) / "banks.json"
        file.write_bytes(msgspec.json.encode(list(listings)))
        arguments = ["bank-simulator", "--banks", str(file), "--journal", str(data / _JOURNAL)]
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "chuanliu.cli", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise Unavailable("the bank simulator did not start")
            ready: dict[str, Any] = msgspec.json.decode(line)
            yield {code: int(one["port"]) for code, one in ready["banks"].items()}
        finally:
            process.terminate()
            try:
                process.communicate(timeout=_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
