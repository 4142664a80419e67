"""Members of a mapping read by name and kind; what is wrong is noted with its path, and reading goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from chuanliu.errors import Invalid
from chuanliu.lenders.marked_values import Value, member_path
from chuanliu.lenders.terms import Flaw
from chuanliu.money import CURRENCIES, parse_amount

_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_NEGATIVE: Final = re.compile(r"-[0-9.]+", re.ASCII)


class Members:
    """One mapping. Each reader takes a name, and gives a harmless value where it notes a flaw.

    A reader without `default` wants the member to be there. `end` notes the members that nobody asked for.
    """

    def __init__(self, value: Value, path: str, flaws: list[Flaw]) -> None:
        self._path = path
        self._flaws = flaws
        self._asked: set[str] = set()
        self._members = value if isinstance(value, dict) else {}
        self.is_mapping = isinstance(value, dict)
        if not self.is_mapping:
            self._flaws.append(Flaw(path, "must be a mapping of names to values"))

    def _note(self, name: str, message: str) -> None:
        if self.is_mapping:
            self._flaws.append(Flaw(member_path(self._path, name), message))

    def _value(self, name: str, *, required: bool) -> Value:
        self._asked.add(name)
        value = self._members.get(name)
        if value is None and required:
            self._note(name, "is missing")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """A text, a number's digits among them."""
        value = self._value(name, required=default is None)
        if value is None:
            return default or ""
        if not isinstance(value, str):
            self._note(name, "must be text")
            return ""
        return value

    def optional_text(self, name: str) -> str | None:
        """A text, or None where it is absent."""
        self._asked.add(name)
        return None if self._members.get(name) is None else self.text(name)

    def choice(self, name: str, choices: Sequence[str], default: str | None = None) -> str:
        """One of a few words."""
        before = len(self._flaws)
        value = self.text(name, default)
        if len(self._flaws) == before and self.is_mapping and value not in choices:
            self._note(name, f"must be one of {', '.join(choices)}")
        return value if value in choices else choices[0]

    def whole(self, name: str) -> int:
        """A whole number from 0."""
        value = self.text(name)
        if value and _WHOLE.fullmatch(value) is None:
            self._note(name, "must not be negative" if _NEGATIVE.fullmatch(value) else "must be a whole number")
            return 0
        return int(value or 0)

    def optional_whole(self, name: str) -> int | None:
        """A whole number from 0, or None where it is absent."""
        self._asked.add(name)
        return None if self._members.get(name) is None else self.whole(name)

    def amount(self, name: str, currency: str, default: str | None = None) -> int:
        """Minor units of an amount in decimal text."""
        value = self.text(name, default)
        if not value or currency not in CURRENCIES:
            return 0
        if _NEGATIVE.fullmatch(value):
            self._note(name, "must not be negative")
            return 0
        try:
            return parse_amount(value, currency, field=name, at_least_minor=0)
        except Invalid as error:
            self._note(name, error.message.removeprefix(f"{name} "))
            return 0

    def truth(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self._value(name, required=False)
        if value is None:
            return default
        if not isinstance(value, bool):
            self._note(name, "must be true or false")
            return default
        return value

    def mapping(self, name: str) -> Members | None:
        """A mapping within, or None where it is absent."""
        value = self._value(name, required=False)
        return None if value is None else Members(value, member_path(self._path, name), self._flaws)

    def each(self, name: str, *, required: bool = True) -> Iterator[tuple[str, Value]]:
        """The elements of a list with their paths."""
        value = self._value(name, required=required)
        if value is None:
            return
        if not isinstance(value, list):
            self._note(name, "must be a list")
            return
        at = member_path(self._path, name)
        yield from ((f"{at}[{number}]", element) for number, element in enumerate(value))

    def end(self) -> None:
        """Note what is there and not known."""
        known = ", ".join(sorted(self._asked))
        for name in self._members:
            if name not in self._asked:
                self._note(name, f"is not known here; known are {known}")
