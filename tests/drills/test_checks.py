"""A drill that found nothing is worth what it would have found: every loss and every doubling is a violation."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from chuanliu.drill.checks import CLOSED, PAID, REFUNDED, Books, StoredOrder, find_violations
from chuanliu.drill.journal import EventNote, Journal, OrderNote, RefundNote

SELLER, PAYER, OTHER = 2088000000000017, 2088000000000025, 2088000000000033


def journal() -> Journal:
    """One order paid and partly refunded, one closed, one refused."""
    paid = OrderNote("a_1", SELLER, 1000, True, [PAYER], paid="done", payer_id=PAYER, trade_no="T1")
    paid.refunds = [RefundNote("a_1_r0", 300, "done"), RefundNote("a_1_r1", 100, "refused")]
    closed = OrderNote("a_2", SELLER, 500, created="done", ended="done")
    refused = OrderNote("a_3", SELLER, 700, payers=[PAYER], paid="refused")
    events = [
        EventNote(1, "1", PAID, "a_1"),
        EventNote(2, "2", CLOSED, "a_2"),
        EventNote(3, "3", REFUNDED, "a_1", "a_1_r0"),
    ]
    told = {f"{SELLER} a_1 TRADE_SUCCESS": 2}
    return Journal(orders=[paid, closed, refused], events={SELLER: events}, notifications=told)


def books() -> Books:
    """What the database should hold of it."""
    stored = [
        StoredOrder(1, SELLER, "a_1", 1000, "TRADE_SUCCESS", 300, [(1000, PAYER)], {"a_1_r0": 300}),
        StoredOrder(2, SELLER, "a_2", 500, "TRADE_CLOSED", 0, [], {}),
    ]
    return Books(
        orders={(order.seller_id, order.number): order for order in stored},
        consumers_before={PAYER: 5000, OTHER: 5000},
        consumers_after={PAYER: 4300, OTHER: 5000},
        sellers_after={SELLER: 700},
        sequences={SELLER: [1, 2, 3]},
        last_sequence=3,
        events=3,
    )


def test_a_card_leaves_the_payers_balance_alone() -> None:
    noted, stored = journal(), books()
    noted.orders[0].by_card = True
    assert find_violations(noted, stored) == [f"consumer {PAYER}: balance 4300, by the journal 5000"]
    stored.consumers_after[PAYER] = 5000
    assert find_violations(noted, stored) == []


def change_order(stored: Books, number: str, **changes: object) -> None:
    stored.orders[SELLER, number] = msgspec.structs.replace(stored.orders[SELLER, number], **changes)


def test_what_agrees_is_clean() -> None:
    assert find_violations(journal(), books()) == []


def test_what_nobody_could_resolve_is_a_violation() -> None:
    noted = journal()
    noted.orders[2].paid = "unknown"
    assert find_violations(noted, books()) == ["a_3: its outcome could not be learnt by asking"]


Spoil = Callable[[Journal, Books], object]

WRONGS: list[tuple[str, Spoil, str]] = [
    ("lost", lambda _, b: b.orders.pop((SELLER, "a_1")), "acknowledged, but not stored"),
    ("unpaid", lambda _, b: change_order(b, "a_1", payments=[]), "stored []"),
    ("doubled", lambda _, b: change_order(b, "a_1", payments=[(1000, PAYER), (1000, OTHER)]), "expected [(1000"),
    ("another amount", lambda _, b: change_order(b, "a_1", payments=[(999, PAYER)]), "(999"),
    ("paid though refused", lambda _, b: change_order(b, "a_2", payments=[(500, PAYER)]), "expected []"),
    ("refund lost", lambda _, b: change_order(b, "a_1", refunds={}), "refunds expected"),
    ("refund doubled", lambda _, b: change_order(b, "a_1", refunded_minor=600), "refunded 600, acknowledged 300"),
    ("reopened", lambda _, b: change_order(b, "a_2", status="WAIT_BUYER_PAY"), "closing was acknowledged"),
    ("never asked for", lambda j, _: j.orders.pop(1), "a_2: stored, but never asked for"),
    ("charged twice", lambda _, b: b.consumers_after.update({PAYER: 3300}), f"consumer {PAYER}: balance 3300"),
    ("another's balance", lambda _, b: b.consumers_after.update({OTHER: 4999}), f"consumer {OTHER}: balance 4999"),
    ("seller a cent off", lambda _, b: b.sellers_after.update({SELLER: 701}), f"seller {SELLER}: balance 701"),
    ("event missed", lambda j, _: j.events[SELLER].pop(0), "missed [1]"),
    ("event twice", lambda j, _: j.events[SELLER].append(EventNote(4, "4", PAID, "a_1")), "told 2 times"),
    ("events out of order", lambda j, _: j.events[SELLER].reverse(), "not read in the order"),
    ("not notified", lambda j, _: j.notifications.clear(), "a_1: paid, but never notified"),
    (
        "notified unpaid",
        lambda j, _: j.notifications.update({f"{SELLER} a_2 TRADE_SUCCESS": 1}),
        "a_2: notified, but not paid",
    ),
    ("internal errors", lambda j, _: j.answers.update({"internal": 2}), "2 answers were internal"),
    ("complaint", lambda j, _: j.complain("a_1: two payments"), "a_1: two payments"),
]


@pytest.mark.parametrize(("spoil", "said"), [wrong[1:] for wrong in WRONGS], ids=[wrong[0] for wrong in WRONGS])
def test_every_wrong_is_found(spoil: Spoil, said: str) -> None:
    noted, stored = journal(), books()
    spoil(noted, stored)
    assert any(said in violation for violation in find_violations(noted, stored))


def test_a_gap_in_the_log_is_found() -> None:
    gapped = msgspec.structs.replace(books(), last_sequence=4)
    assert find_violations(journal(), gapped) == ["event log: 3 events, but the last sequence number is 4"]


def test_recovery_is_counted_from_requests_that_began_later() -> None:
    noted = Journal()
    noted.succeeded(10.0, 13.0)
    noted.succeeded(12.3, 12.9)
    noted.succeeded(12.35, 12.8)
    assert noted.recovered_after(11.0) == pytest.approx(1.8)
    assert noted.recovered_after(12.4) is None
