"""Progress: the bill that is being filled, against the ideal one, and where it will end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec

from chuanliu.assistant.dues import Due
from chuanliu.assistant.forecast import HISTORY_DAYS_MAX, Purchase, Quantiles, forecast
from chuanliu.bills import next_cycle
from chuanliu.clock import date_of, day_number
from chuanliu.instalments import first_due
from chuanliu.lenders import ProductTerms

_LOOKED_AHEAD: Final = 62


class Window(msgspec.Struct, frozen=True):
    """The bill that purchases of today come onto first, and from when to when they do. Days are yyyymmdd."""

    month: int
    opened_on: int
    closes_on: int


class Progress(msgspec.Struct, frozen=True):
    """One month's bill as it stands. Amounts in minor units.

    `bill_minor` is all that is due in the month so far, of which `committed_minor` was before its window opened
    (instalments of earlier purchases), and of which `repaid_minor` is repaid already. `end` is where it will end, None
    where the history is too short to say. `percent` is of the ideal bill, rounded half up; None without one.
    """

    month: int
    opened_on: int
    closes_on: int
    today: int
    days_left: int
    due_days: tuple[int, ...]
    bill_minor: int
    committed_minor: int
    repaid_minor: int
    ideal_minor: int
    percent: int | None
    end: Quantiles | None


def first_month(terms: ProductTerms, bought: date) -> int:
    """The month of the first bill of a purchase of that day."""
    due = first_due(terms.statement_day, terms.due_day, terms.due_after_days, bought)
    return due.year * 100 + due.month


def window_of(terms: Iterable[ProductTerms], today: date) -> Window:
    """The earliest bill that purchases of today come onto, by any of these products; without one the next month's."""
    products = list(terms)
    number = today.year * 100 + today.month
    if not products:
        return Window(next_cycle(number), number * 100 + 1, day_number(_month_end(today)))
    month = min(first_month(each, today) for each in products)
    return Window(month, day_number(_reach(products, month, today, -1)), day_number(_reach(products, month, today, 1)))


def _reach(products: Sequence[ProductTerms], month: int, today: date, step: int) -> date:
    """The first or last day on which a purchase by any of the products comes onto that month's bill."""
    found = today
    for days in range(1, _LOOKED_AHEAD):
        day = today + timedelta(days=step * days)
        if any(first_month(each, day) == month for each in products):
            found = day
        else:
            break
    return found


def _month_end(today: date) -> date:
    return (today.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _days_left(terms: ProductTerms, month: int, today: date) -> int:
    """For how many days behind today purchases by a product still come onto that month's bill first."""
    days = 0
    while days < _LOOKED_AHEAD and first_month(terms, today + timedelta(days=days + 1)) == month:
        days += 1
    return days


def history_of(
    dues: Sequence[Due], terms: Mapping[int, ProductTerms], month: int, today: date
) -> tuple[list[Purchase], int]:
    """Past purchases as `forecast` reads them, and the days that were looked at: from the first purchase on."""
    horizons = {product_id: _days_left(each, month, today) for product_id, each in terms.items()}
    found: list[Purchase] = []
    oldest = 0
    for due in dues:
        ago = (today - date_of(due.bought_on)).days - 1
        if due.number != 1 or ago < 0:
            continue
        oldest = max(oldest, ago + 1)
        horizon = horizons.get(due.product_id, 0)
        if ago < HISTORY_DAYS_MAX and horizon:
            found.append(Purchase(ago, due.due_minor, horizon))
    return found, min(oldest, HISTORY_DAYS_MAX)


def progress_of(
    dues: Sequence[Due],
    terms: Mapping[int, ProductTerms],
    ideal_minor: int,
    today: date,
    *,
    with_end: bool = True,
) -> Progress:
    """The bill that is being filled. `terms` are those of the products that she can buy with."""
    window = window_of(terms.values(), today)
    mine = [due for due in dues if due.month == window.month]
    bill = sum(due.due_minor for due in mine)
    coming = forecast(*history_of(dues, terms, window.month, today)) if with_end else None
    return Progress(
        window.month,
        window.opened_on,
        window.closes_on,
        day_number(today),
        (date_of(window.closes_on) - today).days,
        tuple(sorted({due.due_on for due in mine})),
        bill,
        sum(due.due_minor for due in mine if due.bought_on < window.opened_on),
        sum(due.due_minor - due.left_minor for due in mine if not due.external),
        ideal_minor,
        percent_of(bill, ideal_minor),
        coming.plus(bill) if coming is not None else None,
    )


def percent_of(part_minor: int, whole_minor: int) -> int | None:
    """A part in per cent, rounded half up; None of nothing."""
    return (200 * part_minor + whole_minor) // (2 * whole_minor) if whole_minor > 0 else None
