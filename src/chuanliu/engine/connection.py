"""One PostgreSQL connection in pipeline mode: a list of statements goes out together and their results come back
together.

This is psycopg's `pq` layer (libpq) without its cursors: a lane runs a dozen statements for hundreds of commands, and
what a cursor does per statement would cost more than the statements.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.adapt import AdaptersMap, Buffer, Loader, Transformer

from chuanliu.engine.kinds import BIGINT, bigints_from_binary, instant_from_binary
from chuanliu.engine.statements import FORGET_PLANS, Statement

PLAN_LIFE_S: Final = 1.0


class DatabaseError(Exception):
    """A statement failed. `sqlstate` is PostgreSQL's five-character code."""

    def __init__(self, sqlstate: str, message: str, statement: str) -> None:
        super().__init__(f"{sqlstate} in {statement}: {message}")
        self.sqlstate = sqlstate
        self.statement = statement


class ConnectionLost(Exception):
    """The connection broke. What was under way may or may not have taken effect."""


class _InstantLoader(Loader):
    format = pq.Format.BINARY

    def load(self, data: Buffer) -> int:
        return instant_from_binary(data)


class _BigIntsLoader(Loader):
    """bigint[] as a tuple: rows are immutable and compare equal to what was written."""

    format = pq.Format.BINARY

    def load(self, data: Buffer) -> tuple[int, ...]:
        return bigints_from_binary(data)


_ADAPTERS = AdaptersMap(psycopg.adapters)
_ADAPTERS.register_loader("timestamptz", _InstantLoader)
_ADAPTERS.register_loader(BIGINT.array_oid, _BigIntsLoader)

Call = tuple[Statement, tuple[bytes | None, ...]]


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


_FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.NONFATAL_ERROR, pq.ExecStatus.BAD_RESPONSE)


class PipelineConnection:
    """An open connection. Not for concurrent use: one exchange at a time."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._pg = connection.pgconn
        self._prepared: set[str] = set()
        self._loop = asyncio.get_running_loop()
        self._transformer = Transformer(_ADAPTERS)
        self._planned_at = self._loop.time()
        self._readable: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._broken: BaseException | None = None
        self._fd = self._pg.socket
        self._watched = True
        self._hung_up = select.poll()
        self._hung_up.register(self._fd, 0)
        self._pg.nonblocking = 1
        self._pg.enter_pipeline_mode()
        self._loop.add_reader(self._fd, self._on_readable)

    @classmethod
    async def open(cls, conninfo: str, *, settings: dict[str, str], connect_timeout_s: int = 5) -> PipelineConnection:
        """Connect. Raises `ConnectionLost` when the server cannot be reached or refuses."""
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        try:
            connection = await psycopg.AsyncConnection.connect(
                conninfo,
                autocommit=True,
                options=options,
                connect_timeout=connect_timeout_s,
                keepalives_idle=10,
                tcp_user_timeout=20_000,
            )
        except (psycopg.Error, OSError) as error:
            raise ConnectionLost(str(error)) from error
        return cls(connection)

    async def run(self, calls: Sequence[Call]) -> list[pq.abc.PGresult]:
        """Send all calls in one pipeline and return a result for each.

        Raises `DatabaseError` for the first that failed (the rest were skipped), `ConnectionLost` when the link broke.
        """
        if self._broken is not None:
            raise self._lost(self._broken)
        expected: list[Statement | None] = []
        names: list[Statement] = []
        try:
            for statement, parameters in calls:
                if statement.name not in self._prepared:
                    self._pg.send_prepare(
                        statement.name.encode(), statement.sql.encode(), [k.array_oid for k in statement.kinds]
                    )
                    self._prepared.add(statement.name)
                    expected.append(statement)
                    names.append(statement)
                self._pg.send_query_prepared(
                    statement.name.encode(), parameters, [1] * len(parameters), result_format=1
                )
                expected.append(None)
                names.append(statement)
            self._pg.pipeline_sync()
            return await self._collect(expected, names)
        except psycopg.OperationalError as error:
            raise self._lost(error) from error
        except (DatabaseError, ConnectionLost):
            raise
        except BaseException as error:
            # Left in the middle of an exchange: whose results come next is not known.
            self._broken = error
            raise

    async def _collect(self, expected: list[Statement | None], names: list[Statement]) -> list[pq.abc.PGresult]:
        results: list[pq.abc.PGresult] = []
        failure: DatabaseError | None = None
        at = 0
        if self._pg.flush():
            await self._flush()
        while True:
            while self._pg.is_busy():
                await self._wait_readable()
            result = self._pg.get_result()
            if result is None:
                if self._pg.status == pq.ConnStatus.BAD:
                    raise self._lost(None)
                continue
            status = result.status
            if status == pq.ExecStatus.PIPELINE_SYNC:
                break
            if status in _FAILED:
                sqlstate = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
                # A fatal error ends the session, perhaps after a COMMIT of this exchange took effect.
                fatal = result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED) in (b"FATAL", b"PANIC")
                if not sqlstate or fatal or self._pg.status == pq.ConnStatus.BAD:
                    raise self._lost(None)
                if failure is None:
                    failure = DatabaseError(sqlstate, result.get_error_message(), names[at].name)
            prepared = expected[at]
            at += 1
            if prepared is None:
                results.append(result)
            elif status != pq.ExecStatus.COMMAND_OK:
                self._prepared.discard(prepared.name)
        if failure is not None:
            raise failure
        return results

    async def renew_plans(self) -> None:
        """Have the statements planned anew once a second.

        On an empty table all indexes look alike, so a lookup may be planned as a search by `cell` alone; kept while the
        table grows, such a plan would read more with every order until somebody analyses the table.
        """
        now = self._loop.time()
        if now - self._planned_at >= PLAN_LIFE_S:
            self._planned_at = now
            await self.run([(FORGET_PLANS, ())])

    def rows(self, result: pq.abc.PGresult, statement: Statement) -> list[Any]:
        """The rows of a result as the statement's row structs."""
        count = result.ntuples
        if not count:
            return []
        self._transformer.set_pgresult(result, format=pq.Format.BINARY)
        row = statement.row
        if row is None:
            return self._transformer.load_rows(0, count, tuple)
        return self._transformer.load_rows(0, count, lambda values: row(*values))

    async def close(self) -> None:
        """Close; safe to call twice and on a broken connection."""
        self._unwatch()
        await self._connection.close()

    def _unwatch(self) -> None:
        """Leave the descriptor, once: libpq closes that of a broken connection, and the next one may get its number."""
        if self._watched:
            self._watched = False
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)

    def _lost(self, error: BaseException | None) -> ConnectionLost:
        self._unwatch()
        lost = ConnectionLost(str(error or self._broken or self._pg.get_error_message()))
        self._broken = self._broken or lost
        return lost

    def _on_readable(self) -> None:
        try:
            self._pg.consume_input()
            # An error may come together with the server's last words, and uvloop watches no longer than until an error:
            # read on to the end, which is near then.
            while self._hung_up.poll(0):
                self._pg.consume_input()
        except psycopg.OperationalError as error:
            self._broken = error
            self._unwatch()
            if self._writable is not None:
                _settle(self._writable)
        if self._readable is not None:
            _settle(self._readable)

    async def _wait_readable(self) -> None:
        if self._broken is not None:
            raise self._lost(self._broken)
        self._readable = self._loop.create_future()
        try:
            await self._readable
        finally:
            self._readable = None
        if self._broken is not None:
            raise self._lost(self._broken)

    async def _flush(self) -> None:
        """Send what the socket did not take at once; what arrives meanwhile is consumed, so neither side waits for the
        other.
        """
        while self._pg.flush():
            if self._broken is not None:
                raise self._lost(self._broken)
            self._writable = self._loop.create_future()
            self._loop.add_writer(self._fd, _settle, self._writable)
            try:
                await self._writable
            finally:
                self._writable = None
                if self._watched:
                    self._loop.remove_writer(self._fd)
