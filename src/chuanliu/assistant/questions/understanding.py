"""From a text to what is asked, or a refusal: the model proposes, and the rules must agree.

A question is understood when one intent is clearly more like it than refusing is and than the next one, when it speaks
of what that intent cannot be without, and when not too much of it is strange. All else is refused, not guessed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Final, Literal, NamedTuple

from chuanliu.assistant.questions.concepts import INTENTS, concepts_in, has_evidence, speaks_of_others
from chuanliu.assistant.questions.likeness import NONE, Example, Likeness, Model, is_empty
from chuanliu.assistant.questions.slots import Found, Named, Slots, find_slots

Refusal = Literal["", "unknown", "others", "advice"]

MARGIN_MIN: Final = 0.1
REFUSING_WEIGHT: Final = 0.5
STRANGE_WEIGHT: Final = 0.8
APART_MIN: Final = 0.03
"""Chosen on the examples, each judged as if it had not been learned."""

EXAMPLE_DAY: Final = date(2026, 11, 27)
EXAMPLE_SHOPS: Final = tuple(
    Named(name, (name,)) for name in ("星河超市", "Galaxy Market", "Sunny Cafe", "River Books", "蓝鲸数码", "老王面馆")
)
EXAMPLE_PRODUCTS: Final = (
    Named("river-line", ("River Line", "川流额度")),
    Named("maple-card", ("Maple Card", "枫叶信用卡", "Maple Bank", "枫叶银行")),
)
"""The day, the shops and the products that the questions of the examples speak of."""


class Understood(NamedTuple):
    """What is asked; with a refusal, why not. `margin` is how clear it is."""

    intent: str | None
    slots: Slots
    refusal: Refusal
    margin: float


class Question(NamedTuple):
    """A line of a file of questions: the intent is `none/others`, `none/advice`, `none/unknown` where it is refused."""

    text: str
    language: str
    intent: str
    slots: dict[str, str]


def read_questions(text: str) -> list[Question]:
    """Questions from CSV with the columns text, language, intent, slots (`month=202612 shop=Sunny Cafe`)."""
    found = []
    for row in csv.DictReader(io.StringIO(text)):
        slots: dict[str, str] = {}
        name = ""
        for word in row["slots"].split():
            key, is_pair, value = word.partition("=")
            if is_pair:
                name = key
                slots[name] = value
            else:
                slots[name] += f" {word}"
        found.append(Question(row["text"], row["language"], row["intent"], slots))
    return found


@lru_cache(maxsize=1)
def model() -> Model:
    """The model of the shipped examples, learned once a process."""
    text = files("chuanliu.assistant.questions").joinpath("examples.csv").read_text("utf-8")
    return Model(
        [
            Example(
                find_slots(each.text, EXAMPLE_DAY, EXAMPLE_SHOPS, EXAMPLE_PRODUCTS).masked,
                each.intent.partition("/")[0],
            )
            for each in read_questions(text)
        ]
    )


def decide(masked: str, likeness: Likeness) -> tuple[str | None, float]:
    """The intent that a masked question surely has, or None; and by how much it is clear."""
    concepts = concepts_in(masked)
    ranked = sorted((name for name in INTENTS if has_evidence(name, concepts)), key=lambda name: -likeness.scores[name])
    if not ranked:
        return None, -1.0
    best = likeness.scores[ranked[0]]
    second = likeness.scores[ranked[1]] if len(ranked) > 1 else 0.0
    margin = best - REFUSING_WEIGHT * likeness.scores[NONE] - STRANGE_WEIGHT * likeness.strange
    if margin < MARGIN_MIN or best - second < APART_MIN:
        return None, margin
    return ranked[0], margin


def understand(text: str, today: date, shops: Sequence[Named] = (), products: Sequence[Named] = ()) -> Understood:
    """What a question asks, with what it names. `shops` and `products` are those that she has to do with."""
    found: Found = find_slots(text, today, shops, products)
    nothing = found.slots("past", today)
    concepts = concepts_in(found.masked)
    if found.person or speaks_of_others(found.masked, concepts):
        return Understood(None, nothing, "others", 0.0)
    if "advice" in concepts:
        return Understood(None, nothing, "advice", 0.0)
    if "foreign" in concepts:
        return Understood(None, nothing, "unknown", 0.0)
    if is_empty(found.masked) and not (found.reference or found.amount_minor):
        return Understood(None, nothing, "unknown", 0.0)
    intent, margin = decide(found.masked, model().likeness(found.masked))
    if intent is None:
        return Understood(None, nothing, "unknown", margin)
    return Understood(intent, found.slots(INTENTS[intent][0], today), "", margin)
