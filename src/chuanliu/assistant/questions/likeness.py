"""Which known question a text is most like: regularised least squares on character n-grams and concepts.

Learned from the examples when first asked, in some tenths of a second, always with the same outcome. Nothing is sent
anywhere. The method is kernel ridge regression with one target a class; its errors on examples left out come in closed
form (Hastie, Tibshirani, Friedman: The Elements of Statistical Learning, 2nd ed., 7.10), so the thresholds were chosen
without looking at any question that they are measured on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from chuanliu.assistant.questions.concepts import concepts_in
from chuanliu.assistant.questions.lexicon import LEXICON
from chuanliu.assistant.questions.slots import MASKS

NONE: Final = "none"
_RIDGE: Final = 0.3
_CONCEPT_WEIGHT: Final = 1.0
_CJK: Final = re.compile(r"[\u4e00-\u9fff]")
_LATIN: Final = re.compile(r"[a-z][a-z']*")
_FREE: Final = frozenset(LEXICON.free.split())

Floats = npt.NDArray[np.float64]


class Example(NamedTuple):
    """A known question, masked, and what it asks; `none` where it must be refused."""

    masked: str
    intent: str


class Likeness(NamedTuple):
    """How like each intent a text is; `strange` is the part of it that no known question has, 0 to 1."""

    scores: dict[str, float]
    strange: float


def _features(masked: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for piece in re.findall(r"[\u4e00-\u9fff\ue000-\ue007]+|[a-z'\ue000-\ue007]+", masked):
        if _CJK.search(piece):
            padded = f"^{piece}$"
            for size in (1, 2, 3):
                for at in range(len(padded) - size + 1):
                    if (gram := padded[at : at + size]) not in "^$":
                        found[gram] += 1
        else:
            padded = f" {piece} "
            found["w:" + piece] += 2
            for size in (3, 4):
                for at in range(len(padded) - size + 1):
                    found[padded[at : at + size]] += 1
    words = _LATIN.findall(masked)
    for one, two in pairwise(words):
        found[f"p:{one} {two}"] += 2
    return found


def _units(masked: str) -> list[str]:
    """What a text says, in pieces that may be known or strange: content words, and Chinese characters."""
    words = [word for word in _LATIN.findall(masked) if word not in _FREE]
    return words + _CJK.findall(masked)


class Model:
    """What was learned from examples."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._classes = sorted({each.intent for each in examples})
        rows = [_features(each.masked) for each in examples]
        seen = Counter(name for row in rows for name in row)
        self._places = {name: at for at, name in enumerate(sorted(seen))}
        self._idf = {name: float(np.log((1 + len(rows)) / (1 + count)) + 1) for name, count in seen.items()}
        self._concepts: dict[str, int] = {}
        concepts = [concepts_in(each.masked) for each in examples]
        for name in sorted({key for found in concepts for key in self._concept_keys(found)}):
            self._concepts[name] = len(self._places) + len(self._concepts)
        matrix = np.zeros((len(rows), len(self._places) + len(self._concepts)))
        for at, each in enumerate(examples):
            places, values = self._vector(each.masked)
            matrix[at, places] = values
        targets = np.array([[1.0 if each.intent == name else 0.0 for name in self._classes] for each in examples])
        kernel = matrix @ matrix.T
        inverse = np.linalg.inv(kernel + _RIDGE * np.eye(len(rows)))
        dual = inverse @ targets
        self._weights: Floats = matrix.T @ dual
        # What the model would say of each example had it not seen it.
        self._held: Floats = targets - dual / np.diag(inverse)[:, None]
        self._units = Counter(unit for each in examples if each.intent != NONE for unit in set(_units(each.masked)))
        self._units.update(dict.fromkeys(LEXICON.keywords.split(), 2))
        self._examples = tuple(examples)

    @staticmethod
    def _concept_keys(found: frozenset[str]) -> list[str]:
        names = sorted(found)
        return names + [f"{one}+{two}" for at, one in enumerate(names) for two in names[at + 1 :]]

    def _vector(self, masked: str) -> tuple[list[int], Floats]:
        counts = {name: count for name, count in _features(masked).items() if name in self._places}
        places = [self._places[name] for name in counts]
        values = np.array([(1 + np.log(count)) * self._idf[name] for name, count in counts.items()])
        values = values / (np.linalg.norm(values) or 1.0)
        keys = [self._concepts[key] for key in self._concept_keys(concepts_in(masked)) if key in self._concepts]
        concepts = np.full(len(keys), _CONCEPT_WEIGHT / max(1.0, np.sqrt(len(keys))))
        return places + keys, np.concatenate([values, concepts])

    def _strange(self, masked: str, apart: int = 0) -> float:
        units = _units(masked)
        if not units:
            return 0.0
        own = set(units) if apart else set()
        unknown = sum(self._units[unit] - (apart if unit in own else 0) <= 0 for unit in units)
        return unknown / len(units)

    def likeness(self, masked: str) -> Likeness:
        """How like each intent a masked question is."""
        places, values = self._vector(masked)
        scores = values @ self._weights[places]
        return Likeness(dict(zip(self._classes, scores.tolist(), strict=True)), self._strange(masked))

    def held_out(self) -> list[tuple[Example, Likeness]]:
        """Each example with what would be said of it had it not been learned."""
        return [
            (
                each,
                Likeness(
                    dict(zip(self._classes, self._held[at].tolist(), strict=True)),
                    self._strange(each.masked, 0 if each.intent == NONE else 1),
                ),
            )
            for at, each in enumerate(self._examples)
        ]


def is_empty(masked: str) -> bool:
    """Whether nothing is left of a question but what it names."""
    return not any(character.isalpha() and character not in MASKS for character in masked)
