"""A database with the table of notes."""

from __future__ import annotations

import psycopg
import pytest

from engine.rig import CREATE_NOTE


@pytest.fixture(scope="module")
def notes_url(database_url: str) -> str:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(CREATE_NOTE)
    return database_url
