"""The load generator's process, as the rehearsal that started it sees it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from chuanliu.errors import Unavailable
from chuanliu.rehearsal.messages import FromLoad, LoadPlan, Ready, Second, ToLoad

_LINE_MAX: Final = 256 * 1024 * 1024
_READY_WITHIN_S: Final = 60.0
_END_WITHIN_S: Final = 30.0


class Generator:
    """`say` things to it; iterate over what it reports. The report that is its `last` ends it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._encode = msgspec.json.Encoder().encode
        self._decode: Callable[[bytes], FromLoad] = msgspec.json.Decoder(FromLoad).decode

    def say(self, message: ToLoad) -> None:
        """Send a message; one that can no longer arrive is dropped."""
        writer = self._process.stdin
        if writer is not None and not writer.is_closing():
            writer.write(self._encode(message) + b"\n")

    async def ready(self) -> None:
        """Wait until it has its connections. Raises `Unavailable` when it cannot have them."""
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                if not isinstance(await self._hear(), Ready):
                    raise Unavailable("the load generator did not get ready")
        except TimeoutError:
            raise Unavailable("the load generator cannot connect to the gateway") from None

    async def reports(self) -> AsyncIterator[Second]:
        """Each second's report. Raises `Unavailable` when the process ends without its last."""
        while isinstance(report := await self._hear(), Second):
            yield report
            if report.last:
                return

    async def _hear(self) -> FromLoad:
        reader = self._process.stdout
        assert reader is not None
        line = await reader.readline()
        if not line:
            raise Unavailable("the load generator ended before its time")
        return self._decode(line)


@asynccontextmanager
async def generator(plan: LoadPlan) -> AsyncIterator[Generator]:
    """Start it with a plan; it ends with the context, whatever happened."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "chuanliu.rehearsal.load_client",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_MAX,
    )
    made = Generator(process)
    try:
        made.say(plan)
        yield made
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_END_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
