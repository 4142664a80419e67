"""Budgets that may not be overspent, on many rows at once: escrow stripes.

A budget is cut into stripes; a command takes from the one its key falls on, so that a campaign's payments do not queue
on one row. When that stripe is dry it asks for all of them (`Need`) and gathers; only when all together are short is it
refused.
"""

from __future__ import annotations

from chuanliu.engine.kinds import SmallInt
from chuanliu.engine.rows import Keys, Need, Rows
from chuanliu.engine.table import Key, Row, Table
from chuanliu.errors import Refused


class EscrowStripe(Row, frozen=True, gc=False):
    """A part of a budget. `available_minor` is never negative."""

    cell: SmallInt
    budget_id: int
    stripe: SmallInt
    available_minor: int


ESCROW_STRIPE: Table[EscrowStripe] = Table("escrow_stripe", EscrowStripe, ("cell", "budget_id", "stripe"), rank=80)


def stripes_of(cell: int, budget_id: int, count: int) -> list[Key]:
    """The keys of all stripes of a budget."""
    return [(cell, budget_id, stripe) for stripe in range(count)]


def lock_stripe(keys: Keys, cell: int, budget_id: int, count: int, spread_by: int) -> None:
    """To be called by `discover`: the one stripe that this command will try first."""
    keys.lock(ESCROW_STRIPE, cell, budget_id, spread_by % count)


def take(rows: Rows, cell: int, budget_id: int, count: int, spread_by: int, amount_minor: int) -> None:
    """Take an amount. Raises `Need` when the first stripe is short, `Refused(budget_exhausted)` when all are."""
    first = spread_by % count
    stripe = rows.get(ESCROW_STRIPE, cell, budget_id, first)
    if stripe is not None and stripe.available_minor >= amount_minor:
        rows.update(ESCROW_STRIPE, stripe.changed(available_minor=stripe.available_minor - amount_minor))
        return
    keys = stripes_of(cell, budget_id, count)
    stripes: list[EscrowStripe] = []
    for key in keys:
        try:
            found = rows.get(ESCROW_STRIPE, *key)
        except Need:
            raise Need.lock(ESCROW_STRIPE, *keys) from None
        if found is not None:
            stripes.append(found)
    if sum(s.available_minor for s in stripes) < amount_minor:
        raise Refused("budget_exhausted")
    _gather(rows, stripes, amount_minor)


def _gather(rows: Rows, stripes: list[EscrowStripe], amount_minor: int) -> None:
    """Take, and level what is left, so that the next command finds something on its own stripe."""
    left = sum(s.available_minor for s in stripes) - amount_minor
    share, rest = divmod(left, len(stripes))
    for position, stripe in enumerate(stripes):
        available = share + (1 if position < rest else 0)
        if available != stripe.available_minor:
            rows.update(ESCROW_STRIPE, stripe.changed(available_minor=available))


def give_back(rows: Rows, cell: int, budget_id: int, count: int, spread_by: int, amount_minor: int) -> None:
    """Return an amount to the stripe of this key, which `discover` locked."""
    stripe = rows.get(ESCROW_STRIPE, cell, budget_id, spread_by % count)
    if stripe is None:
        raise ValueError(f"budget {budget_id} has no stripe {spread_by % count}")
    rows.update(ESCROW_STRIPE, stripe.changed(available_minor=stripe.available_minor + amount_minor))
