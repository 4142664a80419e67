"""What a rehearsal reads and writes beside the engine: the shadow's consumers, books and backlog, its plan, its report.

Everything of the shadow is in cells from `SHADOW_OFFSET` on; payment codes, which are found by their digits alone, are
told by whose they are.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from chuanliu.clock import SECOND, Micros, to_datetime
from chuanliu.elastic import SlotRow, write_slots
from chuanliu.ids import SHADOW_OFFSET, SHADOW_PARTIES
from chuanliu.ledger import Chart, account_of
from chuanliu.rehearsal.script import Script

Connection = psycopg.AsyncConnection[Any]

_LOCK: Final = 0x6368_756F_6C69_7510

_CONSUMERS: Final = """
    SELECT c.consumer_id, coalesce(a.balance_minor, 0)
    FROM consumer c LEFT JOIN account a ON a.cell = c.cell AND a.account_id = (c.consumer_id - %s) * 262144 + %s
    WHERE c.cell >= %s AND c.name = %s AND c.status = 'active' ORDER BY c.consumer_id LIMIT %s
"""
_STORED: Final = """
    SELECT count(*) FILTER (WHERE o.paid_at IS NOT NULL),
        coalesce(sum(o.amount_minor) FILTER (WHERE o.paid_at IS NOT NULL), 0)::bigint,
        coalesce(sum(r.refunds), 0)::bigint, coalesce(sum(r.refunds_minor), 0)::bigint
    FROM orders o LEFT JOIN LATERAL (
        SELECT count(*) AS refunds, sum(r.amount_minor) AS refunds_minor FROM refund r
        WHERE r.cell = o.cell AND r.order_id = o.order_id AND r.status = 'SUCCEEDED'
    ) r ON true
    WHERE o.cell >= %s AND starts_with(o.out_trade_no, %s)
"""
_BACKLOG: Final = """
    SELECT (SELECT count(*) FROM outbox WHERE cell >= %(shadow)s),
        (SELECT count(*) FROM delta WHERE cell >= %(shadow)s),
        (SELECT count(*) FROM bank_call WHERE cell >= %(shadow)s AND status = 'due'),
        (SELECT count(*) FROM payment WHERE cell >= %(shadow)s AND status IN ('AUTHORISING', 'UNKNOWN'))
"""
_JOINED: Final = """
    SELECT count(*) FILTER (
        WHERE (debit_account_id >> 18 >= %(serial)s) <> (credit_account_id >> 18 >= %(serial)s)
            OR (cell >= %(shadow)s) <> (debit_account_id >> 18 >= %(serial)s)
    ), count(*) FROM transfer WHERE cell >= %(shadow)s OR debit_account_id >> 18 >= %(serial)s
        OR credit_account_id >> 18 >= %(serial)s
"""
_WORKED: Final = "SELECT name, status, done, total, worked_us FROM offline_job ORDER BY name"
_PROCESSES: Final = """
    SELECT count(*) FROM admission_report WHERE seen_at > clock_timestamp() - interval '3 s'
"""


class StoredBooks(NamedTuple):
    """What of a run is stored."""

    payments: int
    payments_minor: int
    refunds: int
    refunds_minor: int


class Backlog(NamedTuple):
    """What of the shadow waits for dispatcher, folder and banks, and payments that are under way."""

    events: int
    deltas: int
    bank_calls: int
    open_payments: int


class Postings(NamedTuple):
    """Postings of the shadow, and those among them that touch a real account or cell."""

    joined: int
    all: int


class OfflineWork(NamedTuple):
    """An offline job: how much of its run is done, of what, and its time at work."""

    name: str
    status: str
    done: int
    total: int
    worked_us: int


async def only_one(connection: Connection) -> bool:
    """Whether this is the only rehearsal; it is as long as the connection lives."""
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])).fetchone()
    return row is not None and bool(row[0])


async def consumers(connection: Connection, name: str, count: int) -> dict[int, int]:
    """Up to so many shadow consumers of a name with their balances in CNY."""
    base = SHADOW_PARTIES // 10**12 * 10**12
    first = account_of(base, Chart.CONSUMER_BALANCE, "CNY")
    cursor = await connection.execute(_CONSUMERS, [base, first, SHADOW_OFFSET, name, count])
    return {int(who): int(balance) for who, balance in await cursor.fetchall()}


async def stored_books(connection: Connection, run: str) -> StoredBooks:
    """Payments and refunds whose numbers begin with the run's."""
    row = await (await connection.execute(_STORED, [SHADOW_OFFSET, f"{run}_"])).fetchone()
    return StoredBooks(*map(int, row or (0, 0, 0, 0)))


async def backlog(connection: Connection) -> Backlog:
    """What is not done yet."""
    row = await (await connection.execute(_BACKLOG, {"shadow": SHADOW_OFFSET})).fetchone()
    return Backlog(*map(int, row or (0, 0, 0, 0)))


async def postings(connection: Connection) -> Postings:
    """Looks at every posting of the shadow."""
    values = {"shadow": SHADOW_OFFSET, "serial": SHADOW_PARTIES % 10**12}
    row = await (await connection.execute(_JOINED, values)).fetchone()
    return Postings(*map(int, row or (0, 0)))


async def offline_work(connection: Connection) -> list[OfflineWork]:
    """How it stands with offline jobs."""
    return [OfflineWork(*row) for row in await (await connection.execute(_WORKED)).fetchall()]


async def gateways(connection: Connection) -> int:
    """Gateway processes that report."""
    row = await (await connection.execute(_PROCESSES)).fetchone()
    return int(row[0]) if row is not None else 0


async def begin(connection: Connection, rehearsal_id: int, script: Script, start: Micros) -> None:
    """Put a rehearsal and its plan on record. One that was left running is taken for stopped."""
    await connection.execute(
        "UPDATE rehearsal SET status = 'stopped', ends_at = least(ends_at, now()) WHERE status = 'running'"
    )
    ends_at = start + round(script.seconds * SECOND)
    await connection.execute(
        "INSERT INTO rehearsal (rehearsal_id, scenario, status, started_at, ends_at)"
        " VALUES (%s, %s, 'running', %s, %s)",
        [rehearsal_id, script.name, to_datetime(start), to_datetime(ends_at)],
    )
    slot = round(script.slot_s * SECOND)
    rows = [
        SlotRow(
            start + at * slot,
            start + (at + 1) * slot,
            units,
            units * script.unit_rate,
            float(script.guaranteed[:, at].sum()),
            script.reasons[at],
        )
        for at, units in enumerate(script.units)
    ]
    await write_slots(connection, rows, start, shadow=True)


async def finish(connection: Connection, rehearsal_id: int, status: str, end: Micros, report: Any) -> None:
    """Put the end on record, and drop what of the plan did not come to pass."""
    await connection.execute("DELETE FROM planned_slot WHERE shadow AND starts_at > %s", [to_datetime(end)])
    await connection.execute(
        "UPDATE rehearsal SET status = %s, ends_at = %s, report = %s WHERE rehearsal_id = %s",
        [status, to_datetime(end), Jsonb(msgspec.to_builtins(report)), rehearsal_id],
    )


async def abandon(connection: Connection, rehearsal_id: int) -> None:
    """One that is ended from outside is on record as stopped; no effect on one that has finished."""
    ended = await connection.execute(
        "UPDATE rehearsal SET status = 'stopped', ends_at = now() WHERE rehearsal_id = %s AND status = 'running'",
        [rehearsal_id],
    )
    if ended.rowcount:
        await connection.execute("DELETE FROM planned_slot WHERE shadow AND starts_at > now()")


_KEPT: Final = frozenset(
    {"merchant", "app", "app_key", "api_key", "webhook_endpoint", "lender", "product", "campaign", "sponsor", "account"}
)
"""Reference data, of which every process keeps a snapshot: it has no money and plays again. Accounts are emptied."""

_TABLES: Final = """
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'cell'
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
    ORDER BY c.relname
"""


async def remove(connection: Connection) -> dict[str, int]:
    """Delete all that rehearsals left, in one transaction; returns rows by table.

    Orders, payments, postings, events, plans, consumers with their cards and codes, metering, plans of capacity go.
    Merchants and lenders stay, with empty accounts.
    """
    removed: dict[str, int] = {}

    async def delete(table: str, column: str, value: int) -> None:
        statement = sql.SQL("DELETE FROM {} WHERE {} >= %s").format(sql.Identifier(table), sql.Identifier(column))
        count = (await connection.execute(statement, [value])).rowcount
        if count:
            removed[table] = count

    async with connection.transaction():
        await connection.execute("SET LOCAL statement_timeout = 0")
        names = [row[0] for row in await (await connection.execute(_TABLES)).fetchall()]
        for table in names:
            if table not in _KEPT:
                await delete(table, "cell", SHADOW_OFFSET)
        await delete("payment_code", "consumer_id", SHADOW_PARTIES)
        await delete("metered", "tenant_id", SHADOW_PARTIES)
        await delete("admission_tenant", "tenant_id", SHADOW_PARTIES)
        await connection.execute("DELETE FROM planned_slot WHERE shadow")
        removed |= await _empty_accounts(connection)
    return removed


async def _empty_accounts(connection: Connection) -> dict[str, int]:
    """Accounts of consumers go with them; those of merchants and lenders are as when they were opened."""
    gone = await connection.execute(
        "DELETE FROM account WHERE cell >= %s AND ((account_id >> 10 & 255) = %s OR (account_id >> 10 & 255) >= 128)",
        [SHADOW_OFFSET, int(Chart.CONSUMER_BALANCE)],
    )
    await connection.execute(
        "UPDATE account SET balance_minor = 0, held_minor = 0, entry_count = 0 WHERE cell >= %s", [SHADOW_OFFSET]
    )
    return {"account": gone.rowcount} if gone.rowcount else {}
