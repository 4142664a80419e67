"""What the assistant says, as the API's documents."""

from __future__ import annotations

from typing import Any

from chuanliu.assistant import AssistantProfile, Overview, Share, Word, profile_document
from chuanliu.bills import FIGURE_TEXTS, MirroredBill, Statement, day_text, signed
from chuanliu.clock import Micros, iso_text
from chuanliu.gateway.consumer import documents
from chuanliu.instalments import NO_RESTRAINT, OwnLimit, Restraint


def statement_document(statement: Statement) -> documents.BillStatement:
    """A statement with its figures as text."""
    amounts = {
        name.removesuffix("_minor"): signed(getattr(statement, name), statement.currency) for name in FIGURE_TEXTS
    }
    return documents.BillStatement(
        product=str(statement.product_id),
        cycle=statement.cycle,
        statement_on=day_text(statement.statement_on),
        due_on=day_text(statement.due_on),
        currency=statement.currency,
        first_seq=statement.first_seq,
        last_seq=statement.last_seq,
        **amounts,
    )


def mirrored_document(bill: MirroredBill) -> documents.MirroredBillDocument:
    """A bill of another lender, as seen here."""
    return documents.MirroredBillDocument(
        label=bill.label[1],
        product=str(bill.product_id),
        month=bill.month,
        due_on=day_text(bill.due_on),
        due=signed(bill.due_minor, bill.currency),
        seen=signed(bill.seen_minor, bill.currency),
        elsewhere=signed(bill.elsewhere_minor, bill.currency),
        reconciled=bill.billed_minor is not None,
        currency=bill.currency,
    )


class _Writer:
    """Writes amounts of one currency."""

    def __init__(self, currency: str) -> None:
        self._currency = currency

    def __call__(self, minor: int) -> str:
        return signed(minor, self._currency)

    def known(self, minor: int) -> str | None:
        return signed(minor, self._currency) if minor else None


def overview_document(view: Overview) -> documents.AssistantOverview:
    """All that the assistant says."""
    text = _Writer(view.currency)
    return documents.AssistantOverview(
        currency=view.currency,
        today=day_text(view.today),
        ideal=text.known(view.ideal_minor),
        proposed=view.proposed,
        proposal=_proposal(view, text),
        progress=_progress(view, text),
        pressure=_pressure(view, text),
        calendar=tuple(
            documents.CalendarMonth(
                month=each.month,
                due=text(each.due_minor),
                left=text(each.left_minor),
                instalments=text(each.instalments_minor),
                mirrored=text(each.mirrored_minor),
                overdue=text(each.overdue_minor),
                charges=text(each.charges_minor),
                days=tuple(documents.DayLeft(day_text(day), text(left)) for day, left in each.days),
            )
            for each in view.calendar
        ),
        later=text(view.later_minor),
        shares=documents.SpendingShares(
            month=view.shares.month,
            total=text(view.shares.total_minor),
            before=text(view.shares.before_minor),
            by_category=tuple(_share(each, text) for each in view.shares.by_category),
            by_lender=tuple(_share(each, text) for each in view.shares.by_lender),
            by_plan=tuple(_share(each, text) for each in view.shares.by_plan),
        ),
        products=tuple(
            documents.ProductProgress(
                product=str(each.product_id),
                bill=text(each.bill_minor),
                ideal=text.known(each.ideal_minor),
                percent=each.percent,
                owed=None if each.owed_minor is None else text(each.owed_minor),
                mirrored=each.mirrored,
            )
            for each in view.products
        ),
        history=tuple(documents.MonthLeft(month, text(bill)) for month, bill in view.history),
    )


def _proposal(view: Overview, text: _Writer) -> documents.IdealProposal | None:
    proposal = view.proposal
    if proposal is None:
        return None
    reason: Any = proposal.reason
    return documents.IdealProposal(
        amount=text(proposal.amount_minor),
        reason=reason,
        habit=text.known(proposal.habit_minor),
        income_part=text.known(proposal.income_part_minor),
        committed=text(proposal.committed_minor),
        months=proposal.months,
    )


def _progress(view: Overview, text: _Writer) -> documents.BillProgress:
    progress = view.progress
    end = None if progress.end is None else documents.Interval(*map(text, progress.end))
    return documents.BillProgress(
        month=progress.month,
        opened_on=day_text(progress.opened_on),
        closes_on=day_text(progress.closes_on),
        days_left=progress.days_left,
        due_days=tuple(map(day_text, progress.due_days)),
        bill=text(progress.bill_minor),
        committed=text(progress.committed_minor),
        repaid=text(progress.repaid_minor),
        percent=progress.percent,
        end=end,
    )


def _pressure(view: Overview, text: _Writer) -> documents.RepaymentPressure | None:
    pressure = view.pressure
    if pressure is None:
        return None
    return documents.RepaymentPressure(
        index=pressure.index,
        level=pressure.level,
        load=pressure.load,
        history=pressure.history,
        months=tuple(documents.MonthLeft(month, text(left)) for month, left in pressure.months),
        late_statements=pressure.late_statements,
        statements=pressure.statements,
        overdue=text(pressure.overdue_minor),
    )


def _share(share: Share, text: _Writer) -> documents.ShareDocument:
    return documents.ShareDocument(
        name=share.name, amount=text(share.amount_minor), bps=share.bps, before=text(share.before_minor)
    )


def settings_document(profile: AssistantProfile) -> dict[str, Any]:
    """What she has set, as `AssistantSettings` says."""
    return profile_document(profile)


def limits_document(limit: OwnLimit | None, now: Micros) -> documents.OwnLimits:
    """A consumer's own limits; none where there is no row."""
    if limit is None:
        return documents.OwnLimits(currency="CNY", now=_restraint(NO_RESTRAINT, "CNY"), next=None, next_at=None)
    to_come = limit.next_at is not None and limit.next_at > now
    return documents.OwnLimits(
        currency=limit.currency,
        now=_restraint(limit.at(now), limit.currency),
        next=_restraint(limit.wanted, limit.currency) if to_come else None,
        next_at=iso_text(limit.next_at) if to_come and limit.next_at is not None else None,
    )


def _restraint(restraint: Restraint, currency: str) -> documents.LimitsPart:
    text = _Writer(currency)
    return documents.LimitsPart(
        stop=text.known(restraint.stop_minor),
        cooling_hours=restraint.cooling_hours,
        cooling_from=text.known(restraint.cooling_from_minor),
    )


def word_document(position: int, word: Word, currency: str) -> documents.OfferWord:
    """A word about the offer at a place of its quote; offers are numbered from 1."""
    text = _Writer(currency)
    return documents.OfferWord(
        offer=position + 1,
        month=word.month,
        bill=text(word.bill_minor),
        percent=word.percent,
        each=text(word.each_minor),
        until=word.until,
        stopped=word.stopped or None,
        cools_until=iso_text(word.cools_until) if word.cools_until is not None else None,
    )
