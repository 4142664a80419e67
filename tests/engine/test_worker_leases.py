"""Worker numbers and the ids made with them: never shared, never twice, whatever clocks and processes do."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from chuanliu.engine import Command, Context, LaneLimits, Rows
from chuanliu.engine.worker_lease_store import WorkerLeaseStore
from chuanliu.errors import Unavailable
from chuanliu.ids import IdSource, WorkerLease, cell_of_id
from engine.rig import Add, code_of, engines, one, outcomes, run


class Draw(Command[tuple[int, ...]], frozen=True):
    """New ids in a cell."""

    cell: int
    count: int

    def decide(self, rows: Rows, context: Context) -> tuple[int, ...]:
        return tuple(context.new_id(self.cell) for _ in range(self.count))


def worker_of(number: int) -> int:
    return number >> 7 & 0xFF


def test_engines_at_once_have_numbers_of_their_own_and_ids_carry_cells(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url, 6, lanes=2) as crowd:
            drawn = await asyncio.gather(*(crowd[n % 6].submit(Draw(n % 64, 50)) for n in range(600)))
            assert len({number for numbers in drawn for number in numbers}) == 30_000
            assert all(cell_of_id(number) == n % 64 for n, numbers in enumerate(drawn) for number in numbers)
            by_engine = [{worker_of(number) for numbers in drawn[n::6] for number in numbers} for n in range(6)]
            assert all(len(workers) == 1 for workers in by_engine)
            assert len(set.union(*by_engine)) == 6

    run(main)


def test_a_released_number_is_given_again_only_behind_its_last_id(database_url: str) -> None:
    async def main() -> None:
        seen: dict[int, int] = {}
        for _ in range(8):
            async with engines(database_url) as (engine,):
                # More than a millisecond holds: the source has borrowed from the future.
                numbers = await engine.submit(Draw(0, 2_000))
                worker = worker_of(numbers[0])
                assert numbers[0] > seen.get(worker, 0)
                seen[worker] = numbers[-1]

    run(main)


def test_leases_by_many_takers_at_once_are_never_shared(database_url: str) -> None:
    async def main() -> None:
        stores = [WorkerLeaseStore(database_url, f"taker {n}") for n in range(20)]
        sources = await asyncio.gather(*(store.start() for store in stores))
        workers = {worker_of(source.next()) for source in sources}
        assert len(workers) == 20
        await asyncio.gather(*(store.close() for store in stores))

    run(main)


def test_a_number_in_use_is_not_free_for_a_clock_that_went_back(database_url: str) -> None:
    """A lease that lies in the taker's future is taken, also when its own clock has been set back since."""

    async def main() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("UPDATE worker_lease SET until_millis = 32503680000000")
            busy = {row[0] for row in connection.execute("SELECT worker FROM worker_lease").fetchall()}
        store = WorkerLeaseStore(database_url, "back in time")
        source = await store.start()
        assert worker_of(source.next()) not in busy
        await store.close()
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("DELETE FROM worker_lease")

    run(main)


def test_a_process_whose_number_was_given_away_takes_another(database_url: str) -> None:
    async def main() -> None:
        store = WorkerLeaseStore(database_url, "sleeper")
        source = await store.start()
        before = source.next()
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("UPDATE worker_lease SET holder = 'other', until_millis = until_millis + 60000")
        await store.renew(source)
        after = source.next()
        assert worker_of(after) != worker_of(before)
        assert after >> 23 >= before >> 23
        await store.renew(source)
        await store.close()

    run(main)


def test_all_numbers_taken_is_unavailable(database_url: str) -> None:
    async def main() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("DELETE FROM worker_lease")
            connection.execute(
                "INSERT INTO worker_lease SELECT 0, n, 'other', 32503680000000 FROM generate_series(0, 255) n"
            )
        with pytest.raises(Unavailable):
            await WorkerLeaseStore(database_url, "late").start()
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("DELETE FROM worker_lease")

    run(main)


def test_without_a_lease_no_id_is_made_and_nothing_is_written(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url, limits=LaneLimits(patience_s=0.3)) as (engine,):
            await engine.submit(Add((500,)))
            # As if the lease had not been renewed for a minute: the ceiling is where the ids are.
            engine.ids._ceiling = 0
            results = await outcomes([engine.submit(Draw(0, 1)), engine.submit(Add((500,)))])
            assert [code_of(result) for result in results] == ["unavailable", "unavailable"]
            engine.ids.extend(engine.ids.latest_millis + 60_000)
            assert await engine.submit(Add((500,))) == (2,)

    run(main)
    assert one(notes_url, "SELECT value FROM note WHERE note_id = 500") == 2


def test_ids_never_step_back_when_the_clock_does() -> None:
    source = IdSource(WorkerLease(7, 1_800_000_000_000, 1_800_000_100_000))
    source.advance(1_800_000_050_000)
    before = source.next()
    source.advance(1_800_000_000_001)
    assert source.next() == before + 1
