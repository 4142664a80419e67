"""A question about bills and its answer: the sentence, the lines that prove it, and a box for the next one."""

from __future__ import annotations

import msgspec

from chuanliu.web.language import Language
from chuanliu.web.rendering import render


class ProofRow(msgspec.Struct, frozen=True):
    """One line behind an answer: `on` a day or empty, `amount` in decimal text or empty, `path` a page or empty."""

    on: str
    text: str
    amount: str
    path: str
    counted: bool


class AnswerView(msgspec.Struct, frozen=True):
    """What is said, the figure by currency, its lines, and notes."""

    text: str
    refused: bool
    figures: tuple[str, ...] = ()
    proofs: tuple[ProofRow, ...] = ()
    notes: tuple[str, ...] = ()


class QuestionView(msgspec.Struct, frozen=True):
    """The box with what was asked; without an answer only questions to begin with."""

    language: Language
    page_path: str
    csrf_token: str
    question: str
    examples: tuple[str, ...]
    answer: AnswerView | None = None
    problem_code: str = ""
    sandbox: bool = False


def render_question(view: QuestionView) -> str:
    """The page."""
    return render("question.html", view.language, view=view)
