"""Answers about lines and cards: plans that run, early repayment, limits, ways to repay, hardship."""

from __future__ import annotations

from chuanliu.assistant.questions.answers import Answer, Proof, day_text, line_title, money, no_line, say, sums, total
from chuanliu.assistant.questions.facts import OWING, Facts
from chuanliu.assistant.questions.slots import Slots
from chuanliu.bills import MIRRORED_LABEL, Tongue, hardship_offer
from chuanliu.clock import day_number
from chuanliu.errors import Refused
from chuanliu.instalments import Plan, spared_fee

MONTHS_SHOWN = 12
"""Over how many months a hardship plan is shown where she names no number."""


def _of_shop(facts: Facts, plan: Plan, shop: str | None) -> bool:
    if shop is None:
        return True
    payment = facts.payment_of(plan.payment_id)
    return payment is not None and payment.shop == shop


def _own_plans(facts: Facts, slots: Slots) -> list[Plan]:
    return [
        plan
        for line in facts.lines(slots.product)
        for plan in line.plans
        if plan.outstanding_minor and _of_shop(facts, plan, slots.shop)
    ]


def instalments(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """Which plans run, what is left of each and until when. Purchases paid in one are no instalments."""
    today = day_number(facts.today)
    proofs = []
    external = 0
    last = 0
    for plan in [*_own_plans(facts, slots), *facts.external_plans(slots.product)]:
        own = plan.funding == "own"
        if plan.instalments == 1 or not _of_shop(facts, plan, slots.shop):
            continue
        # Of other lenders' plans repayments are not known: what is due by today counts as paid.
        parts = [
            (due, principal + fee - (repaid if own else 0))
            for due, principal, fee, repaid in zip(plan.due_on, plan.principals, plan.fees, plan.repaid, strict=True)
        ]
        left = [(due, amount) for due, amount in parts if amount > 0 and (own or due > today)]
        if not left:
            continue
        external += not own
        last = max(last, left[-1][0])
        following, until = money(left[0][1], plan.currency), day_text(left[-1][0])
        text = say(
            tongue,
            f"{facts.bought(plan)} · 还剩 {len(left)}/{plan.instalments} 期，下一期 {following}，到 {until}",
            f"{facts.bought(plan)} · {len(left)} of {plan.instalments} left, next {following}, until {until}",
        )
        proofs.append(
            Proof("instalment" if own else "mirrored", text, sum(amount for _, amount in left), plan.currency,
                  left[0][0], f"plan {plan.plan_id}")
        )  # fmt: skip
    if not proofs:
        return Answer("instalments", say(tongue, "没有正在进行的分期。", "No instalments run."))
    text = say(
        tongue,
        f"{len(proofs)} 个分期进行中，共剩 {sums(total(proofs))}，最后一期 {day_text(last)}。",
        f"{len(proofs)} plan{'' if len(proofs) == 1 else 's'} run, {sums(total(proofs))} left, the last instalment on"
        f" {day_text(last)}.",
    )
    return Answer("instalments", text, tuple(proofs), (say(tongue, *MIRRORED_LABEL),) if external else ())


def early(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """Whether plans can be repaid now, what it takes, and what fee it spares: the figure is what is spared."""
    today = day_number(facts.today)
    proofs: list[Proof] = []
    pay: dict[str, int] = {}
    for plan in _own_plans(facts, slots):
        spared = spared_fee(plan, today) if plan.fee_spared else 0
        to_pay = plan.outstanding_minor - spared
        pay[plan.currency] = pay.get(plan.currency, 0) + to_pay
        text = say(
            tongue,
            f"{facts.bought(plan)} · 现在还清 {money(to_pay, plan.currency)}，省手续费",
            f"{facts.bought(plan)} · pay {money(to_pay, plan.currency)} now, fee spared",
        )
        proofs.append(Proof("instalment", text, spared, plan.currency, plan.due_on[-1], f"plan {plan.plan_id}"))
    notes: tuple[str, ...] = ()
    if any(plan.funding == "external" for plan in facts.external_plans(slots.product)):
        notes = (
            say(
                tongue, "其他机构的分期请向发卡行申请提前还款。", "Plans of other lenders are repaid early at the bank."
            ),
        )
    if not proofs:
        return Answer(
            "early", say(tongue, "本平台没有可以提前还的分期。", "There is nothing here to repay early."), (), notes
        )
    text = say(
        tongue,
        f"可以，不收提前还款费。现在全部还清要 {sums(pay)}，省手续费 {sums(total(proofs))}。",
        f"Yes, and it costs nothing extra. Repaying all now takes {sums(pay)} and saves {sums(total(proofs))} in fees.",
    )
    return Answer("early", text, tuple(proofs), notes)


def limit(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """What is free of the limit of each line."""
    proofs = []
    for view in facts.open_views(slots.product):
        used, most = view.used_minor, view.instrument.limit_minor
        if used is None or most is None:
            continue
        title = facts.title(view.instrument.instrument_id, tongue)
        text = say(
            tongue,
            f"{title} · 总额度 {money(most, view.product.currency)}，已用 {money(used, view.product.currency)}，可用",
            f"{title} · limit {money(most, view.product.currency)}, used {money(used, view.product.currency)}, free",
        )
        if view.instrument.status != "active":
            text += say(tongue, "（额度已暂停）", " (the line is suspended)")
        number = "" if view.account is None else f"account {view.account.account_id}"
        proofs.append(Proof("account", text, max(0, most - used), view.product.currency, None, number))
    if not proofs:
        return no_line("limit", tongue)
    figure = sums(total(proofs))
    return Answer("limit", say(tongue, f"可用额度 {figure}。", f"{figure} of your limit is free."), tuple(proofs))


def auto_repay(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """Whether automatic repayment is agreed to, line by line."""
    proofs = []
    agreed = 0
    lines = facts.lines(slots.product)
    if not lines:
        return no_line("auto_repay", tongue)
    for line in lines:
        on = line.standing is not None and line.standing.auto_repay
        agreed += on
        state = say(tongue, "已同意自动还款", "agreed") if on else say(tongue, "未开通", "not agreed")
        proofs.append(
            Proof("terms", f"{line_title(facts, line, tongue)} · {state}", None, line.currency, None, "", "/bills")
        )
    if agreed:
        text = say(tongue, "已开通：到期还款日自动还款。", "It is on: on the due day the bill is repaid by itself.")
    else:
        text = say(tongue, "没有开通。可在账单页开通或关闭。", "It is off. The page of bills turns it on and off.")
    return Answer("auto_repay", text, tuple(proofs))


def how_to_pay(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """The ways to repay, with what is billed and what the balance has."""
    proofs = []
    lines = facts.lines(slots.product)
    if not lines:
        return no_line("how_to_pay", tongue)
    for line in lines:
        billed = line.billed_minor(facts.today)
        text = say(
            tongue, f"{line_title(facts, line, tongue)} · 已出账未还", f"{line_title(facts, line, tongue)} · billed"
        )
        proofs.append(Proof("statement", text, billed, line.currency, None, "", "/bills", counted=True))
    proofs.append(_balance_proof(facts, tongue, counted=False))
    text = say(
        tongue,
        "在账单页点“还清”，从余额还款；或开通自动还款，到期还款日自动扣。",
        "On the page of bills, press repay: it is taken from your balance. Or agree to automatic repayment on the due"
        " day.",
    )
    return Answer("how_to_pay", text, tuple(proofs))


def cannot_pay(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """What is owed spread over months: the schedule of a hardship plan, which nothing has agreed to yet."""
    months = slots.count or MONTHS_SHOWN
    proofs: list[Proof] = []
    for line in facts.lines(slots.product):
        plans = [plan for plan in line.plans if plan.status in OWING]
        try:
            offer = hardship_offer(plans, line.terms, line.currency, facts.today, months)
        except Refused as refusal:
            if refusal.code == "invalid_amount":
                return Answer(
                    "cannot_pay", say(tongue, "可以分 1 到 60 个月。", "It can be spread over 1 to 60 months.")
                )
            continue
        title = line_title(facts, line, tongue)
        proofs += [
            Proof("instalment", title, amount, line.currency, due_on)
            for due_on, amount in zip(offer.due_on, offer.amounts, strict=True)
        ]
    if not proofs:
        return Answer("cannot_pay", say(tongue, "您在本平台没有欠款。", "You owe nothing here."))
    figure = sums(total(proofs))
    text = say(
        tongue,
        f"可以申请困难帮扶：把所欠 {figure} 分 {months} 个月还，期间不计逾期费和罚息。下面是试算，同意后才生效。",
        f"There is a hardship plan: what you owe, {figure}, over {months} months, without late fees and interest"
        " till then. Below is how it would be; it needs your consent.",
    )
    return Answer("cannot_pay", text, tuple(proofs))


def _balance_proof(facts: Facts, tongue: Tongue, *, counted: bool = True) -> Proof:
    text = say(tongue, "可用余额", "Balance that is free")
    return Proof("account", text, facts.balance_minor, facts.balance_currency, None, f"account {facts.balance_account}",
                 counted=counted)  # fmt: skip


def balance(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """What the wallet has, and what is billed."""
    proof = _balance_proof(facts, tongue)
    billed: dict[str, int] = {}
    for line in facts.lines(slots.product):
        billed[line.currency] = billed.get(line.currency, 0) + line.billed_minor(facts.today)
    notes = (say(tongue, f"已出账未还 {sums(billed)}。", f"Billed and unpaid: {sums(billed)}."),) if billed else ()
    figure = sums(total([proof]))
    return Answer("balance", say(tongue, f"余额 {figure}。", f"Your balance is {figure}."), (proof,), notes)


def linked(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """Her cards, accounts and lines."""
    states = {
        "active": say(tongue, "正常", "active"),
        "suspended": say(tongue, "已暂停", "suspended"),
    }
    proofs = tuple(
        Proof("card", f"{facts.title(view.instrument.instrument_id, tongue)} · {view.instrument.masked} · "
              f"{states.get(view.instrument.status, view.instrument.status)}", None, view.product.currency, None,
              f"instrument {view.instrument.instrument_id}")
        for view in facts.open_views(slots.product)
    )  # fmt: skip
    if not proofs:
        return Answer("linked", say(tongue, "没有绑定这样的卡或额度。", "No such card or line is linked."))
    count = len(proofs)
    text = say(tongue, f"有 {count} 个。", f"There {'is' if count == 1 else 'are'} {count}.")
    return Answer("linked", text, proofs)
