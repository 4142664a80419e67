"""A street of simulated banks in one process, tills in others, and both sides' books laid side by side."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from acquiring.till import Task
from chuanliu.connectors import BankListing, BookLine, CardData, CreditPayKeys, FaultPlan
from chuanliu.crypto import generate_key_pair
from chuanliu.engine import Engine
from chuanliu.lenders import ApplyLender, OpenLine, product_by_code
from chuanliu.parties import PLATFORM_KEY, ReadReference, Vault
from chuanliu.runtime import ensure_platform
from lenders.samples import card_number, card_product, consent_sha256, credit_pay_product, lender, link, terms
from trade.market import Market

TILL: Final = Path(__file__).parent / "till.py"
SIMULATOR: Final = [sys.executable, "-c", "from chuanliu.cli import main; main()", "bank-simulator"]
CREDIT_PAY: Final = "credit-pay"
_BANK_KEY: Final = generate_key_pair()
_HURRY: Final = """
    UPDATE bank_call SET due_at = now() WHERE status = 'due' AND due_at > now() AND due_at < now() + interval '300 days'
"""
_OPEN: Final = "SELECT count(*) FROM payment WHERE status IN ('AUTHORISING', 'UNKNOWN')"
_DUE: Final = "SELECT count(*) FROM bank_call WHERE status = 'due'"


@dataclass(frozen=True)
class Bank:
    """A simulated bank to be: its code is its lender's and product's too."""

    code: str
    protocol: str = "iso8583-1987"
    faults: FaultPlan = field(default_factory=FaultPlan)

    @property
    def means(self) -> str:
        """What its product is in a wish."""
        return "bank_credit_pay" if self.protocol == CREDIT_PAY else "credit_card"


@dataclass(frozen=True)
class Street:
    """The simulators' process."""

    process: subprocess.Popen[str]
    control_port: int
    ports: dict[str, int]

    def ask(self, method: str, path: str, document: Any = None) -> bytes:
        """Speak to the control port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=10)
        connection.request(method, path, body=None if document is None else msgspec.json.encode(document))
        response = connection.getresponse()
        body = response.read()
        connection.close()
        assert response.status == 200, body
        return body

    def set_faults(self, code: str, plan: FaultPlan) -> None:
        """Other faults from now on."""
        self.ask("PUT", f"/banks/{code}/faults", plan)

    def heal(self) -> None:
        """No more faults."""
        self.ask("PUT", "/faults", FaultPlan())

    def struck(self) -> dict[str, dict[str, int]]:
        """How often each fault struck, by bank."""
        return {bank["code"]: bank["struck"] for bank in json.loads(self.ask("GET", "/banks"))}

    def book(self, code: str) -> dict[int, BookLine]:
        """A bank's book by our call's number."""
        lines = self.ask("GET", f"/banks/{code}/book").splitlines()
        return {line.call_id: line for line in (msgspec.json.decode(each, type=BookLine) for each in lines)}


@contextmanager
def street_of(banks: list[Bank], folder: Path, platform_keys: dict[str, str]) -> Iterator[Street]:
    """A process with these banks, on free ports."""
    keys = CreditPayKeys(key_id="b1", private_key=_BANK_KEY.private, platform_keys=platform_keys)
    listings = [
        BankListing(
            code=bank.code,
            protocol=bank.protocol,
            faults=bank.faults,
            credit_pay=keys if bank.protocol == CREDIT_PAY else None,
        )
        for bank in banks
    ]
    (folder / "banks.json").write_bytes(msgspec.json.encode(listings))
    command = [*SIMULATOR, "--banks", str(folder / "banks.json"), "--journal", str(folder / "journal"), "--seed", "7"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        yield Street(process, ready["control_port"], {code: each["port"] for code, each in ready["banks"].items()})
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def found_platform(engine: Engine, folder: Path) -> tuple[Vault, dict[str, str]]:
    """The vault of the installation, and its public signing keys by id."""
    vault = await ensure_platform(engine, folder / "master.key")
    reference = await engine.ask(ReadReference())
    keys = reference.all(PLATFORM_KEY)
    return vault, {str(key.key_id): key.public_key for key in keys if key.purpose == "signing"}


async def settle_in(engine: Engine, market: Market, vault: Vault, street: Street, banks: list[Bank]) -> dict[str, int]:
    """A lender for each bank, and by bank a consumer who has its card or account and nothing else."""
    consumers = {}
    for place, bank in enumerate(banks):
        port, start = street.ports[bank.code], f"{96_0000 + place:06d}"
        if bank.protocol == CREDIT_PAY:
            of_bank = terms(bank_keys=(("b1", _BANK_KEY.public),), order_min_minor=1)
            product = credit_pay_product(bank.code, endpoint=f"http://127.0.0.1:{port}", terms=of_bank)
        else:
            of_bank = terms(bins=((start, start),), order_min_minor=1)
            product = card_product(bank.code, terms=of_bank, connector=bank.protocol, endpoint=f"127.0.0.1:{port}")
        await engine.submit(ApplyLender(lender(bank.code, product)))
        consumers[bank.code] = await market.consumer(engine)
        if bank.protocol == CREDIT_PAY:
            stored = product_by_code(await engine.ask(ReadReference()), bank.code)
            consent = await consent_sha256(engine, bank.code)
            await engine.submit(OpenLine(consumers[bank.code], consent, stored.product_id, account_ref="payer@bank"))
        else:
            await link(engine, vault, consumers[bank.code], CardData(card_number(start), "9912"), bank.code)
    return consumers


class TillProcess:
    """A till that runs beside us. `told` gets what it says."""

    def __init__(self, task: Task, told: list[dict[str, Any]]) -> None:
        self.told = told
        self.done = threading.Event()
        self.process = subprocess.Popen([sys.executable, str(TILL)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(task) + b"\n")
        self.process.stdin.flush()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if not line.endswith(b"\n"):
                break
            told = json.loads(line)
            if told.get("done"):
                self.done.set()
            else:
                self.told.append(told)

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self._end()

    def close(self) -> None:
        """Let it end in order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self._end()

    def _end(self) -> None:
        self.process.wait(30)
        self.reader.join(30)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def wait_for(check: Callable[[], bool], seconds: float, what: str) -> None:
    """Until it holds."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def begun(told: list[dict[str, Any]]) -> int:
    """The next number that no till has begun."""
    return max((each["number"] for each in told if each.get("begun")), default=-1) + 1


def drain(market: Market, seconds: float) -> None:
    """Let time pass quickly until the banks have answered everything."""

    def drained() -> bool:
        market.execute(_HURRY)
        return market.one(_OPEN) == 0 and market.one(_DUE) == 0

    def left() -> str:
        sql = "SELECT lender_id, kind, status, attempts, reason, raw_code FROM bank_call WHERE status = 'due' LIMIT 20"
        return str(market.connection.execute(sql).fetchall())

    deadline = time.monotonic() + seconds
    while not drained():
        assert time.monotonic() < deadline, left()
        time.sleep(0.1)
