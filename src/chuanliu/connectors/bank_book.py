"""The books of a simulated bank: what it approved, completed, refunded and reversed, idempotent by our call number."""

from __future__ import annotations

from typing import Literal

import msgspec

from chuanliu.connectors.bank import CallKind

State = Literal["authorised", "completed", "reversed"]


class BookLine(msgspec.Struct, frozen=True):
    """One authorisation as the bank keeps it. Amounts in minor units; `refunds` by call number."""

    call_id: int
    holder: str
    amount_minor: int
    currency: str
    instalments: int
    state: State
    reference: str
    refunds: dict[int, int] = {}

    @property
    def refunded_minor(self) -> int:
        """What went back to the holder."""
        return sum(self.refunds.values())


class Entry(msgspec.Struct, frozen=True):
    """What is asked of the book. `holder` is the card's fingerprint or the account, never a card number."""

    kind: CallKind
    call_id: int
    amount_minor: int
    currency: str
    holder: str
    original_call_id: int | None = None
    instalments: int = 0


class Ruling(msgspec.Struct, frozen=True):
    """The bank's decision: approved or not, an ISO 8583 answer code of 1987, and its reference."""

    approved: bool
    code: str
    reference: str = ""


class BankBook:
    """Rules on entries. The same call again gets the first ruling; what was reversed before it came is refused."""

    def __init__(self) -> None:
        self.lines: dict[int, BookLine] = {}
        self._rulings: dict[tuple[CallKind, int], Ruling] = {}
        self._fenced: set[int] = set()
        self._count = 0

    def rule(self, entry: Entry, decline_code: str | None = None) -> Ruling:
        """Decide and remember. `decline_code` refuses an authorisation that would be approved."""
        if entry.kind == "inquire":
            return self._inquire(entry)
        before = self._rulings.get((entry.kind, entry.call_id))
        if before is not None:
            return before
        ruling = self._authorise(entry, decline_code) if entry.kind == "authorise" else self._follow_up(entry)
        self._rulings[entry.kind, entry.call_id] = ruling
        return ruling

    def has_ruled(self, kind: CallKind, call_id: int) -> bool:
        """Whether the call came before."""
        return (kind, call_id) in self._rulings

    def _authorise(self, entry: Entry, decline_code: str | None) -> Ruling:
        if entry.call_id in self._fenced:
            return Ruling(False, "12")
        if decline_code is not None:
            return Ruling(False, decline_code)
        self._count += 1
        reference = f"{self._count:012d}"
        self.lines[entry.call_id] = BookLine(
            entry.call_id, entry.holder, entry.amount_minor, entry.currency, entry.instalments, "authorised", reference
        )
        return Ruling(True, "00", reference)

    def _follow_up(self, entry: Entry) -> Ruling:
        original = entry.original_call_id or 0
        line = self.lines.get(original)
        if entry.kind == "reverse":
            # A reversal of what never came is accepted, and what comes later is refused: it must not take effect.
            self._fenced.add(original)
            if line is not None and line.state == "authorised":
                self.lines[original] = msgspec.structs.replace(line, state="reversed")
            elif line is not None and line.state == "completed":
                return Ruling(False, "12", line.reference)
            return Ruling(True, "00", line.reference if line is not None else "")
        if line is None:
            return Ruling(False, "25")
        if entry.kind == "complete":
            if line.state != "authorised" or entry.amount_minor > line.amount_minor:
                return Ruling(False, "12", line.reference)
            self.lines[original] = msgspec.structs.replace(line, state="completed", amount_minor=entry.amount_minor)
            return Ruling(True, "00", line.reference)
        if line.state != "completed" or line.refunded_minor + entry.amount_minor > line.amount_minor:
            return Ruling(False, "12", line.reference)
        refunds = {**line.refunds, entry.call_id: entry.amount_minor}
        self.lines[original] = msgspec.structs.replace(line, refunds=refunds)
        return Ruling(True, "00", line.reference)

    def _inquire(self, entry: Entry) -> Ruling:
        """Whether the call asked about took effect; 25 where it is not known here."""
        for kind in ("authorise", "complete", "refund", "reverse"):
            before = self._rulings.get((kind, entry.original_call_id or 0))
            if before is not None:
                line = self.lines.get(entry.original_call_id or 0)
                if kind == "authorise" and line is not None and line.state == "reversed":
                    return Ruling(False, "12", before.reference)
                return before
        return Ruling(False, "25")
