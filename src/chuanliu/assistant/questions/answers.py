"""An answer: a sentence, the figure, and the lines that prove it. A figure is always the sum of its lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from chuanliu.assistant.questions.facts import CreditLine, Facts
from chuanliu.assistant.questions.slots import Slots
from chuanliu.assistant.questions.understanding import Refusal
from chuanliu.bills import Statement, Tongue, day_text
from chuanliu.money import format_amount

ProofKind = Literal["statement", "entry", "instalment", "payment", "refund", "account", "terms", "mirrored", "card"]


class Proof(msgspec.Struct, frozen=True):
    """One line behind an answer: of a statement, a posting, an instalment, a payment, a refund, an account, terms.

    `on` is yyyymmdd, `reference` names the row, `path` is the page that shows it. `counted` lines sum to the figure.
    """

    kind: ProofKind
    text: str
    amount_minor: int | None = None
    currency: str = "CNY"
    on: int | None = None
    reference: str = ""
    path: str = ""
    counted: bool = True


class Answer(msgspec.Struct, frozen=True):
    """What is said. With a `refusal` nothing is known, and nothing is guessed."""

    intent: str | None
    text: str
    proofs: tuple[Proof, ...] = ()
    notes: tuple[str, ...] = ()
    slots: Slots = Slots()
    refusal: Refusal = ""

    @property
    def totals(self) -> dict[str, int]:
        """The figure by currency, in minor units: the sum of the lines that count."""
        return total(self.proofs)


def total(proofs: Iterable[Proof]) -> dict[str, int]:
    """The sum of the lines that count, by currency."""
    found: dict[str, int] = {}
    for proof in proofs:
        if proof.counted and proof.amount_minor is not None:
            found[proof.currency] = found.get(proof.currency, 0) + proof.amount_minor
    return found


def say(tongue: Tongue, chinese: str, english: str) -> str:
    """One of the two."""
    return chinese if tongue == "zh" else english


def money(minor: int, currency: str) -> str:
    """An amount with its currency, as in `1,234.50 CNY`."""
    whole, point, rest = format_amount(abs(minor), currency).partition(".")
    return f"{'-' if minor < 0 else ''}{int(whole):,}{point}{rest} {currency}"


def sums(totals: dict[str, int], currency: str = "CNY") -> str:
    """Totals in words; nothing is 0.00 of the currency given."""
    return " + ".join(money(minor, code) for code, minor in sorted(totals.items())) or money(0, currency)


def month_text(month: int, tongue: Tongue) -> str:
    """A month of yyyymm in words."""
    year, number = divmod(month, 100)
    names = "January February March April May June July August September October November December".split()  # noqa: SIM905
    return say(tongue, f"{year} 年 {number} 月", f"{names[number - 1]} {year}")


def statement_path(statement: Statement) -> str:
    """The page of a statement."""
    return f"/bills/{statement.product_id}/{statement.cycle}"


def line_title(facts: Facts, line: CreditLine, tongue: Tongue) -> str:
    """Lender and product of a line."""
    return facts.title(line.view.instrument.instrument_id, tongue)


def no_line(intent: str, tongue: Tongue) -> Answer:
    """The answer where she has no line here that it could be about."""
    return Answer(
        intent,
        say(
            tongue,
            "您在本平台没有相应的额度，所以没有这样的账单。其他银行的账单请问发卡行。",
            "You have no such line here, so there is no such bill. What your bank bills, your bank knows.",
        ),
    )


def incomplete(facts: Facts, tongue: Tongue) -> tuple[str, ...]:
    """A note where not everything was read."""
    if facts.is_complete:
        return ()
    return (say(tongue, "记录很多，只计算了最近的部分。", "There are very many records: only the newest are counted."),)


def days_between(tongue: Tongue, days: int) -> str:
    """How far a day is from today."""
    if days == 0:
        return say(tongue, "就是今天", "today")
    if days > 0:
        return say(tongue, f"还有 {days} 天", f"in {days} day{'s' if days > 1 else ''}")
    return say(tongue, f"已过 {-days} 天", f"{-days} day{'s' if days < -1 else ''} ago")


__all__ = [
    "Answer",
    "Proof",
    "ProofKind",
    "day_text",
    "days_between",
    "incomplete",
    "line_title",
    "money",
    "month_text",
    "no_line",
    "say",
    "statement_path",
    "sums",
    "total",
]
