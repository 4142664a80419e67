"""The offline process: the home of offline jobs, in the idle scheduling class. Several may run; one leads at a time.

Its own computing takes only CPU that nobody else wants. Its database connection's backend is as any other: demoted, it
could be kept from running while it holds locks that online work waits for. So database work is paced instead.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Final

import psycopg
import structlog

from chuanliu.acquiring import OLD_QUOTES
from chuanliu.gateway import Services
from chuanliu.instalments import OLD_LIMITS
from chuanliu.lenders import Product, serviced_products
from chuanliu.offline import Home, Job, LedgerAudit, Leftovers, OnlineWait, Statements, become_idle, job_store
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


def offline_jobs(services: Services) -> tuple[Job, ...]:
    """All offline jobs there are."""

    def products() -> list[Product]:
        reference = services.engine.reference
        return [*serviced_products(reference), *serviced_products(reference, shadow=True)]

    leftovers = Leftovers((*sweep_store.LEFTOVERS, OLD_QUOTES, OLD_LIMITS, *budget_store.OLD_USES))
    return Statements(products), leftovers, LedgerAudit()


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
        jobs = offline_jobs(services)
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
