"""Amounts as decimal text, in and out."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from chuanliu.errors import Invalid
from chuanliu.money.currency import currency

_DIGITS: Final = re.compile(r"[0-9]{1,15}(?:\.([0-9]{1,3}))?\Z", re.ASCII)


def parse_amount(text: str, code: str = "CNY", *, field: str = "amount", at_least_minor: int = 1) -> int:
    """Read plain decimal text such as `88.88` into minor units.

    No sign, exponent, grouping or more decimal places than the currency has; `88`, `88.8` and `88.80` are the same CNY
    amount. Raises `Invalid(invalid_amount)` naming `field`, also when the value is below `at_least_minor`.
    """
    match = _DIGITS.match(text)
    exponent = currency(code).exponent
    decimals = match.group(1) or "" if match else ""
    if match is None or len(decimals) > exponent:
        raise Invalid("invalid_amount", f"{field} must be decimal text with at most {exponent} places", field=field)
    minor: int = int(text.replace(".", "")) * 10 ** (exponent - len(decimals))
    if minor < at_least_minor:
        raise Invalid("invalid_amount", f"{field} must be at least {format_amount(at_least_minor, code)}", field=field)
    return minor


@lru_cache(maxsize=4096)
def format_amount(minor: int, code: str = "CNY") -> str:
    """Write minor units as decimal text with all of the currency's places: 8888 CNY is `88.88`, 500 JPY is `500`."""
    exponent = currency(code).exponent
    if exponent == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    major, rest = divmod(abs(minor), 10**exponent)
    return f"{sign}{major}.{rest:0{exponent}d}"
