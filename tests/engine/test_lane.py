"""Lanes: batches form under load, queues are bounded, closing drains, and a bad command spoils nobody's batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import pytest

from chuanliu.engine import Command, LaneLimits, Query
from chuanliu.errors import Busy, Conflict, Refused, Unavailable
from engine.rig import (
    Add,
    AddThen,
    AddUnasked,
    FailInDiscover,
    FindNote,
    Once,
    PutWord,
    code_of,
    engines,
    note_value,
    one,
    outcomes,
    run,
)


def test_batches_form_while_one_commits_and_a_lone_command_waits_for_nobody(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url) as (engine,):
            (lane,) = engine.counters
            for number in range(5):
                await engine.submit(Add((100,)))
                assert lane.batches == number + 1, "a lone command is a batch of one"
            await asyncio.gather(*(engine.submit(Add((101,))) for _ in range(1000)))
            assert lane.commands == 1005
            assert lane.batches <= 5 + 3
            assert lane.largest_batch > 400

    run(main)
    assert (note_value(notes_url, 100), note_value(notes_url, 101)) == (5, 1000)


class Heavy(Add, frozen=True):
    """A command that says how many rows it touches."""

    weight: int = 50


def test_batches_are_capped_by_rows_and_by_commands(notes_url: str) -> None:
    async def main(limits: LaneLimits, command: Add, largest: int) -> None:
        async with engines(notes_url, limits=limits) as (engine,):
            await asyncio.gather(*(engine.submit(command) for _ in range(100)))
            assert engine.counters[0].largest_batch == largest

    run(lambda: main(LaneLimits(rows=500), Heavy((110,)), 10))
    run(lambda: main(LaneLimits(batch=7), Add((110,)), 7))
    assert note_value(notes_url, 110) == 200


def test_a_full_queue_answers_busy_at_once(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url, limits=LaneLimits(queue=10)) as (engine,):
            accepted = [engine.submit(Add((120,))) for _ in range(10)]
            with pytest.raises(Busy):
                engine.submit(Add((120,)))
            questions = [engine.ask(FindNote(120)) for _ in range(10)]
            with pytest.raises(Busy):
                engine.ask(FindNote(120))
            with pytest.raises(Busy):
                await engine.submit_all([Add((120,))] * 11)
            await asyncio.gather(*accepted, *questions)

    run(main)
    assert note_value(notes_url, 120) == 10


def test_closing_answers_what_was_accepted_and_takes_no_more(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url, lanes=2) as (engine,):
            accepted = [engine.submit(Add((130,))) for _ in range(500)]
            questions = [engine.ask(FindNote(130)) for _ in range(50)]
            closing = asyncio.create_task(engine.close())
            for _ in range(3):
                await asyncio.sleep(0)
            with pytest.raises(Unavailable):
                engine.submit(Add((130,)))
            await closing
            with pytest.raises(Unavailable):
                engine.ask(FindNote(130))
            assert all(future.done() for future in (*accepted, *questions))
            assert max(value for (value,) in await asyncio.gather(*accepted)) == 500

    run(main)
    assert note_value(notes_url, 130) == 500


def test_who_no_longer_waits_is_not_run(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url) as (engine,):
            futures = [engine.submit(Add((140,))) for _ in range(20)]
            for future in futures[::2]:
                future.cancel()
            await asyncio.gather(*futures[1::2])

    run(main)
    assert note_value(notes_url, 140) == 10


def test_commands_of_a_batch_see_each_other_in_the_order_of_arrival(notes_url: str) -> None:
    async def main() -> list[tuple[int, ...]]:
        async with engines(notes_url) as (engine,):
            return await asyncio.gather(*(engine.submit(Add((150, 151))) for _ in range(50)))

    assert run(main) == [(n, n) for n in range(1, 51)]


BAD: list[tuple[str, Callable[[int], Command[object]], str]] = [
    ("refused by a rule", lambda n: AddThen((n,), how="refuse"), "order_closed"),
    ("a rule raises", lambda n: AddThen((n,), how="raise"), "internal"),
    ("a check constraint (23514)", lambda n: AddThen((n,), how="check"), "internal"),
    ("a number beyond 64 bits", lambda n: AddThen((n,), how="range"), "internal"),
    ("a NUL in a text (22021)", lambda n: AddThen((n,), how="nul"), "internal"),
    ("half a surrogate pair", lambda n: AddThen((n,), how="surrogate"), "internal"),
    ("a need that never ends", lambda n: AddThen((n,), how="need for ever"), "internal"),
    ("a key beyond 64 bits", lambda n: Add((2**70 + n,)), "internal"),
    ("a NUL in a lookup", lambda n: PutWord("a\x00b"), "internal"),
    ("refused in discover", lambda n: FailInDiscover(), "seller_blocked"),
    ("refused in a later round", lambda n: FailInDiscover(late=True), "seller_blocked"),
    ("discover raises", lambda n: FailInDiscover("raise", late=True), "internal"),
]


@pytest.mark.parametrize(("bad", "code"), [(make, code) for _, make, code in BAD], ids=[name for name, _, _ in BAD])
def test_one_bad_command_spoils_none_of_its_neighbours(
    notes_url: str, bad: Callable[[int], Command[object]], code: str
) -> None:
    with psycopg.connect(notes_url, autocommit=True) as connection:
        connection.execute("DELETE FROM note WHERE note_id IN (160, 161)")

    async def main() -> None:
        async with engines(notes_url) as (engine,):
            commands: list[Command[object]] = [Add((160,)) for _ in range(30)]
            commands[3] = commands[17] = bad(161)
            results = await outcomes([engine.submit(command) for command in commands])
            assert [code_of(result) for n, result in enumerate(results) if n in (3, 17)] == [code, code]
            assert {code_of(result) for n, result in enumerate(results) if n not in (3, 17)} == {"ok"}
            # The lane goes on as before.
            assert await engine.submit(Add((160,))) == (29,)

    run(main)
    assert note_value(notes_url, 161) is None, "nothing of the bad command is kept"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("refuse", "order_not_found"),
        ("raise", "internal"),
        ("nul", "internal"),
        ("surrogate", "internal"),
        ("answer", "internal"),
    ],
)
def test_one_bad_query_spoils_none_of_its_neighbours(notes_url: str, how: str, code: str) -> None:
    async def main() -> None:
        async with engines(notes_url) as (engine,):
            await engine.submit(Add((165,)))
            queries: list[Query[int | None]] = [FindNote(165) for _ in range(20)]
            queries[5] = FindNote(165, how)
            results = await outcomes([engine.ask(query) for query in queries])
            assert code_of(results.pop(5)) == code
            assert set(results) == {results[0]}
            await engine.submit(Add((165,)))
            assert await engine.ask(FindNote(165)) == results[0] + 1, "the next snapshot is a new one"

    run(main)


def test_rows_found_out_while_deciding_are_loaded_for_the_whole_batch(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url) as (engine,):
            for note_id in (170, 171, 172):
                await engine.submit(Add((note_id,)))
            results = await asyncio.gather(
                *(engine.submit(AddUnasked((170, 171, 172))) for _ in range(5)),
                *(engine.submit(Add((170,))) for _ in range(5)),
            )
            assert results[4] == (6, 6, 6)
            assert results[-1] == (11,)
            assert engine.counters[0].needs > 0

    run(main)


def test_the_same_key_gives_the_first_outcome_or_names_the_field_that_differs(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url, 3) as crowd:
            futures = [crowd[n % 3].submit(Once("k", 180, 5)) for n in range(60)]
            assert set(await asyncio.gather(*futures)) == {b"5"}
            assert await crowd[0].submit(Once("k", 180, 5)) == b"5"
            assert await crowd[1].submit(Once("another", 180, 5)) == b"10"
            for command, field in ((Once("k", 180, 6), "amount"), (Once("k", 180, 5, "blue"), "colour")):
                with pytest.raises(Conflict) as conflict:
                    await crowd[2].submit(command)
                assert (conflict.value.code, conflict.value.field) == ("idempotency_conflict", field)

    run(main)
    assert note_value(notes_url, 180) == 10
    assert one(notes_url, "SELECT count(*) FROM idempotency WHERE key IN ('k', 'another')") == 2


def test_a_refused_command_leaves_its_key_free(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url) as (engine,):
            with pytest.raises(Refused):
                await engine.submit(AddThen((185,), how="refuse"))
            assert await engine.submit(Once("after", 185)) == b"1"

    run(main)


def test_a_row_is_made_once_by_engines_that_all_find_it_missing(notes_url: str) -> None:
    async def main() -> None:
        async with engines(notes_url, 4) as crowd:
            for attempt in range(10):
                futures = [engine.submit(PutWord(f"word {attempt}")) for engine in crowd for _ in range(5)]
                assert len(set(await asyncio.gather(*futures))) == 1

    run(main)
