"""Shares: what was bought on credit in a month, by category, lender and plan, beside the month before."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from chuanliu.bills import next_cycle
from chuanliu.clock import business_date
from chuanliu.instalments import Plan

BOUGHT = frozenset({"active", "completed", "refunded"})


class Share(msgspec.Struct, frozen=True):
    """What of a month's purchases is of one kind, and what was the month before. `bps` is its part of the whole."""

    name: str
    amount_minor: int
    bps: int
    before_minor: int


class Shares(msgspec.Struct, frozen=True):
    """One month's purchases (yyyymm by the day of purchase), net of refunds. `by_…` each sum to `total_minor`.

    Names are groups of categories, lenders' numbers, and numbers of instalments.
    """

    month: int
    total_minor: int
    before_minor: int
    by_category: tuple[Share, ...]
    by_lender: tuple[Share, ...]
    by_plan: tuple[Share, ...]


def spent_minor(plan: Plan) -> int:
    """What a purchase cost in the end: its price without what came back, and without fees."""
    return plan.principal_minor - plan.refunded_minor


def month_bought(plan: Plan) -> int:
    """The month of purchase, yyyymm."""
    bought = business_date(plan.created_at)
    return bought.year * 100 + bought.month


def shares_of(plans: Iterable[Plan], month: int, category_of: Callable[[Plan], str]) -> Shares:
    """Shares of a month's purchases; `category_of` gives the group of a purchase."""
    bought = [plan for plan in plans if plan.status in BOUGHT and spent_minor(plan)]
    now = [plan for plan in bought if month_bought(plan) == month]
    before = [plan for plan in bought if month_bought(plan) == next_cycle(month, -1)]
    total = sum(map(spent_minor, now))

    def by(kind: Callable[[Plan], str]) -> tuple[Share, ...]:
        sums: dict[str, list[int]] = {}
        for place, plans_of_month in enumerate((now, before)):
            for plan in plans_of_month:
                sums.setdefault(kind(plan), [0, 0])[place] += spent_minor(plan)
        found = [Share(name, new, 10_000 * new // total if total else 0, old) for name, (new, old) in sums.items()]
        return tuple(sorted(found, key=lambda each: (-each.amount_minor, -each.before_minor, each.name)))

    return Shares(
        month,
        total,
        sum(map(spent_minor, before)),
        by(category_of),
        by(lambda plan: str(plan.lender_id)),
        by(lambda plan: str(plan.instalments)),
    )
