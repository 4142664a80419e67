"""Reference data: a change that was committed is obeyed by every later batch of every process."""

from __future__ import annotations

import asyncio

import psycopg

from chuanliu.engine import Command, Context, Engine, Keys, Query, Reference, Rows, Seen, lock_reference, raise_version
from chuanliu.ids import cell_of_party, party_number
from chuanliu.parties import MERCHANT, Merchant
from engine.rig import engines, one, run


class PutMerchant(Command[int], frozen=True):
    """Add a merchant, or change one; the outcome is the version that its row carries."""

    serial: int
    fee_bps: int
    status: str = "active"

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_reference(keys)
        number = party_number(self.serial)
        keys.lock(MERCHANT, cell_of_party(number), number)

    def decide(self, rows: Rows, context: Context) -> int:
        number = party_number(self.serial)
        cell = cell_of_party(number)
        before = rows.get(MERCHANT, cell, number)
        version = raise_version(rows)
        after = Merchant(
            cell,
            number,
            None,
            "shop",
            self.status,
            self.fee_bps,
            False,
            "",
            before.created_at if before else context.now,
            version,
        )
        if before is None:
            rows.insert(MERCHANT, after)
        else:
            rows.update(MERCHANT, after)
        return version


def known(reference: Reference, serial: int) -> str | None:
    """What a snapshot says of a merchant."""
    number = party_number(serial)
    merchant = reference.get(MERCHANT, cell_of_party(number), number)
    return f"{merchant.status} {merchant.fee_bps}" if merchant is not None else None


class WhatIsKnown(Command[str | None], frozen=True):
    """What the batch's snapshot says."""

    serial: int

    def decide(self, rows: Rows, context: Context) -> str | None:
        return known(context.reference, self.serial)


class AskWhatIsKnown(Query[str | None], frozen=True):
    """The same by the read lane."""

    serial: int

    def answer(self, seen: Seen, context: Context) -> str | None:
        return known(context.reference, self.serial)


def test_the_next_command_anywhere_obeys_a_committed_change(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url, 3) as (writer, *readers):
            for fee in range(30):
                status = "blocked" if fee % 2 else "active"
                await writer.submit(PutMerchant(300, fee, status))
                # No waiting for a notification: the batch itself finds its snapshot stale.
                for reader in readers:
                    assert await reader.submit(WhatIsKnown(300)) == f"{status} {fee}"
                    assert await reader.ask(AskWhatIsKnown(300)) == f"{status} {fee}"

    run(main)


def test_an_idle_process_hears_of_changes(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url, 2) as (writer, idle):
            await asyncio.sleep(0.2)
            version = await writer.submit(PutMerchant(301, 1))
            for _ in range(100):
                if idle.reference.version >= version:
                    break
                await asyncio.sleep(0.05)
            assert known(idle.reference, 301) == "active 1"
            assert idle.counters[0].batches == 0

    run(main)


def test_versions_are_given_one_by_one_in_the_order_of_commits(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url, 3) as crowd:
            before = one(database_url, "SELECT version FROM reference_version")
            changes = [crowd[n % 3].submit(PutMerchant(310 + n, n)) for n in range(60)]
            versions = await asyncio.gather(*changes)
            assert sorted(versions) == list(range(before + 1, before + 61))
            for engine in crowd:
                assert await engine.submit(WhatIsKnown(369)) == "active 59"

    run(main)


class Now(Command[int], frozen=True):
    """The batch's clock."""

    def decide(self, rows: Rows, context: Context) -> int:
        return context.now


def test_now_is_the_databases_clock_and_one_for_a_batch(database_url: str) -> None:
    def database_micros() -> int:
        with psycopg.connect(database_url) as connection:
            row = connection.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetchone()
        assert row is not None
        return int(row[0])

    async def batch(engine: Engine) -> set[int]:
        return set(await asyncio.gather(*(engine.submit(Now()) for _ in range(50))))

    async def main() -> None:
        async with engines(database_url) as (engine,):
            before = database_micros()
            (first,) = await batch(engine)
            (second,) = await batch(engine)
            assert before <= first < second <= database_micros()

    run(main)
