"""Answers about what was paid: spending, one charge, refunds, repayments, fees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chuanliu.assistant.questions.answers import (
    Answer,
    Proof,
    day_text,
    incomplete,
    month_text,
    say,
    sums,
    total,
)
from chuanliu.assistant.questions.facts import Facts, PaymentSeen, Posting, RefundSeen, what
from chuanliu.assistant.questions.slots import Slots
from chuanliu.bills import Tongue, kind_text, signed
from chuanliu.ids import order_id_of, trade_no
from chuanliu.lenders import InstrumentView

_REPAYMENTS = ("repayment", "late_fee_repayment", "interest_repayment")
_FEES = ("plan_fee", "late_fee", "penalty_interest", "plan_fee_refund", "plan_fee_return")


def _in_time(day: int, slots: Slots) -> bool:
    return slots.month in (None, day // 100) and slots.day in (None, day)


def _when(slots: Slots, tongue: Tongue) -> str:
    if slots.day is not None:
        return day_text(slots.day)
    return "" if slots.month is None else month_text(slots.month, tongue)


def _means(facts: Facts, instrument_id: int | None, tongue: Tongue) -> str:
    return say(tongue, "余额", "balance") if instrument_id is None else facts.title(instrument_id, tongue)


def _is_of(facts: Facts, instrument_id: int | None, product: str | None) -> bool:
    if product is None:
        return True
    view: InstrumentView | None = None if instrument_id is None else facts.view_of(instrument_id)
    return view is not None and view.product.code == product


def _payment_proof(facts: Facts, payment: PaymentSeen, tongue: Tongue) -> Proof:
    return Proof(
        "payment", f"{what(payment)} · {_means(facts, payment.instrument_id, tongue)}", payment.amount_minor,
        payment.currency, payment.day, trade_no(payment.order_ids[0]),
    )  # fmt: skip


def spending(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """What was paid for purchases: at a shop, in a month, on a day, by a product."""
    chosen = [
        payment
        for payment in facts.payments
        if not payment.is_repayment
        and _in_time(payment.day, slots)
        and slots.shop in (None, payment.shop)
        and _is_of(facts, payment.instrument_id, slots.product)
    ]
    proofs = [_payment_proof(facts, payment, tongue) for payment in chosen]
    numbers = {payment.payment_id for payment in chosen}
    back = [
        Proof("refund", say(tongue, "退款", "Refund"), -refund.amount_minor, _currency(facts, refund), refund.day,
              refund.request_no, counted=False)
        for refund in facts.refunds
        if refund.payment_id in numbers and refund.status == "SUCCEEDED"
    ]  # fmt: skip
    where, when = slots.shop or "", _when(slots, tongue)
    figure = sums(total(proofs))
    text = say(
        tongue,
        f"{when}{'在' + where if where else ''}共消费 {figure}，{len(proofs)} 笔。",
        f"You spent {figure}{' at ' + where if where else ''}{' in ' + when if when else ''}, in {len(proofs)}"
        f" payment{'' if len(proofs) == 1 else 's'}.",
    )
    notes = list(incomplete(facts, tongue))
    if back:
        returned = {code: -minor for code, minor in total(_counted(back)).items()}
        notes.append(
            say(
                tongue,
                f"其中后来退款 {sums(returned)}，未扣除。",
                f"{sums(returned)} of it came back; it is not taken off.",
            )
        )
    if slots.month is None and slots.day is None:
        notes.append(say(tongue, "这是在本平台的全部消费。", "These are all payments made here."))
    return Answer("spending", text, tuple(proofs + back), tuple(notes))


def _counted(proofs: Iterable[Proof]) -> Iterator[Proof]:
    for proof in proofs:
        yield Proof(proof.kind, proof.text, proof.amount_minor, proof.currency)


def _currency(facts: Facts, refund: RefundSeen) -> str:
    payment = facts.payment_of(refund.payment_id)
    return facts.balance_currency if payment is None else payment.currency


def refund(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """Refunds, with where each of them went."""
    proofs: list[Proof] = []
    went: list[Proof] = []
    waiting = 0
    for each in facts.refunds:
        payment = facts.payment_of(each.payment_id)
        if payment is None or not _in_time(each.day, slots) or slots.shop not in (None, payment.shop):
            continue
        if slots.amount_minor not in (None, each.amount_minor):
            continue
        waiting += each.status == "PROCESSING"
        state = {
            "SUCCEEDED": say(tongue, "已退", "refunded"),
            "PROCESSING": say(tongue, "处理中", "under way"),
            "FAILED": say(tongue, "未成功", "failed"),
        }[each.status]
        proofs.append(
            Proof("refund", f"{what(payment)} · {state}", each.amount_minor, payment.currency, each.day,
                  each.request_no, counted=each.status != "FAILED")
        )  # fmt: skip
        went += _where_to(facts, each, payment, tongue)
    if not proofs:
        where = slots.shop or ""
        return Answer(
            "refund",
            say(
                tongue,
                f"没有找到{where}这样的退款：商家还没有发起。请联系商家。",
                f"There is no such refund{' from ' + where if where else ''}: the shop has not made one. Ask the shop.",
            ),
            (),
            incomplete(facts, tongue),
        )
    text = say(
        tongue,
        f"找到 {len(proofs)} 笔退款，共 {sums(total(proofs))}。去向见下。",
        f"{len(proofs)} refund{'' if len(proofs) == 1 else 's'}, {sums(total(proofs))}. Where the money went is below.",
    )
    notes = [*incomplete(facts, tongue)]
    if waiting:
        notes.append(say(tongue, f"{waiting} 笔仍在银行处理中。", f"{waiting} still with the bank."))
    return Answer("refund", text, tuple(proofs + went), tuple(notes))


def _where_to(facts: Facts, refund_: RefundSeen, payment: PaymentSeen, tongue: Tongue) -> list[Proof]:
    """The entries that a refund made on her accounts; without any it went to her card."""
    found = []
    for posting in facts.postings:
        if posting.subject_id == refund_.refund_id and posting.amount_minor > 0:
            on_balance = posting.account_id == facts.balance_account
            place = (
                say(tongue, "进了余额", "to the balance")
                if on_balance
                else say(tongue, "冲减了额度欠款", "off the line's debt")
            )
            found.append(
                Proof("entry", f"{kind_text(posting.kind, tongue)} · {place}", posting.amount_minor, payment.currency,
                      posting.day, f"entry {posting.account_id}/{posting.seq}", counted=False)
            )  # fmt: skip
    if not found and payment.instrument_id is not None:
        title = facts.title(payment.instrument_id, tongue)
        text = say(tongue, f"退回 {title}，以银行账单为准", f"to {title}; the bank's statement has it")
        found.append(Proof("card", text, None, payment.currency, counted=False))
    return found


def _line_postings(facts: Facts, slots: Slots, kinds: tuple[str, ...]) -> list[tuple[Posting, str]]:
    """Postings of her lines of these kinds, each with its currency."""
    codes = {}
    for view in facts.views:
        if view.account is not None and slots.product in (None, view.product.code):
            codes[view.account.account_id] = view.product.currency
    return [
        (posting, codes[posting.account_id])
        for posting in facts.postings
        if posting.account_id in codes and posting.kind in kinds and _in_time(posting.day, slots)
    ]


def repaid(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """Repayments, as the ledger has them, and what is unpaid of what is billed."""
    found = _line_postings(facts, slots, _REPAYMENTS)
    if slots.amount_minor is not None:
        found = _with_sum(found, slots.amount_minor)
    proofs = [
        Proof("entry", kind_text(posting.kind, tongue), posting.amount_minor, code, posting.day,
              f"entry {posting.account_id}/{posting.seq}")
        for posting, code in found
    ]  # fmt: skip
    when = _when(slots, tongue)
    if proofs:
        text = say(
            tongue,
            f"{when}已还 {sums(total(proofs))}，均已入账。",
            f"Repaid{' in ' + when if when else ''}: {sums(total(proofs))}, all of it booked.",
        )
    else:
        text = say(
            tongue, f"{when}没有这样的还款入账。", f"No such repayment is booked{' in ' + when if when else ''}."
        )
    notes = []
    for line in facts.lines(slots.product):
        left = line.billed_minor(facts.today)
        title = facts.title(line.view.instrument.instrument_id, tongue)
        notes.append(
            say(
                tongue,
                f"{title}：已出账未还 {sums({line.currency: left})}。",
                f"{title}: {sums({line.currency: left})} billed and unpaid.",
            )
        )
    return Answer("repaid", text, tuple(proofs), (*notes, *incomplete(facts, tongue)))


def _with_sum(found: list[tuple[Posting, str]], amount_minor: int) -> list[tuple[Posting, str]]:
    """Those of one amount, or those made at one moment that have this sum: a repayment may fall on several plans."""
    moments: dict[int, list[tuple[Posting, str]]] = {}
    for each in found:
        moments.setdefault(each[0].posted_at, []).append(each)
    return [
        each
        for group in moments.values()
        for each in group
        if each[0].amount_minor == amount_minor or sum(one.amount_minor for one, _ in group) == amount_minor
    ]


def fees(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """Fees and interest charged on her lines, less what was given back."""
    proofs = [
        Proof("entry", f"{kind_text(posting.kind, tongue)}{_for_what(facts, posting)}", -posting.amount_minor, code,
              posting.day, f"entry {posting.account_id}/{posting.seq}")
        for posting, code in _line_postings(facts, slots, _FEES)
    ]  # fmt: skip
    when = _when(slots, tongue)
    if not proofs:
        return Answer(
            "fees",
            say(
                tongue, f"{when}没有收过费用或利息。", f"No fee or interest was charged{' in ' + when if when else ''}."
            ),
            (),
            incomplete(facts, tongue),
        )
    text = say(
        tongue,
        f"{when}费用和利息共 {sums(total(proofs))}，已减去退回的部分。",
        f"Fees and interest{' in ' + when if when else ''}: {sums(total(proofs))}, less what was given back.",
    )
    return Answer("fees", text, tuple(proofs), incomplete(facts, tongue))


def _for_what(facts: Facts, posting: Posting) -> str:
    for plan in facts.plans:
        if posting.subject_id in (plan.plan_id, plan.payment_id):
            return f" · {facts.bought(plan)}"
    return ""


def charge(facts: Facts, slots: Slots, tongue: Tongue) -> Answer:
    """What one payment was: by its amount, its day, or its number."""
    orders = None if slots.reference is None else order_id_of(slots.reference)
    proofs = [
        _payment_proof(facts, payment, tongue)
        for payment in facts.payments
        if _in_time(payment.day, slots)
        and slots.amount_minor in (None, payment.amount_minor)
        and slots.shop in (None, payment.shop)
        and (
            slots.reference is None
            or orders in payment.order_ids
            or slots.reference in (payment.out_trade_no, str(payment.payment_id), *map(str, payment.order_ids))
        )
    ]
    proofs = [Proof(each.kind, each.text, each.amount_minor, each.currency, each.on, each.reference, counted=False)
              for each in proofs]  # fmt: skip
    if slots.reference is None:
        proofs += _other_postings(facts, slots, tongue)
    if not proofs:
        text = say(
            tongue,
            "您的付款和额度明细里没有这一笔。若银行卡账单上有，请问发卡行。",
            "There is no such payment among yours here. If it is on a card's statement, ask that bank.",
        )
        return Answer("charge", text, (), incomplete(facts, tongue))
    first = proofs[0]
    detail = (
        f"{day_text(first.on or 0)} {first.text} {signed(first.amount_minor or 0, first.currency)} {first.currency}"
    )
    text = say(
        tongue,
        f"是 {detail}。" if len(proofs) == 1 else f"有 {len(proofs)} 笔符合，见下。",
        f"It is {detail}." if len(proofs) == 1 else f"{len(proofs)} fit; they are below.",
    )
    return Answer("charge", text, tuple(proofs), incomplete(facts, tongue))


def _other_postings(facts: Facts, slots: Slots, tongue: Tongue) -> list[Proof]:
    """What else took money or raised a debt, of that amount or on that day."""
    return [
        Proof("entry", f"{kind_text(posting.kind, tongue)}{_for_what(facts, posting)}", -posting.amount_minor,
              facts.balance_currency, posting.day, f"entry {posting.account_id}/{posting.seq}", counted=False)
        for posting in facts.postings
        if posting.amount_minor < 0
        and posting.kind != "payment"
        and _in_time(posting.day, slots)
        and slots.amount_minor in (None, -posting.amount_minor)
    ]  # fmt: skip
