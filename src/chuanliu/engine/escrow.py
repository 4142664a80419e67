"""Budgets that may not be overspent, on many rows at once: escrow stripes.

A budget is cut into stripes; a command takes from the one that its lane's number falls on, so that lanes do not queue
on one row. When that stripe is short the command asks for all of them (`Need`) and takes half of what each other one
has: lanes that are at work end up with the budget, those that idle hold little of it back. Only when all together are
short is it refused.
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
    """To be called by `discover`: the one stripe that this command will try first. `spread_by` is the lane's number."""
    keys.lock(ESCROW_STRIPE, cell, budget_id, spread_by % count)


def lock_stripes(keys: Keys, cell: int, budget_id: int, count: int) -> None:
    """To be called by `discover` of commands that look at a whole budget."""
    for key in stripes_of(cell, budget_id, count):
        keys.lock(ESCROW_STRIPE, *key)


def lock_to_take(
    keys: Keys, rows: Rows, cell: int, budget_id: int, count: int, spread_by: int, amount_minor: int
) -> bool:
    """Ask for what `take` will need, as far as the rows tell: the first stripe, or all where that is known to be short.

    For who takes from several budgets, so that it asks for all that it needs at once. Returns whether it asked for all.
    """
    first = (cell, budget_id, spread_by % count)
    if not rows.has(ESCROW_STRIPE, *first):
        keys.lock(ESCROW_STRIPE, *first)
        return False
    row = rows.get(ESCROW_STRIPE, *first)
    short = row is not None and row.available_minor < 2 * amount_minor
    if short:
        lock_stripes(keys, cell, budget_id, count)
    return short


def known_available(rows: Rows, cell: int, budget_id: int, count: int) -> int | None:
    """What is left of a budget, where all of its stripes are loaded."""
    keys = stripes_of(cell, budget_id, count)
    return available(rows, cell, budget_id, count) if all(rows.has(ESCROW_STRIPE, *key) for key in keys) else None


def open_budget(rows: Rows, cell: int, budget_id: int, count: int, amount_minor: int) -> None:
    """A new budget, level on its stripes. Nobody can have opened it before, or the unique key tells."""
    for stripe in range(count):
        rows.insert(ESCROW_STRIPE, EscrowStripe(cell, budget_id, stripe, _level(amount_minor, count, stripe)))


def available(rows: Rows, cell: int, budget_id: int, count: int) -> int:
    """What is left of a budget. Raises `Need` for all of its stripes."""
    return sum(stripe.available_minor for stripe in _all(rows, cell, budget_id, count))


def change_budget(rows: Rows, cell: int, budget_id: int, count: int, by_minor: int) -> int:
    """Add to a budget, or take back what is left of it; returns what is then left, level on its stripes.

    Raises `Need`, and `Refused(budget_exhausted)` where less is left than is to be taken back.
    """
    stripes = _all(rows, cell, budget_id, count)
    left = sum(stripe.available_minor for stripe in stripes) + by_minor
    if left < 0:
        raise Refused("budget_exhausted")
    for place, stripe in enumerate(stripes):
        _set(rows, stripe, _level(left, len(stripes), place))
    return left


def take(rows: Rows, cell: int, budget_id: int, count: int, spread_by: int, amount_minor: int) -> int | None:
    """Take an amount. Raises `Need` when the first stripe is short, `Refused(budget_exhausted)` when all are.

    Returns what is left of the whole budget where all stripes had to be looked at, else None. That is so also for who
    leaves too little for another one like it, so whoever takes the last of a budget knows.
    """
    first = rows.get(ESCROW_STRIPE, cell, budget_id, spread_by % count)
    if first is not None and first.available_minor >= 2 * amount_minor:
        rows.update(ESCROW_STRIPE, first.changed(available_minor=first.available_minor - amount_minor))
        return None
    stripes = _all(rows, cell, budget_id, count)
    left = sum(stripe.available_minor for stripe in stripes) - amount_minor
    if left < 0:
        raise Refused("budget_exhausted")
    _gather(rows, stripes, spread_by % count, amount_minor)
    return left


def give_back(rows: Rows, cell: int, budget_id: int, count: int, spread_by: int, amount_minor: int) -> None:
    """Return an amount to the stripe of this key, which `discover` locked."""
    stripe = rows.get(ESCROW_STRIPE, cell, budget_id, spread_by % count)
    if stripe is None:
        raise ValueError(f"budget {budget_id} has no stripe {spread_by % count}")
    rows.update(ESCROW_STRIPE, stripe.changed(available_minor=stripe.available_minor + amount_minor))


def _all(rows: Rows, cell: int, budget_id: int, count: int) -> list[EscrowStripe]:
    keys = stripes_of(cell, budget_id, count)
    try:
        found = [rows.get(ESCROW_STRIPE, *key) for key in keys]
    except Need:
        raise Need.lock(ESCROW_STRIPE, *keys) from None
    return [stripe for stripe in found if stripe is not None]


def _gather(rows: Rows, stripes: list[EscrowStripe], first: int, amount_minor: int) -> None:
    """Take, with half of what each other stripe has, or all of it where that is not enough."""
    own = next(stripe for stripe in stripes if stripe.stripe == first)
    short = amount_minor - own.available_minor
    others = [stripe for stripe in stripes if stripe is not own]
    moved = [(stripe.available_minor + 1) // 2 for stripe in others]
    if sum(moved) < short:
        moved = [stripe.available_minor for stripe in others]
    for stripe, moves in zip(others, moved, strict=True):
        _set(rows, stripe, stripe.available_minor - moves)
    _set(rows, own, sum(moved) - short)


def _level(amount_minor: int, count: int, place: int) -> int:
    share, rest = divmod(amount_minor, count)
    return share + (place < rest)


def _set(rows: Rows, stripe: EscrowStripe, available_minor: int) -> None:
    if available_minor != stripe.available_minor:
        rows.update(ESCROW_STRIPE, stripe.changed(available_minor=available_minor))
