"""A market for the tests: merchants, consumers with balances, payment codes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import psycopg

from chuanliu.engine import Engine
from chuanliu.ids import account_cell, cell_of_party, cell_of_text, party_number
from chuanliu.ledger import PLATFORM, SANDBOX, Chart, OpenAccount, PostTransfer, account_of
from chuanliu.runtime import audit
from chuanliu.trade import OrderRef, OrderSpec

SHADOW_SERIAL = 900_000_000_000

_serials = itertools.count(10_000)
_codes = itertools.count(280_000_000_000_000_000)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Market:
    """What a test sets up and looks at, on one database, by an autocommitting connection of its own."""

    url: str
    connection: psycopg.Connection[Any]

    def execute(self, sql: str, *values: Any) -> None:
        """Write, beside the engines."""
        self.connection.execute(sql, values)

    def one(self, sql: str, *values: Any) -> Any:
        """The first column of the first row."""
        row = self.connection.execute(sql, values).fetchone()
        return row[0] if row else None

    def merchant(
        self, *, fee_bps: int = 60, needs_funds: bool = False, platform_id: int | None = None, shadow: bool = False
    ) -> int:
        """A new merchant's number. Engines learn of it with their next batch."""
        number = party_number(next(_serials) + (SHADOW_SERIAL if shadow else 0))
        with self.connection.transaction():
            raised = self.connection.execute(
                "UPDATE reference_version SET version = version + 1 RETURNING version"
            ).fetchone()
            assert raised is not None
            self.connection.execute(
                "INSERT INTO merchant (cell, merchant_id, platform_id, name, status, fee_bps, refund_needs_funds,"
                " created_at, version) VALUES (%s, %s, %s, 'shop', 'active', %s, %s, now(), %s)",
                [cell_of_party(number), number, platform_id, fee_bps, needs_funds, raised[0]],
            )
        return number

    def change_merchant(self, number: int, assignment: str) -> None:
        """Change reference data as another process would."""
        self.execute(
            "WITH raised AS (UPDATE reference_version SET version = version + 1 RETURNING version)"
            f" UPDATE merchant SET {assignment}, version = raised.version FROM raised WHERE merchant_id = %s",
            number,
        )

    async def consumer(self, engine: Engine, balance_minor: int = 0, *, shadow: bool = False) -> int:
        """A new consumer's number, with an account and money in it."""
        number = party_number(next(_serials) + (SHADOW_SERIAL if shadow else 0))
        self.execute(
            "INSERT INTO consumer (cell, consumer_id, name, status, pay_password_hash, confirm_above_minor, created_at)"
            " VALUES (%s, %s, 'somebody', 'active', '', 100000, now())",
            cell_of_party(number),
            number,
        )
        await engine.submit(OpenAccount(number, Chart.CONSUMER_BALANCE, "CNY"))
        if balance_minor:
            sandbox = party_number(SHADOW_SERIAL + 2) if shadow else SANDBOX
            source = account_of(sandbox, Chart.SANDBOX_FUNDING, "CNY")
            target = account_of(number, Chart.CONSUMER_BALANCE, "CNY")
            await engine.submit(PostTransfer(source, target, balance_minor, "sandbox_funding"))
        return number

    def code(self, consumer: int, *, confirm_above: int = 10**9, seconds: int = 3600) -> int:
        """A payment code, as a wallet shows it."""
        return self.codes(consumer, 1, confirm_above=confirm_above, seconds=seconds)[0]

    def codes(self, consumer: int, count: int, *, confirm_above: int = 10**9, seconds: int = 3600) -> list[int]:
        """Several payment codes of one consumer."""
        made = [next(_codes) for _ in range(count)]
        with self.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO payment_code (cell, code, consumer_id, confirm_above_minor, expires_at)"
                " VALUES (%s, %s, %s, %s, now() + make_interval(secs => %s))",
                [(cell_of_text(str(code)), code, consumer, confirm_above, seconds) for code in made],
            )
        return made

    def balance(self, owner: int, chart: Chart) -> int:
        """An account's balance, what is not folded included."""
        account = account_of(owner, chart, "CNY")
        row = self.connection.execute(
            "SELECT (SELECT coalesce(sum(balance_minor), 0) FROM account WHERE cell = %s AND account_id = %s)"
            " + (SELECT coalesce(sum(amount_minor), 0) FROM delta WHERE account_id = %s)",
            [account_cell(account), account, account],
        ).fetchone()
        assert row is not None
        return int(row[0])

    def wallet(self, consumer: int) -> int:
        """A consumer's balance."""
        return self.balance(consumer, Chart.CONSUMER_BALANCE)

    def receivable(self, merchant: int) -> int:
        """What a merchant is owed."""
        return self.balance(merchant, Chart.MERCHANT_RECEIVABLE)

    def fees(self) -> int:
        """What the platform earned."""
        return self.balance(PLATFORM, Chart.PLATFORM_FEES)

    def require_clean(self) -> None:
        """Audit the database; what is off is the message."""
        report = audit(self.url)
        assert report.clean, [(check.name, check.offenders) for check in report.checks if check.offenders_count]


def out_trade_no() -> str:
    """A number that no order has yet."""
    return f"no-{next(_numbers)}"


def spec(merchant: int, amount_minor: int = 100, number: str | None = None, **more: Any) -> OrderSpec:
    """What a merchant asks for."""
    return OrderSpec(merchant, 0, number or out_trade_no(), more.pop("scene", "barcode"), "tea", amount_minor, **more)


def ref(asked: OrderSpec) -> OrderRef:
    """The order's name, as the merchant says it."""
    return OrderRef(asked.merchant_id, asked.out_trade_no)
