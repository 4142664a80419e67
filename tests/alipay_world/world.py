"""The gateway's application with merchants and consumers, and a client that signs and verifies as an SDK does."""

from __future__ import annotations

import asyncio
import json
import secrets
import tempfile
import time
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import psycopg

from chuanliu import crypto
from chuanliu.clock import wall_text
from chuanliu.crypto import RsaKeyPair, SignType
from chuanliu.gateway import Services, alipay_routes, cashier, consumer
from chuanliu.gateway.alipay import request_sign_string
from chuanliu.parties import (
    SALT_RANDOMNESS,
    AddConsumer,
    AddMerchant,
    FindConsumer,
    MintCodes,
    hash_pay_password,
    payment_code_number,
    signing_key_for,
)
from chuanliu.runtime.engine_session_store import engine_session
from chuanliu.runtime.settings import Settings
from chuanliu.serving import Application, Request, Response, Router

PUBLIC_URL: Final = "http://pay.example"
PASSWORD: Final = "123456"
TABLES: Final = ("orders", "payment", "payment_leg", "refund", "transfer", "outbox", "event", "delivery")

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Shop:
    """A merchant's app with its key pair."""

    app_id: str
    seller_id: str
    pair: RsaKeyPair
    platform_public_key: str


@dataclass
class World:
    """One platform with a database of its own. Everything runs on one loop that turns while something is asked."""

    runner: asyncio.Runner
    services: Services
    application: Application
    database_url: str
    shops: list[Shop] = field(default_factory=list)

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Run something on the platform's loop."""
        return self.runner.run(work)

    def submit(self, command: Any) -> Any:
        """Run a command."""

        async def submitted() -> Any:
            return await self.services.engine.submit(command)

        return self.run(submitted())

    def settle(self) -> None:
        """Wait until the snapshot of reference data has caught up with the latest change, a matter of moments."""
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute("SELECT version FROM reference_version").fetchone()
        while row is not None and self.services.engine.reference.version < row[0]:
            self.run(asyncio.sleep(0.005))

    def ask(self, query: Any) -> Any:
        """Ask a query."""

        async def asked() -> Any:
            return await self.services.engine.ask(query)

        return self.run(asked())

    def send(
        self,
        path: str,
        query: str = "",
        body: bytes = b"",
        *,
        method: str = "POST",
        headers: dict[str, str] | None = None,
    ) -> Response:
        """One HTTP request to the application."""
        return self.run(self.application.answer(Request(method, path, query, headers or {}, body)))

    def shop(self, **terms: Any) -> Shop:
        """A new merchant with an app in key mode."""
        pair = crypto.generate_key_pair()
        added = self.submit(AddMerchant(f"shop {secrets.token_hex(3)}", public_key=pair.public, **terms))
        self.settle()
        key = signing_key_for(self.services.engine.reference, self.services.vault, added.app)
        public = crypto.public_of_private(key.private_key)
        made = Shop(str(added.app.app_id), str(added.merchant.merchant_id), pair, public)
        self.shops.append(made)
        return made

    def consumer(self, balance_minor: int = 1000_00, name: str = "小川", **terms: Any) -> int:
        """A new consumer with money and the pay password `PASSWORD`."""
        hashed = hash_pay_password(PASSWORD, secrets.token_bytes(SALT_RANDOMNESS))
        return int(self.submit(AddConsumer(name, hashed, balance_minor, **terms)).consumer_id)

    def code(self, consumer_id: int) -> str:
        """A fresh payment code."""
        number = payment_code_number(secrets.randbelow(10**16))
        return str(self.submit(MintCodes(consumer_id, (number,)))[0].code)

    def balance(self, consumer_id: int) -> int:
        """What the consumer has, in minor units."""
        return int(self.ask(FindConsumer(consumer_id)).account.balance_minor)

    def call(self, shop: Shop, method: str, biz: dict[str, Any] | str | bytes, **params: str) -> dict[str, Any]:
        """Call a v2 method as an SDK does: common parameters in the query, business fields in the body."""
        query, body = signed_call(shop, method, biz, **params)
        return verified(shop, method, self.send("/gateway.do", query, body, headers=FORM), **params)

    def counts(self) -> dict[str, int]:
        """How many rows each table of trade and ledger holds."""
        with psycopg.connect(self.database_url) as connection:
            rows = [(name, connection.execute(f"SELECT count(*) FROM {name}").fetchone()) for name in TABLES]
        return {name: row[0] for name, row in rows if row is not None}


FORM: Final = {"content-type": "application/x-www-form-urlencoded"}


def signed_call(
    shop: Shop, method: str, biz: dict[str, Any] | str | bytes, /, *, key: str | None = None, **params: str
) -> tuple[str, bytes]:
    """Query and body of a signed v2 request. `params` replace common parameters; an empty one is left out."""
    sign_type: SignType = "RSA" if params.get("sign_type") == "RSA" else "RSA2"
    charset = params.get("charset", "utf-8")
    content = biz if isinstance(biz, str | bytes) else json.dumps(biz, ensure_ascii=False)
    codec = "gb18030" if charset.lower().startswith("gb") else "utf-8"
    common = {
        "app_id": shop.app_id,
        "method": method,
        "format": "json",
        "charset": charset,
        "sign_type": sign_type,
        "timestamp": wall_text(time.time_ns() // 1000),
        "version": "1.0",
        **params,
    }
    raw = {name.encode(): value.encode(codec) for name, value in common.items() if value}
    raw[b"biz_content"] = content.encode(codec) if isinstance(content, str) else content
    raw[b"sign"] = crypto.sign(request_sign_string(raw), key or shop.pair.private, sign_type).encode()
    body = urlencode({"biz_content": raw.pop(b"biz_content")}).encode()
    return urlencode(raw), body


def verified(shop: Shop, method: str, response: Response, **params: str) -> dict[str, Any]:
    """The node of a signed v2 response, as SDKs cut it out and verify it."""
    root = method.replace(".", "_") + "_response"
    return verified_node(response, root, shop.platform_public_key, **params)


def verified_node(
    response: Response, root: str, public_key: str, *, sign_type: str = "RSA2", charset: str = "utf-8", **_: str
) -> dict[str, Any]:
    """Check status, framing and signature; the node as JSON."""
    assert response.status == 200
    body = response.body
    prefix = b'{"%b":' % root.encode()
    assert body.startswith(prefix), body
    marks = [at for at in (body.rfind(b',"alipay_cert_sn":"'), body.rfind(b',"sign":"')) if at > 0]
    node = body[len(prefix) : min(marks)]
    signature = json.loads(body[body.rfind(b',"sign":') + 8 : -1])
    assert crypto.verify(node, signature, public_key, "RSA" if sign_type == "RSA" else "RSA2")
    found: dict[str, Any] = json.loads(node.decode(charset))
    return found


@contextmanager
def world(database_url: str) -> Iterator[World]:
    """A platform on a migrated database, closed at the end."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        data = Path(folder)
        settings = Settings(data, data / "master.key", database_url=database_url, sandbox=True, public_url=PUBLIC_URL)
        stack = AsyncExitStack()
        services = runner.run(stack.enter_async_context(engine_session(settings)))
        try:
            router = Router()
            alipay_routes.add_routes(router, services)
            cashier.add_routes(router, services)
            consumer.add_routes(router, services)
            application = Application(
                router,
                refuse=lambda request, error: alipay_routes.refuse(services, request, error),
                overload=lambda request: alipay_routes.overload(services, request),
            )
            yield World(runner, services, application, database_url)
        finally:
            runner.run(stack.aclose())
