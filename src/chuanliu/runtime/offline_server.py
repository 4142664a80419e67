"""The offline process: the home of offline jobs, in the idle scheduling class. Several may run; one leads at a time.

Its own computing takes only CPU that nobody else wants. Its database connection's backend is as any other: demoted, it
could be kept from running while it holds locks that online work waits for. So database work is paced instead.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Sequence
from typing import Any, Final

import psycopg
import structlog

from chuanliu.acquiring import OLD_QUOTES
from chuanliu.assistant import EMAIL, IN_APP, OLD_REMINDERS, FindOverview, Overview, off_token
from chuanliu.connectors import Channel, InAppChannel, SmtpChannel, read_smtp_url
from chuanliu.crypto import SEAL_RANDOMNESS
from chuanliu.gateway import Services
from chuanliu.instalments import OLD_LIMITS
from chuanliu.lenders import Product, serviced_products
from chuanliu.offline import (
    Home,
    Job,
    LedgerAudit,
    Leftovers,
    OnlineWait,
    Reminders,
    Statements,
    become_idle,
    job_store,
)
from chuanliu.promotions import budget_store
from chuanliu.runtime.engine_session_store import engine_session, settings_of_process
from chuanliu.runtime.process_log import configure_log
from chuanliu.runtime.settings import BOARD_FILE, Settings
from chuanliu.runtime.stopping_server import stop_on_signals
from chuanliu.trade import sweep_store

log = structlog.get_logger()

_LEADER_LOCK: Final = 0x6368_756F_6C69_7502
_LOOK_EVERY_S: Final = 1.0
_STAND_AGAIN_S: Final = 0.5
_LOOK_AT_MOST_S: Final = 30.0


def offline_jobs(
    services: Services, loop: asyncio.AbstractEventLoop | None = None, smtp_url: str | None = None
) -> tuple[Job, ...]:
    """All offline jobs there are. With the loop that the engine runs on, reminders too."""

    def products() -> list[Product]:
        reference = services.engine.reference
        return [*serviced_products(reference), *serviced_products(reference, shadow=True)]

    leftovers = Leftovers((*sweep_store.LEFTOVERS, OLD_QUOTES, OLD_LIMITS, OLD_REMINDERS, *budget_store.OLD_USES))
    jobs: tuple[Job, ...] = (Statements(products), leftovers, LedgerAudit())
    return jobs if loop is None else (*jobs, reminders_of(services, loop, smtp_url))


def reminders_of(services: Services, loop: asyncio.AbstractEventLoop, smtp_url: str | None) -> Reminders:
    """The job that gives reminders: in the app, and by e-mail where a server for it is set."""

    async def overviews(consumers: Sequence[int]) -> list[Overview]:
        return list(
            await asyncio.gather(*(services.engine.ask(FindOverview(each, with_end=False)) for each in consumers))
        )

    def look(consumers: Sequence[int]) -> Sequence[Overview]:
        return asyncio.run_coroutine_threadsafe(overviews(consumers), loop).result(_LOOK_AT_MOST_S)

    def off_url(consumer_id: int) -> str:
        token = off_token(services.vault, consumer_id, secrets.token_bytes(SEAL_RANDOMNESS))
        return f"{services.public_url}/assistant/off?t={token}"

    channels: dict[str, Channel] = {IN_APP: InAppChannel()}
    if smtp_url is not None:
        channels[EMAIL] = SmtpChannel(read_smtp_url(smtp_url))
    return Reminders(look, channels, off_url)


def keep_home(url: str, jobs: tuple[Job, ...], stop: threading.Event, wait: OnlineWait | None = None) -> None:
    """Stand for election, run what is due, and stand again when the database went away. Returns once stopped."""
    while not stop.is_set():
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=5, application_name="chuanliu offline") as one:
                if _elected(one, stop):
                    _lead(one, jobs, stop, wait)
        except (psycopg.Error, OSError) as error:
            log.warning("not at home", error=str(error)[:200])
        stop.wait(_STAND_AGAIN_S)


def _elected(connection: psycopg.Connection[Any], stop: threading.Event) -> bool:
    while not stop.is_set():
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LEADER_LOCK]).fetchone()
        if row is not None and row[0]:
            return True
        stop.wait(_LOOK_EVERY_S)
    return False


def _lead(
    connection: psycopg.Connection[Any], jobs: tuple[Job, ...], stop: threading.Event, wait: OnlineWait | None
) -> None:
    log.info("at home")
    job_store.enrol(connection, jobs)
    home = Home(connection, jobs, stop.is_set)
    if wait is not None:
        home.online_wait = wait.seconds
    while not stop.is_set():
        home.run_due()
        stop.wait(_LOOK_EVERY_S)


async def work(settings: Settings) -> None:
    """Run the offline process until SIGTERM or SIGINT."""
    stop = stop_on_signals()
    async with engine_session(settings) as services:
        if settings.database_url is None:
            raise ValueError("the offline process needs a database URL")
        leaving = threading.Event()
        wait = OnlineWait(settings.data / BOARD_FILE)
        jobs = offline_jobs(services, asyncio.get_running_loop(), settings.smtp_url)
        home = asyncio.create_task(asyncio.to_thread(keep_home, settings.database_url, jobs, leaving, wait))
        await asyncio.wait([home, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        leaving.set()
        await home


if __name__ == "__main__":
    import uvloop

    settings_given = settings_of_process()
    configure_log(settings_given.log_level)
    if not become_idle():
        log.warning("there is no idle scheduling class here: offline work is paced only")
    uvloop.run(work(settings_given))
