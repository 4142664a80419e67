"""Applying the migrations: one runner at a time, each migration and its mark in one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import errors, sql
from yoyo import get_backend, read_migrations

from chuanliu.runtime.partition_store import ensure_partitions
from chuanliu.runtime.start_errors import CannotStart

_MIGRATION_LOCK: Final = 0x6368_756F_6C69_7500
"""Key of the advisory lock that keeps a second runner out."""

_LOCK_WAIT: Final = "3s"
"""A migration that waits longer for a table would stop all payments behind it: give way and try again."""

_ATTEMPTS: Final = 10


@dataclass(frozen=True)
class MigrationState:
    """Names of migrations, in order."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]


def migrate(database_url: str, *, wait_seconds: int = 120) -> MigrationState:
    """Apply what is pending and make the partitions of the present.

    Waits up to `wait_seconds` for another runner, then does what that one left.

    Raises `CannotStart` when the wait is over, when a table stays locked, or when a migration fails; what was applied
    before stays applied.
    """
    with _only_runner(database_url, wait_seconds), _backend(database_url) as (backend, migrations):
        # Only the holder of the advisory lock comes here: a lock row that is there belonged to a killed runner.
        backend.break_lock()
        backend.ensure_internal_schema_updated()
        for migration in backend.to_apply(migrations):
            _apply(backend, migration)
        _partition(database_url)
        return _state(backend, migrations)


def migration_state(database_url: str) -> MigrationState:
    """What is applied and what is pending. Writes nothing but the tool's own empty tables."""
    with _backend(database_url) as (backend, migrations):
        return _state(backend, migrations)


def ensure_database(database_url: str) -> bool:
    """Create the database that the URL names where it is missing. Returns whether it was created.

    Needs the right to create databases, and a database `postgres` to connect to, only when it is missing.
    """
    try:
        psycopg.connect(database_url).close()
    except psycopg.OperationalError as failure:
        name = urlsplit(database_url).path.removeprefix("/")
        with psycopg.connect(with_database(database_url, "postgres"), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                raise CannotStart(f"cannot connect to the database: {failure}") from failure
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return True
    return False


def with_database(database_url: str, name: str) -> str:
    """The same server's URL with another database."""
    return urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))


def _partition(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute("SELECT (extract(epoch FROM now()) * 1000000)::bigint").fetchone()
        if row is not None:
            ensure_partitions(connection, row[0])


def _apply(backend: Any, migration: Any) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with backend.transaction():
                migration.process_steps(backend, "apply")
                backend.mark_one(migration)
            return
        except errors.LockNotAvailable as failure:
            if attempt == _ATTEMPTS:
                raise CannotStart(
                    f"migration {migration.id}: a table stays locked; try again when it is quiet"
                ) from failure
            time.sleep(min(0.2 * 2**attempt, 5))
        except psycopg.Error as failure:
            raise CannotStart(f"migration {migration.id} failed: {failure}") from failure


@contextmanager
def _only_runner(database_url: str, wait_seconds: int) -> Iterator[None]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [f"{wait_seconds}s"])
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        except errors.LockNotAvailable as failure:
            raise CannotStart("another process is migrating this database and does not finish") from failure
        yield


@contextmanager
def _backend(database_url: str) -> Iterator[tuple[Any, Any]]:
    with as_file(files("chuanliu") / "migrations") as folder, get_backend(_tool_url(database_url)) as backend:
        backend.execute(f"SET lock_timeout = '{_LOCK_WAIT}'")
        backend.execute("SET client_min_messages = 'warning'")
        found = read_migrations(str(folder))
        yield backend, type(found)(migration for migration in found if migration.is_raw_sql())


def _state(backend: Any, migrations: Any) -> MigrationState:
    pending = {migration.id for migration in backend.to_apply(migrations)}
    names = sorted(migration.id for migration in migrations)
    return MigrationState(tuple(n for n in names if n not in pending), tuple(n for n in names if n in pending))


def _tool_url(database_url: str) -> str:
    parts = urlsplit(database_url)
    query = urlencode([*parse_qsl(parts.query), ("application_name", "chuanliu migrate")])
    return urlunsplit(parts._replace(scheme="postgresql+psycopg", query=query))
