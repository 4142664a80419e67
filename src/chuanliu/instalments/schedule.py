"""Payment schedules: a split with its due dates, balances and rate."""

from __future__ import annotations

from datetime import date

import msgspec

from chuanliu.instalments.rate_of_return import monthly_rate, percent
from chuanliu.instalments.split import Split


class Instalment(msgspec.Struct, frozen=True):
    """One row. `payment_minor` is due on `due`; `balance_minor` is the principal that is owed after it."""

    n: int
    due: date
    principal_minor: int
    interest_minor: int
    fee_minor: int
    payment_minor: int
    balance_minor: int


class Schedule(msgspec.Struct, frozen=True):
    """`apr_pct` is the convention `irr`: the internal rate per month on the outstanding principal, times 12, with
    instalment n paid n months after the purchase.
    """

    instalments: tuple[Instalment, ...]
    total_cost_minor: int
    apr_pct: float


def make_schedule(split: Split, due: tuple[date, ...]) -> Schedule:
    """The rows of a split, one due date for each instalment."""
    principal_minor = sum(split.principal)
    balance = principal_minor
    rows = []
    parts = zip(due, split.principal, split.interest, split.fee, split.payments, strict=True)
    for n, (day, principal, interest, fee, payment) in enumerate(parts, 1):
        balance -= principal
        rows.append(Instalment(n, day, principal, interest, fee, payment, balance))
    return Schedule(tuple(rows), split.total_cost_minor, apr_pct(principal_minor, split.payments))


def apr_pct(principal_minor: int, payments: tuple[int, ...]) -> float:
    """Annualised rate of monthly payments in percent, as `irr` states it, rounded to 6 places."""
    return percent(12.0 * monthly_rate(principal_minor, payments))
