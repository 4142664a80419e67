"""The words of both languages, from lexicon.yaml."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import msgspec
import yaml


class _Characters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"source": "from", "target": "to"}):
    source: str
    target: str


class Lexicon(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as it is: `concepts` are regular expressions over a masked question."""

    characters: _Characters
    phrases: dict[str, str]
    words: dict[str, str]
    keywords: str
    free: str
    concepts: dict[str, list[str]]
    surnames: str
    owned: str
    asking: str
    subjects: str
    deeds: str


def _read() -> Lexicon:
    text = files("chuanliu.assistant.questions").joinpath("lexicon.yaml").read_text("utf-8")
    return msgspec.convert(yaml.safe_load(text), Lexicon)


LEXICON: Final = _read()
