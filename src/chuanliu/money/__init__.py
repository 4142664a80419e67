"""Money: integer minor units of ISO 4217 currencies. No floats, and every split conserves its total."""

from chuanliu.money.amount import format_amount, parse_amount
from chuanliu.money.currency import BY_NUMERIC, CURRENCIES, Currency, currency
from chuanliu.money.rate import BASIS, Quotient, Rounding, quotient_by, rounded_quotient, share_of
from chuanliu.money.split import split_by_shares, split_by_weights

__all__ = [
    "BASIS",
    "BY_NUMERIC",
    "CURRENCIES",
    "Currency",
    "Quotient",
    "Rounding",
    "currency",
    "format_amount",
    "parse_amount",
    "quotient_by",
    "rounded_quotient",
    "share_of",
    "split_by_shares",
    "split_by_weights",
]
