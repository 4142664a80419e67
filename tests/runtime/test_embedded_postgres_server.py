"""The embedded PostgreSQL: found again, refused twice, up again after a kill."""

from __future__ import annotations

import psycopg


def test_the_migrated_database_answers(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
