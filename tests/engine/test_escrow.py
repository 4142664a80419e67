"""Budgets on stripes: spent to the last unit by many at once, and never beyond."""

from __future__ import annotations

import asyncio
from collections import Counter

import psycopg
import pytest

from chuanliu.engine import Command, Context, Keys, LaneLimits, Reference, Rows, Seen, give_back, lock_stripe, take
from engine.rig import code_of, engines, one, outcomes, run

STRIPES = 8
CELL = 5


class Take(Command[None], frozen=True):
    """Take from a budget; negative amounts give back."""

    budget: int
    amount: int
    spread_by: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_stripe(keys, CELL, self.budget, STRIPES, self.spread_by)

    def decide(self, rows: Rows, context: Context) -> None:
        move = take if self.amount > 0 else give_back
        move(rows, CELL, self.budget, STRIPES, self.spread_by, abs(self.amount))


def budget(url: str, number: int, per_stripe: list[int]) -> None:
    """A budget with so much on each stripe."""
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO escrow_stripe VALUES (%s, %s, %s, %s)",
            [(CELL, number, stripe, amount) for stripe, amount in enumerate(per_stripe)],
        )


def left(url: str, number: int) -> int:
    return int(one(url, "SELECT sum(available_minor) FROM escrow_stripe WHERE budget_id = %s", number))


@pytest.mark.parametrize("per_cell", [False, True])
@pytest.mark.parametrize(
    "per_stripe", [[13, 13, 13, 13, 12, 12, 12, 12], [100, 0, 0, 0, 0, 0, 0, 0]], ids=["level", "all on one stripe"]
)
def test_200_takes_of_1_from_100_on_8_stripes(database_url: str, per_stripe: list[int], per_cell: bool) -> None:
    number = 10 + 2 * per_cell + (per_stripe[0] == 100)
    budget(database_url, number, per_stripe)

    async def main() -> None:
        limits = LaneLimits(batch=20)
        async with engines(database_url, 4, per_cell=per_cell, limits=limits) as crowd:
            futures = [crowd[n % 4].submit(Take(number, 1, n)) for n in range(200)]
            assert Counter(map(code_of, await outcomes(futures))) == {"ok": 100, "budget_exhausted": 100}

    run(main)
    assert left(database_url, number) == 0


def test_a_dry_stripe_asks_for_all_and_gathers(database_url: str) -> None:
    budget(database_url, 20, [5] * 8)

    async def main() -> None:
        async with engines(database_url) as (engine,):
            await engine.submit(Take(20, 39, 3))
            assert engine.counters[0].needs == 1
            results = await outcomes([engine.submit(Take(20, 2, 0)), engine.submit(Take(20, 1, 0))])
            assert [code_of(result) for result in results] == ["budget_exhausted", "ok"]
            await engine.submit(Take(20, -1, 6))
            assert (await outcomes([engine.submit(Take(20, 1, 1))])) == [None]

    run(main)
    assert left(database_url, 20) == 0


def test_many_who_find_their_stripes_dry_ask_for_the_rest_once(database_url: str) -> None:
    """A try of the batch ends when the needs repeat: those behind find loaded what the first ones asked for."""
    budget(database_url, 25, [0] * 7 + [150])

    async def main() -> None:
        async with engines(database_url) as (engine,):
            results = await outcomes([engine.submit(Take(25, 1, STRIPES * n)) for n in range(200)])
            assert Counter(map(code_of, results)) == {"ok": 150, "budget_exhausted": 50}
            counters = engine.counters[0]
            assert (counters.batches, counters.commands, counters.largest_batch) == (1, 200, 200)
            assert 0 < counters.needs < 50

    run(main)
    assert left(database_url, 25) == 0


def test_taking_and_giving_back_at_once_conserves_the_budget(database_url: str) -> None:
    budget(database_url, 30, [10] * 8)

    async def main() -> None:
        async with engines(database_url, 3) as crowd:

            async def campaign(n: int) -> int:
                taken = 0
                for turn in range(10):
                    amount = 1 + (n * turn) % 7
                    results = await outcomes([crowd[n % 3].submit(Take(30, amount, n + turn))])
                    if code_of(results[0]) == "ok":
                        taken += amount
                        if turn % 2:
                            await crowd[(n + 1) % 3].submit(Take(30, -amount, n))
                            taken -= amount
                return taken

            assert sum(await asyncio.gather(*(campaign(n) for n in range(20)))) + left(database_url, 30) == 80

    run(main)


def test_a_stripe_that_another_holds_is_not_taken_for_a_dry_one(database_url: str) -> None:
    budget(database_url, 40, [1, 50, 1, 1, 1, 1, 1, 1])

    async def main() -> None:
        async with engines(database_url, limits=LaneLimits(lock_timeout_ms=50)) as (engine,):
            with psycopg.connect(database_url) as holder:
                holder.execute("SELECT 1 FROM escrow_stripe WHERE budget_id = 40 AND stripe = 1 FOR UPDATE")
                futures = [engine.submit(Take(40, 10, 1)), engine.submit(Take(40, 20, 2))]
                await asyncio.sleep(0.4)
                assert not any(future.done() for future in futures)
            assert await asyncio.gather(*futures) == [None, None]

    run(main)
    assert left(database_url, 40) == 27
