"""The audit: everything recomputed from the transfers, by the checks of all packages in one snapshot."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL

from chuanliu.bills import BILL_CHECKS
from chuanliu.instalments import INSTALMENT_CHECKS
from chuanliu.ledger import LEDGER_CHECKS
from chuanliu.lenders import LENDER_CHECKS
from chuanliu.trade import TRADE_CHECKS

CHECKS: Final[dict[str, str]] = LEDGER_CHECKS | LENDER_CHECKS | INSTALMENT_CHECKS | TRADE_CHECKS | BILL_CHECKS
"""Name of each check and the query for its offenders."""

OFFENDERS_SHOWN: Final = 20


@dataclass(frozen=True)
class CheckResult:
    """`offenders` are the first `OFFENDERS_SHOWN` of `offenders_count`."""

    name: str
    offenders: tuple[dict[str, Any], ...]
    offenders_count: int
    seconds: float


@dataclass(frozen=True)
class AuditReport:
    """All checks, in one snapshot of the database."""

    checks: tuple[CheckResult, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing is off, not by a cent."""
        return not any(check.offenders_count for check in self.checks)


def audit(conninfo: str, *, before_check: Callable[[str], None] | None = None) -> AuditReport:
    """Run all checks in one snapshot, beside running traffic. Nothing is written and nothing locked.

    `before_check` is told the name of each check before it runs. Raises `psycopg.Error` without a migrated database.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        # Sorting and hashing of whole tables: more memory than a payment needs, and no time limit.
        connection.execute("SELECT set_config('work_mem', '128MB', false), set_config('statement_timeout', '0', false)")
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        report = run_checks(connection, before_check=before_check)
        connection.execute("COMMIT")
    return report


def run_checks(
    connection: psycopg.Connection[Any], *, before_check: Callable[[str], None] | None = None
) -> AuditReport:
    """Run all checks in the connection's transaction."""
    results = []
    for name, query in CHECKS.items():
        if before_check is not None:
            before_check(name)
        results.append(_run(connection, name, query))
    return AuditReport(tuple(results))


def _run(connection: psycopg.Connection[Any], name: str, query: str) -> CheckResult:
    counted = SQL(
        "WITH offenders AS MATERIALIZED ({query})"
        " SELECT (SELECT count(*) FROM offenders) AS offenders_count, offenders.* FROM offenders LIMIT {shown}"
    ).format(query=SQL(query), shown=OFFENDERS_SHOWN)
    started = time.perf_counter()
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(counted).fetchall()
    seconds = time.perf_counter() - started
    count = rows[0]["offenders_count"] if rows else 0
    offenders = tuple(
        {column: _plain(value) for column, value in row.items() if column != "offenders_count"} for row in rows
    )
    return CheckResult(name, offenders, count, seconds)


def _plain(value: Any) -> Any:
    """Sums of bigint come as numeric; they are whole all the same."""
    return int(value) if isinstance(value, Decimal) else value
