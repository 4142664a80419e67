"""Calls to simulated banks, for tests: one bank or many on free ports, and the clients that ask them."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from chuanliu.connectors import (
    BankListing,
    BankRequest,
    BankSimulator,
    CardData,
    FaultPlan,
    Iso8583Connector,
    LinkSettings,
    open_connector,
)

PROTOCOLS: Final = ("iso8583-1987", "iso8583-1993")
PAN: Final = "6222021234567890123"
CARD: Final = CardData(PAN, "2912")
AT: Final = 1_795_000_000_123_456
QUICK: Final = LinkSettings(
    connect_s=1.0, echo_s=0.5, backoff_s=0.02, backoff_s_max=0.1, failures_max=3, open_s=0.1, open_s_max=0.4
)

_calls = itertools.count(7_000_000_000_000_000_000 + time.time_ns() % 10**15)


def authorise(amount_minor: int = 12_345, **others: Any) -> BankRequest:
    """A card payment in twelve instalments."""
    wish: dict[str, Any] = {
        "kind": "authorise",
        "call_id": next(_calls),
        "amount_minor": amount_minor,
        "currency": "CNY",
        "sent_at": AT,
        "card": CARD,
        "instalments": 12,
        "plan": "12 months, free",
        "merchant_id": 2088_0000_0000_0001,
        "merchant_name": "川流茶铺",
        "category": "5411",
        "order_no": "A-1",
    }
    return BankRequest(**(wish | others))


def about(original: BankRequest, kind: str, amount_minor: int | None = None, **others: Any) -> BankRequest:
    """A completion, refund, reversal or inquiry about a call."""
    return authorise(
        original.amount_minor if amount_minor is None else amount_minor,
        kind=kind,
        original_call_id=original.call_id,
        original_sent_at=original.sent_at,
        **others,
    )


def again(request: BankRequest) -> BankRequest:
    """The same call once more."""
    return msgspec.structs.replace(request, attempt=request.attempt + 1)


@dataclass
class Rig:
    """Simulated banks in this process, each with a client."""

    simulator: BankSimulator
    clients: dict[str, Iso8583Connector]

    @property
    def client(self) -> Iso8583Connector:
        return self.clients["bank"]

    async def faults(self, code: str = "bank", **plan: Any) -> None:
        await self.simulator.set_faults(code, FaultPlan(**plan))

    def state(self, request: BankRequest, code: str = "bank") -> str | None:
        line = self.simulator.bank(code).book.lines.get(request.call_id)
        return None if line is None else line.state


@asynccontextmanager
async def banks(
    protocol: str, *codes: str, settings: LinkSettings = QUICK, journal: Path | None = None, **plan: Any
) -> AsyncIterator[Rig]:
    """Banks that listen, with clients that have not connected yet."""
    listings = [BankListing(code=code, protocol=protocol, faults=FaultPlan(**plan)) for code in codes or ("bank",)]
    simulator = BankSimulator(listings, seed=7, journal=journal)
    await simulator.start()
    clients = {}
    for code, port in simulator.ports.items():
        client = open_connector(protocol, f"127.0.0.1:{port}", settings)
        assert isinstance(client, Iso8583Connector)
        clients[code] = client
    try:
        yield Rig(simulator, clients)
    finally:
        for client in clients.values():
            await client.close()
        await simulator.close()


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """On the loop that gateways run on; a story that hangs fails."""

    async def bounded() -> None:
        async with asyncio.timeout(60):
            await story()

    uvloop.run(bounded())


async def until(check: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that another task brings about."""
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)
