"""What banks tell of their own bills: lines of accounts whose products they service, taken once each.

A line belongs to the bill that it is due with. One that names our call is about a payment that passed here, and is not
counted beside its plan. A line of the kind `bill` is the bank's own total, which settles what that bill is.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from chuanliu.bills.tables import FEED_LINE, FEED_LINES_OF_CONSUMER, FeedLine
from chuanliu.clock import date_of
from chuanliu.engine import Command, Context, Keys, Query, Reference, Rows, Seen
from chuanliu.errors import Invalid, NotFound, Refused
from chuanliu.funding import BANK_CALL
from chuanliu.ids import cell_of_id, cell_of_party
from chuanliu.lenders import INSTRUMENT, find_product

FeedKind = Literal["purchase", "instalment", "fee", "interest", "refund", "repayment", "bill"]

SIGNS: Final[dict[str, int]] = {
    "purchase": 1,
    "instalment": 1,
    "fee": 1,
    "interest": 1,
    "refund": -1,
    "repayment": -1,
    "bill": 0,
}
"""What a line does to what is due: a `bill` is the total itself."""

REFERENCE_MAX: Final = 64
TEXT_MAX: Final = 200
AMOUNT_MAX_MINOR: Final = 10**12


class TakeFeedLine(Command[bool], frozen=True):
    """Take a line of a bank about one of its accounts. The outcome says whether it is new.

    `amount_minor` is positive, in the product's currency; `posted_on` and `due_on` are yyyymmdd; `call_id` is the
    number of our authorisation where the line is about a payment that passed here. The same reference again, with the
    same content, changes nothing. Raises `NotFound`: instrument_not_found (not this lender's), bank_call_not_found;
    `Invalid` naming the field; `Refused(feed_line_inconsistent)` where the reference was used with other content.
    """

    lender_id: int
    instrument_id: int
    reference: str
    kind: str
    posted_on: int
    due_on: int
    amount_minor: int
    currency: str
    text: str = ""
    call_id: int | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_id(self.instrument_id)
        keys.read(INSTRUMENT, cell, self.instrument_id)
        keys.lock(FEED_LINE, cell, self.instrument_id, self.reference)
        if self.call_id is not None:
            keys.read(BANK_CALL, cell_of_id(self.call_id), self.call_id)

    def decide(self, rows: Rows, context: Context) -> bool:
        cell = cell_of_id(self.instrument_id)
        instrument = rows.get(INSTRUMENT, cell, self.instrument_id)
        product = None if instrument is None else find_product(context.reference, instrument.product_id)
        if instrument is None or product is None or product.lender_id != self.lender_id or product.funding == "own":
            raise NotFound("instrument_not_found")
        self._require_sound(product.currency)
        payment_id = None
        if self.call_id is not None:
            call = rows.get(BANK_CALL, cell_of_id(self.call_id), self.call_id)
            if call is None or call.instrument_id != self.instrument_id:
                raise NotFound("bank_call_not_found", field="call")
            payment_id = call.payment_id
        line = FeedLine(
            cell,
            self.instrument_id,
            self.reference,
            instrument.consumer_id,
            instrument.product_id,
            self.kind,
            self.posted_on,
            self.due_on,
            self.amount_minor,
            self.currency,
            self.text,
            payment_id,
            context.now,
        )
        known = rows.get(FEED_LINE, cell, self.instrument_id, self.reference)
        if known is None:
            rows.insert(FEED_LINE, line)
            return True
        if known != line.changed(taken_at=known.taken_at):
            raise Refused("feed_line_inconsistent", field="reference")
        return False

    def _require_sound(self, currency: str) -> None:
        if not 1 <= len(self.reference) <= REFERENCE_MAX or not self.reference.isprintable():
            raise Invalid("invalid_parameter", f"reference has 1 to {REFERENCE_MAX} characters", field="reference")
        if self.kind not in SIGNS:
            raise Invalid("invalid_parameter", f"kind is one of {', '.join(SIGNS)}", field="kind")
        least = 0 if self.kind == "bill" else 1
        if not least <= self.amount_minor <= AMOUNT_MAX_MINOR:
            raise Invalid("invalid_amount", field="amount")
        if self.currency != currency:
            raise Invalid("currency_not_supported", f"the account is kept in {currency}", field="currency")
        if len(self.text) > TEXT_MAX:
            raise Invalid("invalid_parameter", f"text has at most {TEXT_MAX} characters", field="text")
        for name in ("posted_on", "due_on"):
            try:
                date_of(getattr(self, name))
            except ValueError:
                raise Invalid("invalid_parameter", f"{name} is a day, yyyy-mm-dd", field=name) from None


class FindFeedLines(Query[tuple[FeedLine, ...]], frozen=True):
    """All that banks have told of a consumer's accounts with them, by the day it was posted on."""

    consumer_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.look(FEED_LINES_OF_CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)

    def answer(self, seen: Seen, context: Context) -> tuple[FeedLine, ...]:
        found = seen.find(FEED_LINES_OF_CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)
        return tuple(sorted(found, key=lambda each: (each.posted_on, each.instrument_id, each.reference)))


class FedLine(msgspec.Struct, frozen=True):
    """What a line does to a bill: for `mirrored_bills`."""

    instrument_id: int
    month: int
    change_minor: int


def elsewhere(lines: tuple[FeedLine, ...], passed_here: frozenset[tuple[int, int]]) -> list[FedLine]:
    """What lines add to bills that payments made here do not bring already.

    `passed_here` are payments and the months in which their plans have an instalment: (payment_id, yyyymm).
    """
    return [
        FedLine(line.instrument_id, line.due_on // 100, SIGNS[line.kind] * line.amount_minor)
        for line in lines
        if line.kind != "bill" and (line.payment_id or 0, line.due_on // 100) not in passed_here
    ]
