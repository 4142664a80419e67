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
from chuanliu.serving.door_server import BACKLOG, Door
from chuanliu.serving.intake_server import Intake

CONNECTIONS_MAX: Final = 16_384
GRACE_S: Final = 20.0
MOVING_S: Final = 5.0
"""So long a process that leaves waits for the idle moments of its connections; the rest end with their next answer."""
HEARING_S: Final = 2.0

_LOOK_S: Final = 0.01
_FIRST_WORDS_S: Final = 0.05
"""What has just been accepted may say what it came for."""


class _Server:
    """What the connections of one address share, and the one timer for all their deadlines."""

    def __init__(self, application: Application, connections_max: int) -> None:
        self.application = application
        self.connections: set[HTTPConnection] = set()
        self.running: set[asyncio.Task[None]] = set()
        self.connections_max = connections_max
        self.closing = False
        self.moving: Callable[[HTTPConnection], object] | None = None
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

    async def move(self, grace_s: float, intake: Intake, door: Door) -> None:
        """Hand every connection to other processes in its next idle moment, as long as there are some."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + min(grace_s, MOVING_S)
        self.moving = intake.move
        while self.connections and door.has_others() and loop.time() < ends_at:
            for connection in list(self.connections):
                intake.move(connection)
            await asyncio.sleep(_LOOK_S)
        self.moving = None

    async def drain(self, grace_s: float, linger_s: float = 0.0) -> None:
        """Answer what was accepted, at most for the grace period, and close.

        A connection ends with its next answer, which says so. One that is idle is closed after `linger_s`; a request
        that has begun to come is waited for, a few seconds.
        """
        loop = asyncio.get_running_loop()
        self.closing = True
        began = loop.time()
        idle_until = began + min(max(linger_s, _FIRST_WORDS_S), grace_s)
        heard_until, ends_at = began + HEARING_S, began + grace_s
        while self.connections and (now := loop.time()) < ends_at:
            if now >= idle_until:
                for connection in [c for c in self.connections if c.idle or (now > heard_until and not c.is_busy)]:
                    connection.close()
            if now > heard_until and not self.running:
                break
            await asyncio.sleep(_LOOK_S)
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
    linger_s: float = 0.0,
    door: Door | None = None,
) -> None:
    """Serve HTTP/1.1 on an IP address until `stop` is set; several processes may serve the same one.

    `on_listening` gets the port (the one that was chosen, for port 0). After `stop`, no connection is accepted, what
    is in a handler is answered, and the call returns; after `grace_s` it returns in any case. Idle connections are
    closed once `linger_s` is over: requests that come meanwhile are answered. Raises `OSError` where the address
    cannot be bound.

    With a `door`, which the caller closes, its address is served. Connections are then shared out among the processes
    that have it, and after `stop` they go on with what this one had: no client notices.
    """
    server = _Server(application, connections_max)
    watching = asyncio.create_task(server.watch(), name="http deadlines")
    try:
        await asyncio.sleep(0)
        if door is None:
            await _serve_alone(server, _bound(host, port), backlog, on_listening, stop)
        else:
            await _serve_with_others(server, door, grace_s, on_listening, stop)
    finally:
        await server.drain(grace_s if stop.is_set() else 0.0, linger_s)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _serve_alone(
    server: _Server, sock: socket.socket, backlog: int, on_listening: Callable[[int], None], stop: asyncio.Event
) -> None:
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: HTTPConnection(server, loop), sock=sock, backlog=backlog)
    try:
        on_listening(int(listening.sockets[0].getsockname()[1]))
        await stop.wait()
    finally:
        listening.close()


async def _serve_with_others(
    server: _Server, door: Door, grace_s: float, on_listening: Callable[[int], None], stop: asyncio.Event
) -> None:
    loop = asyncio.get_running_loop()
    intake = Intake(door, server, lambda: HTTPConnection(server, loop))
    intake.open()
    try:
        on_listening(door.port)
        await stop.wait()
        await intake.leave()
        await server.move(grace_s, intake, door)
    finally:
        intake.end()


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
