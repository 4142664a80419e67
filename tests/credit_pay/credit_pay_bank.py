"""A simulated bank of credit pay on loopback, and a client of it, for the tests of both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

import uvloop

from chuanliu.clock import SECOND
from chuanliu.connectors import (
    BankListing,
    BankRequest,
    BankSimulator,
    Breaker,
    CallKind,
    CreditPayConnector,
    CreditPayKeys,
    CreditPayLimits,
    CreditPayParties,
    FaultPlan,
    SigningKey,
)
from chuanliu.connectors.credit_pay.signing import Signed, answer_text
from chuanliu.crypto import generate_key_pair, sign

PLATFORM: Final = generate_key_pair()
BANK: Final = generate_key_pair()
STRANGER: Final = generate_key_pair()
CODE: Final = "KITE"

KEYS: Final = CreditPayKeys(key_id="b1", private_key=BANK.private, platform_keys={"p1": PLATFORM.public})
PATIENT: Final = CreditPayLimits(breaker=Breaker(failures_max=1000))


def run(story: Coroutine[Any, Any, None]) -> None:
    """On the loop that the platform's processes run on."""
    uvloop.run(story)


def always(fault: str, **more: Any) -> FaultPlan:
    """A plan by which every call meets one fault."""
    return FaultPlan(**{fault: 1000}, **more)


@asynccontextmanager
async def simulated(plan: FaultPlan | None = None, *, seed: int = 1) -> AsyncIterator[BankSimulator]:
    """One bank, called `CODE`, that listens."""
    listing = BankListing(code=CODE, protocol="credit-pay", faults=plan or FaultPlan(), credit_pay=KEYS)
    simulator = BankSimulator([listing], seed=seed)
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.close()


PARTIES: Final = CreditPayParties(CODE, SigningKey("p1", PLATFORM.private), {"b1": BANK.public})


@asynccontextmanager
async def client_at(
    port: int, limits: CreditPayLimits = PATIENT, parties: CreditPayParties = PARTIES
) -> AsyncIterator[CreditPayConnector]:
    """A client that is closed in the end."""
    client = CreditPayConnector(f"http://127.0.0.1:{port}", parties, limits)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def pair(plan: FaultPlan | None = None) -> AsyncIterator[tuple[BankSimulator, CreditPayConnector]]:
    """A bank and a client of it that has asked for its health."""
    async with simulated() as simulator, client_at(simulator.ports[CODE]) as client:
        assert (await client.ask(call("inquire", 999, 998), 5)).raw_code == "call_unknown"
        await simulator.set_faults(CODE, plan or FaultPlan())
        yield simulator, client


def call(
    kind: CallKind, call_id: int, original: int | None = None, amount_minor: int = 120_000, attempt: int = 1
) -> BankRequest:
    """One call, of an account that exists."""
    return BankRequest(
        kind=kind,
        call_id=call_id,
        amount_minor=amount_minor,
        currency="CNY",
        sent_at=1_790_000_000 * SECOND + attempt,
        attempt=attempt,
        original_call_id=original,
        account="line-7" if kind == "authorise" else None,
        instalments=12,
        plan="12 flat 0",
        merchant_id=2088000000000017,
        merchant_name="茶铺",
        category="5499",
        order_no="tea-1",
    )


async def raw_bank(answer: bytes | None) -> tuple[asyncio.Server, int]:
    """A bank that is healthy and answers calls with these octets (None: is silent), and closes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if head.startswith("GET "):
                writer.write(_healthy(head))
            elif answer is None:
                await reader.read()
            else:
                writer.write(answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    return server, int(server.sockets[0].getsockname()[1])


def _healthy(head: str) -> bytes:
    headers = dict(line.split(": ", 1) for line in head.strip().splitlines()[1:])
    signed = Signed(CODE, "GET", "/credit-pay/v1/health", headers["chuanliu-timestamp"], headers["chuanliu-nonce"])
    body = b'{"status":"ok"}'
    signature = sign(answer_text(signed, 200, body), BANK.private)
    return (
        f"HTTP/1.1 200 OK\r\nchuanliu-key: b1\r\nchuanliu-signature: {signature}\r\n"
        f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body
