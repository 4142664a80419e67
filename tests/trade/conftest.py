"""A market on a database of the module's own."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from trade.market import Market


@pytest.fixture(scope="module")
def market(database_url: str) -> Iterator[Market]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield Market(database_url, connection)
