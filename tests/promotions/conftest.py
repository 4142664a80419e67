"""A fair on a database of the module's own."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from promotions.fair import Fair
from trade.market import Market


@pytest.fixture(scope="module")
def fair(database_url: str) -> Iterator[Fair]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield Fair(Market(database_url, connection))
