"""A market on a database of the module's own."""

from __future__ import annotations

import pytest

from trade.market import Market


@pytest.fixture(scope="module")
def market(database_url: str) -> Market:
    return Market(database_url)
