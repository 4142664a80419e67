"""Card numbers and the ranges of their first digits (BINs) by which a product knows its cards."""

from __future__ import annotations

import re
from typing import Final

BinRange = tuple[str, str]
"""First and last beginning of a card number, both included, of equal length."""

BIN_DIGITS_MIN: Final = 6
BIN_DIGITS_MAX: Final = 8
_BIN: Final = re.compile(r"[0-9]{6,8}", re.ASCII)
_PAN: Final = re.compile(r"[0-9]{13,19}", re.ASCII)


def bin_flaw(span: BinRange) -> str | None:
    """What is wrong with a range."""
    first, last = span
    if _BIN.fullmatch(first) is None or _BIN.fullmatch(last) is None:
        return f"must be {BIN_DIGITS_MIN} to {BIN_DIGITS_MAX} digits, or two such numbers with a hyphen between"
    if len(first) != len(last):
        return "both ends must have the same number of digits"
    if first > last:
        return "begins behind its end"
    return None


def edges(span: BinRange) -> tuple[str, str]:
    """The range in the longest digits, so that ranges of different lengths can be compared."""
    first, last = span
    return first.ljust(BIN_DIGITS_MAX, "0"), last.ljust(BIN_DIGITS_MAX, "9")


def overlap(one: BinRange, other: BinRange) -> bool:
    """Whether some card number would belong to both."""
    (first, last), (other_first, other_last) = edges(one), edges(other)
    return first <= other_last and other_first <= last


def bin_text(span: BinRange) -> str:
    """A range as files write it: `900101` or `900101-900199`."""
    return span[0] if span[0] == span[1] else f"{span[0]}-{span[1]}"


def luhn_digit(digits: str) -> str:
    """The check digit (ISO/IEC 7812-1, annex B) that completes a card number."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if position % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def is_card_number(text: str) -> bool:
    """Whether text is 13 to 19 digits of which the last is the right check digit."""
    return _PAN.fullmatch(text) is not None and luhn_digit(text[:-1]) == text[-1]
