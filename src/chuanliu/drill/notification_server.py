"""The merchants' notification endpoint: counts what was sent to it, and says `success`."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from chuanliu.drill.journal import Journal

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\nsuccess"


class NotificationServer:
    """Serves on a free loopback port from `start` to `close`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._server: asyncio.Server | None = None
        self.url = ""

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/notify"

    async def close(self) -> None:
        """Stop listening and drop the connections."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self._keep(await reader.readexactly(_length(head)))
                writer.write(_ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def _keep(self, body: bytes) -> None:
        form = dict(parse_qsl(body.decode()))
        key = f"{form['seller_id']} {form['out_trade_no']} {form['trade_status']}"
        self._journal.notifications[key] = self._journal.notifications.get(key, 0) + 1


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return 0
