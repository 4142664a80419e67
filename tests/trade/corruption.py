"""Corrupting a database in one transaction that is rolled back, and asking the audit what it finds."""

from __future__ import annotations

import psycopg

from chuanliu.runtime.audit_store import run_checks

_DROP_CONSTRAINTS = """
    DO $$ DECLARE c record; BEGIN
        FOR c IN SELECT conrelid::regclass AS t, conname FROM pg_constraint
            WHERE contype = 'c' AND coninhcount = 0 AND connamespace = 'public'::regnamespace
        LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, c.conname); END LOOP;
    END $$
"""


def checks_that_find(url: str, corruption: str) -> set[str]:
    """The names of the checks that report a statement's changes, which the constraints would not have let pass."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(_DROP_CONSTRAINTS)
        assert connection.execute(corruption).rowcount > 0, "nothing was corrupted; the case proves nothing"
        report = run_checks(connection)
        connection.rollback()
    found = {check.name for check in report.checks if check.offenders_count}
    assert report.clean == (not found)
    return found
