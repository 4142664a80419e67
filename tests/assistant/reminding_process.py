"""A process that gives reminders and may be killed: DATABASE_URL SMTP_URL DATA_FOLDER. Ends when nothing is left."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psycopg

from chuanliu.runtime.engine_session_store import engine_session
from chuanliu.runtime.offline_server import reminders_of
from chuanliu.runtime.settings import Settings


async def main(database_url: str, smtp_url: str, data: Path) -> None:
    """One run of the job, as the offline process has it."""
    settings = Settings(data, data / "master.key", database_url=database_url, sandbox=True)
    async with engine_session(settings) as services:
        job = reminders_of(services, asyncio.get_running_loop(), smtp_url)

        def run() -> None:
            with psycopg.connect(database_url, autocommit=True) as connection:
                for _ in job.chunks(connection):
                    pass

        await asyncio.to_thread(run)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
