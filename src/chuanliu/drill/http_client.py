"""The least of HTTP/1.1 that a load of thousands of requests a second can afford: keep-alive, content-length bodies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

_CONNECT_SECONDS = 2.0


class NoAnswer(Exception):
    """The connection could not be made, broke, or nothing came in time. What the request did is not known."""


@dataclass(frozen=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class HttpClient:
    """Sends requests to one address on a bounded number of connections, each request on a free one."""

    def __init__(self, host: str, port: int, connections: int) -> None:
        self._host = host
        self._port = port
        self._room = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []

    async def send(
        self, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes, seconds: float
    ) -> tuple[int, bytes]:
        """Status and body of the answer. Raises `NoAnswer` whose message names the kind of trouble."""
        lines = [f"{method} {target} HTTP/1.1", f"host: {self._host}:{self._port}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        message = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
        async with self._room:
            connection = self._idle.pop() if self._idle else await self._connect()
            try:
                async with asyncio.timeout(seconds):
                    connection.writer.write(message)
                    answer = await _read(connection.reader)
            except TimeoutError:
                connection.writer.close()
                raise NoAnswer("timed out") from None
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
                connection.writer.close()
                raise NoAnswer("connection broke") from None
            except BaseException:
                connection.writer.close()
                raise
            self._idle.append(connection)
            return answer

    def close(self) -> None:
        """Close the idle connections."""
        for connection in self._idle:
            connection.writer.close()
        self._idle.clear()

    async def _connect(self) -> _Connection:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                return _Connection(*await asyncio.open_connection(self._host, self._port))
        except (OSError, TimeoutError):
            raise NoAnswer("no connection") from None


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    at = head.index(b"\r\ncontent-length:") + 17
    length = int(head[at : head.index(b"\r\n", at)])
    return int(head[9:12]), await reader.readexactly(length)
