"""Hardship: what a line still owes is spread over months to come, once the consumer has agreed to exactly that."""

from __future__ import annotations

from datetime import date
from hashlib import sha256

import msgspec

from chuanliu.bills.claims import last_due
from chuanliu.bills.repaying import LineCommand
from chuanliu.bills.tables import HARDSHIP, LINE_STANDING, Hardship
from chuanliu.clock import day_number
from chuanliu.engine import Context, Rows
from chuanliu.errors import Refused
from chuanliu.instalments import PLAN, Plan, due_dates, first_due, is_closed_in_china
from chuanliu.lenders import ProductTerms, terms_of
from chuanliu.money import format_amount, split_by_weights

MONTHS_MAX = 60


class HardshipOffer(msgspec.Struct, frozen=True):
    """A re-schedule as it would be: each day and what is due then, and the text whose SHA-256 is the consent."""

    months: int
    owed_minor: int
    due_on: tuple[int, ...]
    amounts: tuple[int, ...]
    text: str

    @property
    def sha256(self) -> bytes:
        """What the consumer signs."""
        return sha256(self.text.encode()).digest()


def rescheduled(plan: Plan, due_on: tuple[int, ...]) -> Plan:
    """A plan whose unpaid rest is due in equal parts on these days; what was repaid stays behind as one instalment.

    Principal and fee each keep their sums. Repaid money counts for the fee of an instalment first.
    """
    fees_paid = sum(min(fee, repaid) for fee, repaid in zip(plan.fees, plan.repaid, strict=True))
    repaid = sum(plan.repaid)
    months = len(due_on)
    principals = split_by_weights(sum(plan.principals) - (repaid - fees_paid), [1] * months)
    fees = split_by_weights(sum(plan.fees) - fees_paid, [1] * months)
    settled = ((plan.due_on[0], repaid - fees_paid, fees_paid, repaid),) if repaid else ()
    return plan.changed(
        instalments=months + len(settled),
        due_on=(*(each[0] for each in settled), *due_on),
        principals=(*(each[1] for each in settled), *principals),
        fees=(*(each[2] for each in settled), *fees),
        repaid=(*(each[3] for each in settled), *([0] * months)),
    )


def hardship_offer(plans: list[Plan], terms: ProductTerms, currency: str, today: date, months: int) -> HardshipOffer:
    """What plans would pay when what they owe is spread over so many months. Raises `Refused`: invalid_amount for a
    number of months out of 1 to 60, nothing_billed where nothing is owed.
    """
    if not 1 <= months <= MONTHS_MAX:
        raise Refused("invalid_amount", f"months must be 1 to {MONTHS_MAX}", field="months")
    owing = [plan for plan in plans if plan.outstanding_minor]
    if not owing:
        raise Refused("nothing_billed")
    first = first_due(terms.statement_day, terms.due_day, terms.due_after_days, today)
    closed = is_closed_in_china if terms.holiday_rule == "next-business-day" else None
    due_on = tuple(map(day_number, due_dates(first, months, closed)))
    after = [rescheduled(plan, due_on) for plan in owing]
    amounts = tuple(sum(plan.principals[at] + plan.fees[at] for plan in after) for at in range(-months, 0))
    rows = "\n".join(
        f"{day}  {format_amount(amount, currency)} {currency}" for day, amount in zip(due_on, amounts, strict=True)
    )
    text = (
        "本人申请并同意将所欠款项改为按下列日期和金额偿还，期间不计逾期费和罚息。\n"
        "I ask for and agree to pay what I owe on these days; until then no late fee and no penalty interest.\n"
        f"{rows}"
    )
    return HardshipOffer(months, sum(amounts), due_on, amounts, text)


class Reschedule(LineCommand, frozen=True):
    """Re-schedule all that a line's plans owe, with the consumer's consent to that very schedule.

    Without `consent_sha256` the outcome is the offer and nothing changes. Charges that were made stay owed; until the
    last day no new ones are made. Raises `Refused`: consent_outdated where another schedule was signed, and as
    `hardship_offer`. The outcome is the `HardshipOffer`.
    """

    months: int = 0
    consent_sha256: bytes | None = None

    def decide(self, rows: Rows, context: Context) -> HardshipOffer:
        line, today = self.line(rows, context), self.today(context)
        offer = hardship_offer(line.plans, terms_of(line.product), line.product.currency, today, self.months)
        if self.consent_sha256 is None:
            return offer
        if self.consent_sha256 != offer.sha256:
            raise Refused("consent_outdated", field="consent_sha256")
        for plan in line.plans:
            if plan.outstanding_minor:
                rows.update(PLAN, rescheduled(plan, offer.due_on))
        statement = last_due(line.statements, today)
        cycle = 0 if statement is None else statement.cycle
        standing = line.standing.changed(spared_until=offer.due_on[-1], late_cycle=max(cycle, line.standing.late_cycle))
        rows.update(LINE_STANDING, standing)
        cell = line.instrument.cell
        rows.append(
            HARDSHIP,
            Hardship(
                cell, context.new_id(cell), self.instrument_id, self.consumer_id, self.months, offer.owed_minor,
                self.consent_sha256, context.now,
            ),
        )  # fmt: skip
        return offer
