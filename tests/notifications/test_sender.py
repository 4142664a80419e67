"""The sender with a real database and real sockets: merchants behind one host do not starve each other."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from chuanliu.clock import Micros
from chuanliu.notifications import DeliveryClient, DestinationPolicy, DueDelivery, Rendered, Sender

SLOW = range(2088000000000010, 2088000000000013)
QUICK = 2088000000000020
PER_MERCHANT = 80
_INSERT = """
    INSERT INTO delivery (cell, delivery_id, merchant_id, event_id, event_seq, dialect, endpoint_id, url, destination,
        kind, subject_id, payload, status, attempts, due_at, created_at)
    VALUES (1, %s, %s, 1, 1, 'alipay', 0, %s, %s, 'order.paid', 1, '', 'due', 0, now() - %s * interval '1 s', now())
"""


class SharedHost:
    """A host with many merchants behind it: those under `/slow` are never answered, the others at once."""

    def __init__(self) -> None:
        self.open: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        talks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            talks.add(task)
            path = "?"
            try:
                path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
                for name in (path, "all"):
                    self.open[name] += 1
                    self.most[name] = max(self.most[name], self.open[name])
                if path.startswith("/slow"):
                    await reader.read()
                else:
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nsuccess")
                    await writer.drain()
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                for name in (path, "all"):
                    self.open[name] -= 1
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for task in talks:
                task.cancel()
            await asyncio.gather(*talks, return_exceptions=True)


async def render(delivery: DueDelivery, now: Micros) -> Rendered:
    return Rendered({"content-type": "text/plain"}, b"body")


@pytest.mark.parametrize("slow_are_older", [True, False])
def test_slow_endpoints_at_a_shared_host_do_not_starve_another_merchant(
    database_url: str, slow_are_older: bool
) -> None:
    host = SharedHost()

    async def delivered(connection: psycopg.AsyncConnection[tuple[int]]) -> int:
        cursor = await connection.execute(
            "SELECT count(*) FROM delivery WHERE merchant_id = %s AND status = 'delivered'", [QUICK]
        )
        row = await cursor.fetchone()
        assert row is not None
        return row[0]

    async def story() -> None:
        connection = await psycopg.AsyncConnection.connect(database_url, autocommit=True)
        sending = await psycopg.AsyncConnection.connect(database_url, autocommit=True)
        async with connection, sending, host.listening():
            await connection.execute("DELETE FROM delivery")
            rows = [
                (merchant_id, f"/slow/{merchant_id}", 60 if slow_are_older else 5)
                for merchant_id in SLOW
                for _ in range(PER_MERCHANT)
            ]
            rows += [(QUICK, "/quick", 30)] * PER_MERCHANT
            destination = f"127.0.0.1:{host.port}"
            async with connection.cursor() as cursor:
                await cursor.executemany(
                    _INSERT,
                    [
                        (number, merchant_id, f"http://{destination}{path}", destination, age_s)
                        for number, (merchant_id, path, age_s) in enumerate(rows, 1)
                    ],
                )
            client = DeliveryClient(DestinationPolicy(own_networks_allowed=True))
            running = asyncio.create_task(Sender(client, render).run(sending))
            ends_at = time.monotonic() + 8
            while await delivered(connection) < PER_MERCHANT:
                assert time.monotonic() < ends_at, "the other merchant starves"
                assert not running.done()
                await asyncio.sleep(0.05)
            cursor2 = await connection.execute("SELECT count(*) FROM delivery_attempt")
            assert await cursor2.fetchone() == (PER_MERCHANT,), "of those that hang none has come to its end"
            assert all(host.open[f"/slow/{merchant_id}"] >= 8 for merchant_id in SLOW)
            assert max(host.most.values()) <= 64
            assert max(count for path, count in host.most.items() if path != "all") <= 32
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            client.close()
            await connection.execute("DELETE FROM delivery_attempt")

    asyncio.run(story())
