"""Simulated banks in one process: each on a port of its own, with faults that can be changed at any time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from chuanliu.connectors.bank_journal_store import BankJournal
from chuanliu.connectors.credit_pay import PROTOCOL as CREDIT_PAY
from chuanliu.connectors.credit_pay import CreditPayFace
from chuanliu.connectors.faults import FaultPlan
from chuanliu.connectors.iso8583 import DIALECTS, Iso8583Face
from chuanliu.connectors.simulated_bank import BankListing, SimulatedBank
from chuanliu.errors import Invalid, NotFound


class BankFace(Protocol):
    """A simulated bank's wire: it listens, answers as `SimulatedBank.take` says, and refuses during an outage."""

    port: int

    async def open(self) -> None:
        """Listen on `port`; a port of 0 becomes the one that was taken. Raises `OSError`."""

    async def cut(self) -> None:
        """Drop every connection and listen no longer, until opened again."""

    async def close(self) -> None:
        """Drop every connection for good."""


def face_of(bank: SimulatedBank, host: str, port: int) -> BankFace:
    """The wire that a bank's protocol names. Raises `Invalid(invalid_parameter)`."""
    if bank.protocol in DIALECTS:
        return Iso8583Face(bank, DIALECTS[bank.protocol], host, port)
    if bank.protocol == CREDIT_PAY:
        return CreditPayFace(bank, host, port)
    raise Invalid("invalid_parameter", f"no such protocol: {bank.protocol}", field="protocol")


class BankSimulator:
    """Hosts simulated banks. With a journal, their books are what they were when it was last closed or killed."""

    def __init__(
        self,
        listings: Sequence[BankListing],
        *,
        host: str = "127.0.0.1",
        seed: int | None = None,
        journal: Path | None = None,
    ) -> None:
        self._journal = None if journal is None else BankJournal(journal)
        record = None if self._journal is None else self._journal.append
        self.banks: dict[str, SimulatedBank] = {}
        self._faces: dict[str, BankFace] = {}
        for listing in listings:
            if listing.code in self.banks:
                raise Invalid("invalid_parameter", f"two banks are called {listing.code}", field="code")
            # Each bank has draws of its own: what one is asked does not change what another does.
            draws = random.Random(None if seed is None else f"{seed} {listing.code}")  # noqa: S311
            bank = SimulatedBank(listing, draws.randrange, record)
            self.banks[listing.code] = bank
            self._faces[listing.code] = face_of(bank, host, listing.port)
        if self._journal is not None:
            for line in self._journal.lines():
                if line.bank in self.banks:
                    self.banks[line.bank].replay(line)

    @property
    def ports(self) -> dict[str, int]:
        """Where each bank listens."""
        return {code: face.port for code, face in self._faces.items()}

    def bank(self, code: str) -> SimulatedBank:
        """A bank by its code. Raises `NotFound(bank_not_found)`."""
        try:
            return self.banks[code]
        except KeyError:
            raise NotFound("bank_not_found") from None

    async def start(self) -> None:
        """Listen on all ports, those of banks in an outage apart. Raises `OSError`."""
        for code, face in self._faces.items():
            await face.open()
            if self.banks[code].faults.outage:
                await face.cut()

    async def set_faults(self, code: str, plan: FaultPlan) -> None:
        """Replace a bank's faults. An outage begins and ends here. Raises `NotFound(bank_not_found)`, `OSError`."""
        bank = self.bank(code)
        before, bank.faults = bank.faults, plan
        if plan.outage and not before.outage:
            await self._faces[code].cut()
        elif before.outage and not plan.outage:
            await self._faces[code].open()

    async def close(self) -> None:
        """Drop all connections."""
        for face in self._faces.values():
            await face.close()
        if self._journal is not None:
            self._journal.close()
