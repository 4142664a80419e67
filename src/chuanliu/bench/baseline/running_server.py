"""Starts the baseline on a database of its own, stocks it with merchants and payers, mints codes, checks its books."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from hashlib import sha256
from itertools import count as numbers
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import URL, create_engine

from chuanliu.bench.baseline.app_server import DATABASE_VARIABLE, POOL_VARIABLE
from chuanliu.bench.baseline.payment_store import PAYERS_FROM
from chuanliu.bench.baseline.tables import Base
from chuanliu.bench.report import CLEAN, Backlog
from chuanliu.bench.target import Requests, Tally, native_rows, native_template

DATABASE = "chuanliu_baseline"
POOL_SIZE = 16
FEE_BPS = 60
PAYERS = 10_000
BALANCE_MINOR = 1_000_000_00
_CODES_FROM = 28_0000_0000_0000_0000
_READY_SECONDS = 60.0
_PROGRAM = "from chuanliu.bench.baseline.app_server import main; main()"


class BaselineFailed(RuntimeError):
    """The baseline's server did not come up."""


class RunningBaseline:
    """A payment target. Use it as a context; its database is made anew and dropped at the end."""

    host = "127.0.0.1"
    books = DATABASE

    def __init__(self, server_url: str, *, workers: int = 2, merchants: int = 100) -> None:
        """`server_url` is any database of the server under test whose user may create databases."""
        self.workers = workers
        self.port = _free_port()
        self._server_url = server_url
        self._url = make_conninfo(server_url, dbname=DATABASE)
        self._keys = [f"sk_baseline_{secrets.token_urlsafe(24)}" for _ in range(merchants)]
        self._codes = numbers(_CODES_FROM)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._create_database()
        url = _orm_url(self._url)
        environment = os.environ | {DATABASE_VARIABLE: url, POOL_VARIABLE: str(POOL_SIZE)}
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", _PROGRAM, str(self.port), str(self.workers)],
            env=environment,
        )
        try:
            self._await_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._drop_database()

    def make_requests(self, count: int, folder: Path) -> Requests:
        """Mint codes spread over the payers, and spool a payment for each."""
        codes = [next(self._codes) for _ in range(count)]
        with (
            psycopg.connect(self._url) as connection,
            connection.cursor() as cursor,
            cursor.copy("COPY payment_code (code, account_id, expires_at) FROM STDIN") as copy,
        ):
            for number, code in enumerate(codes):
                copy.write_row((code, PAYERS_FROM + number * 7919 % PAYERS, "2100-01-01"))
        run = secrets.token_hex(4)
        path = folder / f"baseline-{run}.spool"
        with path.open("wb") as spool:
            spool.writelines(native_rows(self._keys, map(str, codes), run))
        template = native_template(len(str(_CODES_FROM)), f"{self.host}:{self.port}")
        return Requests(template=template, spool_path=str(path), count=count)

    def backlog(self) -> Backlog | None:
        """Nothing works behind the baseline's answers."""
        return None

    def roles(self) -> dict[str, list[int]]:
        """The uvicorn supervisor; its workers are its children."""
        return {"baseline": [self._process.pid]} if self._process is not None else {}

    def audit(self, tally: Tally) -> str:
        """Balances against transfers, deltas against transfers, payments against what the generator saw."""
        with psycopg.connect(self._url) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            row = connection.execute(
                "SELECT (SELECT count(*) FROM payment), (SELECT count(*) FROM outbox),"
                " (SELECT coalesce(sum(amount_minor), 0) FROM transfer WHERE kind = 'payment'),"
                " (SELECT coalesce(sum(%s - balance_minor), 0) FROM account),"
                " (SELECT coalesce(-sum(amount_minor), 0) FROM entry),"
                " (SELECT coalesce(sum(amount_minor), 0) FROM delta)",
                [BALANCE_MINOR],
            ).fetchone()
        if row is None:
            return "nothing to audit"
        payments, events, moved, debited, entered, received = (int(value) for value in row)
        if not tally.acknowledged <= payments <= tally.acknowledged + tally.unknown:
            return f"{payments} payments stored, {tally.acknowledged} acknowledged, {tally.unknown} unknown"
        if payments != events or not moved == debited == entered == received:
            return f"{payments} payments, {events} events; moved {moved}, {debited}, {entered}, {received}"
        return CLEAN

    def _create_database(self) -> None:
        self._drop_database()
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        engine = create_engine(_orm_url(self._url))
        try:
            Base.metadata.create_all(engine)
        finally:
            engine.dispose()
        with psycopg.connect(self._url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO merchant (merchant_id, api_key_sha256, fee_bps) VALUES (%s, %s, %s)",
                [(1000 + number, sha256(key.encode()).digest(), FEE_BPS) for number, key in enumerate(self._keys)],
            )
            cursor.execute(
                "INSERT INTO account (account_id, balance_minor, entry_count)"
                " SELECT n, %s, 0 FROM generate_series(%s::bigint, %s::bigint) n",
                [BALANCE_MINOR, PAYERS_FROM, PAYERS_FROM + PAYERS - 1],
            )
            cursor.execute("VACUUM ANALYZE")

    def _drop_database(self) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(DATABASE)))

    def _await_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise BaselineFailed(f"the server ended with {self._process.returncode}")
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise BaselineFailed("the server did not listen in time")


def _orm_url(conninfo: str) -> str:
    """The connection as SQLAlchemy wants it; what is no part of its URL travels as query."""
    parameters = {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value is not None}
    port = parameters.pop("port", None)
    host = parameters.pop("host", None)
    query = parameters | ({"host": host} if host and host.startswith("/") else {})
    return URL.create(
        "postgresql+psycopg",
        username=query.pop("user", None),
        password=query.pop("password", None),
        host=None if host and host.startswith("/") else host,
        port=None if host and host.startswith("/") else int(port) if port else None,
        database=query.pop("dbname", None),
        query=query | ({"port": port} if host and host.startswith("/") and port else {}),
    ).render_as_string(hide_password=False)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
