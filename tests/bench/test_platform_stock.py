"""Bulk stock is what the platform's own commands would make: its codes pay, its transfers balance."""

from pathlib import Path

import psycopg

from chuanliu.bench.ledger_bench import check_books, count_backlog
from chuanliu.bench.ledger_client import BALANCE_MINOR, PostingPlan, post_transfers, stock_accounts
from chuanliu.bench.platform_stock_store import CODE_DIGITS, add_consumers, mint_codes, missing_payments
from chuanliu.bench.target import Tally
from chuanliu.ids import cell_of_text


def test_transfers_are_posted_and_counted(database_url: str) -> None:
    plan = PostingPlan(database_url=database_url, batch=1000, payers=50, sellers=3)
    assert stock_accounts(plan) == 50
    assert stock_accounts(plan) == 0
    result = post_transfers(plan, 0.3, 0)
    assert result.posted > 0
    assert result.refused == {}
    assert check_books(database_url, 50 + result.posted) == "clean"
    assert "acknowledged" in check_books(database_url, 50 + result.posted + 1)
    # The funding's and the sellers' sides are deltas while no folder runs.
    assert count_backlog(database_url).folder == 50 + result.posted
    with psycopg.connect(database_url) as connection:
        total = connection.execute("SELECT sum(balance_minor) FROM account WHERE mode = 'checked'").fetchone()
    assert total is not None
    assert int(total[0]) == 50 * BALANCE_MINOR - result.posted


def test_books_that_are_a_cent_off_are_found(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM transfer").fetchone()
        assert row is not None
        connection.execute("UPDATE account SET balance_minor = balance_minor + 1")
        try:
            assert "not 0" in check_books(database_url, int(row[0]))
        finally:
            connection.execute("UPDATE account SET balance_minor = balance_minor - 1")


def test_codes_lie_where_a_payment_looks_for_them(database_url: str) -> None:
    codes = mint_codes(database_url, 500, payers=7)
    assert len(set(codes)) == 500
    assert {len(code) for code in codes} == {CODE_DIGITS}
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT cell, code, consumer_id FROM payment_code").fetchall()
    assert {str(code) for _, code, _ in rows} == set(codes)
    assert all(cell == cell_of_text(str(code)) for cell, code, _ in rows)
    assert len({consumer for _, _, consumer in rows}) == 7


def test_consumers_have_accounts(database_url: str, tmp_path: Path) -> None:
    add_consumers(database_url, 60)
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT count(*), count(a.account_id) FROM consumer c"
            " LEFT JOIN account a ON a.cell = c.cell AND a.mode = 'checked'"
            " AND (a.account_id >> 18) = c.consumer_id - 2088000000000000"
        ).fetchone()
    assert row == (60, 60)


def test_the_tally_is_held_against_what_is_stored(database_url: str) -> None:
    assert missing_payments(database_url, Tally(acknowledged=0, unknown=3)) is None
    assert missing_payments(database_url, Tally(acknowledged=1, unknown=0)) == (
        "0 payments stored, 1 acknowledged, 0 unknown"
    )
