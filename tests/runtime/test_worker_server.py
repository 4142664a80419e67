"""The worker as a process, between a real database and its end."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from chuanliu.runtime import Settings
from chuanliu.runtime.child_server import wait_until


class FreezingProxy:
    """A proxy before PostgreSQL, on loopback. Frozen, it hands on nothing that PostgreSQL says."""

    def __init__(self, conninfo: str) -> None:
        given = conninfo_to_dict(conninfo)
        self._upstream = (str(given.get("host") or "127.0.0.1"), int(given.get("port") or 5432))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: dict[socket.socket, tuple[socket.socket, bool]] = {}
        self._names: dict[socket.socket, str] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._frozen = threading.Event()
        self._dropped = ""
        self._cut = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def freeze(self) -> None:
        self._frozen.set()

    def drop(self, name: str) -> None:
        """Close the connections of the program that called itself so."""
        self._dropped = name

    def cut(self) -> None:
        """Close every connection and take no more."""
        self._cut.set()
        self._thread.join(10)

    def _connect(self) -> socket.socket:
        host, port = self._upstream
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        upstream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        upstream.connect(f"{host}/.s.PGSQL.{port}")
        return upstream

    def _run(self) -> None:
        while not self._cut.is_set():
            if self._dropped:
                for client in [c for c, name in self._names.items() if self._dropped in name]:
                    self._close(client)
                self._dropped = ""
            for key, _ in self._selector.select(0.02):
                if key.fileobj is self._listener:
                    client, upstream = self._listener.accept()[0], self._connect()
                    self._pairs |= {client: (upstream, False), upstream: (client, True)}
                    self._selector.register(client, selectors.EVENT_READ)
                    self._selector.register(upstream, selectors.EVENT_READ)
                else:
                    self._pass_on(key.fileobj)  # type: ignore[arg-type]
        for end in (self._listener, *self._pairs):
            end.close()
        self._selector.close()

    def _pass_on(self, end: socket.socket) -> None:
        if end not in self._pairs:
            return
        other, from_server = self._pairs[end]
        if from_server and self._frozen.is_set():
            self._selector.unregister(end)
            return
        try:
            data = end.recv(1 << 20)
        except ConnectionError:
            data = b""
        if not data:
            self._close(end)
            return
        if not from_server:
            # The first that a client says has its name in it.
            self._names.setdefault(end, data.decode("latin-1"))
        other.sendall(data)

    def _close(self, end: socket.socket) -> None:
        other, _ = self._pairs[end]
        for closed in (end, other):
            del self._pairs[closed]
            self._names.pop(closed, None)
            if closed in self._selector.get_map():
                self._selector.unregister(closed)
            closed.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the module, as the master key in it belongs to the module's database."""
    return tmp_path_factory.mktemp("data")


@contextmanager
def worker(data: Path, database_url: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    given = conninfo_to_dict(database_url)
    through = f"postgresql://{given['user']}@127.0.0.1:{port}/{given['dbname']}?sslmode=disable&gssencmode=disable"
    settings = Settings(data, data / "master.key", through, sandbox=True)
    password = {"PGPASSWORD": str(given["password"])} if given.get("password") else {}
    process = subprocess.Popen(
        [sys.executable, "-m", "chuanliu.runtime.worker_server"],
        env={**os.environ, **settings.to_environment(), **password},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def leads(database_url: str) -> bool:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'chuanliu sweeper'"
        ).fetchone()
        return row == (1,)


def test_a_worker_ends_though_the_database_goes_away_in_the_same_moment(database_url: str, data: Path) -> None:
    """One loop hears that its connection is gone; the signal comes while the others are being cancelled for it."""
    proxy = FreezingProxy(database_url)
    try:
        with worker(data, database_url, proxy.port) as process:
            assert wait_until(lambda: leads(database_url), 30)
            proxy.freeze()
            time.sleep(1.5)
            proxy.drop("chuanliu folder")
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            proxy.cut()
            assert process.wait(30) == 0
    finally:
        proxy.cut()


def test_a_worker_ends_when_nothing_is_wrong(database_url: str, data: Path) -> None:
    proxy = FreezingProxy(database_url)
    try:
        with worker(data, database_url, proxy.port) as process:
            assert wait_until(lambda: leads(database_url), 30)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    finally:
        proxy.cut()
