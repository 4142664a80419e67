"""Outbox and dispatcher: numbers without gaps, and a reader with a cursor never misses what committed late."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from chuanliu.engine import OUTBOX, Command, Context, LaneLimits, OutboxEvent, Rows
from chuanliu.engine.dispatch_store import DispatchedEvent, LoggedEvent, dispatch, dispatch_backlog, read_events
from engine.rig import engines, one, run

MERCHANT = 2088000000000500
CELL = 3


class Tell(Command[int], frozen=True):
    """Write an event; the outcome is its id."""

    subject: int
    merchant: int = MERCHANT
    notify_url: str | None = None

    def decide(self, rows: Rows, context: Context) -> int:
        event_id = context.new_id(CELL)
        rows.append(
            OUTBOX,
            OutboxEvent(CELL, event_id, self.merchant, "told", self.subject, self.notify_url, b"{}", context.now),
        )
        return event_id


async def to_nobody(_connection: psycopg.AsyncConnection[Any], _events: Sequence[DispatchedEvent]) -> None:
    """No deliveries."""


async def connected(url: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(url, autocommit=True)


def test_a_reader_with_a_cursor_never_misses_an_event_that_committed_late(database_url: str) -> None:
    """Without numbers given on dispatch the slow transaction's event would lie behind the cursor for ever."""

    async def main() -> None:
        async with engines(database_url) as (engine,), await connected(database_url) as connection:
            early_id = await engine.submit(Tell(0))
            with psycopg.connect(database_url) as slow:
                slow.execute(
                    "INSERT INTO outbox VALUES (%s, %s, %s, 'told', 1, NULL, '', now())", [CELL, early_id + 1, MERCHANT]
                )
                for subject in range(2, 6):
                    await engine.submit(Tell(subject))
                assert await dispatch(connection, [], to_nobody) == 5
                seen = await read_events(connection, CELL, MERCHANT, 0, 100)
                assert [event.subject_id for event in seen] == [0, 2, 3, 4, 5]
                slow.commit()
            assert await dispatch(connection, [], to_nobody) == 1
            late = await read_events(connection, CELL, MERCHANT, seen[-1].seq, 100)
            assert [event.subject_id for event in late] == [1]

    run(main)


def test_numbers_have_no_gap_and_no_double_under_load(database_url: str) -> None:
    merchant = MERCHANT + 1

    async def main() -> None:
        limits = LaneLimits(batch=16)
        async with (
            engines(database_url, 2, lanes=2, limits=limits) as crowd,
            await connected(database_url) as connection,
        ):
            last_before = one(database_url, "SELECT last_seq FROM dispatch_state")
            written, dispatched = asyncio.Event(), asyncio.Event()
            read: list[LoggedEvent] = []

            async def follow() -> None:
                async with await connected(database_url) as reader:
                    while True:
                        ending = dispatched.is_set()
                        cursor = read[-1].seq if read else 0
                        news = await read_events(reader, CELL, merchant, cursor, 1000)
                        read.extend(news)
                        if ending and not news:
                            return
                        await asyncio.sleep(0.005)

            async def keep_dispatching() -> None:
                while not written.is_set() or await dispatch_backlog(connection):
                    await dispatch(connection, [], to_nobody, limit=37)
                    await asyncio.sleep(0)

            following, dispatching = asyncio.create_task(follow()), asyncio.create_task(keep_dispatching())
            subjects = range(1500)
            await asyncio.gather(*(crowd[n % 2].submit(Tell(n, merchant)) for n in subjects))
            written.set()
            await dispatching
            dispatched.set()
            await following
            assert sorted(event.subject_id for event in read) == list(subjects)
            assert [event.seq for event in read] == list(range(last_before + 1, last_before + 1501))

    run(main)


def test_what_is_to_be_delivered_is_written_in_the_dispatchers_transaction(database_url: str) -> None:
    merchant = MERCHANT + 2
    handed: list[int] = []

    async def deliver(_connection: psycopg.AsyncConnection[Any], events: Sequence[DispatchedEvent]) -> None:
        handed.extend(event.subject_id for event in events)

    async def die(_connection: psycopg.AsyncConnection[Any], events: Sequence[DispatchedEvent]) -> None:
        raise ConnectionAbortedError("the worker dies here")

    async def main() -> None:
        async with engines(database_url) as (engine,), await connected(database_url) as connection:
            await engine.submit(Tell(1, merchant, "https://shop.example/"))
            await engine.submit(Tell(2, merchant))
            await engine.submit(Tell(3, merchant + 1))
            last = one(database_url, "SELECT last_seq FROM dispatch_state")
            with pytest.raises(ConnectionAbortedError):
                await dispatch(connection, [merchant + 1], die)
            assert await dispatch_backlog(connection) == 3, "nothing was taken"
            assert one(database_url, "SELECT last_seq FROM dispatch_state") == last
            assert await dispatch(connection, [merchant + 1], deliver) == 3
            assert sorted(handed) == [1, 3]

    run(main)


def test_events_of_a_command_that_fails_are_never_told(database_url: str) -> None:
    class TellAndFail(Tell, frozen=True):
        def decide(self, rows: Rows, context: Context) -> int:
            super().decide(rows, context)
            raise ZeroDivisionError

    async def main() -> None:
        async with engines(database_url) as (engine,):
            futures = [engine.submit(Tell(7)), engine.submit(TellAndFail(8)), engine.submit(Tell(9))]
            await asyncio.gather(*futures, return_exceptions=True)

    run(main)
    told = "SELECT array_agg(subject_id ORDER BY subject_id) FROM outbox WHERE subject_id IN (7, 8, 9)"
    assert one(database_url, told) == [7, 9]
