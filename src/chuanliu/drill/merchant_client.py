"""A merchant's client as it should be: what has no clear answer is asked again with the same number, for a while."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final

import httpcore

from chuanliu.drill.journal import Journal
from chuanliu.drill.requests import Answer, Request, read_answer

TRY_SECONDS: Final = 8.0
PATIENCE_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = (0.05, 1.0)

_TIMEOUTS: Final = {"connect": 2.0, "write": TRY_SECONDS, "read": TRY_SECONDS, "pool": 2 * TRY_SECONDS}
_TROUBLE: Final = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


class MerchantClient:
    """Sends requests to one address on a bounded number of connections. Use it as a context."""

    def __init__(self, base_url: str, connections: int, journal: Journal) -> None:
        self.journal = journal
        self._base_url = base_url.encode()
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30.0
        )

    async def __aenter__(self) -> MerchantClient:
        await self._pool.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.aclose()

    async def ask(self, request: Request, *, patience_seconds: float = PATIENCE_SECONDS) -> Answer | None:
        """The clear answer to a request, or None when there was none in time: then it is not known what happened."""
        gives_up_at = time.monotonic() + patience_seconds
        low, high = _PAUSE_SECONDS
        pause = low
        first = True
        while True:
            began = time.monotonic()
            answer = await self.try_once(request)
            if answer is not None and answer.verdict != "again":
                if answer.verdict == "done" and request.method == "POST":
                    self.journal.succeeded(began, time.monotonic())
                return answer
            if time.monotonic() + pause > gives_up_at:
                return None
            if first:
                self.journal.retried += 1
                first = False
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads the retries, hides nothing
            pause = min(2 * pause, high)

    async def try_once(self, request: Request) -> Answer | None:
        """The answer to one try; None where the connection broke or nothing came in time."""
        self.journal.requests += 1
        try:
            response = await self._pool.request(
                request.method,
                self._base_url + request.target.encode(),
                headers=list(request.headers),
                content=request.body,
                extensions={"timeout": _TIMEOUTS},
            )
        except _TROUBLE as trouble:
            self._count(type(trouble).__name__)
            return None
        answer = read_answer(request, response.status, response.content)
        self._count(answer.code if answer.verdict != "done" else "done")
        return answer

    def _count(self, outcome: str) -> None:
        answers = self.journal.answers
        answers[outcome] = answers.get(outcome, 0) + 1
