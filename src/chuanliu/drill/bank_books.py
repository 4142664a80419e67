"""The books of the banks against ours, line by line: what they approved, completed, reversed and refunded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from chuanliu.connectors import BookLine


class OurCall(msgspec.Struct, frozen=True):
    """A call to a bank as we have it; `bank` is the code under which the bank's book is."""

    bank: str
    call_id: int
    kind: str
    status: str
    amount_minor: int
    original_call_id: int | None


def find_differences(calls: Iterable[OurCall], books: Mapping[str, Iterable[BookLine]]) -> list[str]:
    """One sentence for each authorisation of which the two sides do not say the same; empty when all is well."""
    authorised: dict[tuple[str, int], OurCall] = {}
    followed: dict[tuple[str, int], list[OurCall]] = defaultdict(list)
    for call in calls:
        if call.kind == "authorise":
            authorised[call.bank, call.call_id] = call
        else:
            followed[call.bank, call.original_call_id or 0].append(call)
    lines = {(bank, line.call_id): line for bank, book in books.items() for line in book}
    found = [
        f"{bank}, call {call_id}: {what}"
        for (bank, call_id), call in sorted(authorised.items())
        for what in _compare(call, followed[bank, call_id], lines.pop((bank, call_id), None))
    ]
    return found + [f"{bank}, call {call_id}: in the bank's book, never asked for" for bank, call_id in sorted(lines)]


def count_completed(calls: Iterable[OurCall]) -> int:
    """How many payments banks have completed."""
    return sum(call.kind == "complete" and call.status == "succeeded" for call in calls)


def _compare(call: OurCall, after: list[OurCall], line: BookLine | None) -> Iterator[str]:
    if call.status == "due" or any(each.status == "due" for each in after):
        yield "the bank still owes an answer"
        return
    for each in after:
        if each.kind in ("complete", "refund") and each.status != "succeeded":
            yield f"the bank was to {each.kind}, and it is {each.status}"
    refunds = {each.call_id: each.amount_minor for each in after if each.kind == "refund"}
    if call.status != "succeeded":
        if line is not None and line.state != "reversed":
            yield f"{call.status} here, {line.state} at the bank"
        return
    if sum(each.kind == "complete" for each in after) != 1:
        yield "approved, and not completed exactly once"
    ours = ("completed", call.amount_minor, refunds)
    theirs = None if line is None else (line.state, line.amount_minor, line.refunds)
    if theirs != ours:
        yield f"{ours} here, {theirs} at the bank"
