"""The ledger's own commands. Each may stand alone or share a batch with thousands: a single call is a batch of one."""

from __future__ import annotations

from chuanliu.clock import Micros
from chuanliu.engine import Command, Context, Keys, Reference, Rows, Seen
from chuanliu.errors import Refused
from chuanliu.ids import account_cell, cell_of_id
from chuanliu.ledger.chart import Chart, account_of, is_checked
from chuanliu.ledger.holds import end_hold, place_hold, post_hold
from chuanliu.ledger.posting import lock_account, post
from chuanliu.ledger.tables import ACCOUNT, HOLD, Account, Hold


def open_account(
    rows: Rows, context: Context, owner: int, chart: Chart, currency: str, floor_minor: int = 0
) -> Account:
    """Open an account whose row the command has locked. Raises `Refused(account_exists)`."""
    account = account_of(owner, chart, currency)
    if rows.get(ACCOUNT, account_cell(account), account) is not None:
        raise Refused("account_exists")
    return open_account_row(rows, context, account, floor_minor)


def open_account_row(rows: Rows, context: Context, account: int, floor_minor: int = 0) -> Account:
    """Open an account by its number, where the command knows that nobody can have opened it before."""
    mode = "checked" if is_checked(account) else "buffered"
    row = Account(account_cell(account), account, mode, "open", floor_minor, 0, 0, 0, context.now)
    rows.insert(ACCOUNT, row)
    return row


class OpenAccount(Command[Account], frozen=True):
    """Open one account. `floor_minor` is the least balance of a checked account: −limit for credit."""

    owner: int
    chart: Chart
    currency: str
    floor_minor: int = 0

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        account = account_of(self.owner, self.chart, self.currency)
        keys.lock(ACCOUNT, account_cell(account), account)

    def decide(self, rows: Rows, context: Context) -> Account:
        return open_account(rows, context, self.owner, self.chart, self.currency, self.floor_minor)


class PostTransfer(Command[int], frozen=True):
    """Move an amount between two accounts. The outcome is the transfer's id."""

    debit_account_id: int
    credit_account_id: int
    amount_minor: int
    kind: str
    subject_id: int = 0

    @property
    def affinity(self) -> int:
        """The account that is locked; of two, the debited one."""
        checked = self.debit_account_id if is_checked(self.debit_account_id) else self.credit_account_id
        return account_cell(checked)

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_account(keys, self.debit_account_id)
        lock_account(keys, self.credit_account_id)

    def decide(self, rows: Rows, context: Context) -> int:
        return post(
            rows,
            context,
            account_cell(self.debit_account_id),
            self.debit_account_id,
            self.credit_account_id,
            self.amount_minor,
            self.kind,
            self.subject_id,
        )


class PlaceHold(Command[Hold], frozen=True):
    """Reserve an amount on a checked account until it is posted, voided, or `lasts` microseconds are over."""

    debit_account_id: int
    credit_account_id: int
    amount_minor: int
    kind: str
    subject_id: int = 0
    lasts: Micros | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_account(keys, self.debit_account_id)

    def decide(self, rows: Rows, context: Context) -> Hold:
        until = None if self.lasts is None else context.now + self.lasts
        return place_hold(
            rows,
            context,
            self.debit_account_id,
            self.credit_account_id,
            self.amount_minor,
            self.kind,
            self.subject_id,
            until,
        )


def _lock_hold(hold_id: int, seen: Seen, keys: Keys) -> None:
    cell = cell_of_id(hold_id)
    keys.look(HOLD, cell, hold_id)
    hold = seen.get(HOLD, cell, hold_id)
    if hold is not None:
        keys.lock(HOLD, cell, hold_id)
        lock_account(keys, hold.account_id)
        lock_account(keys, hold.credit_account_id)


def _held(rows: Rows, hold_id: int) -> Hold:
    hold = rows.get(HOLD, cell_of_id(hold_id), hold_id)
    if hold is None:
        raise Refused("hold_not_found")
    return hold


class PostHold(Command[Hold], frozen=True):
    """Move what a hold reserves, or part of it. `final` releases the rest."""

    hold_id: int
    amount_minor: int
    final: bool = True

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_hold(self.hold_id, seen, keys)

    def decide(self, rows: Rows, context: Context) -> Hold:
        return post_hold(rows, context, _held(rows, self.hold_id), self.amount_minor, final=self.final)


class EndHold(Command[Hold], frozen=True):
    """Void a hold, or let one expire whose time is over."""

    hold_id: int
    expired: bool = False

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        _lock_hold(self.hold_id, seen, keys)

    def decide(self, rows: Rows, context: Context) -> Hold:
        hold = _held(rows, self.hold_id)
        if self.expired and (hold.expires_at is None or hold.expires_at > context.now):
            raise Refused("hold_not_active", "the hold's time is not over")
        return end_hold(rows, hold, "expired" if self.expired else "voided")
