"""Whatever the banks' books and ours do not say alike is found, and what they do is not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from chuanliu.connectors import BookLine
from chuanliu.drill.bank_books import OurCall, count_completed, find_differences

PAID, REFUSED, REVERSED = 10, 20, 30


def ours() -> list[OurCall]:
    """A payment completed and refunded in two parts, one refused, one reversed."""
    return [
        OurCall("yunhe-card", PAID, "authorise", "succeeded", 1000, None),
        OurCall("yunhe-card", 11, "complete", "succeeded", 1000, PAID),
        OurCall("yunhe-card", 12, "refund", "succeeded", 300, PAID),
        OurCall("yunhe-card", 13, "refund", "succeeded", 200, PAID),
        OurCall("yunhe-card", REFUSED, "authorise", "refused", 700, None),
        OurCall("bailu-card", REVERSED, "authorise", "reversed", 500, None),
        OurCall("bailu-card", 31, "reverse", "succeeded", 500, REVERSED),
    ]


def theirs() -> dict[str, list[BookLine]]:
    """The same, as the banks have it."""
    return {
        "yunhe-card": [BookLine(PAID, "h1", 1000, "CNY", 3, "completed", "r1", {12: 300, 13: 200})],
        "bailu-card": [BookLine(REVERSED, "h2", 500, "CNY", 1, "reversed", "r1")],
    }


def test_what_agrees_is_clean() -> None:
    assert find_differences(ours(), theirs()) == []
    assert count_completed(ours()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "authorised"},
        {"state": "reversed"},
        {"amount_minor": 999},
        {"refunds": {12: 300}},
        {"refunds": {12: 300, 13: 200, 14: 1}},
        {"refunds": {12: 300, 13: 201}},
    ],
)
def test_a_line_of_the_banks_that_says_something_else_is_found(changes: dict[str, Any]) -> None:
    books = theirs()
    books["yunhe-card"] = [msgspec.structs.replace(books["yunhe-card"][0], **changes)]
    (found,) = find_differences(ours(), books)
    assert found.startswith(f"yunhe-card, call {PAID}: ")


def test_what_only_one_side_knows_is_found() -> None:
    lost = theirs() | {"yunhe-card": []}
    assert len(find_differences(ours(), lost)) == 1
    invented = theirs()
    invented["bailu-card"].append(BookLine(99, "h3", 1, "CNY", 1, "completed", "r2"))
    assert find_differences(ours(), invented) == ["bailu-card, call 99: in the bank's book, never asked for"]
    charged = theirs()
    charged["yunhe-card"].append(BookLine(REFUSED, "h1", 700, "CNY", 3, "authorised", "r3"))
    assert find_differences(ours(), charged) == [f"yunhe-card, call {REFUSED}: refused here, authorised at the bank"]
    kept = theirs()
    kept["bailu-card"] = [msgspec.structs.replace(kept["bailu-card"][0], state="authorised")]
    assert len(find_differences(ours(), kept)) == 1


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("status", ["due", "refused"])
def test_a_call_that_came_to_nothing_is_found(place: int, status: str) -> None:
    calls = ours()
    calls[place] = msgspec.structs.replace(calls[place], status=status)
    assert find_differences(calls, theirs())


def test_a_payment_is_completed_once() -> None:
    twice = [*ours(), OurCall("yunhe-card", 14, "complete", "succeeded", 1000, PAID)]
    assert find_differences(twice, theirs()) == [f"yunhe-card, call {PAID}: approved, and not completed exactly once"]
    assert find_differences([call for call in ours() if call.kind != "complete"], theirs())
