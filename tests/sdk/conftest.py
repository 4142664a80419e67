"""Fixtures: the platform, the SDKs' drivers, the merchant's notification endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from browser.chromium import ChromiumMissing, running_chromium
from sdk.driver import Client, Driver
from sdk.environments import Missing
from sdk.notification_receiver import NotificationReceiver, receiving
from sdk.platform_fixture import Consumer, Merchant, Platform, running_platform
from sdk.variants import Sdk, Variant


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """The platform under test, started once."""
    with running_platform() as started:
        yield started


@pytest.fixture(scope="session")
def merchant(platform: Platform) -> Merchant:
    """A merchant in key mode."""
    return platform.merchant("Tea house")


@pytest.fixture(scope="session")
def consumer(platform: Platform) -> Consumer:
    """A consumer with enough money for all scenarios, who is never asked to confirm."""
    return platform.consumer("100000.00", "--confirm-above", "10000000.00")


@pytest.fixture(scope="session")
def receiver() -> Iterator[NotificationReceiver]:
    """The merchant's notification endpoint."""
    with receiving() as started:
        yield started


@pytest.fixture(scope="session")
def driver_of() -> Iterator[Callable[[Sdk], Driver]]:
    """Drivers by SDK, each started on first use. Skips, naming what is missing, where one cannot be installed."""
    drivers: dict[str, Driver] = {}

    def start(sdk: Sdk) -> Driver:
        if sdk.name not in drivers:
            try:
                environment = sdk.environment()
            except Missing as missing:
                pytest.skip(f"{sdk.name}: {missing}")
            drivers[sdk.name] = Driver(environment, sdk.script)
        return drivers[sdk.name]

    yield start
    for driver in drivers.values():
        driver.stop()


@pytest.fixture(scope="session")
def client_of(
    platform: Platform, merchant: Merchant, driver_of: Callable[[Sdk], Driver]
) -> Callable[[Variant], Client]:
    """SDK clients by variant. A certificate or encryption variant has a merchant of its own."""
    clients: dict[str, Client] = {}

    def open_client(variant: Variant) -> Client:
        if variant.name not in clients:
            driver = driver_of(variant.sdk)
            own = variant.certificates or variant.encrypted
            whose = platform.merchant(variant.name) if own else merchant
            settings = dict(variant.settings)
            if variant.certificates:
                settings["certificates"] = platform.certificates(whose)
            if variant.encrypted:
                settings["encrypt_key"] = platform.encrypt_key(whose)
            clients[variant.name] = driver.open(platform.config(whose, **settings))
        return clients[variant.name]

    return open_client


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser; skips, naming the package, where there is none.

    It keeps an event loop running in this thread, so it must end with the module: others start loops of their own.
    """
    try:
        with running_chromium() as started:
            yield started
    except ChromiumMissing as missing:
        pytest.skip(str(missing))
