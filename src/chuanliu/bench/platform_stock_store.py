"""Stocks a platform's database for a run in bulk: consumers with money, and payment codes, as their commands would."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Final

import psycopg
from psycopg import sql

from chuanliu.bench.ledger_client import PAYERS_FROM, PostingPlan, stock_accounts
from chuanliu.bench.target import Tally
from chuanliu.ids import cell_of_party, cell_of_text, party_number
from chuanliu.runtime import with_database

CODE_DIGITS: Final = 18
PAYERS: Final = 10_000
_CODE_PREFIX: Final = 28 * 10**16
_NEVER_CONFIRM_MINOR: Final = 2**62
_EXPIRES_AT: Final = datetime(2100, 1, 1, tzinfo=UTC)


def add_consumers(database_url: str, count: int = PAYERS) -> None:
    """Consumers whose balances were posted from the sandbox's funding account through the engine."""
    stock_accounts(PostingPlan(database_url=database_url, payers=count))
    now = datetime.now(UTC)
    with (
        psycopg.connect(database_url) as connection,
        connection.cursor() as cursor,
        cursor.copy(
            "COPY consumer (cell, consumer_id, name, status, pay_password_hash, confirm_above_minor, created_at)"
            " FROM STDIN"
        ) as copy,
    ):
        for number in range(count):
            consumer = party_number(PAYERS_FROM + number)
            copy.write_row(
                (cell_of_party(consumer), consumer, f"压测{number}", "active", "", _NEVER_CONFIRM_MINOR, now)
            )


def mint_codes(database_url: str, count: int, payers: int = PAYERS) -> list[str]:
    """Fresh payment codes of `CODE_DIGITS` digits, spread over the payers, that outlive every run."""
    first = _CODE_PREFIX + secrets.randbelow(9 * 10**15)
    codes = range(first, first + count)
    with (
        psycopg.connect(database_url) as connection,
        connection.cursor() as cursor,
        cursor.copy("COPY payment_code (cell, code, consumer_id, confirm_above_minor, expires_at) FROM STDIN") as copy,
    ):
        for number, code in enumerate(codes):
            consumer = party_number(PAYERS_FROM + number * 7919 % payers)
            copy.write_row((cell_of_text(str(code)), code, consumer, _NEVER_CONFIRM_MINOR, _EXPIRES_AT))
    return [str(code) for code in codes]


def missing_payments(database_url: str, tally: Tally) -> str | None:
    """What speaks against the generator's tally, or None when stored and acknowledged payments agree."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM payment WHERE status = 'SUCCEEDED'").fetchone()
    stored = int(row[0]) if row else 0
    if tally.acknowledged <= stored <= tally.acknowledged + tally.unknown:
        return None
    return f"{stored} payments stored, {tally.acknowledged} acknowledged, {tally.unknown} unknown"


def drop_database(server_url: str, name: str) -> None:
    """Remove a database of a run, with whatever is still connected to it."""
    with psycopg.connect(with_database(server_url, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
