"""Another master key while everything runs: nothing is lost, nothing stays shut, and a kill in the middle is mended."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from chuanliu.cli import app
from chuanliu.crypto import sealed_with
from chuanliu.gateway import Services
from chuanliu.ids import cell_of_party, with_cell
from chuanliu.parties import (
    PLATFORM_KEY,
    SEALED_TABLES,
    SEALING_RANDOMNESS,
    WEBHOOK_ENDPOINT,
    AddMerchant,
    AddWebhook,
    webhook_context,
)
from chuanliu.runtime import CannotStart, Settings, engine_session, forget_master_keys, keys_needed, open_vault

COMMAND = [sys.executable, "-c", "from chuanliu.cli import main; main()", "key"]
ENDPOINTS = 1200


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def settings(data: Path, database_url: str) -> Settings:
    return Settings(data, data / "master.key", database_url)


@pytest.fixture(scope="module")
def environment(data: Path, database_url: str) -> dict[str, str]:
    return {"CHUANLIU_DATA": str(data), "CHUANLIU_DATABASE_URL": database_url}


@pytest.fixture(scope="module", autouse=True)
def endpoints(settings: Settings) -> dict[int, str]:
    """Webhook endpoints with their secrets, under the first master key."""
    made: dict[int, str] = {}

    async def add() -> None:
        async with engine_session(settings) as services:
            added = await services.engine.submit(AddMerchant("茶铺"))
            merchant_id = added.merchant.merchant_id
            waiting = []
            for _ in range(ENDPOINTS):
                endpoint_id, secret, command = new_endpoint(services, merchant_id)
                made[endpoint_id] = secret
                waiting.append(services.engine.submit(command))
            await asyncio.gather(*waiting)

    asyncio.run(add())
    return made


def new_endpoint(services: Services, merchant_id: int) -> tuple[int, str, AddWebhook]:
    endpoint_id = with_cell(services.engine.ids.next(), cell_of_party(merchant_id))
    secret = secrets.token_hex(16)
    sealed = services.vault.seal(secret.encode(), webhook_context(endpoint_id), secrets.token_bytes(SEALING_RANDOMNESS))
    return endpoint_id, secret, AddWebhook(merchant_id, endpoint_id, "https://tea.example/n", "*", sealed)


def answer(environment: dict[str, str], *words: str) -> Any:
    done = CliRunner().invoke(app, ["key", *words, "--json"], env=environment, catch_exceptions=False)
    assert done.exit_code == 0
    return json.loads(done.stdout)


def age(file: Path) -> None:
    """As if the file had been changed an hour ago."""
    os.utime(file, (time.time() - 3600,) * 2)


def all_open(settings: Settings, endpoints: dict[int, str]) -> set[str]:
    """Open every secret in a fresh process's way; the ids of the master keys that they are under."""
    needed: set[str] = set()

    async def look() -> None:
        async with engine_session(settings) as services:
            reference, vault = services.engine.reference, services.vault
            for key in reference.all(PLATFORM_KEY):
                assert vault.platform_private_key(key)
            stored = {each.endpoint_id: each for each in reference.all(WEBHOOK_ENDPOINT)}
            assert set(endpoints) <= set(stored)
            for endpoint_id, secret in endpoints.items():
                assert vault.webhook_secrets(stored[endpoint_id], 0) == [secret]
            needed.update(await keys_needed(services.reads, SEALED_TABLES))

    asyncio.run(look())
    return needed


def test_everything_is_sealed_under_the_new_key(
    settings: Settings, environment: dict[str, str], endpoints: dict[int, str]
) -> None:
    before = answer(environment, "status")
    assert before["secrets"] == {before["current"]: ENDPOINTS + 3}
    done = answer(environment, "rotate-master")
    assert (done["went_on"], done["resealed_rows"]) == (False, ENDPOINTS + 3)
    assert done["older"] == [before["current"]] and done["current"] != before["current"]
    assert all_open(settings, endpoints) == {done["current"]}
    assert answer(environment, "status")["secrets"] == {done["current"]: ENDPOINTS + 3}


def test_the_former_key_is_forgotten_when_nothing_needs_it_and_time_has_passed(
    settings: Settings, environment: dict[str, str], endpoints: dict[int, str]
) -> None:
    answer(environment, "rotate-master")
    with pytest.raises(CannotStart, match="a moment ago"):
        answer(environment, "forget-old")
    age(settings.master_key_file)
    gone = answer(environment, "forget-old")
    assert len(gone["forgotten"]) == 2 and gone["older"] == []
    assert len(json.loads(settings.master_key_file.read_text())["keys"]) == 1
    assert settings.master_key_file.stat().st_mode & 0o777 == 0o600
    all_open(settings, endpoints)


def test_a_prepared_key_is_the_next_one(settings: Settings, environment: dict[str, str]) -> None:
    prepared = answer(environment, "rotate-master", "--prepare")["next"]
    assert answer(environment, "rotate-master", "--prepare")["next"] == prepared
    age(settings.master_key_file)
    assert answer(environment, "forget-old")["forgotten"] == []
    status = answer(environment, "status")
    assert status["next"] == prepared and set(status["secrets"]) == {status["current"]}
    assert answer(environment, "rotate-master")["current"] == prepared
    assert answer(environment, "status")["next"] is None


def test_a_key_that_is_needed_is_not_forgotten(
    settings: Settings, environment: dict[str, str], endpoints: dict[int, str]
) -> None:
    """A process that had the former key in hand sealed with it and was slow."""
    vault = open_vault(settings.master_key_file)
    assert vault is not None
    former = vault.current_key_id
    endpoint_id, secret = next(iter(endpoints.items()))
    late = vault.seal(secret.encode(), webhook_context(endpoint_id), secrets.token_bytes(SEALING_RANDOMNESS))
    current = answer(environment, "rotate-master")["current"]
    with psycopg.connect(settings.database_url or "", autocommit=True) as connection:
        connection.execute(
            "UPDATE webhook_endpoint SET previous_secret_sealed = %s WHERE endpoint_id = %s", [late, endpoint_id]
        )
    age(settings.master_key_file)
    assert former in answer(environment, "forget-old")["older"]
    went_on = answer(environment, "rotate-master")
    assert (went_on["went_on"], went_on["current"], went_on["resealed_rows"]) == (True, current, 1)
    with psycopg.connect(settings.database_url or "") as connection:
        row = connection.execute(
            "SELECT previous_secret_sealed FROM webhook_endpoint WHERE endpoint_id = %s", [endpoint_id]
        ).fetchone()
    assert row is not None and sealed_with(row[0]) == current
    age(settings.master_key_file)
    assert former in answer(environment, "forget-old")["forgotten"]


@pytest.fixture
def busy(settings: Settings) -> Iterator[tuple[threading.Event, list[str]]]:
    """A process that was started before the change opens and seals secrets all the time."""
    stop, failures = threading.Event(), list[str]()
    started = threading.Event()

    async def work() -> None:
        async with engine_session(settings) as services:
            merchant_id = services.engine.reference.all(WEBHOOK_ENDPOINT)[0].merchant_id
            while not stop.is_set():
                _, _, command = new_endpoint(services, merchant_id)
                await services.engine.submit(command)
                for endpoint in services.engine.reference.all(WEBHOOK_ENDPOINT)[:300]:
                    services.vault.webhook_secrets(endpoint, 0)
                started.set()

    def run() -> None:
        try:
            asyncio.run(work())
        except Exception as failure:
            failures.append(repr(failure))
            started.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(30)
    yield stop, failures
    stop.set()
    thread.join()


def test_a_running_process_opens_and_seals_all_through_it_and_a_kill_in_the_middle_is_mended(
    settings: Settings,
    environment: dict[str, str],
    endpoints: dict[int, str],
    busy: tuple[threading.Event, list[str]],
) -> None:
    stop, failures = busy
    killed_in_the_middle = 0
    for _ in range(12):
        before = answer(environment, "status")
        process = subprocess.Popen(
            [*COMMAND, "rotate-master"],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and process.poll() is None:
            if resealed_some(settings, before["current"]):
                break
        process.kill()
        process.wait()
        after = answer(environment, "status")
        killed_in_the_middle += len(after["secrets"]) > 1
        all_open(settings, endpoints)
        answer(environment, "rotate-master")
        if killed_in_the_middle >= 2:
            break
    assert killed_in_the_middle >= 2, "it was never killed in the middle"
    stop.set()
    assert failures == []
    current = answer(environment, "rotate-master")["current"]
    assert all_open(settings, endpoints) == {current}


def resealed_some(settings: Settings, former: str) -> bool:
    with psycopg.connect(settings.database_url or "") as connection:
        row = connection.execute(
            "SELECT count(*) FROM webhook_endpoint WHERE position(%s::bytea IN secret_sealed) = 0", [former.encode()]
        ).fetchone()
    return row is not None and row[0] > 0


def test_a_lost_key_is_told_by_its_name(settings: Settings, environment: dict[str, str]) -> None:
    names = answer(environment, "status")
    text = settings.master_key_file.read_text()
    try:
        forget_master_keys(settings.master_key_file, [names["current"]])
        assert settings.master_key_file.read_text() == text, "the current key is never taken out"
        content = json.loads(text)
        content["keys"]["other"] = content["keys"].pop(names["current"])
        settings.master_key_file.write_text(json.dumps({**content, "current": "other"}))
        with pytest.raises(CannotStart, match="belongs to another installation"):
            answer(environment, "status")
    finally:
        settings.master_key_file.write_text(text)
