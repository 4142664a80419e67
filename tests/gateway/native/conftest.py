"""One running platform for each test module of the native API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from native_platform import Merchant, NativePlatform, native_platform


@pytest.fixture(scope="module")
def platform(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NativePlatform]:
    folder: Path = tmp_path_factory.mktemp("native")
    with native_platform(database_url, folder) as running:
        yield running


@pytest.fixture(scope="module")
def merchant(platform: NativePlatform) -> Merchant:
    return platform.merchant()
