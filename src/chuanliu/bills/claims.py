"""What a line is to pay: claims, how a repayment falls on them, and what lateness costs. Pure, in minor units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from chuanliu.bills.cycles import billed_until, cycle_of_terms, next_cycle
from chuanliu.bills.tables import LineStanding, Statement
from chuanliu.clock import date_of, day_number
from chuanliu.instalments import Plan
from chuanliu.lenders import BillingTerms, Claim, ProductTerms


class Share(NamedTuple):
    """What of a repayment goes to one plan."""

    plan_id: int
    amount_minor: int


class Allocation(NamedTuple):
    """How a repayment falls. `rest_minor` is what found no claim; all parts sum to the repayment."""

    fees_minor: int
    interest_minor: int
    shares: tuple[Share, ...]
    rest_minor: int

    @property
    def principal_minor(self) -> int:
        """What goes to plans: principal, and the fee that is part of their instalments."""
        return sum(share.amount_minor for share in self.shares)


class Charges(NamedTuple):
    """What lateness costs until a day; `late_cycle` and `penalty_until` say how far it has been charged then."""

    late_fee_minor: int
    interest_minor: int
    late_cycle: int
    penalty_until: int


def last_billed(terms: ProductTerms, today: date) -> int:
    """Until which due date (yyyymmdd) instalments are billed by today: those of the last cycle that has ended."""
    number = today.year * 100 + today.month
    cycle = cycle_of_terms(terms, number)
    if cycle.statement_on >= today:
        cycle = cycle_of_terms(terms, next_cycle(number, -1))
    return cycle.billed_until


def unpaid(plans: Iterable[Plan], until: int) -> list[tuple[int, int, int]]:
    """Due date, plan and unpaid amount of each instalment due until a day, oldest first."""
    found = [
        (due_on, plan.plan_id, principal + fee - repaid)
        for plan in plans
        for due_on, principal, fee, repaid in zip(plan.due_on, plan.principals, plan.fees, plan.repaid, strict=True)
        if due_on <= until and principal + fee > repaid
    ]
    return sorted(found)


def allocate(
    order: Sequence[Claim],
    fees_owed_minor: int,
    interest_owed_minor: int,
    instalments: Sequence[tuple[int, int, int]],
    amount_minor: int,
) -> Allocation:
    """Let a repayment fall in this order; within principal the oldest instalment first."""
    left, fees, interest = amount_minor, 0, 0
    shares: dict[int, int] = {}
    for claim in order:
        if claim == "fees":
            fees = min(left, fees_owed_minor)
            left -= fees
        elif claim == "interest":
            interest = min(left, interest_owed_minor)
            left -= interest
        else:
            for _, plan_id, owed in instalments:
                part = min(left, owed)
                if part:
                    shares[plan_id] = shares.get(plan_id, 0) + part
                    left -= part
    return Allocation(fees, interest, tuple(Share(*item) for item in shares.items()), left)


def is_late(statement: Statement, standing: LineStanding, plans: Sequence[Plan], grace_days: int, today: date) -> bool:
    """Whether the minimum of a statement is unpaid behind its due date and the days of grace."""
    if date_of(statement.due_on) + timedelta(days=grace_days) >= today:
        return False
    owed = sum(amount for _, _, amount in unpaid(plans, billed_until(date_of(statement.due_on))))
    owed += min(standing.late_fees_owed_minor, statement.late_fees_owed_minor)
    owed += min(standing.interest_owed_minor, statement.interest_owed_minor)
    return owed > statement.due_minor - statement.minimum_minor


def lateness(
    statement: Statement | None, standing: LineStanding, plans: Sequence[Plan], terms: BillingTerms, today: date
) -> Charges:
    """What the last statement that is due costs by now.

    A late fee once for the statement, and penalty interest for each day behind the due date on instalments that are
    unpaid: simple, half-even, not on charges. Nothing while a hardship plan spares charges, or where the minimum was
    paid in time.
    """
    day = day_number(today)
    nothing = Charges(0, 0, standing.late_cycle, standing.penalty_until)
    if statement is None or not is_late(statement, standing, plans, terms.grace_days, today):
        return nothing
    if standing.spared_until >= day:
        return nothing._replace(penalty_until=max(day, standing.penalty_until))
    fee = terms.late_fee_minor if standing.late_cycle < statement.cycle else 0
    since = date_of(max(statement.due_on, standing.penalty_until))
    days = max(0, (today - since).days)
    owed = sum(amount for _, _, amount in unpaid(plans, billed_until(date_of(statement.due_on))))
    interest = int((Decimal(owed) * terms.penalty_daily * days).to_integral_value(ROUND_HALF_EVEN))
    return Charges(fee, interest, max(statement.cycle, standing.late_cycle), max(day, standing.penalty_until))


def last_due(statements: Iterable[Statement], today: date) -> Statement | None:
    """The newest statement whose due date is not to come."""
    day = day_number(today)
    return max((each for each in statements if each.due_on <= day), key=lambda each: each.cycle, default=None)
