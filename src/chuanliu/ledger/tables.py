"""The ledger's rows."""

from __future__ import annotations

from chuanliu.engine import Instant, Row, SmallInt, Table


class Account(Row, frozen=True, gc=False):
    """`balance_minor` = credits − debits folded so far; `held_minor` is reserved by active holds; `entry_count`
    numbers entries.

    For a buffered account the balance is this row plus its deltas.
    """

    cell: SmallInt
    account_id: int
    mode: str
    status: str
    floor_minor: int
    balance_minor: int
    held_minor: int
    entry_count: int
    opened_at: Instant

    @property
    def available_minor(self) -> int:
        """What may still be debited or held."""
        return self.balance_minor - self.held_minor - self.floor_minor


class Transfer(Row, frozen=True, gc=False):
    """An amount moved from a debit to a credit account of one currency. Immutable."""

    cell: SmallInt
    transfer_id: int
    debit_account_id: int
    credit_account_id: int
    amount_minor: int
    kind: str
    subject_id: int
    posted_at: Instant


class Entry(Row, frozen=True, gc=False):
    """One side of a transfer: credits positive, debits negative, with the balance after it."""

    cell: SmallInt
    account_id: int
    seq: int
    transfer_id: int
    amount_minor: int
    balance_minor: int


class Delta(Row, frozen=True, gc=False):
    """A side on a buffered account that the folder has not yet made an entry. Lives in the writer's cell."""

    cell: SmallInt
    account_id: int
    transfer_id: int
    amount_minor: int


class Hold(Row, frozen=True, gc=False):
    """An amount reserved on a checked account, for one credit account."""

    cell: SmallInt
    hold_id: int
    account_id: int
    credit_account_id: int
    amount_minor: int
    posted_minor: int
    status: str
    kind: str
    subject_id: int
    created_at: Instant
    expires_at: Instant | None


ACCOUNT: Table[Account] = Table("account", Account, ("cell", "account_id"), rank=90)
TRANSFER: Table[Transfer] = Table("transfer", Transfer, ("cell", "transfer_id"), rank=91, append_only=True)
ENTRY: Table[Entry] = Table("entry", Entry, ("cell", "account_id", "seq", "transfer_id"), rank=92, append_only=True)
DELTA: Table[Delta] = Table("delta", Delta, ("cell", "account_id", "transfer_id"), rank=93, append_only=True)
DELTA_OF_ACCOUNT = DELTA.index("of_account", "cell", "account_id")
HOLD: Table[Hold] = Table("hold", Hold, ("cell", "hold_id"), rank=60)
