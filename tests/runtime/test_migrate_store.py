"""Migrations: applied once by whoever comes first, refused while a table is locked, backed up and restored."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from chuanliu.runtime import CannotStart, back_up, ensure_database, migrate, migration_state, with_database
from chuanliu.runtime.cluster_store import programs_folder


@pytest.fixture
def empty_url(postgres_url: str) -> Iterator[str]:
    url = with_database(postgres_url, "chuanliu_empty")
    assert ensure_database(url)
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE chuanliu_empty WITH (FORCE)")


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        query = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        return {name for (name,) in connection.execute(query).fetchall()}


def test_several_runners_at_once_apply_each_migration_once(empty_url: str) -> None:
    assert migration_state(empty_url).applied == ()
    with ThreadPoolExecutor(3) as pool:
        states = list(pool.map(migrate, [empty_url] * 3))
    assert states[0] == states[1] == states[2] == migration_state(empty_url)
    assert states[0].pending == () and states[0].applied[0] == "0001_engine_and_ledger"
    assert {"transfer", "orders", "payment"} <= tables(empty_url)
    assert not ensure_database(empty_url)


def test_a_killed_runner_does_not_lock_the_next_out(empty_url: str) -> None:
    migration_state(empty_url)
    with psycopg.connect(empty_url) as connection:
        connection.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
    assert migrate(empty_url).pending == ()


def test_a_runner_that_does_not_finish_is_named(empty_url: str) -> None:
    with psycopg.connect(empty_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [0x6368_756F_6C69_7500])
        with pytest.raises(CannotStart, match="another process is migrating"):
            migrate(empty_url, wait_seconds=1)
    assert migrate(empty_url).pending == ()


def test_a_backup_restores_to_the_same_rows(database_url: str, postgres_url: str, tmp_path: Path) -> None:
    file = tmp_path / "chuanliu.dump"
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE reference_version SET version = 77")
    assert back_up(database_url, file) == file.stat().st_size > 0
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(CannotStart, match="exists already"):
        back_up(database_url, file)
    restored = with_database(postgres_url, "chuanliu_restored")
    ensure_database(restored)
    subprocess.run([programs_folder() / "pg_restore", "--no-owner", "-d", restored, file], check=True)
    assert tables(restored) == tables(database_url)
    with psycopg.connect(restored) as connection:
        assert connection.execute("SELECT version FROM reference_version").fetchone() == (77,)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE chuanliu_restored WITH (FORCE)")


def test_a_failed_backup_leaves_no_file(postgres_url: str, tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="pg_dump failed"):
        back_up(with_database(postgres_url, "chuanliu_nowhere"), tmp_path / "dump")
    assert list(tmp_path.iterdir()) == []
