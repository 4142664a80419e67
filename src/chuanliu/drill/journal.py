"""What a merchant knows of its own orders: every number that it used, and what it was told about it."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["none", "done", "refused", "unknown"]
"""Of one thing that was asked for: never asked, acknowledged, refused (nothing happened), or not known."""


class RefundNote(msgspec.Struct):
    """A refund under its request number. `cancels` marks the one that cancelling the order makes."""

    request_no: str
    amount_minor: int
    state: State = "unknown"
    cancels: bool = False


class OrderNote(msgspec.Struct):
    """An order under the merchant's number. `payers` are the consumers whose codes were presented for it.

    `paid` is done once any payment of it was acknowledged; `payer_id` and `trade_no` are what that answer said.
    `notified` says whether the request that made the order had a notify_url; None where two requests raced to make it.
    `by_card`: only a card of the payer may pay it, so her balance stays as it is. `ended` is done once closing it
    unpaid, or marking its never seen number, was acknowledged.
    """

    number: str
    seller_id: int
    amount_minor: int
    notified: bool | None = False
    payers: list[int] = []
    created: State = "none"
    paid: State = "none"
    ended: State = "none"
    payer_id: int | None = None
    trade_no: str | None = None
    refunds: list[RefundNote] = []
    by_card: bool = False

    @property
    def refunded_minor(self) -> int:
        """The sum of the refunds that were acknowledged."""
        return sum(refund.amount_minor for refund in self.refunds if refund.state == "done")

    @property
    def is_settled(self) -> bool:
        """Whether nothing about the order is unknown."""
        states = [self.created, self.paid, self.ended, *(refund.state for refund in self.refunds)]
        return "unknown" not in states


class EventNote(msgspec.Struct, frozen=True):
    """An event as the reader with a cursor got it."""

    sequence: int
    event_id: str
    kind: str
    reference: str
    request_no: str | None = None


class Journal(msgspec.Struct):
    """All that the client's side knows at the end.

    `events` are by seller, in the order in which they were read. `notifications` counts what was received by
    (seller, number, trade status) joined by a space. `answers` counts requests by outcome. `first_success` maps tenths
    of a second, in which acknowledged requests began, to when the first of them was acknowledged.
    """

    orders: list[OrderNote] = []
    events: dict[int, list[EventNote]] = {}
    notifications: dict[str, int] = {}
    answers: dict[str, int] = {}
    first_success: dict[int, float] = {}
    latest_success_began: float = 0.0
    complaints: list[str] = []
    requests: int = 0
    retried: int = 0
    unknown: int = 0
    resolved: int = 0

    def complain(self, what: str) -> None:
        """Put an answer on record that no correct platform gives."""
        self.complaints.append(what)

    def succeeded(self, began: float, ended: float) -> None:
        """Note an acknowledged request by monotonic seconds."""
        self.latest_success_began = max(began, self.latest_success_began)
        bucket = int(began * 10)
        self.first_success[bucket] = min(ended, self.first_success.get(bucket, ended))

    def counts(self) -> dict[str, int]:
        """What was acknowledged, by what was asked for; what queries settled later is counted as well."""
        refunds = [refund for note in self.orders for refund in note.refunds if refund.state == "done"]
        return {
            "payments": sum(note.paid == "done" for note in self.orders),
            "card payments": sum(note.paid == "done" and note.by_card for note in self.orders),
            "refunds": sum(not refund.cancels for refund in refunds),
            "orders": sum(note.created == "done" for note in self.orders),
            "closed or cancelled": sum(note.ended == "done" for note in self.orders)
            + sum(refund.cancels for refund in refunds),
        }

    def recovered_after(self, at: float) -> float | None:
        """Seconds from an instant to the first acknowledgement of a request that began after it; None without one."""
        later = [ended for bucket, ended in self.first_success.items() if bucket > int(at * 10)]
        return min(later) - at if later else None
