"""A platform in this process with a real engine and database, and the hands of merchants, payers and the dispatcher."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import Awaitable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from chuanliu.clock import HOUR
from chuanliu.engine import dispatch_store
from chuanliu.gateway import Services, native
from chuanliu.ledger import fold_store
from chuanliu.notifications import DestinationPolicy, subscribers, write_deliveries
from chuanliu.parties import AddConsumer, AddMerchant, MintCodes, api_key_text, new_api_key, payment_code_number
from chuanliu.runtime import Settings
from chuanliu.runtime.engine_session_store import engine_session
from chuanliu.serving import Application, Request, Router, serve
from chuanliu.trade import ConfirmPayment, PayOrder

T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """An answer as a client sees it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        assert self.json["status"] == self.status
        return str(self.json["code"])


@dataclass(frozen=True)
class Merchant:
    merchant_id: int
    api_key: str


@dataclass
class NativePlatform:
    """Everything runs in one loop of its own thread."""

    database_url: str
    services: Services
    application: Application
    loop: asyncio.AbstractEventLoop
    references: Iterator[str] = field(default_factory=lambda: iter(lambda: "ref-" + secrets.token_hex(8), ""))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def call(
        self,
        merchant: Merchant | None,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request; `body` is encoded as JSON unless it is bytes."""
        return self.run(self.calling(merchant, method, path, body, headers=headers))

    async def calling(
        self,
        merchant: Merchant | None,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        sent = {"authorization": f"Bearer {merchant.api_key}"} if merchant is not None else {}
        if body is not None:
            sent["content-type"] = "application/json"
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        where, _, query = path.partition("?")
        response = await self.application.answer(Request(method, where, query, {**sent, **(headers or {})}, raw))
        return Reply(response.status, dict(response.headers), response.body)

    async def calling_at_once(self, merchant: Merchant, method: str, path: str, bodies: list[Any]) -> list[Reply]:
        return await asyncio.gather(*(self.calling(merchant, method, path, body) for body in bodies))

    def merchant(self, name: str = "茶馆", fee_bps: int = 0, platform_id: int | None = None) -> Merchant:
        key = api_key_text(secrets.token_bytes(32))
        command = AddMerchant(name, fee_bps, platform_id=platform_id, api_key=new_api_key(key), with_app=False)
        added = self.run(self._submit(command))
        return Merchant(added.merchant.merchant_id, key)

    def consumer(self, balance_minor: int = 100_000, confirm_above_minor: int = 10**9) -> int:
        command = AddConsumer("小明", "!", balance_minor, confirm_above_minor)
        return self.run(self._submit(command)).consumer_id

    def payment_code(self, consumer_id: int) -> str:
        code = payment_code_number(secrets.randbelow(10**16))
        self.run(self._submit(MintCodes(consumer_id, (code,), HOUR)))
        return str(code)

    def pay_order(self, order_id: str, consumer_id: int) -> None:
        self.run(self._submit(PayOrder(int(order_id), consumer_id)))

    def confirm(self, payment_id: str, consumer_id: int, *, agreed: bool = True) -> None:
        self.run(self._submit(ConfirmPayment(int(payment_id), consumer_id, agreed)))

    async def _submit(self, command: Any) -> Any:
        return await self.services.engine.submit(command)

    def paid(self, merchant: Merchant, value: str = "10.00", **fields: Any) -> Any:
        """A payment by code of a fresh consumer, as the API shows it."""
        body = payment_body(self.payment_code(self.consumer()), value, reference=next(self.references), **fields)
        reply = self.call(merchant, "POST", "/v1/payments", body)
        assert reply.status == 201, reply.body
        return reply.json

    def dispatch(self) -> int:
        """Number all events and write their deliveries, as the worker does."""

        async def step() -> int:
            engine = self.services.engine
            policy = DestinationPolicy(own_networks_allowed=True)

            async def deliver(connection: psycopg.AsyncConnection[Any], events: Any) -> None:
                await write_deliveries(connection, list(events), engine.reference, policy, engine.ids.next)

            async with await psycopg.AsyncConnection.connect(self.database_url, autocommit=True) as connection:
                return await dispatch_store.dispatch(connection, subscribers(engine.reference), deliver)

        return self.run(step())

    def fold(self) -> int:
        """Give buffered entries their numbers, as the worker does."""

        async def step() -> int:
            async with await psycopg.AsyncConnection.connect(self.database_url, autocommit=True) as connection:
                return await fold_store.fold(connection)

        return self.run(step())

    def sql(self, text: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(text, values)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Serve on a loopback port."""
        ports: list[int] = []
        up = threading.Event()
        stop = asyncio.Event()

        def listening(port: int) -> None:
            ports.append(port)
            up.set()

        work: Awaitable[None] = serve(self.application, "127.0.0.1", 0, stop=stop, on_listening=listening)
        running = asyncio.run_coroutine_threadsafe(_await(work), self.loop)
        assert up.wait(20)
        try:
            yield f"http://127.0.0.1:{ports[0]}"
        finally:
            self.loop.call_soon_threadsafe(stop.set)
            running.result(30)


async def _await(work: Awaitable[T]) -> T:
    return await work


def payment_body(code: str, value: str = "10.00", **fields: Any) -> dict[str, Any]:
    return {"payment_code": code, "amount": {"currency": "CNY", "value": value}, "subject": "龙井茶", **fields}


def order_body(value: str = "10.00", **fields: Any) -> dict[str, Any]:
    return {"amount": {"currency": "CNY", "value": value}, "subject": "龙井茶", **fields}


def cny(value: str) -> dict[str, str]:
    return {"currency": "CNY", "value": value}


@contextmanager
def native_platform(database_url: str, folder: Path, queue_max: int = 8192) -> Iterator[NativePlatform]:
    """Start everything in a thread of its own, and stop it."""
    settings = Settings(
        data=folder,
        master_key_file=folder / "master.key",
        database_url=database_url,
        queue_max=queue_max,
        sandbox=True,
        public_url="https://pay.example",
    )
    started: list[NativePlatform] = []
    failed: list[BaseException] = []
    ready = threading.Event()
    stop: list[asyncio.Event] = []

    async def main() -> None:
        stop.append(asyncio.Event())
        async with engine_session(settings) as services:
            router = Router()
            native.add_routes(router, services)
            loop = asyncio.get_running_loop()
            started.append(NativePlatform(database_url, services, Application(router), loop))
            ready.set()
            await stop[0].wait()

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="native platform")
    thread.start()
    ready.wait(60)
    try:
        if failed:
            raise failed[0]
        yield started[0]
    finally:
        if started:
            started[0].loop.call_soon_threadsafe(stop[0].set)
        thread.join(30)
    if failed:
        raise failed[0]
