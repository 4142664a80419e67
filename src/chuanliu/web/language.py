"""Which language a page is written in, and addresses that ask for it."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


class Language(Enum):
    """The value is the BCP 47 tag of the page's `lang` attribute."""

    ZH = "zh-CN"
    EN = "en"

    @property
    def other(self) -> Language:
        """The language that the page's switch offers."""
        return Language.EN if self is Language.ZH else Language.ZH


_RANGE: Final = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]{1,32})?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?))?\s*\Z")
_RANGES_MAX: Final = 16


def choose_language(explicit: str | None, accept_language: str | None) -> Language:
    """The language of `?lang=` or a form's `lang` field, else the browser's best (RFC 9110, 12.5.4), else Chinese.

    Malformed input never raises; what is not understood is passed over.
    """
    chosen = _by_tag(explicit or "")
    if chosen is not None:
        return chosen
    best, best_weight = Language.ZH, 0.0
    for part in (accept_language or "").split(",")[:_RANGES_MAX]:
        match = _RANGE.match(part)
        if match is None:
            continue
        language = _by_tag(match.group(1))
        weight = float(match.group(2) or "1")
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best


def with_language(address: str, language: Language) -> str:
    """The same address asking for a language, its other query parameters kept."""
    parts = urlsplit(address)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "lang"]
    query.append(("lang", language.value))
    return urlunsplit(parts._replace(query=urlencode(query)))


def _by_tag(tag: str) -> Language | None:
    match tag[:2].lower():
        case "zh":
            return Language.ZH
        case "en":
            return Language.EN
    return None
