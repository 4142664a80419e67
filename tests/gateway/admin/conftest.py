"""The admin API's platform: one a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from admin_platform import Platform, running


@pytest.fixture(scope="module")
def platform(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Routes over an engine of this module's own."""
    with running(database_url, tmp_path_factory.mktemp("data")) as platform:
        yield platform
