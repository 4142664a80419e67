"""ISO 4217 currencies with their numeric codes and exponents (list one of the standard, as maintained by SIX)."""

from __future__ import annotations

from typing import Final, NamedTuple

from chuanliu.errors import Invalid


class Currency(NamedTuple):
    """`exponent` is the number of decimal places of the major unit: CNY 2, JPY 0, KWD 3."""

    code: str
    numeric: int
    exponent: int


_TABLE: Final = """
AED 784 2|AUD 36 2|BDT 50 2|BHD 48 3|BRL 986 2|CAD 124 2|CHF 756 2|CLP 152 0|CNY 156 2|CZK 203 2|DKK 208 2|EUR 978 2
GBP 826 2|HKD 344 2|HUF 348 2|IDR 360 2|ILS 376 2|INR 356 2|ISK 352 0|JOD 400 3|JPY 392 0|KHR 116 2|KRW 410 0|KWD 414 3
LAK 418 2|LKR 144 2|MMK 104 2|MNT 496 2|MOP 446 2|MXN 484 2|MYR 458 2|NOK 578 2|NPR 524 2|NZD 554 2|OMR 512 3|PHP 608 2
PKR 586 2|PLN 985 2|QAR 634 2|RUB 643 2|SAR 682 2|SEK 752 2|SGD 702 2|THB 764 2|TND 788 3|TRY 949 2|TWD 901 2|USD 840 2
UZS 860 2|VND 704 0|ZAR 710 2
"""


def _read_table(text: str) -> dict[str, Currency]:
    rows = (cell.split() for cell in text.replace("\n", "|").split("|") if cell)
    return {code: Currency(code, int(numeric), int(exponent)) for code, numeric, exponent in rows}


CURRENCIES: Final[dict[str, Currency]] = _read_table(_TABLE)
BY_NUMERIC: Final[dict[int, Currency]] = {c.numeric: c for c in CURRENCIES.values()}


def currency(code: str) -> Currency:
    """Look a currency up by its three-letter code. Raises `Invalid(currency_not_supported)`."""
    try:
        return CURRENCIES[code]
    except KeyError:
        raise Invalid("currency_not_supported", field="currency") from None
