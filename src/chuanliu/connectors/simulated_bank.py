"""A simulated bank, whatever its wire: its books, its faults, and what it does with one request."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Final

import msgspec

from chuanliu.connectors.bank_book import BankBook, Entry, Ruling
from chuanliu.connectors.faults import Fault, FaultPlan

Draw = Callable[[int], int]
"""A number from 0 up to, not including, the one given. `random.Random(seed).randrange` is one."""

MAGIC_AMOUNT_MINOR: Final = 4_040_400
"""An authorisation of this and 1 to 99 more is declined with that code: 4 040 451 with 51."""
MAGIC_CARD: Final = "4040"
"""A card number whose digits 7 to 10 are these is declined with the code in its digits 11 and 12."""
_HOLDER_DIGITS: Final = 24


class CreditPayKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a simulated bank of credit pay signs with and believes: keys as PEM or bare base64, the platform's by id."""

    key_id: str
    private_key: str
    platform_keys: dict[str, str]

    def __repr__(self) -> str:
        return f"CreditPayKeys({self.key_id})"


class BankListing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bank to be simulated. Port 0 takes a free one. `credit_pay` goes with that protocol, and only with it."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
    protocol: str
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    faults: FaultPlan = FaultPlan()
    credit_pay: CreditPayKeys | None = None


class JournalLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry as it was ruled on. Played again in order, the lines give the same books."""

    bank: str
    entry: Entry
    decline_code: str | None = None


class Turn(msgspec.Struct, frozen=True):
    """What the bank does with one request, after `delay_ms`.

    `ruling` is None where the request had no effect: the bank is busy, or drops the link before it rules.
    """

    fault: Fault
    ruling: Ruling | None
    delay_ms: int


class SimulatedBank:
    """Books and faults of one bank. `faults` may be replaced at any time.

    `record` is told of every entry that was ruled on, before anybody is answered. `declines` has an answer code of
    ISO 8583:1987 by holder; `counts` how often each fault struck.
    """

    def __init__(self, listing: BankListing, draw: Draw, record: Callable[[JournalLine], None] | None = None) -> None:
        self.code = listing.code
        self.protocol = listing.protocol
        self.credit_pay = listing.credit_pay
        self.faults = listing.faults
        self.book = BankBook()
        self.declines: dict[str, str] = {}
        self.counts: Counter[Fault] = Counter()
        self.draw = draw
        self._record = record

    def holder_of(self, text: str) -> str:
        """How a card number or an account stands in the books: a fingerprint, other at every bank.

        Its key is no secret: these are play cards.
        """
        return hmac.digest(self.code.encode(), text.encode(), hashlib.sha256).hex()[:_HOLDER_DIGITS]

    def take(self, entry: Entry, card_number: str | None = None) -> Turn:
        """Draw a fault and rule. Which faults are ruled on: all but `busy`, and `drop_link` every other time."""
        fault = self.faults.fault_at(self.draw(1000))
        self.counts[fault] += 1
        delay_ms = self.faults.latency_ms + (self.faults.late_ms if fault == "late" else 0)
        if fault == "busy" or (fault == "drop_link" and self.draw(2)):
            return Turn(fault, None, delay_ms)
        return Turn(fault, self._rule(entry, fault, card_number), delay_ms)

    def replay(self, line: JournalLine) -> None:
        """Rule as it was ruled before."""
        self.book.rule(line.entry, line.decline_code)

    def _rule(self, entry: Entry, fault: Fault, card_number: str | None) -> Ruling:
        if entry.kind == "inquire":
            return self.book.rule(entry)
        decline = None
        if entry.kind == "authorise":
            decline = self.declines.get(entry.holder) or magic_decline(entry.amount_minor, card_number)
            if decline is None and fault == "decline":
                decline = self.faults.decline_code
        ruling = self.book.rule(entry, decline)
        if self._record is not None:
            self._record(JournalLine(self.code, entry, decline))
        return ruling


def magic_decline(amount_minor: int, card_number: str | None) -> str | None:
    """The code with which an amount or a card asks to be declined."""
    if card_number is not None and len(card_number) >= 13 and card_number[6:10] == MAGIC_CARD:
        return card_number[10:12]
    if 0 < amount_minor - MAGIC_AMOUNT_MINOR < 100:
        return f"{amount_minor - MAGIC_AMOUNT_MINOR:02d}"
    return None
