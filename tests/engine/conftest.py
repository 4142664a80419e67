"""A database with the table of notes, and errors logged on few lines."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import structlog

from engine.rig import CREATE_NOTE


@pytest.fixture(scope="session", autouse=True)
def _plain_log() -> Iterator[None]:
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer(["event"])]
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def notes_url(database_url: str) -> str:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(CREATE_NOTE)
    return database_url
