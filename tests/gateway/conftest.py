"""One running platform for each test module of the Alipay dialect and its cashier."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alipay_world.world import Shop, World, world


@pytest.fixture(scope="module")
def platform(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


@pytest.fixture(scope="module")
def shop(platform: World) -> Shop:
    return platform.shop()


@pytest.fixture(scope="module")
def rival(platform: World) -> Shop:
    return platform.shop()
