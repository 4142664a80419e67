"""The chart of accounts: what kinds of account there are, and whose balance is tested.

Balance = credits − debits. A checked account is locked and may not fall below its floor; a buffered one takes signed
deltas and has no floor, so that an account which every payment touches is never a queue.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Final

from chuanliu.ids import account_id, is_shadow, party_number
from chuanliu.money import currency

PLATFORM: Final = party_number(1)
"""The platform itself as a party: owner of fees, tax, suspense and positions."""

SHADOW_PLATFORM: Final = party_number(10**12 - 1)
"""The platform in rehearsals: the last number of the shadow range."""

SANDBOX: Final = party_number(2)
"""The party that funds sandbox consumers."""


class Chart(IntEnum):
    """Kinds of account. A number never changes its meaning: account ids contain it."""

    CONSUMER_BALANCE = 1
    CREDIT_USED = 2
    MERCHANT_RECEIVABLE = 3
    MERCHANT_SETTLED = 4
    LENDER_FUNDING = 5
    LENDER_FEE_INCOME = 6
    SPONSOR_SUBSIDY = 7
    DISCOUNT_FUNDING = 8
    PLATFORM_FEES = 9
    TAX = 10
    BANK_CLEARING = 11
    WALLET_CLEARING = 12
    FX_POSITION = 13
    SUSPENSE = 14
    SANDBOX_FUNDING = 15


CHECKED: Final = frozenset({Chart.CONSUMER_BALANCE, Chart.CREDIT_USED})
"""Named charts whose accounts are checked; the others are buffered."""

CREDIT_LINES: Final = 128
"""Lines that a consumer may have in our books. Charts 128 to 255 are the credit used of lines 0 to 127, all checked."""

_FIRST_LINE_CHART: Final = 128
_CHECKED_NUMBERS: Final = frozenset({*(int(chart) for chart in CHECKED), *range(_FIRST_LINE_CHART, 256)})


def platform_of(cell: int) -> int:
    """The platform as a party to what happens in a cell, so that shadow money stays among shadow accounts."""
    return SHADOW_PLATFORM if is_shadow(cell) else PLATFORM


def is_checked(account: int) -> bool:
    """Whether the account's chart is a checked one."""
    return account >> 10 & 0xFF in _CHECKED_NUMBERS


@lru_cache(maxsize=65536)
def account_of(owner: int, chart: Chart, currency_code: str) -> int:
    """The account id of a party, chart and currency. Raises `Invalid(currency_not_supported)`."""
    return account_id(owner, int(chart), currency(currency_code).numeric)


@lru_cache(maxsize=65536)
def credit_used_account(consumer_id: int, line_no: int, currency_code: str) -> int:
    """The account of a consumer's credit line 0 to 127: its balance is −(credit used), its floor −(limit).

    Raises `Invalid(currency_not_supported)`.
    """
    if not 0 <= line_no < CREDIT_LINES:
        raise ValueError("a line's number is 0 to 127")
    return account_id(consumer_id, _FIRST_LINE_CHART + line_no, currency(currency_code).numeric)
