"""Partitions: bounds that join without a gap, rows that move out of the default one, drained ones that go."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.clock import DAY, Micros, from_datetime
from chuanliu.ids import first_id_at
from chuanliu.runtime import ensure_partitions
from chuanliu.runtime.partitions import PARTITIONED_TABLES, Period, outdated, partitions_due

JANUARY_2026 = from_datetime(datetime(2026, 1, 1, tzinfo=UTC))
BY_NAME = {table.name: table for table in PARTITIONED_TABLES}


@given(st.integers(JANUARY_2026, JANUARY_2026 + 30 * 365 * DAY))
def test_partitions_join_without_gap_and_hold_the_present(now: Micros) -> None:
    for table in PARTITIONED_TABLES:
        due = partitions_due(table, now)
        assert len(due) == 4
        assert due[0].first_id <= first_id_at(now // 1000) < due[0].end_id
        assert all(one.end_id == two.first_id for one, two in pairwise(due))


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-12-30", ["delta_p20261230", "delta_p20261231", "delta_p20270101", "delta_p20270102"]),
        ("2028-02-28", ["delta_p20280228", "delta_p20280229", "delta_p20280301", "delta_p20280302"]),
        ("2025-12-30", ["delta_p20260101", "delta_p20260102"]),
    ],
)
def test_names_of_daily_partitions(day: str, expected: list[str]) -> None:
    now = from_datetime(datetime.fromisoformat(day).replace(tzinfo=UTC, hour=23))
    assert [partition.name for partition in partitions_due(BY_NAME["delta"], now)] == expected


def test_only_drained_tables_have_outdated_partitions() -> None:
    now = JANUARY_2026 + 60 * DAY
    names = ["delta_default", "delta_p20260101", "delta_p20260227", "delta_p20260228", "delta_p20260302"]
    assert outdated(BY_NAME["delta"], names, now) == ["delta_p20260101", "delta_p20260227"]
    assert BY_NAME["transfer"].period is Period.MONTH
    assert outdated(BY_NAME["transfer"], ["transfer_p202501"], now) == []


def test_a_partition_takes_its_rows_out_of_the_default_and_goes_when_drained(database_url: str) -> None:
    now = JANUARY_2026 + 2000 * DAY
    delta_id = first_id_at(now // 1000)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO delta (cell, account_id, transfer_id, amount_minor) VALUES (1, 7, %s, 5)", [delta_id]
        )
        assert connection.execute("SELECT tableoid::regclass::text FROM delta").fetchall() == [("delta_default",)]
        made = ensure_partitions(connection, now)
        assert len(made) == 4 * len(PARTITIONED_TABLES)
        assert ensure_partitions(connection, now) == []
        assert connection.execute("SELECT tableoid::regclass::text FROM delta").fetchall() == [(made[12],)]

        ensure_partitions(connection, now + 10 * DAY)
        assert connection.execute("SELECT to_regclass(%s)", [made[12]]).fetchone() != (None,)
        connection.execute("DELETE FROM delta")
        ensure_partitions(connection, now + 10 * DAY)
        assert connection.execute("SELECT to_regclass(%s)", [made[12]]).fetchone() == (None,)
        assert connection.execute("SELECT to_regclass(%s)", [made[0]]).fetchone() != (None,)
