"""Locks: one global order that crossing commands keep, and locked rows that are always the latest version."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from chuanliu.engine import Command, Context, Keys, LaneLimits, Reference, Rows, Seen
from engine.rig import NOTE, Add, Note, PutWord, cell_of_note, deadlocks, engines, note_value, one, run

CROSSING = """
import asyncio, sys, time
from engine.rig import Add, engines

async def main(url, ids, seconds):
    async with engines(url) as (engine,):
        done, stop_at = 0, time.monotonic() + seconds
        while time.monotonic() < stop_at:
            done += len(await asyncio.gather(*(engine.submit(Add(ids)) for _ in range(20))))
        print(done, engine.counters[0].reruns)

asyncio.run(main(sys.argv[1], tuple(map(int, sys.argv[2].split(","))), float(sys.argv[3])))
"""


def test_crossing_lock_orders_in_several_processes_never_deadlock(notes_url: str) -> None:
    ids = list(range(400, 420))
    one(notes_url, "INSERT INTO note SELECT n % 7, n, 'crossing ' || n, 0 FROM generate_series(400, 419) n RETURNING 1")
    before = deadlocks(notes_url)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", CROSSING, notes_url, ",".join(map(str, order)), "2.5"],
            cwd=Path(__file__).parent.parent,
            stdout=subprocess.PIPE,
            text=True,
        )
        for order in (ids, ids[::-1])
    ]
    results = [process.communicate(timeout=60)[0].split() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    done = sum(int(done) for done, _ in results)
    assert done > 100
    assert [reruns for _, reruns in results] == ["0", "0"]
    assert {note_value(notes_url, note_id) for note_id in ids} == {done}
    assert deadlocks(notes_url) == before


SLOW_INSERTS = """
    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.005); RETURN new; END $$;
    CREATE TRIGGER slowly BEFORE INSERT ON note FOR EACH ROW WHEN (new.word LIKE 'crossed %') EXECUTE FUNCTION dawdle()
"""


def test_crossing_inserts_meet_unique_keys_in_one_order(notes_url: str) -> None:
    """Slow inserts, so that two batches with the same words are under way at once."""
    with psycopg.connect(notes_url, autocommit=True) as connection:
        connection.execute(SLOW_INSERTS)

    async def main() -> None:
        async with engines(notes_url, 2) as (one_engine, other):
            for turn in range(5):
                words = [PutWord(f"crossed {turn} {n}") for n in range(10)]
                made = await asyncio.gather(
                    *(one_engine.submit(command) for command in words),
                    *(other.submit(command) for command in reversed(words)),
                )
                assert list(made[:10]) == list(reversed(made[10:]))

    before = deadlocks(notes_url)
    run(main)
    assert deadlocks(notes_url) == before


def test_several_lanes_and_engines_on_the_same_rows_lose_nothing(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url, 3, lanes=2, limits=LaneLimits(batch=8)) as crowd:
            chance = random.Random(5)
            futures = []
            for _ in range(300):
                ids = tuple(chance.sample(range(430, 440), 3))
                futures.append(chance.choice(crowd).submit(Add(ids)))
            await asyncio.gather(*futures)
            assert all(counters.reruns <= 20 for engine in crowd for counters in engine.counters)

    before = deadlocks(notes_url)
    run(main)
    assert one(notes_url, "SELECT sum(value) FROM note WHERE note_id BETWEEN 430 AND 439") == 900
    assert deadlocks(notes_url) == before


@pytest.mark.parametrize("per_cell", [False, True])
def test_a_lock_returns_the_version_that_was_locked(notes_url: str, per_cell: bool) -> None:
    """A raw updater commits while a lane waits for its lock: the lane must see what that one wrote."""
    note_id = 450 + per_cell

    async def main() -> None:
        async with engines(notes_url, per_cell=per_cell, limits=LaneLimits(lock_timeout_ms=2000)) as (engine,):
            await engine.submit(Add((note_id,)))
            for turn in range(5):
                with psycopg.connect(notes_url) as updater:
                    updater.execute("UPDATE note SET value = value + 100 WHERE note_id = %s", [note_id])
                    waiting = engine.submit(Add((note_id,)))
                    await asyncio.sleep(0.05)
                    assert not waiting.done()
                assert await waiting == (1 + 101 * (turn + 1),)
            assert engine.counters[0].skips == 0

    run(main)


class CopyFirst(Command[int], frozen=True):
    """Follow a pointer that discovery found: copy one note's value to the other, both locked."""

    source: int
    target: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.look(NOTE, cell_of_note(self.source), self.source)
        found = seen.get(NOTE, cell_of_note(self.source), self.source)
        if found is not None:
            keys.lock(NOTE, cell_of_note(self.source), self.source)
            keys.lock(NOTE, cell_of_note(self.target), self.target)

    def decide(self, rows: Rows, context: Context) -> int:
        source = rows.get(NOTE, cell_of_note(self.source), self.source)
        assert source is not None
        cell = cell_of_note(self.target)
        target = rows.get(NOTE, cell, self.target)
        if target is None:
            rows.insert(NOTE, Note(cell, self.target, f"copy {self.target}", source.value))
        else:
            rows.update(NOTE, target.changed(value=source.value))
        return source.value


def test_what_discovery_saw_is_only_a_pointer(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url, limits=LaneLimits(lock_timeout_ms=2000)) as (engine,):
            await engine.submit(Add((460,), 7))
            with psycopg.connect(notes_url) as updater:
                updater.execute("UPDATE note SET value = 8 WHERE note_id = 460")
                waiting = engine.submit(CopyFirst(460, 461))
                await asyncio.sleep(0.05)
            assert await waiting == 8

    run(main)
    assert note_value(notes_url, 461) == 8


@pytest.mark.long
def test_crossing_lock_orders_for_long(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url, 2, lanes=2) as crowd:
            stop_at = time.monotonic() + 20
            chance = random.Random(9)
            while time.monotonic() < stop_at:
                ids = list(range(470, 490))
                chance.shuffle(ids)
                await asyncio.gather(*(engine.submit(Add(tuple(ids))) for engine in crowd for _ in range(50)))

    before = deadlocks(notes_url)
    run(main, within_s=60)
    assert deadlocks(notes_url) == before
