"""A merchant's client as it should be: what has no clear answer is asked again with the same number, for a while."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final

from chuanliu.drill.http_client import HttpClient, NoAnswer
from chuanliu.drill.journal import Journal
from chuanliu.drill.requests import Answer, Request, read_answer

TRY_SECONDS: Final = 8.0
PATIENCE_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = (0.05, 1.0)


class MerchantClient:
    """Asks one platform on a bounded number of connections, and counts the answers in a journal."""

    def __init__(self, host: str, port: int, connections: int, journal: Journal) -> None:
        self.journal = journal
        self._http = HttpClient(host, port, connections)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

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
            status, body = await self._http.send(
                request.method, request.target, request.headers, request.body, TRY_SECONDS
            )
        except NoAnswer as trouble:
            self._count(str(trouble))
            return None
        answer = read_answer(request, status, body)
        self._count(answer.code if answer.verdict != "done" else "done")
        return answer

    def _count(self, outcome: str) -> None:
        answers = self.journal.answers
        answers[outcome] = answers.get(outcome, 0) + 1
