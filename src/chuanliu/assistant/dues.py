"""Dues: what plans and charges bring onto each month's bill. Months are yyyymm of the due date, days yyyymmdd."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from chuanliu.bills import LineStanding, next_cycle
from chuanliu.clock import Micros, business_date, day_number
from chuanliu.instalments import Plan

CALENDAR_MONTHS: Final = 12
_COUNTED: Final = frozenset({"active", "completed", "refunded"})


class Due(NamedTuple):
    """One instalment, or the whole of a purchase paid in one.

    `due_minor` is principal and the consumer's fee after refunds, `left_minor` what of it is unpaid. Of another
    lender's plan repayments are not seen here: what is past its date is taken for paid.
    """

    due_on: int
    plan_id: int
    product_id: int
    instalments: int
    number: int
    bought_on: int
    external: bool
    due_minor: int
    left_minor: int

    @property
    def month(self) -> int:
        """The bill that it is on."""
        return self.due_on // 100

    @property
    def is_instalment(self) -> bool:
        """Whether it is part of a purchase in several."""
        return self.instalments > 1


class MonthOfDues(msgspec.Struct, frozen=True):
    """One month of the calendar: all that is due in it, what of it is unpaid, and what other lenders bill.

    `overdue_minor` and `charges_minor` (late fees, penalty interest) stand in the current month only and are no part
    of `due_minor`; they are part of `left_minor`. `days` are due dates with what is unpaid on each.
    """

    month: int
    due_minor: int = 0
    left_minor: int = 0
    instalments_minor: int = 0
    mirrored_minor: int = 0
    overdue_minor: int = 0
    charges_minor: int = 0
    days: tuple[tuple[int, int], ...] = ()


def dues_of(plans: Iterable[Plan], today: int) -> tuple[Due, ...]:
    """The dues of plans that came to something, by date."""
    found: list[Due] = []
    for plan in plans:
        if plan.status not in _COUNTED:
            continue
        external = plan.funding == "external"
        bought_on = day_number(business_date(plan.created_at))
        parts = zip(plan.due_on, plan.principals, plan.fees, plan.repaid, strict=True)
        for number, (due_on, principal, fee, repaid) in enumerate(parts, 1):
            due = principal + fee
            if due:
                left = (0 if due_on < today else due) if external else due - repaid
                found.append(
                    Due(due_on, plan.plan_id, plan.product_id, len(plan.due_on), number, bought_on, external, due, left)
                )
    return tuple(sorted(found))


def charges_of(standings: Iterable[LineStanding]) -> int:
    """Late fees and penalty interest that are owed."""
    return sum(each.late_fees_owed_minor + each.interest_owed_minor for each in standings)


def calendar_of(
    dues: Sequence[Due], charges_minor: int, today: int, months: int = CALENDAR_MONTHS
) -> tuple[MonthOfDues, ...]:
    """So many months from the current one on. What is past due and unpaid is to be paid in the current month."""
    first = today // 100
    by_month: dict[int, list[Due]] = {}
    for due in dues:
        by_month.setdefault(due.month, []).append(due)
    made = []
    for ahead in range(months):
        month = next_cycle(first, ahead)
        mine = by_month.get(month, [])
        overdue = sum(due.left_minor for due in dues if due.month < month) if not ahead else 0
        charges = charges_minor if not ahead else 0
        days: dict[int, int] = {}
        for due in mine:
            days[due.due_on] = days.get(due.due_on, 0) + due.left_minor
        made.append(
            MonthOfDues(
                month,
                sum(due.due_minor for due in mine),
                sum(due.left_minor for due in mine) + overdue + charges,
                sum(due.due_minor for due in mine if due.is_instalment),
                sum(due.due_minor for due in mine if due.external),
                overdue,
                charges,
                tuple(sorted((day, left) for day, left in days.items() if left)),
            )
        )
    return tuple(made)


def monthly_bills(dues: Sequence[Due], last: int, months: int) -> tuple[tuple[int, int], ...]:
    """What was due in each of the months that end with `last`, oldest first, from the first month with any on."""
    by_month: dict[int, int] = {}
    for due in dues:
        by_month[due.month] = by_month.get(due.month, 0) + due.due_minor
    wanted = [next_cycle(last, -back) for back in reversed(range(months))]
    begun = min((month for month in by_month if by_month[month]), default=last + 1)
    return tuple((month, by_month.get(month, 0)) for month in wanted if month >= begun)


def owed_by_product(dues: Sequence[Due], charges: Mapping[int, int]) -> dict[int, int]:
    """What is owed on our books by product: unpaid dues of all months, and charges. It equals the ledger."""
    owed = dict(charges)
    for due in dues:
        if not due.external:
            owed[due.product_id] = owed.get(due.product_id, 0) + due.left_minor
    return owed


def plan_months(due_on: Sequence[int], principals: Sequence[int], fees: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """What a purchase would bring onto each month, oldest first."""
    by_month: dict[int, int] = {}
    for day, principal, fee in zip(due_on, principals, fees, strict=True):
        by_month[day // 100] = by_month.get(day // 100, 0) + principal + fee
    return tuple(sorted(by_month.items()))


def today_of(now: Micros) -> int:
    """The business day of an instant."""
    return day_number(business_date(now))
