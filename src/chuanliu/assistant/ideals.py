"""The ideal bill: what the consumer wants a month's bill to be at most, and what the assistant proposes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_low
from typing import Final

import msgspec

INCOME_SHARE_BPS: Final = 3_000
"""A month's bills are proposed to be at most this part of the income that she has told: a rule of thumb, no advice."""
HISTORY_SHARE_BPS: Final = 9_000
"""Of the bills she is used to a little less is proposed."""
HISTORY_MONTHS: Final = 6
COMMITTED_MONTHS: Final = 3
_STEPS: Final = ((100_000, 10_000), (1_000_000, 50_000))
_STEP_ABOVE: Final = 100_000


class Proposal(msgspec.Struct, frozen=True):
    """A proposed ideal bill and what it was made of, in minor units.

    `reason` is `income`, `history` or `commitments`: which of the three decided. `habit_minor` is 90 % of the median
    bill of the months of the history, `income_part_minor` 30 % of the income, each 0 where it is not known;
    `committed_minor` the largest bill of the next months that is committed already, below which no ideal is of use.
    """

    amount_minor: int
    reason: str
    habit_minor: int
    income_part_minor: int
    committed_minor: int
    months: int


def rounded_up(minor: int) -> int:
    """Up to the next round amount: in steps of 100.00 below 1,000.00, of 500.00 below 10,000.00, else of 1,000.00."""
    step = next((step for below, step in _STEPS if minor < below), _STEP_ABOVE)
    return -(-minor // step) * step


def propose(bills: Sequence[int], committed: Sequence[int], income_minor: int) -> Proposal | None:
    """An ideal bill from past monthly bills (oldest first), what is committed in months to come, and a month's income.

    The smaller of what she is used to and what her income bears, but never below what is committed. None where none
    of the three is known.
    """
    known = [bill for bill in bills[-HISTORY_MONTHS:] if bill > 0]
    habit = median_low(known) * HISTORY_SHARE_BPS // 10_000 if known else 0
    bearable = income_minor * INCOME_SHARE_BPS // 10_000
    floor = max(committed[:COMMITTED_MONTHS], default=0)
    wanted = min((amount for amount in (habit, bearable) if amount), default=0)
    if not wanted and not floor:
        return None
    by_income = "income" if bearable and bearable == wanted else "history"
    reason = "commitments" if floor >= wanted else by_income
    return Proposal(rounded_up(max(wanted, floor)), reason, habit, bearable, floor, len(known))
