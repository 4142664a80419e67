"""Accounts and what tests ask of them."""

from __future__ import annotations

import itertools
from typing import Any

import psycopg

from chuanliu.engine import Command, Engine
from chuanliu.errors import ChuanliuError
from chuanliu.ids import account_cell, party_number
from chuanliu.ledger import SANDBOX, Chart, OpenAccount, PostTransfer, account_of
from chuanliu.runtime import audit

_serials = itertools.count(20_000)


def new_party() -> int:
    """A party that nobody has used yet."""
    return party_number(next(_serials))


async def wallet(engine: Engine, balance_minor: int = 0, currency: str = "CNY", *, floor_minor: int = 0) -> int:
    """A new checked account with money in it."""
    owner = new_party()
    await engine.submit(OpenAccount(owner, Chart.CONSUMER_BALANCE, currency, floor_minor))
    account = account_of(owner, Chart.CONSUMER_BALANCE, currency)
    if balance_minor:
        await engine.submit(PostTransfer(funding(currency), account, balance_minor, "sandbox_funding"))
    return account


def funding(currency: str = "CNY") -> int:
    """The buffered account that money comes from."""
    return account_of(SANDBOX, Chart.SANDBOX_FUNDING, currency)


def receivable(owner: int, currency: str = "CNY") -> int:
    """A merchant's buffered account."""
    return account_of(owner, Chart.MERCHANT_RECEIVABLE, currency)


async def code(engine: Engine, command: Command[Any]) -> str:
    """`ok`, or the code with which a command is refused."""
    try:
        await engine.submit(command)
    except ChuanliuError as error:
        return error.code
    return "ok"


def figures(conninfo: str, account: int) -> tuple[int, int, int]:
    """Balance, held and number of entries of an account's row; zeros without one."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "SELECT balance_minor, held_minor, entry_count FROM account WHERE cell = %s AND account_id = %s",
            [account_cell(account), account],
        ).fetchone()
    return (int(row[0]), int(row[1]), int(row[2])) if row else (0, 0, 0)


def unfolded(conninfo: str, account: int) -> int:
    """The sum of an account's deltas."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "SELECT coalesce(sum(amount_minor), 0) FROM delta WHERE account_id = %s", [account]
        ).fetchone()
    assert row is not None
    return int(row[0])


def require_clean(conninfo: str) -> None:
    """Audit the database; what is off is the message."""
    report = audit(conninfo)
    assert report.clean, [(check.name, check.offenders) for check in report.checks if check.offenders_count]
