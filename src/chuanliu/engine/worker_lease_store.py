"""Worker numbers for ids, leased from the database together with the span of time that their holder may use in ids."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import psycopg
import structlog

from chuanliu.errors import Unavailable
from chuanliu.ids import IdSource, WorkerLease

log = structlog.get_logger()

_WORKERS = 256
_SPAN_MILLIS = 60_000
_RENEW_S = 10.0

_TAKE = """
    INSERT INTO worker_lease AS mine (cell, worker, holder, until_millis)
    SELECT 0, candidate.worker, %(holder)s, %(until)s
    FROM generate_series(0, 255) AS candidate (worker)
    LEFT JOIN worker_lease taken ON taken.cell = 0 AND taken.worker = candidate.worker
    WHERE taken.worker IS NULL OR taken.until_millis < %(now)s
    ORDER BY taken.worker IS NOT NULL, candidate.worker
    LIMIT 1
    ON CONFLICT (cell, worker) DO UPDATE SET holder = excluded.holder, until_millis = excluded.until_millis
        WHERE mine.until_millis < %(now)s
    RETURNING worker
"""
_RENEW = """
    UPDATE worker_lease SET until_millis = %(until)s
    WHERE cell = 0 AND worker = %(worker)s AND holder = %(holder)s
"""
_RELEASE = """
    UPDATE worker_lease SET until_millis = %(until)s, holder = ''
    WHERE cell = 0 AND worker = %(worker)s AND holder = %(holder)s
"""


def _now_millis() -> int:
    return time.time_ns() // 1_000_000


class WorkerLeaseStore:
    """Holds one worker number for this process and keeps renewing it.

    A number is only given again after its last ceiling has passed, so two holders never share an instant. If renewing
    fails for a minute, `IdSource` raises `Unavailable` rather than pass its ceiling.
    """

    def __init__(self, conninfo: str, holder: str) -> None:
        self._conninfo = conninfo
        self._holder = holder
        self._worker = -1
        self._task: asyncio.Task[None] | None = None
        self.ids: IdSource | None = None

    async def start(self) -> IdSource:
        """Lease a number. Raises `Unavailable` when all 256 are taken or the database cannot be reached."""
        try:
            lease = await self._take()
        except psycopg.OperationalError as error:
            raise Unavailable(str(error)) from error
        self.ids = IdSource(lease)
        self._task = asyncio.create_task(self._keep(self.ids), name="worker lease")
        return self.ids

    async def close(self) -> None:
        """Stop renewing; the number is free again as soon as the ids made with it lie in the past."""
        if self._task is None or self.ids is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        with contextlib.suppress(psycopg.Error, OSError):
            await self._write(_RELEASE, max(_now_millis(), self.ids.latest_millis))

    async def renew(self, ids: IdSource) -> None:
        """Renew the lease once; take another number where this one was leased to somebody else meanwhile.

        That happens to a process that slept for longer than its lease. Raises `psycopg.Error`, `Unavailable`.
        """
        until = max(_now_millis(), ids.latest_millis) + _SPAN_MILLIS
        if await self._write(_RENEW, until) == 1:
            ids.extend(until)
            return
        log.warning("the worker number was leased to somebody else", worker=self._worker)
        ids.move_to(await self._take())

    async def _keep(self, ids: IdSource) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            try:
                await self.renew(ids)
            except (psycopg.Error, OSError, Unavailable) as error:
                log.warning("worker lease not renewed", error=str(error)[:200])

    async def _take(self) -> WorkerLease:
        async with await psycopg.AsyncConnection.connect(self._conninfo, connect_timeout=5) as connection:
            for _ in range(_WORKERS):
                now = _now_millis()
                values = {"holder": self._holder, "until": now + _SPAN_MILLIS, "now": now}
                row = await (await connection.execute(_TAKE, values)).fetchone()
                await connection.commit()
                if row is not None:
                    self._worker = row[0]
                    return WorkerLease(self._worker, now, now + _SPAN_MILLIS)
        raise Unavailable("all worker numbers are leased")

    async def _write(self, statement: str, until: int) -> int:
        values: dict[str, Any] = {"until": until, "worker": self._worker, "holder": self._holder}
        async with await psycopg.AsyncConnection.connect(self._conninfo, connect_timeout=5) as connection:
            cursor = await connection.execute(statement, values)
            return cursor.rowcount
