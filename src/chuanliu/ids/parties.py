"""Party numbers (16 digits, beginning 2088) and the account ids made from them by arithmetic."""

from __future__ import annotations

from typing import Final

from chuanliu.ids.cells import cell_of_party

PARTY_BASE: Final = 2088 * 10**12


def party_number(serial: int) -> int:
    """The 16-digit number of a serial in [0, 10^12)."""
    if not 0 <= serial < 10**12:
        raise ValueError("serial out of range")
    return PARTY_BASE + serial


def is_party_number(text: str) -> bool:
    """Whether text is a well-formed party number: 16 ASCII digits beginning 2088."""
    return len(text) == 16 and text.startswith("2088") and text.isascii() and text.isdigit()


def account_id(owner: int, chart: int, currency_numeric: int) -> int:
    """Account of a party: `serial << 18 | chart << 10 | currency`. Chart in [0, 256), currency in [0, 1000)."""
    return (owner - PARTY_BASE) << 18 | chart << 10 | currency_numeric


def account_parts(account: int) -> tuple[int, int, int]:
    """Owner, chart and numeric currency of an account id."""
    return PARTY_BASE + (account >> 18), account >> 10 & 0xFF, account & 0x3FF


def account_cell(account: int) -> int:
    """The cell of an account: its owner's."""
    return cell_of_party(PARTY_BASE + (account >> 18))
