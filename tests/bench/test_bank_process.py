"""The bank of a run is a process that listens, and ends with the run."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil
import pytest

from chuanliu.bench.bank_process import BankProcess
from chuanliu.bench.platform_process import PlatformFailed


def test_a_bank_listens_and_ends(tmp_path: Path) -> None:
    with BankProcess(tmp_path, "bench-card", "iso8583-1987", 50) as bank:
        (pid,) = bank.pids
        with socket.create_connection(("127.0.0.1", bank.port), timeout=5):
            pass
    assert not psutil.pid_exists(pid)


def test_a_bank_that_cannot_start_says_so(tmp_path: Path) -> None:
    with pytest.raises(PlatformFailed, match="bank simulator"):
        BankProcess(tmp_path, "bench-card", "morse", 50).__enter__()
