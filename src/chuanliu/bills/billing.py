"""What a statement says: from the figures of one line to what is owed, what is due, and the least to pay.

Every purchase on a line has a plan, of one instalment or of more; what a line owes is what its plans still owe, and
late fees and penalty interest.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from chuanliu.bills.cycles import Cycle
from chuanliu.bills.tables import Statement
from chuanliu.clock import Micros, day_number
from chuanliu.lenders import BillingTerms


class Line(NamedTuple):
    """Whose line a statement is about."""

    cell: int
    consumer_id: int
    product_id: int
    line_no: int
    instrument_id: int
    account_id: int
    currency: str


class Opening(NamedTuple):
    """Where the statement before has ended; zeros for the first one."""

    last_seq: int = 0
    owed_minor: int = 0
    late_fees_owed_minor: int = 0
    interest_owed_minor: int = 0


class Postings(NamedTuple):
    """Sums of the cycle's entries by kind, all positive but `change_minor`, which is what they add to the debt.

    `last_seq` is the last of them, None without any. `refunds_minor` includes fees given back; `repayments_minor` all
    repayments, of which `late_fees_repaid_minor` and `interest_repaid_minor` went to charges.
    """

    last_seq: int | None = None
    change_minor: int = 0
    purchases_minor: int = 0
    fees_minor: int = 0
    late_fees_minor: int = 0
    interest_minor: int = 0
    refunds_minor: int = 0
    repayments_minor: int = 0
    late_fees_repaid_minor: int = 0
    interest_repaid_minor: int = 0


class Dues(NamedTuple):
    """What plans have to pay with a statement: of earlier statements, instalments now, and purchases paid in one."""

    overdue_minor: int = 0
    instalments_minor: int = 0
    purchases_minor: int = 0


class PlanAtCut(NamedTuple):
    """One plan whose line has moved since the cycle ended.

    `overdue_total_minor` and `due_total_minor` are the instalments due with earlier statements and with this one,
    `repaid_minor` all that was repaid until now, `repaid_later_minor` what of it came behind the cycle.
    """

    single: bool
    bought_later: bool
    overdue_total_minor: int
    due_total_minor: int
    repaid_minor: int
    repaid_later_minor: int


def dues_at_cut(plans: list[PlanAtCut]) -> Dues:
    """What plans had to pay when the cycle ended: later repayments are undone, later purchases left out.

    Repayments go to the oldest instalment first. What a later refund took off instalments stays off: the statement is
    smaller by it, and the refund itself stands in the next one.
    """
    overdue = instalments = purchases = 0
    for plan in plans:
        if plan.bought_later:
            continue
        before = max(0, plan.repaid_minor - plan.repaid_later_minor)
        late = max(0, plan.overdue_total_minor - before)
        due = max(0, plan.due_total_minor - max(0, before - plan.overdue_total_minor))
        overdue += late
        if plan.single:
            purchases += due
        else:
            instalments += due
    return Dues(overdue, instalments, purchases)


def minimum_payment(due_minor: int, purchases_due_minor: int, terms: BillingTerms) -> int:
    """The least to pay: all that is due but for purchases paid in one, of which it is a part, rounded up.

    At least the floor, at most what is due.
    """
    part = int((Decimal(purchases_due_minor) * terms.minimum_part).to_integral_value(ROUND_CEILING))
    return min(due_minor, max(due_minor - purchases_due_minor + part, terms.minimum_floor_minor))


def make_statement(
    line: Line, cycle: Cycle, opening: Opening, postings: Postings, dues: Dues, terms: BillingTerms, now: Micros
) -> Statement | None:
    """The statement of a line for a cycle; None where nothing moved and nothing is owed."""
    if postings.last_seq is None and not opening.owed_minor:
        return None
    closing = opening.owed_minor + postings.change_minor
    late_fees = opening.late_fees_owed_minor + postings.late_fees_minor - postings.late_fees_repaid_minor
    interest = opening.interest_owed_minor + postings.interest_minor - postings.interest_repaid_minor
    raised = postings.purchases_minor + postings.fees_minor + postings.late_fees_minor + postings.interest_minor
    other = postings.change_minor - raised + postings.refunds_minor + postings.repayments_minor
    due = late_fees + interest + sum(dues)
    return Statement(
        line.cell,
        line.consumer_id,
        line.product_id,
        line.line_no,
        cycle.number,
        line.instrument_id,
        line.account_id,
        line.currency,
        day_number(cycle.statement_on),
        day_number(cycle.due_on),
        opening.last_seq + 1,
        opening.last_seq if postings.last_seq is None else postings.last_seq,
        opening.owed_minor,
        postings.purchases_minor,
        postings.fees_minor,
        postings.late_fees_minor,
        postings.interest_minor,
        postings.refunds_minor,
        postings.repayments_minor,
        other,
        closing,
        late_fees,
        interest,
        dues.overdue_minor,
        dues.instalments_minor,
        dues.purchases_minor,
        due,
        minimum_payment(due, dues.purchases_minor, terms),
        now,
    )
