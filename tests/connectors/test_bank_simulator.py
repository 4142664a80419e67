"""`chuanliu bank-simulator` as a process: the ready line, the control port, the journal, `kill -9`."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chuanliu.connectors import BankListing, BankSimulator, FaultPlan, Iso8583Connector, open_connector
from chuanliu.errors import Invalid, NotFound
from connectors.bank_rig import CARD, PAN, QUICK, about, again, authorise, banks, run, until


class Simulator:
    """A running process and its control port."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-c", "from chuanliu.cli import main; main()", "bank-simulator", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.ready: dict[str, Any] = json.loads(line) if line else {}

    def port(self, code: str) -> int:
        return int(self.ready["banks"][code]["port"])

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Of the control port."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ready['control_port']}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def client(self, code: str) -> Iso8583Connector:
        bank = self.ready["banks"][code]
        client = open_connector(bank["protocol"], f"127.0.0.1:{bank['port']}", QUICK)
        assert isinstance(client, Iso8583Connector)
        return client


@contextmanager
def simulator(*arguments: str) -> Iterator[Simulator]:
    running = Simulator(*arguments)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


def test_the_control_port() -> None:
    with simulator("--bank", "icbc=0:iso8583-1987", "--bank", "cmb=0:iso8583-1993", "--seed", "1") as running:

        async def story() -> None:
            client = running.client("cmb")
            payment = authorise()
            assert (await client.ask(payment, 5)).verdict == "succeeded"

            status, body = await asyncio.to_thread(running.ask, "POST", "/banks/cmb/cards", {"pan": PAN, "code": "43"})
            assert status == 200
            assert PAN.encode() not in body
            assert (await client.ask(authorise(), 5)).reason == "card_stolen_or_lost"
            await asyncio.to_thread(running.ask, "POST", "/banks/cmb/cards", {"holder": json.loads(body)["holder"]})
            assert (await client.ask(authorise(), 5)).verdict == "succeeded"

            plan = {"decline": 1000, "decline_code": "54"}
            status, body = await asyncio.to_thread(running.ask, "PUT", "/banks/cmb/faults", plan)
            assert (status, json.loads(body)["faults"]["decline"]) == (200, 1000)
            assert (await client.ask(authorise(), 5)).reason == "card_expired"
            assert json.loads((await asyncio.to_thread(running.ask, "GET", "/banks/icbc/faults"))[1])["decline"] == 0
            await asyncio.to_thread(running.ask, "PUT", "/faults", {})
            assert (await client.ask(authorise(), 5)).verdict == "succeeded"

            _, book = await asyncio.to_thread(running.ask, "GET", "/banks/cmb/book")
            lines = [json.loads(line) for line in book.splitlines()]
            assert next(line["call_id"] for line in lines) == payment.call_id
            assert len(lines) == 3
            assert PAN.encode() not in book
            await client.close()

        run(story)
        status, body = running.ask("GET", "/banks")
        assert [(bank["code"], bank["lines"]) for bank in json.loads(body)] == [("icbc", 0), ("cmb", 3)]
        for method, path, wish, expected in [
            ("GET", "/banks/none/faults", None, 404),
            ("GET", "/banks/none/book", None, 404),
            ("PUT", "/banks/none/faults", {}, 404),
            ("PUT", "/banks/cmb/faults", {"late": 1001}, 400),
            ("PUT", "/banks/cmb/faults", {"late": 600, "busy": 600}, 400),
            ("PUT", "/banks/cmb/faults", {"nonsense": 1}, 400),
            ("POST", "/banks/cmb/cards", {"code": "51"}, 400),
            ("POST", "/banks/cmb/cards", {"pan": PAN, "code": "nonsense"}, 400),
        ]:
            status, body = running.ask(method, path, wish)
            assert status == expected, (path, body)
            assert PAN.encode() not in body
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(10) == 0


def test_the_books_and_the_client_survive_a_killed_simulator(tmp_path: Path, free_port: int) -> None:
    journal = tmp_path / "journal.jsonl"
    arguments = ("--bank", f"icbc={free_port}:iso8583-1987", "--journal", str(journal))

    async def story() -> None:
        client = open_connector("iso8583-1987", f"127.0.0.1:{free_port}", QUICK)
        assert isinstance(client, Iso8583Connector)
        payments = [authorise(1000 + n) for n in range(20)]
        with simulator(*arguments) as running:
            first = [await client.ask(payment, 5) for payment in payments]
            assert {answer.verdict for answer in first} == {"succeeded"}
            assert (await client.ask(about(payments[0], "complete"), 5)).verdict == "succeeded"
            assert (await client.ask(about(payments[1], "reverse"), 5)).verdict == "succeeded"
            running.process.kill()
            running.process.wait()
        await until(lambda: client.counters.lost == 1)
        assert (await client.ask(authorise(), 5)).verdict == "refused"
        with journal.open("ab") as torn:
            torn.write(b'{"bank":"icbc","entry":{"ki')
        with simulator(*arguments) as running:
            await until(lambda: client.breaker.closed)
            second = [await client.ask(again(payment), 5) for payment in payments]
            assert second == first
            assert (await client.ask(about(payments[0], "refund", 1000), 5)).verdict == "succeeded"
            assert (await client.ask(about(payments[1], "complete"), 5)).verdict == "refused"
            assert client.counters.connected == 2
        await client.close()
        assert CARD.pan not in journal.read_text()

    run(story)


def test_a_journal_with_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text("{}\n")
    with pytest.raises(Invalid, match="line 1"):
        BankSimulator([BankListing(code="a", protocol="iso8583-1987")], journal=journal)


def test_a_port_is_free_again_after_an_outage_and_the_same() -> None:
    async def story() -> None:
        async with banks("iso8583-1987", outage=True) as rig:
            port = rig.simulator.ports["bank"]
            assert (await rig.client.ask(authorise(), 0.1)).verdict == "refused"
            await rig.faults()
            assert rig.simulator.ports["bank"] == port
            with pytest.raises(NotFound):
                await rig.simulator.set_faults("none", FaultPlan())

    run(story)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "give --bank or --banks"),
        (["--bank", "icbc"], "CODE=PORT:PROTOCOL"),
        (["--bank", "icbc=0:telex"], "no such protocol: telex"),
        (["--bank", "i c=0:iso8583-1987"], "i c=0"),
        (["--bank", "a=0:iso8583-1987", "--bank", "a=0:iso8583-1987"], "two banks are called a"),
        (["--banks", "nowhere.json"], "nowhere.json"),
    ],
)
def test_wrong_arguments_are_one_line(arguments: list[str], told: str) -> None:
    running = Simulator(*arguments)
    _, errors = running.process.communicate(timeout=20)
    assert running.process.returncode == 1
    assert told in errors.decode()
    assert "Traceback" not in errors.decode()


def test_banks_from_a_file(tmp_path: Path) -> None:
    listing = tmp_path / "banks.json"
    listing.write_text(
        json.dumps([{"code": f"bank-{n}", "protocol": "iso8583-1993", "faults": {"latency_ms": 1}} for n in range(37)])
    )
    with simulator("--banks", str(listing)) as running:
        assert len({running.port(f"bank-{n}") for n in range(37)}) == 37
