"""The embedded PostgreSQL: found again, refused twice, up again after a kill, and only with real processes."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from chuanliu.runtime import CannotStart, EmbeddedPostgres, Supervisor
from chuanliu.runtime.child_server import processes_working_in, wait_until
from chuanliu.runtime.cluster_store import clear_remains
from live.running_platform import ended

SMALL = {"shared_buffers": "16MB", "max_wal_size": "128MB", "min_wal_size": "32MB"}


@pytest.fixture(scope="module")
def folder(scratch: Path) -> Path:
    path = scratch / "embedded"
    with EmbeddedPostgres(path, extra=SMALL) as server, psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (42)")
    return path


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(folder, extra=SMALL) as started:
        yield started


def kept(server: EmbeddedPostgres) -> list[tuple[int]]:
    with psycopg.connect(server.url()) as connection:
        return connection.execute("SELECT n FROM kept").fetchall()


def test_the_migrated_database_answers(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT version FROM reference_version").fetchone() == (1,)


def test_a_second_run_finds_the_data_and_durable_settings(server: EmbeddedPostgres) -> None:
    assert kept(server) == [(42,)]
    with psycopg.connect(server.url()) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",)
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)


def test_the_socket_folder_is_private(server: EmbeddedPostgres) -> None:
    assert stat.S_IMODE(server.cluster.sockets.stat().st_mode) == 0o700


def test_a_second_run_on_the_same_folder_is_refused(server: EmbeddedPostgres, folder: Path) -> None:
    with pytest.raises(CannotStart, match="in use by another run"):
        EmbeddedPostgres(folder)


def test_a_killed_server_with_busy_orphans_starts_again(folder: Path) -> None:
    with EmbeddedPostgres(folder, extra=SMALL) as server:
        busy = psycopg.connect(server.url(), autocommit=True)
        # A backend deep in a computation does not notice that its postmaster is gone.
        asking = threading.Thread(target=_ignoring_errors, args=[busy, "SELECT sum(n) FROM generate_series(1, 1e9) n"])
        asking.start()
        assert wait_until(lambda: _is_busy(server), 10)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        assert wait_until(lambda: server.pid is None, 10)
        assert processes_working_in(server.cluster.data, "postgres"), "no orphan was left; the test proves nothing"
        server.start(30)
        assert kept(server) == [(42,)]
        asking.join()
        busy.close()


def test_the_supervisor_brings_a_killed_server_back(folder: Path) -> None:
    server = EmbeddedPostgres(folder, extra=SMALL)
    try:
        with Supervisor(folder) as supervisor:
            supervisor.start(server.child_spec())
            first = supervisor.pid_of("postgres")
            assert first is not None
            os.kill(first, signal.SIGKILL)

            def stop_when_back() -> None:
                if supervisor.pid_of("postgres") not in {first, None} and server.is_ready():
                    assert kept(server) == [(42,)]
                    supervisor.request_stop()

            supervisor.run(stop_when_back)
    finally:
        server.close()


def test_a_lock_file_with_a_recycled_pid_does_not_stop_the_start(folder: Path) -> None:
    server = EmbeddedPostgres(folder, extra=SMALL)
    uid = server.cluster.user[0] if server.cluster.user else None
    stranger = subprocess.Popen(["sleep", "60"], user=uid, cwd="/")
    try:
        lines = f"{stranger.pid}\n{server.cluster.data}\n1700000000\n5432\n{server.cluster.sockets}\n\n  1  2\nready\n"
        (server.cluster.data / "postmaster.pid").write_text(lines)
        (server.cluster.sockets / ".s.PGSQL.5432.lock").write_text(lines)
        server.start(30)
        assert kept(server) == [(42,)]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        server.close()


def test_the_server_ends_with_its_killed_parent(folder: Path) -> None:
    program = f"""
import sys, time
from pathlib import Path
from chuanliu.runtime import EmbeddedPostgres
server = EmbeddedPostgres(Path({str(folder)!r}), extra={SMALL!r})
server.start()
print(server.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    postmaster = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    # The lock fell with the parent; the next run ends or outwaits what is still shutting down.
    with EmbeddedPostgres(folder, extra=SMALL) as server:
        assert ended(postmaster)
        assert kept(server) == [(42,)]


def test_a_server_that_recovers_ends_with_its_killed_parent(folder: Path) -> None:
    """A fast shutdown that comes during the recovery after a backend's crash would never end."""
    program = f"""
import sys, time
from pathlib import Path
from chuanliu.runtime import EmbeddedPostgres
server = EmbeddedPostgres(Path({str(folder)!r}), extra={SMALL!r})
server.start()
print(server.pid, server.url(), flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, url = parent.stdout.readline().split()
    parent.stdout.close()
    postmaster = psutil.Process(int(pid))
    recovery = _held_in_recovery(postmaster, url)
    parent.kill()
    parent.wait()
    recovery.resume()
    assert wait_until(lambda: ended(postmaster), 20)
    with EmbeddedPostgres(folder, extra=SMALL) as server:
        assert kept(server) == [(42,)]


def test_a_server_that_never_ends_its_shutdown_is_killed_by_the_next_start(folder: Path) -> None:
    with EmbeddedPostgres(folder, extra=SMALL) as server:
        assert server.pid is not None
        postmaster = psutil.Process(server.pid)
        recovery = _held_in_recovery(postmaster, server.url())
        postmaster.send_signal(signal.SIGINT)
        recovery.resume()
        clear_remains(server.cluster, patience_seconds=2)
        assert server.pid is None
        assert processes_working_in(server.cluster.data, "postgres") == []
        server.start(30)
        assert kept(server) == [(42,)]


def test_loopback_tcp_asks_for_the_password(folder: Path, free_port: int) -> None:
    with EmbeddedPostgres(folder, tcp_port=free_port, extra=SMALL) as server:
        psycopg.connect(server.url(tcp=True)).close()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.url(tcp=True).replace(server.cluster.password, "guess"))


def test_a_long_data_path_gets_a_short_socket_path(scratch: Path) -> None:
    folder = scratch / ("long-" * 15)
    with EmbeddedPostgres(folder, extra=SMALL) as server:
        assert server.is_ready()
        assert len(str(server.cluster.sockets)) < 80
        sockets = server.cluster.sockets
    shutil.rmtree(sockets)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give the private folder to PostgreSQL's user")
def test_as_root_a_private_parent_folder_is_no_obstacle(scratch: Path, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    server = EmbeddedPostgres(private / "data", extra=SMALL)
    try:
        server.start()
        assert server.is_ready()
        home = server.cluster.home
        assert (private / "data" / "postgres").resolve() == home
    finally:
        server.close()
    again = EmbeddedPostgres(private / "data", extra=SMALL)
    again.close()
    assert again.cluster.home == home
    subprocess.run(["rm", "-rf", str(home)], check=True)
    with pytest.raises(CannotStart, match="which is gone"):
        EmbeddedPostgres(private / "data")


def _held_in_recovery(postmaster: psutil.Process, url: str) -> psutil.Process:
    """Kill a backend, so that the server recovers, and hold the recovery until the process returned is resumed."""
    backend = psycopg.connect(url, autocommit=True)
    backend.execute("CREATE TABLE IF NOT EXISTS filler (text text)")
    backend.execute("INSERT INTO filler SELECT repeat('x', 100) FROM generate_series(1, 20000)")
    os.kill(backend.info.backend_pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for child in postmaster.children():
            try:
                if "startup" in " ".join(child.cmdline()):
                    child.suspend()
                    backend.close()
                    return child
            except psutil.Error:
                continue
    raise AssertionError("the server does not recover")


def _is_busy(server: EmbeddedPostgres) -> bool:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series(1,%'"
        row = connection.execute(query).fetchone()
        return row is not None and row[0] > 1


def _ignoring_errors(connection: psycopg.Connection[tuple[int]], query: str) -> None:
    try:
        connection.execute(query)
    except psycopg.Error:
        return
