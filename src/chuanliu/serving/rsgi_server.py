"""The HTTP server: granian's embedded RSGI server around an `Application`, in the running event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.rsgi import ProtocolClosed, ProtocolError  # type: ignore[attr-defined]  # re-exported without a mark
from granian.server.embed import Server

from chuanliu.errors import Invalid
from chuanliu.serving.application import Application
from chuanliu.serving.request import NO_PARAMS, KnownPeer, Peer, Request
from chuanliu.serving.response import Response
from chuanliu.serving.stall import StallGuard

BACKLOG: Final = 2048
CONNECTIONS_MAX: Final = 16_384
GRACE_S: Final = 20.0
HEADER_BYTES_MAX: Final = 64 * 1024
HEADER_TIMEOUT_MS: Final = 75_000

# A request always runs in a task, which the type of `asyncio.current_task` cannot say.
_current_task: Final = cast("Callable[[], asyncio.Task[Any]]", asyncio.current_task)

# Leaves handlers and formatters of the process alone: granian's set-up would close every handler there is.
_LOGGING_UNTOUCHED: Final[dict[str, Any]] = {"incremental": True, "formatters": {}, "handlers": {}, "loggers": {}}


# Servers that may outlive `serve`: past its grace, or when it was cancelled. They end with their last request.
_closing: Final[set[asyncio.Future[Any]]] = set()


class Scope(Peer, Protocol):
    """What RSGI tells about a request (specification 1.5). Each attribute is made anew whenever it is read."""

    method: str
    path: str
    query_string: str
    headers: Any


class RSGIHandler:
    """The RSGI callable of one listening address. `on_listening` is called once, when connections are accepted."""

    def __init__(self, application: Application, on_listening: Callable[[], None]) -> None:
        self._application = application
        self._on_listening = on_listening
        self._body_guard = StallGuard(application.body_timeout_s)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Granian calls this just before it listens, in the same turn of the loop."""
        loop.call_soon(self._on_listening)

    async def __rsgi__(self, scope: Scope, proto: Any) -> None:
        """Read, answer, write. The way of a small POST is written out: here every call counts."""
        application = self._application
        headers = scope.headers
        peer = _behind_proxy(scope) if application.behind_proxy else scope
        request = Request(scope.method, scope.path, scope.query_string, headers, b"", peer, NO_PARAMS)
        # Present only where the server itself goes by it: beside transfer-encoding it has been dropped.
        length = headers.get("content-length")
        if length is not None or "transfer-encoding" in headers:
            if length is not None and int(length) > application.body_bytes_max:
                _write(proto, request, application.refuse(request, Invalid("body_too_large")))
                return
            task = _current_task()
            self._body_guard.enter(task)
            try:
                request.body = await (_read_chunks(proto, application.body_bytes_max) if length is None else proto())
            except (asyncio.CancelledError, ProtocolClosed, ProtocolError, Invalid) as error:
                self._give_up(task, proto, request, error)
                return
            self._body_guard.leave(task)
        _write(proto, request, await application.answer(request))

    def _give_up(self, task: asyncio.Task[Any], proto: Any, request: Request, error: BaseException) -> None:
        """End a request whose body could not be read."""
        stalled = self._body_guard.leave(task)
        if isinstance(error, Invalid):
            _write(proto, request, self._application.refuse(request, error))
        elif isinstance(error, asyncio.CancelledError) and not stalled:
            raise error
        else:
            # The client is gone or stands still in the middle of its body: nobody is there to read a document.
            proto.response_empty(408, [("connection", "close")])


def _write(proto: Any, request: Request, response: Response) -> None:
    if request.method == "HEAD":
        proto.response_empty(response.status, [*response.headers, ("content-length", str(len(response.body)))])
    else:
        proto.response_bytes(response.status, response.headers, response.body)


async def _read_chunks(proto: Any, bytes_max: int) -> bytes:
    """A body without a declared length. Raises `Invalid(body_too_large)` as soon as it is longer than `bytes_max`.

    Granian ends the stream with one empty chunk. A broken connection shows as an empty chunk of its own before that
    one, as does a trailer section, which nobody here reads: both are refused with `ProtocolClosed`.
    """
    chunks: list[bytes] = []
    size = empty = 0
    async for chunk in proto:
        if chunk:
            size += len(chunk)
            if size > bytes_max:
                raise Invalid("body_too_large")
            chunks.append(chunk)
        else:
            empty += 1
    if empty > 1:
        raise ProtocolClosed
    return b"".join(chunks)


def _behind_proxy(scope: Scope) -> KnownPeer:
    """Scheme and client from the headers of the one proxy in front of us, which writes the last entry of each."""
    scheme = scope.headers.get("x-forwarded-proto", scope.scheme).rpartition(",")[2].strip()
    client = scope.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return KnownPeer(
        f"{client}:0" if client else scope.client, "https" if scheme == "https" else "http", scope.authority
    )


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
    with _reserve(host, port) as reserved:
        bound = int(reserved.getsockname()[1])
        listening = asyncio.Event()
        server: Any = Server(
            RSGIHandler(application, listening.set),
            address=host,
            port=bound,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,
            websockets=False,
            backlog=backlog,
            backpressure=connections_max,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_MS, max_buffer_size=HEADER_BYTES_MAX),
            log_level=LogLevels.error,
            log_dictconfig=_LOGGING_UNTOUCHED,
        )
        running: asyncio.Future[Any] = asyncio.ensure_future(server.serve())
        _closing.add(running)
        running.add_done_callback(_closing.discard)
        try:
            await _first(running, listening)
        except BaseException:
            server.stop()
            raise
    try:
        on_listening(bound)
        await _first(running, stop)
    finally:
        server.stop()
    await asyncio.wait([running], timeout=grace_s)


def _reserve(host: str, port: int) -> socket.socket:
    """Bind beside other listeners of the same port: finds a free port, and fails here where granian would abort."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reserved = socket.socket(family, socket.SOCK_STREAM)
    try:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((host, port))
    except OSError:
        reserved.close()
        raise
    return reserved


async def _first(running: asyncio.Future[Any], event: asyncio.Event) -> None:
    """Wait for the event. Raises `RuntimeError` if the server ends before it."""
    waiting: asyncio.Future[Any] = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if running.done():
        raise RuntimeError("the HTTP server ended by itself") from running.exception()
