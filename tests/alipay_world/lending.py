"""Lenders for the gateway's tests: the platform's line, cards of a simulated bank, and consumers who have them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from alipay_world.world import World
from chuanliu.acquiring import BankSweeper
from chuanliu.connectors import CardData
from chuanliu.lenders import ApplyLender, OpenLine, product_by_code
from chuanliu.parties import ReadReference
from lenders.samples import card_number, card_product, consent_sha256, lender, line_product, link, terms

LINE: Final = "river-line"
BANK: Final = "hebei-ford"
CARD: Final = "ford-card"
DEBIT: Final = "ford-debit"
BANK_LINE: Final = "ford-pay"
_BINS: Final = {CARD: ("960000", "960049"), DEBIT: ("960050", "960099")}


@dataclass(frozen=True)
class Bank:
    """A simulated bank in a process of its own, and where it is told what to do wrong."""

    port: int
    control_port: int

    def faults(self, **plan: Any) -> None:
        """From now on so; without arguments all is well."""
        self._put(f"/banks/{BANK}/faults", plan)

    def _put(self, path: str, body: dict[str, Any]) -> None:
        address = f"http://127.0.0.1:{self.control_port}{path}"
        request = urllib.request.Request(address, data=json.dumps(body).encode(), method="PUT")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200


@contextmanager
def running_bank() -> Iterator[Bank]:
    """`chuanliu bank-simulator` with one bank."""
    words = ["-m", "chuanliu.cli", "bank-simulator", "--bank", f"{BANK}=0:iso8583-1987"]
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield Bank(ready["banks"][BANK]["port"], ready["control_port"])
        finally:
            process.terminate()


def add_lenders(platform: World, bank: Bank) -> None:
    """The platform's line with the published prices, and a bank with cards and credit pay in our books."""
    at = f"127.0.0.1:{bank.port}"
    no_bill = {"instalments": (), "order_min_minor": 1, "statement_day": None, "due_day": None}
    products = [
        card_product(CARD, endpoint=at, terms=terms(bins=(_BINS[CARD],), order_min_minor=10_00)),
        card_product(DEBIT, kind="debit_card", endpoint=at, terms=terms(bins=(_BINS[DEBIT],), **no_bill)),
    ]
    credit_pay = line_product(BANK_LINE, kind="bank_credit_pay")
    line = line_product(LINE, terms=terms(order_min_minor=1))
    platform.submit(ApplyLender(lender("chuanliu", line, kind="platform")))
    platform.submit(ApplyLender(lender(BANK, *products, credit_pay)))
    platform.settle()


def open_line(platform: World, consumer_id: int, code: str = LINE, limit_minor: int = 5_000_00) -> None:
    """Give a consumer a line in our books."""
    engine = platform.services.engine

    async def opened() -> None:
        product = product_by_code(await engine.ask(ReadReference()), code)
        await engine.submit(OpenLine(consumer_id, await consent_sha256(engine, code), product.product_id, limit_minor))

    platform.run(opened())


def link_card(platform: World, consumer_id: int, code: str = CARD) -> None:
    """Give a consumer a card of the bank."""
    card = CardData(card_number(_BINS[code][0]), "9912")
    platform.run(link(platform.services.engine, platform.services.vault, consumer_id, card, code))


def sweep(platform: World) -> None:
    """Finish all that is due with the bank, at once, as the worker does in time."""
    services = platform.services

    async def swept() -> None:
        sweeper = BankSweeper(services.engine, services.banks)
        async with await psycopg.AsyncConnection.connect(platform.database_url, autocommit=True) as connection:
            for _ in range(500):
                cursor = await connection.execute("UPDATE bank_call SET due_at = now() WHERE status = 'due'")
                if cursor.rowcount == 0:
                    return
                await sweeper.sweep(connection)
                await asyncio.sleep(0.02)
        raise TimeoutError("the bank did not answer")

    platform.run(swept())
