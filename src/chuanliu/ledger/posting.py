"""Posting: the one way in which money moves. Pure functions over a batch's rows.

The rows of checked accounts must have been locked by the command (`lock_account`); buffered accounts need no row.
"""

from __future__ import annotations

from chuanliu.engine import Context, Keys, Rows
from chuanliu.errors import Refused
from chuanliu.ids import CELLS, SHADOW_OFFSET, account_cell, is_shadow
from chuanliu.ledger.chart import is_checked
from chuanliu.ledger.tables import ACCOUNT, DELTA, DELTA_OF_ACCOUNT, ENTRY, TRANSFER, Account, Delta, Entry, Transfer


def lock_account(keys: Keys, account: int) -> None:
    """Ask for a checked account's row; does nothing for a buffered one."""
    if is_checked(account):
        keys.lock(ACCOUNT, account_cell(account), account)


def account_row(rows: Rows, account: int) -> Account:
    """The row of a checked account that can be used. Raises `Refused(account_not_found | account_closed)`."""
    row = rows.get(ACCOUNT, account_cell(account), account)
    if row is None:
        raise Refused("account_not_found")
    if row.status == "closed":
        raise Refused("account_closed")
    return row


def post(
    rows: Rows,
    context: Context,
    cell: int,
    debit: int,
    credit: int,
    amount_minor: int,
    kind: str,
    subject_id: int,
    *,
    from_blocked: bool = False,
) -> int:
    """Move an amount (> 0) and return the transfer's id. `cell` is the writer's: where transfer and deltas live.

    Raises `Refused`: same_account, currency_mismatch, account_not_found, account_closed, account_blocked (only when it
    is debited, and not `from_blocked`), balance_below_floor.
    """
    if amount_minor <= 0:
        raise Refused("invalid_amount", "a transfer's amount must be positive")
    if debit == credit:
        raise Refused("same_account")
    if (debit ^ credit) & 0x3FF:
        raise Refused("currency_mismatch")
    if is_checked(credit):
        account_row(rows, credit)
    transfer_id = context.new_id(cell)
    _apply(rows, cell, transfer_id, debit, -amount_minor, from_blocked=from_blocked)
    _apply(rows, cell, transfer_id, credit, amount_minor)
    rows.append(TRANSFER, Transfer(cell, transfer_id, debit, credit, amount_minor, kind, subject_id, context.now))
    return transfer_id


def _apply(
    rows: Rows, cell: int, transfer_id: int, account: int, amount_minor: int, *, from_blocked: bool = False
) -> None:
    """One side: an entry at once on a checked account, a delta on a buffered one."""
    if not is_checked(account):
        rows.append(DELTA, Delta(cell, account, transfer_id, amount_minor))
        return
    row = account_row(rows, account)
    balance = row.balance_minor + amount_minor
    if amount_minor < 0:
        if row.status != "open" and not from_blocked:
            raise Refused("account_blocked")
        if balance - row.held_minor < row.floor_minor:
            raise Refused("balance_below_floor")
    seq = row.entry_count + 1
    rows.update(ACCOUNT, row.changed(balance_minor=balance, entry_count=seq))
    rows.append(ENTRY, Entry(row.cell, account, seq, transfer_id, amount_minor, balance))


def lock_buffered(keys: Keys, account: int) -> None:
    """Ask for a buffered account's row and all its deltas, for the few decisions that test its balance.

    Whoever tests also locks, and the folder needs the same lock, so row + deltas is exact. Deltas lie in the cells of
    their writers; shadow accounts have only shadow writers.
    """
    home = account_cell(account)
    keys.lock(ACCOUNT, home, account)
    first = SHADOW_OFFSET if is_shadow(home) else 0
    for cell in range(first, first + CELLS):
        keys.read(DELTA_OF_ACCOUNT, cell, account)


def buffered_balance(rows: Rows, context: Context, account: int) -> int:
    """The exact balance of a buffered account locked by `lock_buffered`, with what this batch has done so far.

    An account without a row yet gets one: a row that is not there cannot be locked, and two decisions at once would
    both spend the same balance.
    """
    home = account_cell(account)
    row = rows.get(ACCOUNT, home, account)
    if row is None:
        row = Account(home, account, "buffered", "open", 0, 0, 0, 0, context.now)
        rows.insert(ACCOUNT, row)
    balance = row.balance_minor
    first = SHADOW_OFFSET if is_shadow(home) else 0
    for cell in range(first, first + CELLS):
        balance += sum(delta.amount_minor for delta in rows.find(DELTA_OF_ACCOUNT, cell, account))
    return balance + sum(delta.amount_minor for delta in rows.appended(DELTA) if delta.account_id == account)
