"""A proxy before PostgreSQL that cuts a connection exactly when a COMMIT passes."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg.conninfo import conninfo_to_dict, make_conninfo

CUTS = ("before", "behind", "unheard")
"""Cut before the COMMIT is forwarded, right behind it, or when PostgreSQL has answered it."""

_BIND_OF_COMMIT = b"\x00commit\x00"
_COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"


class CuttingProxy:
    """Listens on loopback. `plan` holds the cuts to come, one for each COMMIT that passes; None lets it pass.

    With `shuts` no connection gets through after the next cut until it is False again.
    """

    def __init__(self, conninfo: str) -> None:
        self._upstream = conninfo_to_dict(conninfo)
        self._conninfo = conninfo
        self.plan: list[str | None] = []
        self.done: Counter[str] = Counter()
        self.shuts = False
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Serve, and give the connection string that leads through the proxy."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield make_conninfo(self._conninfo, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable")
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if not (self.shuts and self.done):
                await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)
            # Also when cancelled before there was an upstream connection.
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = str(self._upstream.get("host") or "127.0.0.1"), self._upstream.get("port") or 5432
        if host.startswith("/"):
            upstream_reader, upstream_writer = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            upstream_reader, upstream_writer = await asyncio.open_connection(host, int(port))
        unheard = asyncio.Event()
        there = asyncio.create_task(self._forward(reader, upstream_writer, unheard))
        back = asyncio.create_task(self._return(upstream_reader, writer, unheard))
        try:
            await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            for end in (writer, upstream_writer):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _forward(
        self, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter, unheard: asyncio.Event
    ) -> None:
        while data := await reader.read(1 << 20):
            cut = self.plan.pop(0) if _BIND_OF_COMMIT in data and self.plan else None
            if cut == "before":
                # The message begins with `B` and four bytes of length; what precedes it still reaches PostgreSQL.
                data = data[: data.index(_BIND_OF_COMMIT) - 5]
            elif cut == "unheard":
                unheard.set()
            upstream.write(data)
            await upstream.drain()
            if cut is not None:
                self.done[cut] += 1
            if cut in ("before", "behind"):
                return

    async def _return(
        self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, unheard: asyncio.Event
    ) -> None:
        while data := await upstream.read(1 << 20):
            if unheard.is_set() and _COMMITTED in data:
                return
            if not unheard.is_set():
                writer.write(data)
                await writer.drain()
