"""Answers about bills: what is due and when, the minimum, why it is more, what is late and what that costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from chuanliu.assistant.questions.answers import (
    Answer,
    Proof,
    day_text,
    days_between,
    line_title,
    money,
    month_text,
    no_line,
    say,
    statement_path,
    sums,
    total,
)
from chuanliu.assistant.questions.facts import CreditLine, Facts
from chuanliu.assistant.questions.slots import Slots
from chuanliu.bills import (
    MIRRORED_LABEL,
    Cycle,
    MirroredBill,
    Statement,
    Tongue,
    cycle_of_terms,
    figure_text,
    last_due,
    unpaid,
)
from chuanliu.clock import date_of, day_number

_PARTS = (
    "overdue_minor",
    "instalments_due_minor",
    "purchases_due_minor",
    "late_fees_owed_minor",
    "interest_owed_minor",
)
_PART_TEXTS = {"late_fees_owed_minor": "late_fees_minor", "interest_owed_minor": "interest_minor"}


def _part_text(name: str, tongue: Tongue) -> str:
    return figure_text(_PART_TEXTS.get(name, name), tongue)


def _statement_proofs(facts: Facts, line: CreditLine, statement: Statement, tongue: Tongue) -> Iterator[Proof]:
    for name in _PARTS:
        if amount := getattr(statement, name):
            text = f"{line_title(facts, line, tongue)} · {_part_text(name, tongue)}"
            yield Proof(
                "statement", text, amount, statement.currency, statement.due_on,
                f"statement {statement.product_id}/{statement.cycle}", statement_path(statement),
            )  # fmt: skip


def _planned_proofs(facts: Facts, line: CreditLine, cycle: Cycle) -> Iterator[Proof]:
    """Instalments that a statement to come will have, from the plans that there are."""
    for due_on, plan_id, amount in unpaid(line.plans, cycle.billed_until):
        if due_on > cycle.overdue_until:
            plan = next(each for each in line.plans if each.plan_id == plan_id)
            yield Proof(
                "instalment", facts.bought(plan), amount, line.currency, due_on, f"plan {plan_id}", "", counted=True
            )


def _chosen(line: CreditLine, slots: Slots, today: date) -> list[Statement | Cycle]:
    """The bills of a line that are asked for, made or to come."""
    if slots.month is not None:
        return [line.statement_of(cycle) or cycle for cycle in line.cycles_due(slots.month)]
    made = line.statements
    if slots.bill == "last":
        return [made[-2]] if len(made) > 1 else []
    if slots.bill == "next":
        cycle = line.next_statement(today)
        return [line.statement_of(cycle) or cycle]
    if made:
        return [made[-1]]
    return [line.next_due(today)]


def due(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """How much is to be paid with a bill: the newest, that of a month, the one before, or the next."""
    proofs: list[Proof] = []
    notes: list[str] = []
    for line in facts.lines(slots.product):
        for bill in _chosen(line, slots, facts.today):
            if isinstance(bill, Statement):
                proofs += _statement_proofs(facts, line, bill, tongue)
                notes += _still_unpaid(facts, line, bill, tongue)
            else:
                proofs += _planned_proofs(facts, line, bill)
                notes.append(
                    say(
                        tongue,
                        f"{day_text(day_number(bill.statement_on))} 才出账，这里是目前已确定的分期，新的消费会加上。",
                        f"The statement is made on {day_text(day_number(bill.statement_on))}: these are the instalments"
                        " known so far, purchases to come are added.",
                    )
                )
    proofs += _mirrored(facts, slots, tongue)
    if not proofs and not facts.lines(slots.product):
        return no_line("due", tongue)
    when = "" if slots.month is None else month_text(slots.month, tongue)
    figure = sums(total(proofs))
    what = say(tongue, f"{when}应还 {figure}。", f"To pay{' in ' + when if when else ' with this bill'}: {figure}.")
    if slots.bill is not None and slots.month is None:
        next_one = slots.bill == "next"
        what = say(
            tongue,
            f"{'下期' if next_one else '上期'}账单应还 {figure}。",
            f"The {'next' if next_one else 'last'} bill: {figure}.",
        )
    elif not when:
        what = say(tongue, f"本期账单应还 {figure}。", what)
    return Answer("due", what, tuple(proofs), tuple(dict.fromkeys(notes)))


def _still_unpaid(facts: Facts, line: CreditLine, statement: Statement, tongue: Tongue) -> Iterator[str]:
    if statement is not line.statements[-1]:
        return
    left = min(line.billed_minor(facts.today), statement.due_minor)
    day = day_text(statement.due_on)
    if left and statement.due_minor:
        yield say(
            tongue,
            f"到期还款日 {day}，还差 {money(left, line.currency)}。",
            f"Due on {day}; {money(left, line.currency)} of it is unpaid.",
        )
    elif statement.due_minor:
        yield say(tongue, f"到期还款日 {day}，已还清。", f"Due on {day}; it is paid.")


def _mirrored_text(facts: Facts, bill: MirroredBill, tongue: Tongue) -> str:
    return f"{facts.title(bill.instrument_id, tongue)} · {say(tongue, *bill.label)}"


def _mirrored(facts: Facts, slots: Slots, tongue: Tongue) -> Iterator[Proof]:
    month = slots.month
    if month is None and slots.bill is not None:
        return
    bills = facts.mirrored(slots.product)
    ahead = [bill for bill in bills if bill.due_on >= day_number(facts.today)]
    if month is None and ahead:
        month = ahead[0].month
    for bill in bills:
        if bill.month == month:
            yield Proof(
                "mirrored", _mirrored_text(facts, bill, tongue), bill.due_minor, bill.currency, bill.due_on,
                f"instrument {bill.instrument_id}", "/bills",
            )  # fmt: skip


def debt(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """All that is owed: what plans still have to pay, and charges; of other lenders what is to come."""
    proofs: list[Proof] = []
    for line in facts.lines(slots.product):
        for plan in line.plans:
            if plan.outstanding_minor:
                proofs.append(
                    Proof(
                        "instalment", facts.bought(plan), plan.outstanding_minor, plan.currency, plan.due_on[-1],
                        f"plan {plan.plan_id}",
                    )
                )  # fmt: skip
        if line.charges_minor:
            text = say(tongue, "逾期费和罚息", "Late fees and interest")
            proofs.append(
                Proof(
                    "account", text, line.charges_minor, line.currency, None,
                    f"instrument {line.view.instrument.instrument_id}",
                )
            )  # fmt: skip
    here = total(proofs)
    today = day_number(facts.today)
    elsewhere = [
        Proof(
            "mirrored", _mirrored_text(facts, bill, tongue), bill.due_minor, bill.currency, bill.due_on,
            f"instrument {bill.instrument_id}", "/bills", counted=False,
        )
        for bill in facts.mirrored(slots.product)
        if bill.due_on >= today
    ]  # fmt: skip
    notes = []
    if elsewhere:
        count = len(elsewhere)
        notes.append(
            say(
                tongue,
                f"另有其他机构的 {count} 笔待还，未计入：{MIRRORED_LABEL[0]}。",
                f"Not counted: {count} bills of other lenders, {MIRRORED_LABEL[1][0].lower()}{MIRRORED_LABEL[1][1:]}.",
            )
        )
    text = say(
        tongue,
        f"您在本平台一共还欠 {sums(here)}，含未到期的分期。",
        f"In all you owe {sums(here)} here, instalments to come included.",
    )
    return Answer("debt", text, tuple(proofs + elsewhere), tuple(notes))


def minimum(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """The least to pay of a statement, and what of that is unpaid."""
    proofs: list[Proof] = []
    notes: list[str] = []
    lines = facts.lines(slots.product)
    if not lines:
        return no_line("minimum", tongue)
    for line in lines:
        for bill in _chosen(line, slots, facts.today):
            if not isinstance(bill, Statement):
                day = day_text(day_number(bill.statement_on))
                notes.append(
                    say(
                        tongue,
                        f"{day} 出账后才有最低还款额。",
                        f"There is a minimum once the statement of {day} is made.",
                    )
                )
                continue
            text = f"{line_title(facts, line, tongue)} · {figure_text('minimum_minor', tongue)}"
            proofs.append(
                Proof(
                    "statement", text, bill.minimum_minor, bill.currency, bill.due_on,
                    f"statement {bill.product_id}/{bill.cycle}", statement_path(bill),
                )
            )  # fmt: skip
            if bill is line.statements[-1]:
                left = max(0, line.billed_minor(facts.today) - (bill.due_minor - bill.minimum_minor))
                notes.append(
                    say(
                        tongue,
                        f"其中还差 {money(left, bill.currency)}；最低还款后余下部分不算逾期，会转入下期。",
                        f"{money(left, bill.currency)} of it is unpaid. What is left after the minimum is not late; it"
                        " is on the next bill.",
                    )
                )
    figure = sums(total(proofs))
    if not proofs:
        return Answer("minimum", say(tongue, "还没有账单。", "There is no statement yet."), (), tuple(notes))
    return Answer(
        "minimum", say(tongue, f"最低还款额 {figure}。", f"The minimum is {figure}."), tuple(proofs), tuple(notes)
    )


def due_date(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """By when to pay."""
    proofs: list[Proof] = []
    lines = facts.lines(slots.product)
    if not lines:
        return no_line("due_date", tongue)
    for line in lines:
        if slots.month is not None or slots.bill == "last":
            bills = _chosen(line, slots, facts.today)
        else:
            cycle = line.next_due(facts.today)
            bills = [line.statement_of(cycle) or cycle]
        for bill in bills:
            made = isinstance(bill, Statement)
            day = bill.due_on if isinstance(bill, Statement) else day_number(bill.due_on)
            proofs.append(
                Proof(
                    "statement" if made else "terms", line_title(facts, line, tongue),
                    bill.due_minor if isinstance(bill, Statement) else None, line.currency, day,
                    f"statement {line.view.product.product_id}/{bill.cycle}" if isinstance(bill, Statement) else "",
                    statement_path(bill) if isinstance(bill, Statement) else "", counted=False,
                )
            )  # fmt: skip
    proofs.sort(key=lambda proof: proof.on or 0)
    if not proofs:
        return Answer("due_date", say(tongue, "那期没有账单。", "There is no such bill."))
    first = proofs[0].on or 0
    away = days_between(tongue, (date_of(first) - facts.today).days)
    text = say(tongue, f"到期还款日是 {day_text(first)}（{away}）。", f"Pay by {day_text(first)} ({away}).")
    return Answer("due_date", text, tuple(proofs))


def statement_day(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """When the next statement is made."""
    proofs = []
    for line in facts.lines(slots.product):
        cycle = line.next_statement(facts.today)
        day = line.terms.statement_day
        title = line_title(facts, line, tongue)
        text = say(tongue, f"{title} · 每月 {day} 日为账单日", f"{title} · statement day {day} of each month")
        proofs.append(Proof("terms", text, None, line.currency, day_number(cycle.statement_on)))
    if not proofs:
        return no_line("statement_day", tongue)
    first = min(proof.on or 0 for proof in proofs)
    away = days_between(tongue, (date_of(first) - facts.today).days)
    text = say(
        tongue,
        f"下一个账单日是 {day_text(first)}（{away}），账单在次日生成。",
        f"The next statement day is {day_text(first)} ({away}); the statement is made on the day behind it.",
    )
    return Answer("statement_day", text, tuple(proofs))


def _parts(line: CreditLine, bill: Statement | Cycle) -> dict[str, int]:
    if isinstance(bill, Statement):
        return {name: getattr(bill, name) for name in _PARTS}
    amounts = dict.fromkeys(_PARTS, 0)
    single = {plan.plan_id for plan in line.plans if plan.instalments == 1}
    for due_on, plan_id, amount in unpaid(line.plans, bill.billed_until):
        if due_on > bill.overdue_until:
            amounts["purchases_due_minor" if plan_id in single else "instalments_due_minor"] += amount
    return amounts


def _before(line: CreditLine, bill: Statement | Cycle) -> Statement | None:
    number = bill.cycle if isinstance(bill, Statement) else bill.number
    return max((each for each in line.statements if each.cycle < number), key=lambda each: each.cycle, default=None)


def why_higher(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """How a bill differs from the one before, part by part; the differences sum to the whole."""
    proofs: list[Proof] = []
    compared = False
    for line in facts.lines(slots.product):
        for bill in _chosen(line, slots, facts.today):
            earlier = _before(line, bill)
            if earlier is None:
                continue
            compared = True
            now, then = _parts(line, bill), _parts(line, earlier)
            path = statement_path(bill) if isinstance(bill, Statement) else ""
            due_on = bill.due_on if isinstance(bill, Statement) else day_number(bill.due_on)
            for name in _PARTS:
                if now[name] != then[name]:
                    text = f"{line_title(facts, line, tongue)} · {_part_text(name, tongue)}: " + say(
                        tongue,
                        f"{money(then[name], line.currency)} 变为 {money(now[name], line.currency)}",
                        f"{money(then[name], line.currency)} to {money(now[name], line.currency)}",
                    )
                    proofs.append(Proof("statement", text, now[name] - then[name], line.currency, due_on, "", path))
            proofs += _new_on(facts, line, bill)
    if not compared:
        return Answer(
            "why_higher",
            say(tongue, "没有可以比较的上期账单。", "There is no earlier bill to compare it with."),
        )
    change = total(proofs)
    if not any(change.values()):
        text = say(tongue, "和上期账单一样多。", "It is as much as the bill before.")
    elif max(change.values()) > 0:
        text = say(
            tongue,
            f"比上期多 {sums(change)}，差别在下面。",
            f"It is {sums(change)} more than the bill before; where from is below.",
        )
    else:
        less = {code: -minor for code, minor in change.items()}
        text = say(
            tongue, f"没有变多，比上期少 {sums(less)}。", f"It is not higher: {sums(less)} less than the bill before."
        )
    return Answer("why_higher", text, tuple(proofs))


def _new_on(facts: Facts, line: CreditLine, bill: Statement | Cycle) -> Iterator[Proof]:
    """Plans that fall due with this bill for the first time."""
    cycle = bill if isinstance(bill, Cycle) else cycle_of_terms(line.terms, bill.cycle)
    number = line.view.instrument.instrument_id
    for plan in facts.plans:
        if plan.instrument_id == number and cycle.overdue_until < plan.due_on[0] <= cycle.billed_until:
            first = plan.principals[0] + plan.fees[0]
            if first:
                yield Proof(
                    "instalment", facts.bought(plan), first, plan.currency, plan.due_on[0], f"plan {plan.plan_id}",
                    counted=False,
                )  # fmt: skip


def overdue(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """What is behind its due date and unpaid."""
    proofs: list[Proof] = []
    lines = facts.lines(slots.product)
    if not lines:
        return no_line("overdue", tongue)
    days = 0
    for line in lines:
        statement = last_due(line.statements, facts.today)
        if statement is None or statement.due_on >= day_number(facts.today):
            continue
        cycle = cycle_of_terms(line.terms, statement.cycle)
        for due_on, plan_id, amount in unpaid(line.plans, cycle.billed_until):
            plan = next(each for each in line.plans if each.plan_id == plan_id)
            proofs.append(
                Proof("instalment", facts.bought(plan), amount, line.currency, due_on, f"plan {plan_id}",
                      statement_path(statement))
            )  # fmt: skip
            days = max(days, (facts.today - date_of(statement.due_on)).days)
        if line.charges_minor:
            text = say(tongue, "已收的逾期费和罚息", "Late fees and interest charged")
            proofs.append(Proof("account", text, line.charges_minor, line.currency, None, "", ""))
    if not proofs:
        return Answer("overdue", say(tongue, "没有逾期。", "Nothing is overdue."))
    figure = sums(total(proofs))
    text = say(
        tongue,
        f"有 {figure} 已过到期还款日未还" + (f"，最近一次到期已过 {days} 天。" if days else "。"),
        f"{figure} is unpaid behind its due date" + (f"; the last one was {days} days ago." if days else "."),
    )
    return Answer("overdue", text, tuple(proofs))


def late(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """What lateness costs by the terms of her products, and on what is billed now."""
    proofs: list[Proof] = []
    lines = facts.lines(slots.product)
    if not lines:
        return no_line("late", tongue)
    for line in lines:
        terms, title = line.terms.billing, line_title(facts, line, tongue)
        grace = say(tongue, f"宽限期 {terms.grace_days} 天", f"{terms.grace_days} days of grace")
        fee = say(tongue, "每期账单一次逾期费", "late fee, once for a statement")
        proofs.append(Proof("terms", f"{title} · {grace}", None, line.currency, counted=False))
        proofs.append(Proof("terms", f"{title} · {fee}", terms.late_fee_minor, line.currency, counted=False))
        billed = sum(each[2] for each in unpaid(line.plans, _billed_until(line, facts.today)))
        daily = int((billed * terms.penalty_daily).to_integral_value())
        text = say(
            tongue,
            f"{title} · 罚息每天 {terms.penalty_daily_pct}%，按目前已出账未还的 {money(billed, line.currency)} 计算",
            f"{title} · penalty interest {terms.penalty_daily_pct} % a day, on the {money(billed, line.currency)} that"
            " is billed and unpaid now",
        )
        proofs.append(Proof("terms", text, daily, line.currency, counted=False))
    text = say(
        tongue,
        "过了到期还款日和宽限期仍未还够最低还款额才算逾期：收一次逾期费，并从到期日起按天计罚息。",
        "A bill is late when its minimum is unpaid behind the due date and the days of grace: then there is a late fee,"
        " once, and penalty interest for each day from the due date.",
    )
    return Answer("late", text, tuple(proofs))


def _billed_until(line: CreditLine, today: date) -> int:
    statement = last_due(line.statements, date.max)
    cycle = line.next_due(today) if statement is None else cycle_of_terms(line.terms, statement.cycle)
    return cycle.billed_until
