"""The plan of every engine statement: an index search per key, whatever the planner believes of the table's size."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

import chuanliu.ledger
import chuanliu.lenders
import chuanliu.parties
import chuanliu.promotions
import chuanliu.trade
from chuanliu.engine import (
    ESCROW_STRIPE,
    IDEMPOTENCY,
    OUTBOX,
    REFERENCE_VERSION,
    Engine,
    EngineSettings,
    Table,
    statements,
)
from chuanliu.engine.connection import PLAN_LIFE_S
from chuanliu.ledger.tables import DELTA
from chuanliu.runtime import SNAPSHOT_TABLES
from engine.rig import PutWord, engines, one, run

SESSION = """
    SET plan_cache_mode = force_generic_plan; SET enable_hashjoin = off; SET enable_mergejoin = off;
    SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off
"""

TABLES: list[Table[Any]] = sorted(
    {
        table
        for package in (chuanliu.ledger, chuanliu.lenders, chuanliu.parties, chuanliu.promotions, chuanliu.trade)
        for table in vars(package).values()
        if isinstance(table, Table)
    }
    | {ESCROW_STRIPE, IDEMPOTENCY, OUTBOX, REFERENCE_VERSION, DELTA},
    key=lambda table: table.name,
)

EMPTY = ("fresh", "analyzed while empty")
FILLED = ("filled", "filled and analyzed")


@pytest.fixture(scope="module", params=[*EMPTY, *FILLED])
def state(request: pytest.FixtureRequest) -> str:
    """What the planner knows of the tables."""
    return str(request.param)


@pytest.fixture(scope="module")
def connection(state: str, database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A session with the settings of a lane, on tables in that state."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SESSION)
        if state == "filled":
            fill(connection)
        if state in ("analyzed while empty", "filled and analyzed"):
            connection.execute("ANALYZE")
        yield connection


GROWING = (
    "account", "delta", "entry", "hold", "instrument", "orders", "outbox", "payment", "payment_leg", "refund",
    "stored_card", "transfer",
)  # fmt: skip
STATUS = {
    "account": "'open'",
    "hold": "'active'",
    "instrument": "'closed'",
    "orders": "'WAIT_BUYER_PAY'",
    "payment": "'SUCCEEDED'",
    "payment_leg": "'CAPTURED'",
    "refund": "'SUCCEEDED'",
}
BY_NAME = {
    "mode": "'buffered'",
    "refunded_minor": "0",
    "fee_minor": "0",
    "fee_refunded_minor": "0",
    "held_minor": "0",
    "posted_minor": "0",
    "debit_account_id": "n * 1024",
    "credit_account_id": "(n + 1) * 1024",
    "kind": "'credit_card'",
    "fingerprint": "int4send(n)",
    "last4": "'0000'",
    "line_no": "NULL",
    "limit_minor": "NULL",
    "account_ref": "NULL",
    "consent_sha256": "sha256('')",
}
BY_TYPE = {
    "bigint": "n",
    "smallint": "n % 64",
    "text": "n::text",
    "bytea": "''",
    "timestamp with time zone": "now()",
    "ARRAY": "ARRAY[n]",
}


def fill(connection: psycopg.Connection[Any]) -> None:
    """Thousands of rows in the tables that grow, of which the planner has not heard."""
    for table in GROWING:
        columns = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
            " ORDER BY ordinal_position",
            [table],
        ).fetchall()
        values = ", ".join(
            STATUS[table] if name == "status" else BY_NAME.get(name) or BY_TYPE[kind] for name, kind in columns
        )
        connection.execute(f"INSERT INTO {table} SELECT {values} FROM generate_series(1, 3000) n")


def plan_of(connection: psycopg.Connection[Any], statement: statements.Statement) -> dict[str, Any]:
    """The generic plan with which a lane would run a statement."""
    types = ", ".join(kind.array_sql for kind in statement.kinds)
    connection.execute(f"PREPARE looked_at ({types}) AS {statement.sql}")
    try:
        empty = ", ".join("'{}'" for _ in statement.kinds)
        row = connection.execute(f"EXPLAIN (FORMAT JSON) EXECUTE looked_at ({empty})").fetchone()
    finally:
        connection.execute("DEALLOCATE looked_at")
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def require_search_per_key(plan: dict[str, Any], columns: tuple[str, ...]) -> None:
    """The key list drives, and every access to a table is an index search by all columns."""
    joins = [node for node in nodes(plan) if node["Node Type"] in ("Nested Loop", "Hash Join", "Merge Join")]
    assert [join["Node Type"] for join in joins] == ["Nested Loop"]
    outer, inner = joins[0]["Plans"]
    assert outer["Node Type"] == "Function Scan", "the join is turned around"
    scans = [node for node in nodes(inner) if "Relation Name" in node and "Scan" in node["Node Type"]]
    assert scans
    for scan in scans:
        assert scan["Node Type"] in ("Index Scan", "Index Only Scan"), scan["Node Type"]
        for column in columns:
            assert f"{column} =" in scan["Index Cond"], scan["Index Cond"]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_plans(connection: psycopg.Connection[Any], state: str, table: Table[Any]) -> None:
    # On empty tables all indexes look alike; lanes have their statements planned anew as the tables grow. Reference
    # data is small, and commands that look into it are rare.
    grown = state in FILLED and table not in SNAPSHOT_TABLES
    key = table.key if grown else ("cell",)
    require_search_per_key(plan_of(connection, statements.read_by_key(table)), key)
    for index in table.indexes:
        columns = index.columns if grown else ("cell",)
        require_search_per_key(plan_of(connection, statements.read_by_index(index)), columns)
    if not table.append_only:
        for skip_locked in (False, True):
            plan = plan_of(connection, statements.lock_by_key(table, skip_locked))
            require_search_per_key(plan, key)
            assert "LockRows" in {node["Node Type"] for node in nodes(plan)}
        rest = tuple(column for column in table.columns if column not in table.key)
        plan = plan_of(connection, statements.update(table, rest))
        assert plan["Conflict Arbiter Indexes"]
        assert {node["Node Type"] for node in nodes(plan)} <= {"ModifyTable", "Function Scan", "Subquery Scan"}
    plan = plan_of(connection, statements.insert(table))
    assert {node["Node Type"] for node in nodes(plan)} <= {"ModifyTable", "Function Scan", "Subquery Scan"}


def test_plans_made_on_empty_tables_are_not_kept(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url) as (engine,):
            await engine.submit(PutWord("before"))
            with psycopg.connect(notes_url, autocommit=True) as connection:
                connection.execute("INSERT INTO note SELECT 0, n, 'word ' || n, 0 FROM generate_series(1, 20000) n")
            await asyncio.sleep(PLAN_LIFE_S)
            await engine.submit(PutWord("first with a new plan"))
            await asyncio.sleep(1.1)
            before = one(notes_url, READ_BY_INDEX)
            for number in range(20):
                await engine.submit(PutWord(f"after {number}"))
            await asyncio.sleep(1.1)
            assert one(notes_url, READ_BY_INDEX) - before < 1_000

    run(main)


READ_BY_INDEX = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'note'"


def test_a_lanes_session_has_the_settings_that_the_plans_rely_on(database_url: str) -> None:
    async def main() -> dict[str, str]:
        engine = Engine(EngineSettings(database_url), ())
        await engine.start()
        try:
            lane = await engine._connect()
            result = await lane.run([(SETTINGS, ())])
            await lane.close()
            return dict(lane.rows(result[0], SETTINGS))
        finally:
            await engine.close()

    kept = run(main)
    expected = dict(part.split(" = ") for part in SESSION.replace("SET ", "").replace("\n", " ").strip().split("; "))
    assert {name.strip(): value.strip() for name, value in expected.items()}.items() <= kept.items()
    assert kept["lock_timeout"] != "0"
    assert kept["idle_in_transaction_session_timeout"] != "0"


SETTINGS = statements.Statement("settings", "SELECT name, setting FROM pg_settings")
