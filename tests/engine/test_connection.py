"""A connection that broke takes nothing with it."""

from __future__ import annotations

import asyncio
import select
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import uvloop
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from chuanliu.engine.connection import ConnectionLost, PipelineConnection
from chuanliu.engine.statements import CLOCK


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_closing_a_broken_connection_leaves_the_one_that_got_its_descriptor(database_url: str, new_loop) -> None:
    async def act() -> None:
        broken = await PipelineConnection.open(database_url, settings={})
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            with pytest.raises(ConnectionLost):
                await broken.run([(CLOCK, ())])
            successors = [await PipelineConnection.open(database_url, settings={}) for _ in range(3)]
            await broken.close()
            for successor in successors:
                assert len(await asyncio.wait_for(successor.run([(CLOCK, ())]), 3)) == 1
                await successor.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(act())


def test_a_lost_connection_stays_lost(database_url: str) -> None:
    async def act() -> None:
        lost = await PipelineConnection.open(database_url, settings={})
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        for _ in range(2):
            with pytest.raises(ConnectionLost):
                await asyncio.wait_for(lost.run([(CLOCK, ())]), 3)
        await lost.close()

    asyncio.run(act())


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_server_that_ends_with_a_last_word_and_unread_requests_is_lost(database_url: str, new_loop) -> None:
    """Its warning and the reset of the connection arrive as one event."""

    async def act(conninfo: str, silent: threading.Event) -> None:
        connection = await PipelineConnection.open(conninfo, settings={})
        assert len(await connection.run([(CLOCK, ())])) == 1
        silent.set()
        with pytest.raises(ConnectionLost):
            await asyncio.wait_for(connection.run([(CLOCK, ())]), 5)
        await connection.close()

    with dying_server(database_url) as (conninfo, silent), asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(act(conninfo, silent))


def _warning(text: str) -> bytes:
    fields = f"SWARNING\0VWARNING\0C57P02\0M{text}\0\0".encode()
    return b"N" + (len(fields) + 4).to_bytes(4) + fields


@contextmanager
def dying_server(database_url: str) -> Iterator[tuple[str, threading.Event]]:
    """A way to PostgreSQL that, once told to be silent, answers the next request unread with a warning and its end."""
    upstream = conninfo_to_dict(database_url)
    silent = threading.Event()
    folder = tempfile.mkdtemp()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{folder}/.s.PGSQL.5432")
    listener.listen()

    def relay() -> None:
        client, _ = listener.accept()
        with client, _connect(upstream) as server:
            while True:
                readable, _, _ = select.select([client, server], [], [], 10)
                if silent.is_set() and client in readable:
                    client.sendall(_warning("terminating connection because of immediate shutdown command"))
                    return
                for end, other in ((client, server), (server, client)):
                    if end in readable:
                        other.sendall(end.recv(1 << 16))

    thread = threading.Thread(target=relay)
    thread.start()
    try:
        yield make_conninfo(database_url, host=folder, port=5432, sslmode="disable", gssencmode="disable"), silent
    finally:
        thread.join()
        listener.close()
        shutil.rmtree(folder)


def _connect(upstream: Mapping[str, Any]) -> socket.socket:
    host, port = str(upstream.get("host") or "127.0.0.1"), int(upstream.get("port") or 5432)
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    server = socket.socket(socket.AF_UNIX)
    server.connect(f"{host}/.s.PGSQL.{port}")
    return server
