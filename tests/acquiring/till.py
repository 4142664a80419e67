"""A till as a process of its own: it sells, closes, refunds, sweeps what is due with banks, and may be killed any time.

Reads a `Task` as JSON from its standard input, and writes what it was told as one JSON object a line.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import uvloop

from chuanliu.acquiring import Banks, BankSweeper
from chuanliu.connectors import LinkSettings
from chuanliu.engine import Command, Engine
from chuanliu.errors import ChuanliuError
from chuanliu.instalments import Wish, wish_bytes
from chuanliu.runtime import Settings, configure_log, engine_session
from chuanliu.trade import (
    IN_PROGRESS,
    PAID,
    REFUSED,
    CancelOrder,
    CloseOrder,
    CreateOrder,
    OrderRef,
    OrderSpec,
    PayOrder,
    PayOutcome,
    RefundOrder,
)

QUICK = LinkSettings(
    connect_s=1.0, echo_s=0.5, backoff_s=0.02, backoff_s_max=0.1, failures_max=5, open_s=0.1, open_s_max=0.4
)


class Task(msgspec.Struct):
    """Orders `first` to below `until` of a merchant, by these consumers in turn, so many at once."""

    database_url: str
    master_key_file: str
    merchant_id: int
    consumers: list[tuple[int, str]]
    first: int
    until: int
    at_once: int
    seed: int


class Till:
    """One run of a task."""

    def __init__(self, task: Task, engine: Engine, banks: Banks) -> None:
        self.task = task
        self.engine = engine
        self.banks = banks

    async def ask(self, command: Command[Any]) -> Any:
        """The outcome, or the refusal's code."""
        try:
            return await self.engine.submit(command)
        except ChuanliuError as error:
            return error.code

    def tell(self, number: int, **told: Any) -> None:
        """What a client would know from here on."""
        sys.stdout.buffer.write(msgspec.json.encode({"number": number, **told}) + b"\n")
        sys.stdout.buffer.flush()

    async def pay(self, order_id: int, consumer_id: int, waits_s: float) -> PayOutcome | str:
        asked = await self.ask(PayOrder(order_id, consumer_id, asked_at=time.time_ns() // 1000))
        return asked if isinstance(asked, str) else await self.banks.settle(asked, waits_s)

    async def serve(self, number: int) -> None:
        """One customer: pays, asks again, gives up, returns the goods."""
        draw = random.Random(f"{self.task.seed} {number}")
        consumer_id, means = self.task.consumers[number % len(self.task.consumers)]
        wish = Wish(allowed=(means,), instalments=draw.choice((3, 6, 12)))
        amount = draw.randrange(1_00, 900_00)
        no = f"order-{number}"
        self.tell(number, begun=True)
        asked = OrderSpec(self.task.merchant_id, 0, no, "qr", "tea", amount, wish=wish_bytes(wish))
        order = await self.ask(CreateOrder(asked))
        assert not isinstance(order, str), order
        ref = OrderRef(self.task.merchant_id, no)
        outcome = await self.pay(order.order_id, consumer_id, draw.uniform(0.01, 1.0))
        for _ in range(3):
            result = outcome if isinstance(outcome, str) else outcome.result
            self.tell(number, amount=amount, result=result)
            if result == PAID:
                await self.give_back(number, ref, amount, draw)
                return
            if draw.random() < 0.25:
                end = draw.choice((CloseOrder, CancelOrder))
                ended = await self.ask(end(ref))
                if not isinstance(ended, str):
                    self.tell(number, ended=end.__name__, action=getattr(ended, "action", "close"))
                return
            if result == IN_PROGRESS:
                await asyncio.sleep(draw.uniform(0.05, 0.6))
            elif result != REFUSED:
                return
            outcome = await self.pay(order.order_id, consumer_id, draw.uniform(0.01, 1.0))

    async def give_back(self, number: int, ref: OrderRef, amount: int, draw: random.Random) -> None:
        """Of every other payment something, of some all."""
        left = amount
        for turn in range(draw.choice((0, 0, 1, 2))):
            part = left if draw.random() < 0.3 else draw.randrange(1, left + 1)
            refunded = await self.ask(RefundOrder(ref, part, f"r{turn}"))
            if isinstance(refunded, str):
                return
            self.tell(number, refunded=part)
            left -= part
            if not left:
                return

    async def sweep(self) -> None:
        """As the leader's process does."""
        sweeper = BankSweeper(self.engine, self.banks)
        connection = await psycopg.AsyncConnection.connect(self.task.database_url, autocommit=True)
        async with connection:
            try:
                while True:
                    await sweeper.sweep(connection)
                    await asyncio.sleep(0.05)
            finally:
                await sweeper.close()


async def main(task: Task) -> None:
    """Serve all customers, then sweep until standard input is closed."""
    key_file = Path(task.master_key_file)
    settings = Settings(data=key_file.parent, master_key_file=key_file, database_url=task.database_url)
    async with engine_session(settings) as services:
        banks = Banks(services.engine, services.vault, answer_within_s=0.8, link=QUICK)
        till = Till(task, services.engine, banks)
        sweeping = asyncio.create_task(till.sweep())
        numbers = iter(range(task.first, task.until))

        async def counter() -> None:
            for number in numbers:
                await till.serve(number)

        await asyncio.gather(*(counter() for _ in range(task.at_once)))
        till.tell(-1, done=True)
        await asyncio.to_thread(sys.stdin.buffer.read)
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
        await banks.close()


if __name__ == "__main__":
    configure_log("error")
    uvloop.run(main(msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)))
