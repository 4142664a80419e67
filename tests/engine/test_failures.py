"""What goes wrong on the way to the disk: locks that others hold, connections cut at COMMIT, a server that restarts."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import psycopg
import pytest

from chuanliu.engine import Engine, LaneLimits
from chuanliu.errors import Busy, Unavailable
from chuanliu.runtime import EmbeddedPostgres, migrate
from engine.cutting_proxy import CUTS, CuttingProxy
from engine.rig import (
    CREATE_NOTE,
    Add,
    AddUnasked,
    FindNote,
    Once,
    PutWord,
    cell_of_note,
    code_of,
    engines,
    note_value,
    one,
    outcomes,
    run,
)

LOCK = "SELECT 1 FROM note WHERE cell = %s AND note_id = %s FOR UPDATE"


def test_one_held_row_stops_only_the_command_that_needs_it(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url, limits=LaneLimits(lock_timeout_ms=100)) as (engine,):
            await asyncio.gather(*(engine.submit(Add((n,))) for n in range(200, 250)))
            with psycopg.connect(notes_url) as holder:
                holder.execute(LOCK, [cell_of_note(225), 225])
                futures = {n: engine.submit(Add((n,))) for n in range(200, 250)}
                held = futures.pop(225)
                assert set(await asyncio.gather(*futures.values())) == {(2,)}
                assert not held.done()
                assert engine.counters[0].skips >= 1
                for _ in range(5):
                    await engine.submit(Add((200,)))
                assert not held.done()
            assert await held == (2,)

    run(main)
    assert one(notes_url, "SELECT sum(value) FROM note WHERE note_id BETWEEN 200 AND 249") == 50 * 2 + 5


def test_a_row_that_stays_locked_is_busy_and_nothing_was_done(notes_url: str) -> None:
    async def main() -> None:
        limits = LaneLimits(lock_timeout_ms=50, patience_s=0.5)
        async with engines(notes_url, limits=limits) as (engine,):
            await engine.submit(Add((250,)))
            with psycopg.connect(notes_url) as holder:
                holder.execute(LOCK, [cell_of_note(250), 250])
                with pytest.raises(Busy):
                    await engine.submit(Add((250, 251)))
            assert await engine.submit(Add((250,))) == (2,)

    run(main)
    assert note_value(notes_url, 251) is None


def test_a_held_row_is_never_taken_for_a_missing_one(notes_url: str) -> None:
    """A command that finds out in `decide` that it needs a row which a neighbour could not lock must wait too."""

    async def main() -> None:
        async with engines(notes_url, limits=LaneLimits(lock_timeout_ms=50)) as (engine,):
            await engine.submit(Add((252,), 10))
            with psycopg.connect(notes_url) as holder:
                holder.execute(LOCK, [cell_of_note(252), 252])
                waiting = [engine.submit(Add((252,))), engine.submit(AddUnasked((252,))), engine.submit(Add((253,)))]
                assert await waiting.pop() == (1,)
                assert not any(future.done() for future in waiting)
            assert sorted(await asyncio.gather(*waiting)) == [(11,), (12,)]

    run(main)


def test_an_unfinished_insert_of_the_same_key_stops_only_who_meets_it(notes_url: str) -> None:
    async def main() -> None:
        limits = LaneLimits(lock_timeout_ms=50, patience_s=1.5)
        async with engines(notes_url, limits=limits) as (engine,):
            with psycopg.connect(notes_url) as holder:
                holder.execute("INSERT INTO note VALUES (0, 1260, 'hanging', 0)")
                stuck = engine.submit(PutWord("hanging"))
                others = [engine.submit(Add((n,))) for n in range(260, 280)]
                assert set(await asyncio.gather(*others)) == {(1,)}
                for _ in range(3):
                    await engine.submit(Add((260,)))
                assert not stuck.done()
                with pytest.raises(Busy):
                    await stuck
                later = engine.submit(PutWord("hanging"))
                await asyncio.sleep(0.1)
                holder.commit()
            assert await later == 1260

    run(main)


def test_a_table_locked_as_a_whole_delays_and_loses_nothing(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url, limits=LaneLimits(lock_timeout_ms=50)) as (engine,):
            with psycopg.connect(notes_url) as holder:
                holder.execute("LOCK TABLE note IN ACCESS EXCLUSIVE MODE")
                futures = [engine.submit(Add((281,))) for _ in range(50)]
                await asyncio.sleep(0.5)
                assert not any(future.done() for future in futures)
            await asyncio.gather(*futures)

    run(main)
    assert note_value(notes_url, 281) == 50


@pytest.mark.parametrize("cut", CUTS)
def test_a_connection_cut_at_commit_neither_loses_nor_doubles(notes_url: str, cut: str) -> None:
    note_id = 300 + CUTS.index(cut)
    proxy = CuttingProxy(notes_url)

    async def main() -> int:
        async with proxy.listening() as through, engines(through) as (engine,):
            acknowledged = 0
            for _ in range(4):
                proxy.plan = [cut]
                results = await outcomes([engine.submit(Add((note_id,))) for _ in range(5)])
                acknowledged += sum(code_of(result) == "ok" for result in results)
            assert engine.counters[0].fenced == 4
            return acknowledged

    assert run(main) == 20
    assert proxy.done[cut] == 4
    assert note_value(notes_url, note_id) == 20


def test_commands_behind_a_batch_in_doubt_are_told_in_time(notes_url: str) -> None:
    """While nobody can say whether a batch was committed, those who wait behind it do not wait for ever."""
    proxy = CuttingProxy(notes_url)

    async def main() -> None:
        limits = LaneLimits(patience_s=0.4)
        async with proxy.listening() as through, engines(through, limits=limits) as (engine,):
            await engine.submit(Add((305,)))
            proxy.plan, proxy.shuts = ["behind"], True
            in_doubt = engine.submit(Add((305,)))
            await asyncio.sleep(0.1)
            assert proxy.done["behind"] == 1
            behind = [engine.submit(Add((306,))) for _ in range(20)]
            results = await asyncio.wait_for(outcomes([in_doubt, *behind]), 5)
            assert {code_of(result) for result in results} == {"unavailable"}
            proxy.shuts = False
            assert await engine.submit(Add((306,))) == (1,), "none of those behind was carried out"

    run(main)
    assert note_value(notes_url, 305) == 2, "what was in doubt had been committed"


@pytest.mark.parametrize("way", ["commands", "queries"])
def test_what_cannot_be_answered_before_the_end_is_told(notes_url: str, way: str) -> None:
    async def main() -> None:
        async with engines(notes_url, limits=LaneLimits(lock_timeout_ms=50, patience_s=60)) as (engine,):
            with psycopg.connect(notes_url) as holder:
                holder.execute("LOCK TABLE note IN ACCESS EXCLUSIVE MODE")
                lane = engine._lanes[0] if way == "commands" else engine._read_lane
                assert lane is not None
                waiting = [engine.submit(Add((282,))) if way == "commands" else engine.ask(FindNote(282))]
                await asyncio.sleep(0.2)
                waiting.append(engine.submit(Add((282,))) if way == "commands" else engine.ask(FindNote(282)))
                await lane.close(within_s=0.2)
                assert all(future.done() for future in waiting)
                assert {code_of(result) for result in await outcomes(waiting)} == {"unavailable"}
                with pytest.raises(Unavailable):
                    engine.submit(Add((282,))) if way == "commands" else engine.ask(FindNote(282))

    run(main)
    assert note_value(notes_url, 282) is None


def test_cuts_under_load_on_several_lanes(notes_url: str) -> None:
    proxy = CuttingProxy(notes_url)
    chance = random.Random(20261111)

    async def payer(engine: Engine, number: int) -> int:
        done = 0
        for step in range(12):
            results = await outcomes([engine.submit(Once(f"cut {number} {step}", 310 + number % 5))])
            done += code_of(results[0]) == "ok"
        return done

    async def main() -> int:
        async with proxy.listening() as through, engines(through, 2, lanes=2) as crowd:
            proxy.plan = [chance.choice([None, None, None, *CUTS]) for _ in range(60)]
            return sum(await asyncio.gather(*(payer(crowd[number % 2], number) for number in range(40))))

    acknowledged = run(main)
    assert acknowledged == 480, "within their patience all are answered"
    assert sum(proxy.done.values()) > 10
    assert one(notes_url, "SELECT sum(value) FROM note WHERE note_id BETWEEN 310 AND 314") == 480
    assert one(notes_url, "SELECT count(*) FROM idempotency WHERE starts_with(key, 'cut ')") == 480


def test_a_backend_that_is_terminated_is_replaced(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url) as (engine,):
            await engine.submit(Add((320,)))
            stop = False

            async def keep_adding() -> int:
                added = 0
                while not stop:
                    await engine.submit(Add((320,)))
                    added += 1
                return added

            adding = asyncio.gather(*(keep_adding() for _ in range(8)))
            for _ in range(10):
                await asyncio.sleep(0.05)
                one(
                    notes_url,
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()",
                )
            stop = True
            added = sum(await adding)
            assert note_value(notes_url, 320) == added + 1
            assert engine.counters[0].reconnects + engine.counters[0].fenced > 0

    run(main)


@pytest.fixture
def own_server(scratch: Path, request: pytest.FixtureRequest) -> EmbeddedPostgres:
    extra = {"shared_buffers": "32MB", "max_wal_size": "256MB", "min_wal_size": "32MB"}
    server = EmbeddedPostgres(scratch / "restarting", extra=extra)
    request.addfinalizer(server.close)
    server.start(30)
    request.addfinalizer(server.stop)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE restarting")
    migrate(server.url("restarting"))
    with psycopg.connect(server.url("restarting"), autocommit=True) as connection:
        connection.execute(CREATE_NOTE)
    return server


def test_a_server_that_restarts_under_load(own_server: EmbeddedPostgres) -> None:
    url = own_server.url("restarting")

    async def main() -> None:
        answered: list[str] = []
        unknown: list[str] = []
        async with engines(url, limits=LaneLimits(patience_s=1.5)) as (engine,):
            stop_at = time.monotonic() + 5

            async def payer(number: int) -> None:
                step = 0
                while time.monotonic() < stop_at:
                    key = f"{number} {step}"
                    try:
                        await engine.submit(Once(key, number))
                        answered.append(key)
                    except Unavailable:
                        unknown.append(key)
                        await asyncio.sleep(0.05)
                    step += 1

            async def restart() -> None:
                await asyncio.sleep(0.7)
                await asyncio.to_thread(own_server.stop)
                await asyncio.sleep(2.0)
                await asyncio.to_thread(own_server.start, 30)

            await asyncio.gather(restart(), *(payer(number) for number in range(30)))
            assert await engine.submit(Once("after", 99)) == b"1"
        assert unknown, "the server was away for longer than the patience"
        # Read here: the restarted server ends with the thread that started it.
        with psycopg.connect(url) as connection:
            kept = {key for (key,) in connection.execute("SELECT key FROM idempotency").fetchall()}
        assert set(answered) <= kept
        assert kept - set(answered) - {"after"} <= set(unknown)
        assert one(url, "SELECT sum(value) FROM note") == len(kept)

    run(main)
