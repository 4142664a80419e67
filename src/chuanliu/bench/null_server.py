"""A server that does nothing but answer, to measure what the load generator itself can do."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import cast

import uvloop

_RESPONSE = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{"status":"ok"}'


class NullConnection(asyncio.Protocol):
    """Answers every chunk that arrives as one request."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer without reading."""
        del data
        self.transport.write(_RESPONSE)


async def serve(listener: socket.socket) -> None:
    """Serve on a listening socket until cancelled."""
    server = await asyncio.get_running_loop().create_server(NullConnection, sock=listener)
    await server.serve_forever()


def main() -> None:
    """Listen on a free loopback port, print it, serve until the process is ended."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(listener))
