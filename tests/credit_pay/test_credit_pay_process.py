"""`chuanliu bank-simulator` serves credit pay as a process of its own, and its books outlive `kill -9`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from credit_pay_bank import CODE, KEYS, call, client_at, run


@contextmanager
def simulator_process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    listing = {"code": CODE, "protocol": "credit-pay", "credit_pay": msgspec.to_builtins(KEYS)}
    (folder / "banks.json").write_text(json.dumps([listing]))
    options = ["--banks", str(folder / "banks.json"), "--journal", str(folder / "journal")]
    command = [sys.executable, "-c", "from chuanliu.cli import main; main()", "bank-simulator", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        yield process, ready["banks"][CODE]["port"]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_simulator_that_was_killed_knows_what_it_approved(tmp_path: Path) -> None:
    async def before(port: int) -> None:
        async with client_at(port) as client:
            assert (await client.ask(call("authorise", 1), 10)).verdict == "succeeded"

    async def after(port: int) -> None:
        async with client_at(port) as client:
            assert (await client.ask(call("inquire", 2, 1), 10)).verdict == "succeeded"
            assert (await client.ask(call("inquire", 3, 4), 10)).reason == "bank_call_not_found"

    for story in (before, after):
        with simulator_process(tmp_path) as (_, port):
            run(story(port))


def test_a_bank_without_keys_is_refused_with_its_name() -> None:
    command = [sys.executable, "-c", "from chuanliu.cli import main; main()", "bank-simulator"]
    done = subprocess.run([*command, "--bank", "KITE=0:credit-pay"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "KITE needs keys of credit pay" in done.stderr
