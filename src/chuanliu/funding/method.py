"""Funding methods: where a payment's money comes from. One interface for balance, cards, credit lines and wallets.

A method answers succeeded, refused or unknown. Unknown is not failed: the leg stays open until the answer is known.
An internal method posts to the ledger inside decide. An external one only records its intent there; the call goes out
after the commit, and a command records its answer.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol

from chuanliu.engine import Context, Keys, Rows


class Verdict(Enum):
    """What became of a request to a method."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Answer(NamedTuple):
    """A verdict; for a refusal the error code; for an external method its reference."""

    verdict: Verdict
    reason: str | None = None
    reference: str | None = None


class Leg(NamedTuple):
    """What a method is asked for: an amount of a payment, from a source account to where the order's money goes.

    `cell` is the payment's. `reference` is what an earlier answer of this leg carried. What stands behind it is for
    external methods: which order, and which product and instrument of the payer in how many instalments (0: in full).
    """

    cell: int
    payment_id: int
    source: int
    destination: int
    amount_minor: int
    reference: str | None = None
    order_id: int = 0
    lender_id: int = 0
    product_id: int = 0
    instrument_id: int = 0
    currency: str = "CNY"
    instalments: int = 0


class FundingMethod(Protocol):
    """One way to pay. Every method is idempotent per payment and leg."""

    name: str
    external: bool

    def lock(self, keys: Keys, source: int, reference: str | None = None) -> None:
        """Ask for the rows that the other operations touch; `reference` is that of an existing leg."""

    def authorise(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        """Reserve the amount. Its answer's reference goes to `capture` and `void`."""

    def capture(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        """Take what was reserved. An external method's answer refers to what it still has to be asked."""

    def charge(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        """Reserve and take in one step, for a payment with this one leg. An unknown answer is followed by `capture`."""

    def void(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        """Release what was reserved."""

    def refund(self, rows: Rows, context: Context, leg: Leg, refund_id: int) -> Answer:
        """Send the amount back to the source."""

    def inquire(self, rows: Rows, context: Context, leg: Leg) -> Answer:
        """What became of an authorisation whose answer was lost."""
