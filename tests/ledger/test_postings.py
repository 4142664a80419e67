"""Transfers and holds as tables, on real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import pytest

from chuanliu.engine import Command
from chuanliu.ids import account_cell, account_parts, party_number
from chuanliu.ledger import (
    CREDIT_LINES,
    Chart,
    EndHold,
    OpenAccount,
    PlaceHold,
    PostHold,
    PostTransfer,
    account_of,
    credit_used_account,
    is_checked,
)
from chuanliu.money import CURRENCIES, format_amount
from engine.rig import engines, run
from ledger.rig import code, figures, funding, new_party, receivable, require_clean, unfolded, wallet

NOBODYS = account_of(party_number(9), Chart.CREDIT_USED, "CNY")


def test_a_transfer_between_checked_and_buffered_accounts(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            one, two, shop = await wallet(engine, 1_000), await wallet(engine), receivable(new_party())
            await engine.submit(PostTransfer(one, two, 300, "gift"))
            await engine.submit(PostTransfer(one, shop, 200, "sale"))
            await engine.submit(PostTransfer(shop, two, 50, "back"))
            assert figures(database_url, one) == (500, 0, 3)
            assert figures(database_url, two) == (350, 0, 2)
            assert figures(database_url, shop) == (0, 0, 0), "no row: nothing was folded yet"
            assert unfolded(database_url, shop) == 150

    run(main)
    require_clean(database_url)


@pytest.mark.parametrize(
    ("transfer", "expected"),
    [
        (lambda a, b: PostTransfer(a, b, 101, "x"), "balance_below_floor"),
        (lambda a, b: PostTransfer(a, b, 100, "x"), "ok"),
        (lambda a, b: PostTransfer(a, b, 0, "x"), "invalid_amount"),
        (lambda a, b: PostTransfer(a, b, -5, "x"), "invalid_amount"),
        (lambda a, b: PostTransfer(a, b, 2**63, "x"), "balance_below_floor"),
        (lambda a, b: PostTransfer(funding(), b, 2**63, "x"), "internal"),
        (lambda a, b: PostTransfer(a, a, 5, "x"), "same_account"),
        (lambda a, b: PostTransfer(a, funding("USD"), 5, "x"), "currency_mismatch"),
        (lambda a, b: PostTransfer(a, NOBODYS, 5, "x"), "account_not_found"),
        (lambda a, b: PostTransfer(NOBODYS, a, 5, "x"), "account_not_found"),
        (lambda a, b: PostTransfer(funding(), a, 5, "x"), "ok"),
        (lambda a, b: PlaceHold(a, b, 101, "x"), "balance_below_floor"),
        (lambda a, b: PlaceHold(a, b, 100, "x"), "ok"),
        (lambda a, b: PlaceHold(a, b, 0, "x"), "invalid_amount"),
        (lambda a, b: PlaceHold(funding(), b, 5, "x"), "invalid_amount"),
        (lambda a, b: PlaceHold(a, funding("JPY"), 5, "x"), "currency_mismatch"),
        (lambda a, b: PostHold(4711, 5), "hold_not_found"),
        (lambda a, b: EndHold(4711), "hold_not_found"),
    ],
)  # fmt: skip
def test_what_is_posted_and_what_refused(
    database_url: str, transfer: Callable[[int, int], Command[object]], expected: str
) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            one, two = await wallet(engine, 100), await wallet(engine)
            assert await code(engine, transfer(one, two)) == expected
            if expected != "ok":
                assert (figures(database_url, one), figures(database_url, two)) == ((100, 0, 1), (0, 0, 0))

    run(main)
    require_clean(database_url)


def test_a_credit_account_goes_down_to_its_limit(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            owner = new_party()
            await engine.submit(OpenAccount(owner, Chart.CREDIT_USED, "CNY", floor_minor=-500))
            assert await code(engine, OpenAccount(owner, Chart.CREDIT_USED, "CNY")) == "account_exists"
            line, shop = account_of(owner, Chart.CREDIT_USED, "CNY"), receivable(new_party())
            assert await code(engine, PostTransfer(line, shop, 500, "loan")) == "ok"
            assert await code(engine, PostTransfer(line, shop, 1, "loan")) == "balance_below_floor"
            assert figures(database_url, line) == (-500, 0, 1)

    run(main)
    require_clean(database_url)


@pytest.mark.parametrize(
    ("status", "debit", "credit"),
    [("open", "ok", "ok"), ("blocked", "account_blocked", "ok"), ("closed", "account_closed", "account_closed")],
)
def test_what_an_account_may_do(database_url: str, status: str, debit: str, credit: str) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            account = await wallet(engine, 100)
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute("UPDATE account SET status = %s WHERE account_id = %s", [status, account])
            assert await code(engine, PostTransfer(account, funding(), 10, "x")) == debit
            assert await code(engine, PostTransfer(funding(), account, 10, "x")) == credit

    run(main)
    require_clean(database_url)


def test_the_life_of_holds(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            account, shop = await wallet(engine, 1_000), receivable(new_party())

            hold = await engine.submit(PlaceHold(account, shop, 600, "stay"))
            assert figures(database_url, account) == (1_000, 600, 1)
            assert await code(engine, PostTransfer(account, shop, 401, "x")) == "balance_below_floor"
            assert await code(engine, PostTransfer(account, shop, 100, "x")) == "ok"

            part = await engine.submit(PostHold(hold.hold_id, 200, final=False))
            assert (part.status, part.posted_minor) == ("active", 200)
            assert figures(database_url, account) == (700, 400, 3)
            assert await code(engine, PostHold(hold.hold_id, 401)) == "hold_exceeded"
            assert await code(engine, PostHold(hold.hold_id, 0)) == "hold_exceeded"
            done = await engine.submit(PostHold(hold.hold_id, 150))
            assert (done.status, done.posted_minor) == ("posted", 350)
            assert figures(database_url, account) == (550, 0, 4)
            for command in (PostHold(hold.hold_id, 1), EndHold(hold.hold_id)):
                assert await code(engine, command) == "hold_not_active"

            whole = await engine.submit(PlaceHold(account, shop, 550, "stay"))
            assert (await engine.submit(PostHold(whole.hold_id, 550, final=False))).status == "posted"

            await engine.submit(PostTransfer(funding(), account, 100, "x"))
            void = await engine.submit(PlaceHold(account, shop, 100, "stay"))
            assert (await engine.submit(EndHold(void.hold_id))).status == "voided"
            assert figures(database_url, account) == (100, 0, 6)

            due = await engine.submit(PlaceHold(account, shop, 100, "stay", lasts=2_000_000))
            assert await code(engine, EndHold(due.hold_id, expired=True)) == "hold_not_active"
            await asyncio.sleep(2.05)
            assert (await engine.submit(EndHold(due.hold_id, expired=True))).status == "expired"
            endless = await engine.submit(PlaceHold(account, shop, 100, "stay"))
            assert await code(engine, EndHold(endless.hold_id, expired=True)) == "hold_not_active"
            assert figures(database_url, account) == (100, 100, 6)

    run(main)
    require_clean(database_url)


def test_one_hold_posted_by_many_at_once_is_posted_up_to_its_amount(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url, 3) as crowd:
            account, shop = await wallet(crowd[0], 100), receivable(new_party())
            hold = await crowd[0].submit(PlaceHold(account, shop, 100, "stay"))
            posts = [PostHold(hold.hold_id, 30, final=False) for _ in range(12)]
            results = await asyncio.gather(*(code(crowd[n % 3], post) for n, post in enumerate(posts)))
            assert sorted(results) == ["hold_exceeded"] * 9 + ["ok"] * 3
            assert figures(database_url, account) == (10, 10, 4)

    run(main)
    require_clean(database_url)


@pytest.mark.parametrize(
    ("currency", "amount", "text"), [("JPY", 500, "500"), ("CNY", 8_888, "88.88"), ("KWD", 1_234, "1.234")]
)
def test_currencies_with_their_exponents(database_url: str, currency: str, amount: int, text: str) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            account = await wallet(engine, amount, currency)
            assert account & 1023 == CURRENCIES[currency].numeric
            assert format_amount(figures(database_url, account)[0], currency) == text

    run(main)
    require_clean(database_url)


def test_many_transfers_in_one_call_with_a_result_each(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            one, two = await wallet(engine, 50), await wallet(engine)
            results = await engine.submit_all([PostTransfer(one, two, 20, "x") for _ in range(4)])
            assert [getattr(result, "code", "ok") for result in results] == ["ok"] * 2 + ["balance_below_floor"] * 2

    run(main)
    require_clean(database_url)


def test_account_ids_are_arithmetic() -> None:
    owner = party_number(123_456_789_012)
    for chart in Chart:
        account = account_of(owner, chart, "CNY")
        assert account_parts(account) == (owner, int(chart), 156)
        assert 0 < account < 2**63
        assert is_checked(account) == (chart in (Chart.CONSUMER_BALANCE, Chart.CREDIT_USED))
    lines = [credit_used_account(owner, line_no, "CNY") for line_no in range(CREDIT_LINES)]
    assert len({*lines, *(account_of(owner, chart, "CNY") for chart in Chart)}) == CREDIT_LINES + len(Chart)
    for line_no, account in enumerate(lines):
        assert account_parts(account) == (owner, 128 + line_no, 156)
        assert 0 < account < 2**63 and is_checked(account)
    for line_no in (-1, CREDIT_LINES):
        with pytest.raises(ValueError, match="0 to 127"):
            credit_used_account(owner, line_no, "CNY")
        assert account_cell(account) == account_cell(account_of(owner, Chart.TAX, "JPY")), "an owner has one cell"
