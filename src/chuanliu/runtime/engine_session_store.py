"""What every process of the platform works with: engine, vault, connections for reports, threads for signing."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from psycopg_pool import AsyncConnectionPool

from chuanliu.acquiring import Banks
from chuanliu.crypto import generate_key_pair
from chuanliu.engine import Engine, EngineSettings, LaneLimits
from chuanliu.errors import ChuanliuError
from chuanliu.gateway import Services
from chuanliu.ids import with_cell
from chuanliu.lenders import LENDER_TABLES
from chuanliu.parties import (
    PLATFORM_ACCOUNTS,
    PLATFORM_CELL,
    PLATFORM_KEY,
    REFERENCE_TABLES,
    SEALING_RANDOMNESS,
    SERIAL_RANDOMNESS,
    AuthorityMaterial,
    FoundPlatform,
    Vault,
    found_authority,
    is_already_open,
)
from chuanliu.promotions import CAMPAIGN_TABLES
from chuanliu.runtime.master_key_store import create_vault, open_vault
from chuanliu.runtime.settings import Settings, read_settings
from chuanliu.runtime.start_errors import CannotStart

_READS_MAX = 4

SNAPSHOT_TABLES = (*REFERENCE_TABLES, *LENDER_TABLES, *CAMPAIGN_TABLES)
"""Reference data: what each process keeps as a snapshot."""


def settings_of_process() -> Settings:
    """Settings from this process's environment. Raises `Invalid(invalid_parameter)` naming the one that is wrong."""
    return read_settings(os.environ, Path.home(), hasattr(os, "geteuid") and os.geteuid() == 0)


@asynccontextmanager
async def engine_session(settings: Settings) -> AsyncIterator[Services]:
    """Start an engine on `settings.database_url` and give it with all that belongs to it; close in order at the end.

    The platform's keys and the master key file are made on first use. Raises `CannotStart` without a database URL or
    when the file does not open what the database holds, `Unavailable` when the database does not answer.
    """
    if settings.database_url is None:
        raise CannotStart("there is no database: start `chuanliu up`, or give --database-url")
    limits = LaneLimits(queue=settings.queue_max)
    engine = Engine(EngineSettings(settings.database_url, lanes=settings.lanes, limits=limits), SNAPSHOT_TABLES)
    reads: AsyncConnectionPool[Any] = AsyncConnectionPool(
        settings.database_url, min_size=0, max_size=_READS_MAX, open=False, kwargs={"autocommit": True}
    )
    signers = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="signer")
    banks: Banks | None = None
    try:
        await engine.start()
        vault = await ensure_platform(engine, settings.master_key_file)
        await reads.open()
        calm_collector()
        banks = Banks(engine, vault)
        yield Services(engine, banks, vault, reads, signers, settings.url, settings.sandbox)
    finally:
        if banks is not None:
            await banks.close()
        await reads.close()
        await engine.close()
        signers.shutdown(cancel_futures=True)


def calm_collector() -> None:
    """Rows and commands are made by the thousand and hold no cycles: collecting every 700 objects took a sixth of the
    time.

    What is loaded by now is there to stay and is never looked at again.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def ensure_platform(engine: Engine, master_key_file: Path) -> Vault:
    """The vault, with the platform's certificate authority and signing key in place.

    On first use they are made; of several processes that start at once, one's are taken. Raises `CannotStart` when the
    master key file is missing or does not open what the database holds.
    """
    if engine.reference.all(PLATFORM_KEY):
        vault = open_vault(master_key_file)
        if vault is None:
            raise CannotStart(
                f"the database holds sealed secrets, but there is no master key file {master_key_file}: restore it, or "
                "say where it is with CHUANLIU_MASTER_KEY_FILE"
            )
    else:
        vault = create_vault(master_key_file)
        await _found_platform(engine, vault)
    if not all(vault.can_open(key.private_key_sealed) for key in engine.reference.all(PLATFORM_KEY)):
        raise CannotStart(f"the master key file {master_key_file} belongs to another installation than the database")
    return vault


async def _found_platform(engine: Engine, vault: Vault) -> None:
    root, issuing, signing = await asyncio.gather(*(draw_authority_material(engine) for _ in range(3)))
    keys = found_authority(vault, root, issuing, signing, time.time_ns() // 1000)
    await engine.submit(FoundPlatform(*keys))
    # Opening accounts runs a batch after the one that stored the keys, so that the snapshot has them from here on.
    for opened in await asyncio.gather(*map(engine.submit, PLATFORM_ACCOUNTS), return_exceptions=True):
        if isinstance(opened, BaseException) and not (isinstance(opened, ChuanliuError) and is_already_open(opened)):
            raise opened


async def draw_authority_material(engine: Engine) -> AuthorityMaterial:
    """A fresh key pair, made in a thread, with an id and randomness for a platform key."""
    pair = await asyncio.to_thread(generate_key_pair)
    key_id = with_cell(engine.ids.next(), PLATFORM_CELL)
    return AuthorityMaterial(
        pair, key_id, secrets.token_bytes(SERIAL_RANDOMNESS), secrets.token_bytes(SEALING_RANDOMNESS)
    )
