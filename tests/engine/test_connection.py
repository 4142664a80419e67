"""A connection that broke takes nothing with it."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
import uvloop

from chuanliu.engine.connection import ConnectionLost, PipelineConnection
from chuanliu.engine.statements import CLOCK


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_closing_a_broken_connection_leaves_the_one_that_got_its_descriptor(database_url: str, new_loop) -> None:
    async def act() -> None:
        broken = await PipelineConnection.open(database_url, settings={})
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            with pytest.raises(ConnectionLost):
                await broken.run([(CLOCK, ())])
            successors = [await PipelineConnection.open(database_url, settings={}) for _ in range(3)]
            await broken.close()
            for successor in successors:
                assert len(await asyncio.wait_for(successor.run([(CLOCK, ())]), 3)) == 1
                await successor.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(act())


def test_a_lost_connection_stays_lost(database_url: str) -> None:
    async def act() -> None:
        lost = await PipelineConnection.open(database_url, settings={})
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        for _ in range(2):
            with pytest.raises(ConnectionLost):
                await asyncio.wait_for(lost.run([(CLOCK, ())]), 3)
        await lost.close()

    asyncio.run(act())
