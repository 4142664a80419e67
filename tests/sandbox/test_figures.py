"""Live figures: what was counted once and what is new add up to what is stored, in every process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import psycopg
from psycopg_pool import AsyncConnectionPool

from chuanliu.gateway.start import FigureReader
from chuanliu.ids import account_id, first_id_at, party_number, with_cell
from chuanliu.web import LiveFigures

PAYER, SELLER = account_id(party_number(5), 1, 156), account_id(party_number(6), 3, 156)
YEN_PAYER, YEN_SELLER = account_id(party_number(5), 1, 392), account_id(party_number(6), 3, 392)


def stored(url: str, ages_s: list[float], kind: str = "payment", debit: int = PAYER, credit: int = SELLER) -> None:
    """Transfers of 1.00 of these ages, in cells all over."""
    now = time.time_ns() // 1_000_000
    with psycopg.connect(url) as connection:
        for number, age in enumerate(ages_s):
            cell = number * 7 % 64
            transfer_id = with_cell(first_id_at(int(now - age * 1000)) + number, cell)
            connection.execute(
                "INSERT INTO transfer VALUES (%s, %s, %s, %s, 100, %s, 1, now())",
                [cell, transfer_id, debit, credit, kind],
            )


def read_twice(url: str, between: Callable[[], None]) -> tuple[LiveFigures, LiveFigures]:
    """What one reader says before and after something happens."""

    async def run() -> tuple[LiveFigures, LiveFigures]:
        async with AsyncConnectionPool(url, min_size=1, open=False, kwargs={"autocommit": True}) as pool:
            reader = FigureReader(pool)
            first = await reader.read()
            between()
            await asyncio.sleep(1.1)
            return first, await reader.read()

    return asyncio.run(run())


def test_old_and_new_add_up(database_url: str) -> None:
    stored(database_url, [0.1, 3, 59, 61, 100, 3600, 90_000, 40 * 86_400])
    stored(database_url, [2, 7200], kind="refund")
    stored(database_url, [1], kind="fee")
    stored(database_url, [1], debit=YEN_PAYER, credit=YEN_SELLER)
    first, second = read_twice(database_url, lambda: stored(database_url, [0.5, 1.5, 30]))
    assert (first.paid_count, first.paid_minor, first.refund_count) == (8, 800, 2)
    assert (second.paid_count, second.paid_minor, second.refund_count) == (11, 1100, 2)
    # A process that starts now counts the same.
    third, _ = read_twice(database_url, lambda: None)
    assert (third.paid_count, third.paid_minor, third.refund_count) == (11, 1100, 2)
    # The drawing reaches back four minutes, whole buckets of five seconds, and leaves the present one out.
    assert len(third.history) == 48
    assert 4 <= round(sum(third.history) * 5) <= 8
