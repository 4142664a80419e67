"""What words speak of, in both languages, and which of it each question cannot be without."""

from __future__ import annotations

import re
from typing import Final

from chuanliu.assistant.questions.lexicon import LEXICON
from chuanliu.assistant.questions.slots import AMOUNT, DAY, NUMBER, PRODUCT, SHOP, Tense

_NAMED: Final = {"shop": SHOP, "product": PRODUCT, "money": AMOUNT, "number": NUMBER, "day": DAY}
_COMPILED: Final = {
    name: re.compile("|".join(patterns))
    for name, patterns in (*LEXICON.concepts.items(), *((name, [mask]) for name, mask in _NAMED.items()))
}
# A name before what only its owner may ask for: "张三的账单", "did john spend", "is john overdue".
_NAMED_PERSON: Final = re.compile(
    rf"(?:{LEXICON.asking})(?:小[一-鿿]|[{LEXICON.surnames}][一-鿿]{{1,2}}?)(?:这?个?月)?{LEXICON.owned}"
    rf"|\b(?:did|does|has|is) (?!(?:{'|'.join(LEXICON.subjects.split())})\b)[a-z]+"
    rf" (?:{'|'.join(LEXICON.deeds.split())})\b"
)

INTENTS: Final[dict[str, tuple[Tense, tuple[tuple[str, ...], ...]]]] = {
    "due": ("due", (("due", "bill", "owe", "pay", "repay"),)),
    "debt": ("due", (("owe", "repay", "pay", "due"), ("all", "left", "owe"))),
    "minimum": ("due", (("minimum",),)),
    "due_date": ("due", (("when",),)),
    "statement_day": ("due", (("issue",),)),
    "early": ("due", (("early",),)),
    "why_higher": ("due", (("why", "more"), ("more", "bill"))),
    "refund": ("past", (("refund",),)),
    "late": ("due", (("late",), ("consequence",))),
    "how_to_pay": ("due", (("how",), ("repay", "pay", "bill"))),
    "spending": ("past", (("spend", "shop"),)),
    "instalments": ("due", (("instalment",),)),
    "limit": ("due", (("limit",),)),
    "auto_repay": ("due", (("auto",),)),
    "repaid": ("past", (("repaid",),)),
    "fees": ("past", (("fee",),)),
    "overdue": ("due", (("late",),)),
    "charge": ("past", (("money", "number", "day"),)),
    "cannot_pay": ("due", (("cannot",),)),
    "balance": ("past", (("balance",),)),
    "linked": ("past", (("linked",),)),
}
"""What can be asked: where a month that it names lies, and what it must speak of: one of each group."""


def concepts_in(masked: str) -> frozenset[str]:
    """What a masked question speaks of."""
    return frozenset(name for name, pattern in _COMPILED.items() if pattern.search(masked))


def speaks_of_others(masked: str, concepts: frozenset[str]) -> bool:
    """Whether it asks about somebody else."""
    return "others" in concepts or _NAMED_PERSON.search(masked) is not None


def has_evidence(intent: str, concepts: frozenset[str]) -> bool:
    """Whether a question speaks of what this one cannot be without."""
    return all(any(name in concepts for name in group) for group in INTENTS[intent][1])
