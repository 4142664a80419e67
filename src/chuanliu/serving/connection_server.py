"""One HTTP/1.1 connection: octets in, requests out, responses back, in order and within bounds.

The parser is httptools (llhttp). Everything runs in the event loop's own thread: a server that parses in another thread
has to take the interpreter lock for each request, and while a lane decides, both wait for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Protocol, cast
from urllib.parse import unquote_to_bytes

import httptools
import structlog

from chuanliu.errors import Invalid
from chuanliu.serving.application import Application
from chuanliu.serving.request import NO_PARAMS, KnownPeer, Request
from chuanliu.serving.response import NO_ANSWER, Response

log = structlog.get_logger(__name__)

HEAD_BYTES_MAX: Final = 64 * 1024
HEAD_TIMEOUT_S: Final = 75.0
"""For an idle connection, and for the head of a request from its first octet."""

_PIPELINE_MAX: Final = 8
_LINGER_S: Final = 1.0
_NEVER: Final = float("inf")

_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_WITHOUT_LENGTH: Final = frozenset({204, 304})
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Serving(Protocol):
    """What a connection needs of its server."""

    application: Application
    connections: set[HTTPConnection]
    running: set[asyncio.Task[None]]
    connections_max: int
    closing: bool
    moving: Callable[[HTTPConnection], object] | None
    date_line: str


class HTTPConnection(asyncio.Protocol):
    """Requests of one connection are answered one after the other; a few more may wait, then reading pauses."""

    def __init__(self, server: Serving, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._application = server.application
        self._loop = loop
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._client = KnownPeer()
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._busy = False
        self._deaf = False
        self._unread = False
        self._in_message = False
        self._in_head = True
        self._head_bytes = 0
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._body_bytes = 0
        self.deadline = _NEVER

    # the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self._transport = transport = cast("asyncio.Transport", transport)
        server = self._server
        server.connections.add(self)
        self.deadline = self._loop.time() + HEAD_TIMEOUT_S
        name = transport.get_extra_info("peername")
        if name:
            self._client = KnownPeer(f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}")
        if server.closing or len(server.connections) > server.connections_max:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone. What it asked for is done all the same; nobody hears of it."""
        del exc
        self._deaf = True
        self._server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Octets have come."""
        if self._deaf:
            return
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._deaf = True  # answered as an ordinary request, and nothing after it is read
        except httptools.HttpParserError:
            self._end_with(400)
        else:
            if self._in_head and self._head_bytes > HEAD_BYTES_MAX and not self._deaf:
                self._end_with(431)

    def pause_writing(self) -> None:
        """The client does not read its answers: nothing more is read from it, and its next requests wait."""
        self._unread = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._unread = False
        if not self._busy and not self._transport.is_closing():
            self._go_on()

    def eof_received(self) -> bool:
        """The client sends no more; what it asked for is still answered."""
        self._deaf = True
        return self._busy

    # the parser's side

    def on_message_begin(self) -> None:
        """The first octet of a request."""
        self._url = b""
        self._headers = {}
        self._body = []
        self._body_bytes = 0
        self._in_message = True
        if not self._busy:
            self.deadline = self._loop.time() + HEAD_TIMEOUT_S

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field; repeated ones are joined as RFC 9110 (5.3) says."""
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        headers = self._headers
        headers[key] = f"{headers[key]}, {text}" if key in headers else text

    def on_headers_complete(self) -> None:
        """The head is whole: a body that is declared too large is refused before it comes."""
        self._in_head = False
        self._head_bytes = 0
        headers = self._headers
        if not self._busy:
            self.deadline = self._loop.time() + self._application.body_timeout_s
        length = headers.get("content-length")
        if length is not None and int(length) > self._application.body_bytes_max:
            self._refuse_body()
        elif headers.get("expect", "").lower() == "100-continue":
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > self._application.body_bytes_max:
            self._refuse_body()
        elif not self._deaf:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_message = False
        self._in_head = True
        if self._deaf:
            return
        keep_alive = bool(self._parser.should_keep_alive())
        request = self._request()
        if self._busy:
            self._waiting.append((request, keep_alive))
            if len(self._waiting) >= _PIPELINE_MAX:
                self._transport.pause_reading()
        else:
            self._start(request, keep_alive)

    # in between

    def _request(self) -> Request:
        url = self._url
        authority: str | None = None
        if url[:1] == b"/":
            path, _, query = url.partition(b"?")
        else:  # absolute-form, authority-form, or an asterisk
            try:
                parts = httptools.parse_url(url)
                path, query = parts.path or b"/", parts.query or b""
                if parts.host:
                    port = f":{parts.port}" if parts.port else ""
                    authority = parts.host.decode("latin-1") + port
            except httptools.HttpParserInvalidURLError:
                path, query = url, b""
        octets = unquote_to_bytes(path) if b"%" in path else path
        peer = self._client
        if authority is not None or self._application.behind_proxy:
            peer = self._peer_of(authority)
        return Request(
            self._parser.get_method().decode("latin-1"),
            octets.decode("utf-8", "replace"),
            query.decode("utf-8", "surrogateescape"),
            self._headers,
            self._body[0] if len(self._body) == 1 else b"".join(self._body),
            peer,
            NO_PARAMS,
        )

    def _peer_of(self, authority: str | None) -> KnownPeer:
        """Behind a proxy, scheme and client are what the proxy wrote last."""
        client, scheme = self._client.client, "http"
        if self._application.behind_proxy:
            last = self._headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
            client = f"{last}:0" if last else client
            if self._headers.get("x-forwarded-proto", "").rpartition(",")[2].strip() == "https":
                scheme = "https"
        return KnownPeer(client, scheme, authority)

    def _start(self, request: Request, keep_alive: bool) -> None:
        self._busy = True
        self.deadline = _NEVER
        task = self._loop.create_task(self._answer(request, keep_alive))
        running = self._server.running
        running.add(task)
        task.add_done_callback(running.discard)

    async def _answer(self, request: Request, keep_alive: bool) -> None:
        response = await self._application.answer(request)
        if self._transport.is_closing():
            return
        if response.status == NO_ANSWER:
            self._waiting.clear()
            self.close()
            return
        keep_alive = keep_alive and (bool(self._waiting) or not (self._server.closing or self._deaf))
        try:
            self._write(request, response, keep_alive)
        except ValueError:
            log.exception("a response that cannot be written", path=request.path)
            keep_alive = False
        self._busy = False
        if not keep_alive:
            self.close()
        if self._unread:
            self.deadline = self._loop.time() + HEAD_TIMEOUT_S
        elif keep_alive:
            self._go_on()

    def _go_on(self) -> None:
        """After an answer was taken: the next request, or waiting for one."""
        if self._waiting:
            self._start(*self._waiting.popleft())
        else:
            limit = self._application.body_timeout_s if self._in_message else HEAD_TIMEOUT_S
            self.deadline = self._loop.time() + limit
            if self._server.moving is not None:  # once the answer is on its way
                self._loop.call_soon(self._server.moving, self)
        if not self._deaf:
            self._transport.resume_reading()

    def _write(self, request: Request, response: Response, keep_alive: bool) -> None:
        status, body = response.status, response.body
        lines = [_STATUS_LINES[status], self._server.date_line]
        for name, value in response.headers:
            if "\n" in value or "\r" in value:
                raise ValueError(f"a header value with a line break: {name}")
            lines.append(f"{name}: {value}\r\n")
        if status not in _WITHOUT_LENGTH:
            lines.append(f"content-length: {len(body)}\r\n")
        lines.append("\r\n" if keep_alive else "connection: close\r\n\r\n")
        head = "".join(lines).encode("latin-1")
        self._transport.write(head if request.method == "HEAD" else head + body)

    def _refuse_body(self) -> None:
        """Answer at once to a body that is too large, and read no more of it."""
        if self._deaf:
            return
        request = self._request()
        self._last_words(request, self._application.refuse(request, Invalid("body_too_large")))

    def _end_with(self, status: int) -> None:
        """Answer what cannot be understood with a bare status."""
        if not self._deaf:
            self._last_words(Request("GET", "/"), Response(status))

    def _last_words(self, request: Request, response: Response) -> None:
        """Write, and leave the client a moment to read before the rest of what it sends is cut off."""
        self._deaf = True
        if self._busy:  # an earlier request is still being answered; its answer is the last
            return
        self._write(request, response, keep_alive=False)
        self._transport.pause_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self.deadline = self._loop.time() + _LINGER_S

    # the server's side

    @property
    def idle(self) -> bool:
        """Whether nothing is being read or answered."""
        return not self._busy and not self._in_message

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self._busy

    @property
    def is_movable(self) -> bool:
        """Whether another process could go on with this connection: nothing of it is here, neither way."""
        transport = self._transport
        is_calm = self.idle and not (self._waiting or self._deaf or self._unread)
        return is_calm and not transport.is_closing() and transport.get_write_buffer_size() == 0

    def leave_by(self, give: Callable[[int], bool]) -> bool:
        """Let `give` hand the open socket to another process, and forget it here. False where it does not."""
        transport = self._transport
        transport.pause_reading()  # what comes from here on stays in the socket
        if not give(transport.get_extra_info("socket").fileno()):
            transport.resume_reading()
            return False
        self._deaf = True
        transport.abort()  # closes this process's descriptor of it, no more: it is open elsewhere
        return True

    def expire(self) -> None:
        """The deadline has passed: end an idle connection, or a request or an answer that does not get on."""
        if self._unread:
            self._transport.abort()
        elif self._in_message and not self._deaf:
            self._end_with(408)
        else:
            self.close()

    def close(self) -> None:
        """Close after what was written is sent."""
        self._deaf = True
        self._transport.close()
