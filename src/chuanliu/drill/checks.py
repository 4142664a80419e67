"""What the client was told against what is stored, read and received: each difference is one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise

import msgspec

from chuanliu.drill.journal import EventNote, Journal, OrderNote

INTERNAL = ("internal", "aop.unknow-error", "bad signature")
"""Outcomes that no killed process excuses: the platform has words of its own for being away."""

PAID, CLOSED, REFUNDED = "order.paid", "order.closed", "order.refunded"


class StoredOrder(msgspec.Struct, frozen=True):
    """An order as it is in the database. `payments` are the amounts of its succeeded payments, each with its payer;
    `refunds` those of its refunds by request number, none twice.
    """

    order_id: int
    seller_id: int
    number: str
    amount_minor: int
    status: str
    refunded_minor: int
    payments: list[tuple[int, int]]
    refunds: dict[str, int]


class Books(msgspec.Struct, frozen=True):
    """What is stored. Balances are by consumer and by seller, in minor units, before the load and after it."""

    orders: dict[tuple[int, str], StoredOrder]
    consumers_before: dict[int, int]
    consumers_after: dict[int, int]
    sellers_after: dict[int, int]
    sequences: dict[int, list[int]]
    last_sequence: int
    events: int


def find_violations(journal: Journal, books: Books) -> list[str]:
    """Everything that speaks against "no acknowledged payment lost, none doubled"; empty when all is well."""
    found = list(journal.complaints)
    found += [f"{journal.answers[name]} answers were {name}" for name in INTERNAL if name in journal.answers]
    known = {(note.seller_id, note.number): note for note in journal.orders}
    for note in journal.orders:
        found += [f"{note.number}: {what}" for what in _order(note, books.orders.get((note.seller_id, note.number)))]
    found += [
        f"{number}: stored, but never asked for" for seller, number in books.orders if (seller, number) not in known
    ]
    found += _balances(journal, books)
    for seller_id, events in journal.events.items():
        found += [f"seller {seller_id}: {what}" for what in _events(events, books.sequences.get(seller_id, []))]
    if books.last_sequence != books.events:
        found.append(f"event log: {books.events} events, but the last sequence number is {books.last_sequence}")
    found += _told(journal)
    found += _notified(journal)
    return found


def _order(note: OrderNote, stored: StoredOrder | None) -> Iterator[str]:
    if not note.is_settled:
        yield "its outcome could not be learnt by asking"
        return
    if stored is None:
        if "done" in (note.created, note.paid, note.ended):
            yield "acknowledged, but not stored"
        return
    expected = [(note.amount_minor, note.payer_id)] if note.paid == "done" else []
    if stored.payments != expected:
        yield f"payments (amount, payer) expected {expected}, stored {stored.payments}"
    if note.paid == "done" and note.payer_id not in note.payers:
        yield f"paid by {note.payer_id}, who presented no code"
    own = {refund.request_no: refund.amount_minor for refund in note.refunds if refund.state == "done"}
    if stored.refunds != own:
        yield f"refunds expected {own}, stored {stored.refunds}"
    if stored.refunded_minor != note.refunded_minor:
        yield f"refunded {stored.refunded_minor}, acknowledged {note.refunded_minor}"
    if note.paid == "done" and stored.amount_minor != note.amount_minor:
        yield f"amount {stored.amount_minor}, asked {note.amount_minor}"
    if note.ended == "done" and stored.status != "TRADE_CLOSED":
        yield f"closing was acknowledged, but it is {stored.status}"


def _balances(journal: Journal, books: Books) -> Iterator[str]:
    consumers = Counter(books.consumers_before)
    sellers: Counter[int] = Counter()
    for note in journal.orders:
        if note.paid == "done" and note.payer_id is not None:
            kept = note.amount_minor - note.refunded_minor
            if not note.by_card:
                consumers[note.payer_id] -= kept
            sellers[note.seller_id] += kept
    yield from _differences("consumer", consumers, books.consumers_after)
    yield from _differences("seller", sellers, books.sellers_after)


def _differences(who: str, expected: Mapping[int, int], stored: Mapping[int, int]) -> Iterator[str]:
    for party in sorted({*expected, *stored}):
        if expected.get(party, 0) != stored.get(party, 0):
            yield f"{who} {party}: balance {stored.get(party, 0)}, by the journal {expected.get(party, 0)}"


def _events(events: list[EventNote], stored: list[int]) -> Iterator[str]:
    read = [event.sequence for event in events]
    if any(later <= earlier for earlier, later in pairwise(read)):
        yield "events were not read in the order of their sequence"
    if read != stored:
        missed, invented = sorted(set(stored) - set(read))[:5], sorted(set(read) - set(stored))[:5]
        yield f"events stored {len(stored)}, read {len(read)}; missed {missed}, not stored {invented}"


def _told(journal: Journal) -> Iterator[str]:
    told = Counter(
        (seller_id, event.kind, event.reference, event.request_no)
        for seller_id, events in journal.events.items()
        for event in events
    )
    expected: Counter[tuple[int, str, str, str | None]] = Counter()
    for note in journal.orders:
        if note.paid == "done":
            expected[note.seller_id, PAID, note.number, None] = 1
        if note.ended == "done" and note.created == "done":
            expected[note.seller_id, CLOSED, note.number, None] = 1
        for refund in note.refunds:
            if refund.state == "done":
                expected[note.seller_id, REFUNDED, note.number, refund.request_no] = 1
    for key in sorted({*told, *expected}, key=repr):
        if told[key] != expected[key]:
            yield f"event {key}: told {told[key]} times instead of {expected[key]}"


def _notified(journal: Journal) -> Iterator[str]:
    received = {tuple(key.split(" ")[:2]) for key in journal.notifications}
    successes = {tuple(key.split(" ")[:2]) for key in journal.notifications if key.endswith(" TRADE_SUCCESS")}
    paid = [note for note in journal.orders if note.paid == "done"]
    due = {(str(note.seller_id), note.number) for note in paid if note.notified}
    possible = {(str(note.seller_id), note.number) for note in paid if note.notified is not False}
    yield from (f"{number}: paid, but never notified" for _, number in sorted(due - successes))
    yield from (f"{number}: notified, but not paid or not to be told" for _, number in sorted(received - possible))
