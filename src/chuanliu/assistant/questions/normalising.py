"""One spelling for what people type: widths, cases, traditional characters, short forms, and slips of the finger."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from chuanliu.assistant.questions.lexicon import LEXICON

LENGTH_MAX: Final = 300
"""Characters of a question that are read."""

_CHARACTERS: Final = str.maketrans(LEXICON.characters.source, LEXICON.characters.target)
_KEYWORDS: Final = frozenset(LEXICON.keywords.split())

_LATIN: Final = re.compile(r"[a-z0-9']+(?:-[a-z0-9]+)*")
_SLIPS_FROM: Final = 5


def _shortened(word: str) -> set[str]:
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def _spellings(words: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for word in words:
        for spelling in _shortened(word):
            found.setdefault(spelling, set()).add(word)
    return found


_SPELLINGS: Final = _spellings(word for word in _KEYWORDS if len(word) >= _SLIPS_FROM)


def _is_one_slip(typed: str, meant: str) -> bool:
    """Whether one letter was left out, added or changed, or two neighbours were swapped."""
    if abs(len(typed) - len(meant)) > 1:
        return False
    start = 0
    while start < min(len(typed), len(meant)) and typed[start] == meant[start]:
        start += 1
    one, two = typed[start:], meant[start:]
    return one[1:] == two[1:] or one[1:] == two or one == two[1:] or (one[:2] == two[1::-1] and one[2:] == two[2:])


@lru_cache(maxsize=4096)
def corrected(word: str) -> str:
    """The keyword that a word is but for one slip; the word itself where there is none or more than one."""
    if len(word) < _SLIPS_FROM or word in _KEYWORDS or not word.isalpha():
        return word
    found = {meant for short in _shortened(word) for meant in _SPELLINGS.get(short, ()) if _is_one_slip(word, meant)}
    plural = {meant for meant in found if meant in (word + "s", word[:-1])}
    return next(iter(found)) if len(found) == 1 and not plural else word


def _meant(word: str) -> str:
    whole = word if word in LEXICON.words else corrected(word)
    return LEXICON.words.get(whole, whole)


def normalised(text: str) -> str:
    """The text in one spelling, at most `LENGTH_MAX` characters of it: NFKC, lower case, simplified characters."""
    plain = unicodedata.normalize("NFKC", text[:LENGTH_MAX]).casefold().translate(_CHARACTERS)
    plain = plain.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    for phrase, meant in LEXICON.phrases.items():
        plain = plain.replace(phrase, meant)
    plain = _LATIN.sub(lambda found: _meant(found[0]), plain)
    return re.sub(r"\s+", " ", plain).strip()
