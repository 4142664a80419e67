"""The ledger: accounts, transfers, holds. Double entry, to the cent; `post` is the only way in which money moves."""

from chuanliu.ledger import walk_store
from chuanliu.ledger.audit_store import CHECKS as LEDGER_CHECKS
from chuanliu.ledger.chart import (
    CHECKED,
    CREDIT_LINES,
    PLATFORM,
    SANDBOX,
    SHADOW_PLATFORM,
    Chart,
    account_of,
    credit_used_account,
    is_checked,
    platform_of,
)
from chuanliu.ledger.commands import (
    EndHold,
    OpenAccount,
    PlaceHold,
    PostHold,
    PostTransfer,
    open_account,
    open_account_row,
)
from chuanliu.ledger.holds import end_hold, place_hold, post_hold
from chuanliu.ledger.posting import account_row, buffered_balance, lock_account, lock_buffered, post
from chuanliu.ledger.tables import ACCOUNT, DELTA, ENTRY, HOLD, TRANSFER, Account, Delta, Entry, Hold, Transfer

__all__ = [
    "ACCOUNT",
    "CHECKED",
    "CREDIT_LINES",
    "DELTA",
    "ENTRY",
    "HOLD",
    "LEDGER_CHECKS",
    "PLATFORM",
    "SANDBOX",
    "SHADOW_PLATFORM",
    "TRANSFER",
    "Account",
    "Chart",
    "Delta",
    "EndHold",
    "Entry",
    "Hold",
    "OpenAccount",
    "PlaceHold",
    "PostHold",
    "PostTransfer",
    "Transfer",
    "account_of",
    "account_row",
    "buffered_balance",
    "credit_used_account",
    "end_hold",
    "is_checked",
    "lock_account",
    "lock_buffered",
    "open_account",
    "open_account_row",
    "place_hold",
    "platform_of",
    "post",
    "post_hold",
    "walk_store",
]
