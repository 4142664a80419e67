"""The admin API over its routes, with a real engine and database."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from chuanliu.gateway import Services, admin
from chuanliu.parties import (
    API_KEY_RANDOMNESS,
    AddApiKey,
    AddMerchant,
    AppKeys,
    ReadReference,
    api_key_text,
    find_app_keys,
    new_api_key,
)
from chuanliu.runtime import Settings, engine_session
from chuanliu.serving import Application, Request, Response, Router

T = TypeVar("T")


@dataclass
class Platform:
    """Routes over an engine in a loop of its own thread, and a key of each kind."""

    loop: asyncio.AbstractEventLoop
    services: Services
    admin_key: str = ""
    merchant_key: str = ""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "admin",
        sandbox: bool = True,
        media_type: str = "application/json",
    ) -> Response:
        router = Router()
        admin.add_routes(router, replace(self.services, sandbox=sandbox))
        headers = {"content-type": media_type}
        if key is not None:
            headers["authorization"] = "Bearer " + {"admin": self.admin_key, "merchant": self.merchant_key}.get(
                key, key
            )
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.run(Application(router).answer(Request(method, path, headers=headers, body=raw)))

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        response = self.call(method, path, body, **options)
        assert response.status in (200, 201), response.body
        return json.loads(response.body)

    def code(self, *args: Any, **options: Any) -> tuple[int, str]:
        """Status and code of a problem."""
        response = self.call(*args, **options)
        assert response.header("content-type") == "application/problem+json", response.body
        return response.status, json.loads(response.body)["code"]

    def keys_of(self, app_id: str) -> AppKeys | None:
        async def find() -> AppKeys | None:
            reference = await self.services.engine.ask(ReadReference())
            return find_app_keys(reference, self.services.vault, app_id, now)

        now = self.now()
        return self.run(find())

    def now(self) -> int:
        async def ask() -> int:
            async with self.services.reads.connection() as connection:
                cursor = await connection.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
                row = await cursor.fetchone()
                assert row is not None
                return int(row[0])

        return self.run(ask())


@contextmanager
def running(database_url: str, folder: Path) -> Iterator[Platform]:
    """A platform on a migrated database."""
    settings = Settings(folder, folder / "master.key", database_url=database_url, sandbox=True)
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    session = engine_session(settings)
    made = Platform(loop, asyncio.run_coroutine_threadsafe(session.__aenter__(), loop).result(60))
    try:
        made.admin_key = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS), "admin")
        made.merchant_key = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS))

        async def add() -> None:
            engine = made.services.engine
            await engine.submit(AddApiKey(0, new_api_key(made.admin_key)))
            await engine.submit(AddMerchant("某商户", api_key=new_api_key(made.merchant_key)))
            await engine.ask(ReadReference())

        made.run(add())
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(session.__aexit__(None, None, None), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
