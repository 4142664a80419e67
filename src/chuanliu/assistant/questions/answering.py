"""From a question to an answer: understand it, and let what it asks be told from her facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from chuanliu.assistant.questions import bill_answers, line_answers, payment_answers
from chuanliu.assistant.questions.answers import Answer, say
from chuanliu.assistant.questions.facts import Facts
from chuanliu.assistant.questions.slots import Slots
from chuanliu.assistant.questions.understanding import Refusal, understand
from chuanliu.bills import Tongue

_TELLERS: Final[dict[str, Callable[[Facts, Slots, Tongue], Answer]]] = {
    "due": bill_answers.due,
    "debt": bill_answers.debt,
    "minimum": bill_answers.minimum,
    "due_date": bill_answers.due_date,
    "statement_day": bill_answers.statement_day,
    "why_higher": bill_answers.why_higher,
    "overdue": bill_answers.overdue,
    "late": bill_answers.late,
    "early": line_answers.early,
    "instalments": line_answers.instalments,
    "limit": line_answers.limit,
    "auto_repay": line_answers.auto_repay,
    "how_to_pay": line_answers.how_to_pay,
    "cannot_pay": line_answers.cannot_pay,
    "balance": line_answers.balance,
    "linked": line_answers.linked,
    "spending": payment_answers.spending,
    "refund": payment_answers.refund,
    "repaid": payment_answers.repaid,
    "fees": payment_answers.fees,
    "charge": payment_answers.charge,
}
"""Who tells what, by intent."""

EXAMPLES: Final = (
    ("3 月要还多少？", "How much do I owe in March?"),
    ("提前还款能省多少？", "What do I save by repaying early?"),
    ("为什么这期账单更高？", "Why is this bill higher?"),
    ("最低还款额是多少？", "What is the minimum?"),
    ("我的退款在哪？", "Where is my refund?"),
)
"""Questions to begin with."""

_REFUSALS: Final[dict[Refusal, tuple[str, str]]] = {
    "unknown": (
        "这个问题我不知道答案，也不猜。可以问账单、还款、分期、消费、退款、额度。",
        "I do not know that, and I do not guess. Ask about bills, repayment, instalments, spending, refunds, limits.",
    ),
    "others": ("我只能回答您自己的账单。", "I answer about your own bills only."),
    "advice": (
        "我不给建议，只说账上有的数字。",
        "I give no advice, only the figures that are on your books.",
    ),
}


def answer_to(text: str, facts: Facts, tongue: Tongue) -> Answer:
    """The answer to a question, from these facts alone; a refusal where it is not understood."""
    asked = understand(text, facts.today, facts.shops(), facts.products())
    if asked.intent is None:
        return Answer(None, say(tongue, *_REFUSALS[asked.refusal]), slots=asked.slots, refusal=asked.refusal)
    return msgspec.structs.replace(_TELLERS[asked.intent](facts, asked.slots, tongue), slots=asked.slots)


def tongue_of(text: str) -> Tongue:
    """The language of a question: Chinese where it has a Chinese character."""
    return "zh" if any("\u4e00" <= character <= "\u9fff" for character in text) else "en"
