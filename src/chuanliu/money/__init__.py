"""Money: integer minor units of ISO 4217 currencies. No floats, and every split conserves its total."""

from chuanliu.money.amount import format_amount, parse_amount
from chuanliu.money.currency import CURRENCIES, Currency, currency
from chuanliu.money.rate import Rounding, share_of
from chuanliu.money.split import split_by_weights

__all__ = [
    "CURRENCIES",
    "Currency",
    "Rounding",
    "currency",
    "format_amount",
    "parse_amount",
    "share_of",
    "split_by_weights",
]
