"""The bank's book against ours, line by line, and both against what tills were told."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from chuanliu.connectors import BookLine
from trade.market import Market


class Line(NamedTuple):
    """What either side says of one authorisation: its state, amount, and refunds by call number."""

    state: str
    amount_minor: int
    refunds: dict[int, int]


def our_lines(market: Market, lender_id: int) -> dict[int, Line]:
    """Our calls to a bank, by authorisation: completed, or nothing."""
    sql = (
        "SELECT call_id, kind, status, amount_minor, original_call_id FROM bank_call WHERE lender_id = %s"
        " ORDER BY call_id"
    )
    authorised: dict[int, tuple[str, int]] = {}
    followed: dict[int, dict[str, dict[int, tuple[str, int]]]] = defaultdict(lambda: defaultdict(dict))
    for call_id, kind, status, amount, original in market.connection.execute(sql, [lender_id]):
        if kind == "authorise":
            authorised[call_id] = (status, amount)
        else:
            followed[original][kind][call_id] = (status, amount)
    lines = {}
    for call_id, (status, amount) in authorised.items():
        calls = followed[call_id]
        completed = {answer for answer, _ in calls["complete"].values()}
        assert completed == ({"succeeded"} if status == "succeeded" else set()), (call_id, status, completed)
        refunds = {number: part for number, (answer, part) in calls["refund"].items() if answer == "succeeded"}
        assert len(refunds) == len(calls["refund"])
        lines[call_id] = Line("completed" if status == "succeeded" else "nothing", amount, refunds)
    return lines


def bank_lines(book: dict[int, BookLine]) -> dict[int, Line]:
    """The bank's side; what it reversed is nothing."""
    return {
        call_id: Line("nothing" if line.state == "reversed" else line.state, line.amount_minor, line.refunds)
        for call_id, line in book.items()
    }


def require_same_books(market: Market, lender_id: int, book: dict[int, BookLine]) -> int:
    """Both sides know the same authorisations, completions and refunds; returns how many were completed."""
    ours, theirs = our_lines(market, lender_id), bank_lines(book)
    for call_id, line in ours.items():
        other = theirs.pop(call_id, Line("nothing", line.amount_minor, {}))
        assert other == line, (call_id, line, other)
    assert not theirs, "the bank has authorisations that we never asked for"
    return sum(line.state == "completed" for line in ours.values())


def require_kept_promises(market: Market, merchant_id: int, told: list[dict[str, Any]]) -> None:
    """No till was told anything that did not last: paid is paid, closed is closed, refunded is refunded."""
    sql = (
        "SELECT o.out_trade_no, o.status, o.amount_minor, o.refunded_minor, p.status, o.paid_at IS NOT NULL"
        " FROM orders o LEFT JOIN payment p ON p.payment_id = o.payment_id WHERE o.merchant_id = %s"
    )
    stored = {row[0]: row[1:] for row in market.connection.execute(sql, [merchant_id])}
    refunded: dict[str, int] = defaultdict(int)
    for note in told:
        no = f"order-{note['number']}"
        if "begun" in note:
            continue
        status, amount, _, payment, paid = stored[no]
        if note.get("result") == "paid":
            assert (payment, paid, amount) == ("SUCCEEDED", True, note["amount"]), (no, stored[no])
        if note.get("action") == "close":
            assert (status, paid) == ("TRADE_CLOSED", False), (no, stored[no])
        refunded[no] += note.get("refunded", 0)
    for no, least in refunded.items():
        assert stored[no][2] >= least, (no, stored[no], least)
