"""Cycles: from the day after one statement day to the next one, in Asia/Shanghai."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from chuanliu.clock import SHANGHAI, Micros, business_date, day_number, from_datetime
from chuanliu.instalments import is_closed_in_china, months_later, next_business_day
from chuanliu.lenders import ProductTerms

_HALF_A_CYCLE: Final = timedelta(days=14)


class Cycle(NamedTuple):
    """One cycle of a product. `number` is yyyymm of the statement day; the statement day itself is part of the cycle.

    Postings before `cut_at` belong to it. Instalments due until `billed_until` (yyyymmdd) are due with it, those until
    `overdue_until` were due with an earlier one.
    """

    number: int
    statement_on: date
    due_on: date
    cut_at: Micros
    billed_until: int
    overdue_until: int


def in_month(year: int, month: int, day: int) -> date:
    """That day of a month, or its last day where the month is shorter: 31 in February is the 28th or 29th."""
    return date(year, month, min(day, monthrange(year, month)[1]))


def due_after(statement_on: date, due_day: int | None, due_after_days: int | None, holiday_rule: str) -> date:
    """When a statement is due: on the next due day behind the statement day, or so many days after it.

    With `next-business-day` it moves out of weekends and holidays of mainland China.
    """
    if due_day is None:
        due = statement_on + timedelta(days=due_after_days or 0)
    else:
        due = in_month(statement_on.year, statement_on.month, due_day)
        if due <= statement_on:
            following = months_later(statement_on.replace(day=1), 1)
            due = in_month(following.year, following.month, due_day)
    return next_business_day(due, is_closed_in_china) if holiday_rule == "next-business-day" else due


def billed_until(due_on: date) -> int:
    """The last due date that counts as this statement's, as yyyymmdd.

    An instalment keeps the day of its plan's first one, while the day of a statement that is due so many days after
    its making moves with the length of the month: each instalment belongs to the statement whose due date is nearest.
    """
    return day_number(due_on + _HALF_A_CYCLE)


def cycle_of(
    number: int, statement_day: int, due_day: int | None, due_after_days: int | None, holiday_rule: str = "none"
) -> Cycle:
    """The cycle whose statement day lies in the month yyyymm. Days that a month does not have are its last."""
    statement_on = in_month(number // 100, number % 100, statement_day)
    following = statement_on + timedelta(days=1)
    previous = months_later(statement_on.replace(day=1), -1)
    earlier = in_month(previous.year, previous.month, statement_day)
    due_on = due_after(statement_on, due_day, due_after_days, holiday_rule)
    return Cycle(
        number,
        statement_on,
        due_on,
        from_datetime(datetime(following.year, following.month, following.day, tzinfo=SHANGHAI)),
        billed_until(due_on),
        billed_until(due_after(earlier, due_day, due_after_days, holiday_rule)),
    )


@lru_cache(maxsize=1024)
def cycle_of_terms(terms: ProductTerms, number: int) -> Cycle:
    """The cycle of a product that bills. Raises `ValueError` for one that does not."""
    if terms.statement_day is None:
        raise ValueError("a product without a statement day has no cycles")
    return cycle_of(number, terms.statement_day, terms.due_day, terms.due_after_days, terms.holiday_rule)


def next_cycle(number: int, months: int = 1) -> int:
    """The number of a later (or earlier) cycle."""
    at = number // 100 * 12 + number % 100 - 1 + months
    return at // 12 * 100 + at % 12 + 1


def ended_cycles(terms: ProductTerms, since: Micros, until: Micros) -> Iterator[Cycle]:
    """The cycles that ended behind `since` and not behind `until`, oldest first."""
    first = business_date(since)
    number = first.year * 100 + first.month
    while True:
        cycle = cycle_of_terms(terms, number)
        if cycle.cut_at > until:
            return
        if cycle.cut_at > since:
            yield cycle
        number = next_cycle(number)
