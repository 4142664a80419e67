"""Holds: an amount reserved on a checked account, then posted whole or in part, voided, or expired."""

from __future__ import annotations

from typing import Final

from chuanliu.clock import Micros
from chuanliu.engine import Context, Rows
from chuanliu.errors import Refused
from chuanliu.ledger.chart import is_checked
from chuanliu.ledger.posting import account_row, post
from chuanliu.ledger.tables import ACCOUNT, HOLD, Hold

TRANSITIONS: Final[dict[str, frozenset[str]]] = {
    "active": frozenset({"active", "posted", "voided", "expired"}),
    "posted": frozenset(),
    "voided": frozenset(),
    "expired": frozenset(),
}
"""A hold stays active while parts are posted; what ends it returns the rest to the account."""


def place_hold(
    rows: Rows,
    context: Context,
    debit: int,
    credit: int,
    amount_minor: int,
    kind: str,
    subject_id: int,
    until: Micros | None,
) -> Hold:
    """Reserve an amount on a checked account that the command has locked.

    Raises `Refused`: invalid_amount, currency_mismatch, account_not_found, account_closed, account_blocked,
    balance_below_floor.
    """
    if amount_minor <= 0 or not is_checked(debit):
        raise Refused("invalid_amount", "a hold needs a positive amount on a checked account")
    if (debit ^ credit) & 0x3FF:
        raise Refused("currency_mismatch")
    row = account_row(rows, debit)
    if row.status != "open":
        raise Refused("account_blocked")
    if row.available_minor < amount_minor:
        raise Refused("balance_below_floor")
    rows.update(ACCOUNT, row.changed(held_minor=row.held_minor + amount_minor))
    hold = Hold(
        row.cell,
        context.new_id(row.cell),
        debit,
        credit,
        amount_minor,
        0,
        "active",
        kind,
        subject_id,
        context.now,
        until,
    )
    rows.insert(HOLD, hold)
    return hold


def post_hold(rows: Rows, context: Context, hold: Hold, amount_minor: int, *, final: bool) -> Hold:
    """Move part or all of what is reserved. With `final`, what is left of the reservation is released.

    Raises `Refused`: hold_not_active, hold_exceeded.
    """
    _require_active(hold)
    left = hold.amount_minor - hold.posted_minor
    if not 0 < amount_minor <= left:
        raise Refused("hold_exceeded")
    ends = final or amount_minor == left
    _release(rows, hold, left if ends else amount_minor)
    post(rows, context, hold.cell, hold.account_id, hold.credit_account_id, amount_minor, hold.kind, hold.subject_id)
    return _next(rows, hold, "posted" if ends else "active", hold.posted_minor + amount_minor)


def end_hold(rows: Rows, hold: Hold, status: str) -> Hold:
    """Void or expire a hold and release what is left. Raises `Refused(hold_not_active)`."""
    _require_active(hold)
    _release(rows, hold, hold.amount_minor - hold.posted_minor)
    return _next(rows, hold, status, hold.posted_minor)


def _require_active(hold: Hold) -> None:
    if hold.status != "active":
        raise Refused("hold_not_active")


def _release(rows: Rows, hold: Hold, amount_minor: int) -> None:
    row = account_row(rows, hold.account_id)
    rows.update(ACCOUNT, row.changed(held_minor=row.held_minor - amount_minor))


def _next(rows: Rows, hold: Hold, status: str, posted_minor: int) -> Hold:
    if status not in TRANSITIONS[hold.status]:
        raise ValueError(f"a hold cannot go from {hold.status} to {status}")
    changed = hold.changed(status=status, posted_minor=posted_minor)
    rows.update(HOLD, changed)
    return changed
