"""Numbers of parties and apps, counted without gaps that matter: a refused command gives its number back."""

from __future__ import annotations

from typing import Final

from chuanliu.engine import Context, Keys, Rows
from chuanliu.errors import NotFound
from chuanliu.ids import party_number
from chuanliu.ledger import Account, Chart, account_of, open_account_row
from chuanliu.parties.tables import PARTY_COUNTER, PartyCounter

APP_BASE: Final = 2021 * 10**12
"""Apps are numbered `2021` and twelve digits."""


def lock_counter(keys: Keys) -> None:
    """To be called by `discover` of every command that numbers a party or an app."""
    keys.lock(PARTY_COUNTER, 0)


def _counter(rows: Rows) -> PartyCounter:
    counter = rows.get(PARTY_COUNTER, 0)
    if counter is None:
        raise NotFound("key_not_found", "the database has no party counter: run `chuanliu db migrate`")
    return counter


def next_party(rows: Rows, *, shadow: bool = False) -> int:
    """The next party number; rehearsals number theirs in the shadow range."""
    counter = _counter(rows)
    if shadow:
        serial = counter.last_shadow_serial + 1
        rows.update(PARTY_COUNTER, counter.changed(last_shadow_serial=serial))
    else:
        serial = counter.last_serial + 1
        rows.update(PARTY_COUNTER, counter.changed(last_serial=serial))
    return party_number(serial)


def next_app(rows: Rows) -> int:
    """The next app number."""
    counter = _counter(rows)
    rows.update(PARTY_COUNTER, counter.changed(last_app=counter.last_app + 1))
    return APP_BASE + counter.last_app + 1


def open_first_account(rows: Rows, context: Context, owner: int, chart: Chart, currency: str) -> Account:
    """Open an account of a party that this very command has numbered: nobody can have opened it before."""
    return open_account_row(rows, context, account_of(owner, chart, currency))
