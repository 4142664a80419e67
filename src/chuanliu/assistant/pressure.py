"""Repayment pressure: one number for how heavy the next months weigh, by a public formula.

    load  = (3 x first month + 2 x second + 1 x third) / (6 x ideal bill), in per cent
    late  = 30 x (statements of the last twelve that were late / those statements), and 30 where something is overdue
    index = load + late

The months are what is unpaid of this month, overdue and charges included, and of the next two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

Level = Literal["calm", "watch", "heavy", "critical"]

WEIGHTS: Final = (3, 2, 1)
LATE_POINTS: Final = 30
OVERDUE_POINTS: Final = 30
STATEMENTS_READ: Final = 12
LEVELS: Final[tuple[tuple[Level, int], ...]] = (("calm", 0), ("watch", 60), ("heavy", 90), ("critical", 120))
"""Each level, and the index from which on it holds."""


class Pressure(msgspec.Struct, frozen=True):
    """The index with all that went into it. Amounts in minor units; `months` are yyyymm with what is unpaid."""

    index: int
    level: Level
    ideal_minor: int
    months: tuple[tuple[int, int], ...]
    load: int
    late_statements: int
    statements: int
    overdue_minor: int
    history: int


def pressure_of(
    months: Sequence[tuple[int, int]], ideal_minor: int, late: Sequence[bool], overdue_minor: int
) -> Pressure | None:
    """The pressure of the next months against an ideal bill.

    `late` says of each statement, oldest first, whether it was paid late. None without an ideal bill to measure by.
    Both parts are rounded half up.
    """
    if ideal_minor <= 0:
        return None
    read = tuple(months[: len(WEIGHTS)])
    weighed = sum(weight * left for weight, (_, left) in zip(WEIGHTS, read, strict=False))
    load = _percent(weighed, sum(WEIGHTS) * ideal_minor)
    seen = late[-STATEMENTS_READ:]
    history = (LATE_POINTS * sum(seen) * 2 + len(seen)) // (2 * len(seen)) if seen else 0
    if overdue_minor:
        history += OVERDUE_POINTS
    index = load + history
    return Pressure(index, level_of(index), ideal_minor, read, load, sum(seen), len(seen), overdue_minor, history)


def level_of(index: int) -> Level:
    """The level of an index."""
    return next(level for level, at_least in reversed(LEVELS) if index >= at_least)


def _percent(part: int, whole: int) -> int:
    return (200 * part + whole) // (2 * whole)
