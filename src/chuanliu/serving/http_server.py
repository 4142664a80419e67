"""The HTTP server: an `Application` on an address, in the running event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Final

from chuanliu.serving.application import Application
from chuanliu.serving.connection_server import HTTPConnection

BACKLOG: Final = 2048
CONNECTIONS_MAX: Final = 16_384
GRACE_S: Final = 20.0


class _Server:
    """What the connections of one address share, and the one timer for all their deadlines."""

    def __init__(self, application: Application, connections_max: int) -> None:
        self.application = application
        self.connections: set[HTTPConnection] = set()
        self.running: set[asyncio.Task[None]] = set()
        self.connections_max = connections_max
        self.closing = False
        self.date_line = ""
        self._period_s = min(0.5, application.body_timeout_s / 4)

    async def watch(self) -> None:
        """Keep the date, and end connections whose deadline has passed. Runs until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self.date_line = f"date: {formatdate(time.time(), usegmt=True)}\r\n"
            now = loop.time()
            for connection in [c for c in self.connections if c.deadline <= now]:
                connection.expire()
            await asyncio.sleep(self._period_s)

    async def drain(self, grace_s: float) -> None:
        """Answer what was accepted, at most for the grace period, and close."""
        self.closing = True
        for connection in [c for c in self.connections if c.idle]:
            connection.close()
        ends_at = asyncio.get_running_loop().time() + grace_s
        while self.running and (left := ends_at - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(set(self.running), timeout=left)
        for connection in list(self.connections):
            connection.close()


async def serve(
    application: Application,
    host: str,
    port: int,
    *,
    stop: asyncio.Event,
    on_listening: Callable[[int], None] = lambda _: None,
    backlog: int = BACKLOG,
    connections_max: int = CONNECTIONS_MAX,
    grace_s: float = GRACE_S,
) -> None:
    """Serve HTTP/1.1 on an IP address until `stop` is set; several processes may serve the same one.

    `on_listening` gets the port (the one that was chosen, for port 0). After `stop`, no connection is accepted, what
    is in a handler is answered, and the call returns; after `grace_s` it returns in any case. Raises `OSError` where
    the address cannot be bound.
    """
    loop = asyncio.get_running_loop()
    server = _Server(application, connections_max)
    watching = asyncio.create_task(server.watch(), name="http deadlines")
    listening: asyncio.Server | None = None
    try:
        await asyncio.sleep(0)
        listening = await loop.create_server(
            lambda: HTTPConnection(server, loop), sock=_bound(host, port), backlog=backlog
        )
        on_listening(int(listening.sockets[0].getsockname()[1]))
        await stop.wait()
    finally:
        if listening is not None:
            listening.close()
        await server.drain(grace_s if stop.is_set() else 0.0)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


def _bound(host: str, port: int) -> socket.socket:
    """A socket on the address, beside those of other processes that serve it too."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
