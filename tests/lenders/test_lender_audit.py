"""The audit of lenders, products and instruments finds each way of being off."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from chuanliu.connectors import CardData
from chuanliu.lenders import LENDER_CHECKS, ApplyLender, CloseInstrument, OpenLine, product_by_code
from chuanliu.parties import ReadReference
from engine.rig import engines, run
from lenders.samples import card_number, card_product, consent_sha256, consumer, lender, line_product, link, vault
from trade.corruption import checks_that_find
from trade.market import Market


@pytest.fixture(scope="module")
def url(database_url: str) -> Iterator[str]:
    """A database with two lenders, an open and a closed line, and two cards."""

    async def main() -> None:
        keys = vault()
        async with engines(database_url) as (engine,):
            await engine.submit(ApplyLender(lender("chuanliu", line_product("river"), kind="platform")))
            cards = card_product("mill-card", ("960000", "960099")), card_product("bridge-card", ("970000", "970099"))
            await engine.submit(ApplyLender(lender("mill", *cards)))
            product = product_by_code(await engine.ask(ReadReference()), "river")
            for closed in (False, True):
                buyer = await consumer(engine)
                opened = await engine.submit(OpenLine(buyer, await consent_sha256(engine, "river"), product.product_id))
                await link(engine, keys, buyer, CardData(card_number("960011"), "9912"), "mill-card")
                if closed:
                    await engine.submit(CloseInstrument(buyer, opened.instrument_id))

    run(main)
    with psycopg.connect(database_url, autocommit=True) as connection:
        Market(database_url, connection).require_clean()
    yield database_url


LINE = "(account_id >> 10 & 255) >= 128"
CORRUPTIONS: list[tuple[str, str]] = [
    ("lines in our books have an account with their limit", f"DELETE FROM account WHERE {LINE}"),
    (
        "lines in our books have an account with their limit",
        f"UPDATE account SET floor_minor = floor_minor - 1 WHERE {LINE}",
    ),
    (
        "lines in our books have an account with their limit",
        f"UPDATE account SET status = 'blocked' WHERE status = 'open' AND {LINE}",
    ),
    (
        "lines in our books have an account with their limit",
        f"UPDATE account SET status = 'open' WHERE status = 'blocked' AND {LINE}",
    ),
    ("lines in our books have an account with their limit", "UPDATE product SET currency = 'HKD' WHERE code = 'river'"),
    ("accounts of credit used belong to a line", "DELETE FROM instrument WHERE line_no IS NOT NULL"),
    ("accounts of credit used belong to a line", "UPDATE instrument SET line_no = 5 WHERE line_no = 0"),
    ("closed lines owe nothing", f"UPDATE account SET balance_minor = -1 WHERE status = 'blocked' AND {LINE}"),
    ("closed lines owe nothing", f"UPDATE account SET held_minor = 1 WHERE status = 'blocked' AND {LINE}"),
    ("instruments are of their product", "DELETE FROM product WHERE code = 'mill-card'"),
    ("instruments are of their product", "UPDATE instrument SET kind = 'debit_card' WHERE kind = 'credit_card'"),
    ("instruments are of their product", "UPDATE product SET funding = 'external' WHERE code = 'river'"),
    ("instruments are of their product", "UPDATE instrument SET line_no = 1 WHERE card_id IS NOT NULL"),
    ("instruments are of their product", "UPDATE instrument SET cell = cell + 128"),
    ("cards are their consumers'", "DELETE FROM stored_card"),
    ("cards are their consumers'", "UPDATE stored_card SET consumer_id = consumer_id + 1"),
    ("cards are their consumers'", "UPDATE instrument SET masked = '**** 000x' WHERE card_id IS NOT NULL"),
    ("products are their lenders', under one code", "DELETE FROM lender WHERE code = 'mill'"),
    ("products are their lenders', under one code", "UPDATE product SET lender_id = lender_id + 1"),
    ("products are their lenders', under one code", "UPDATE product SET code = 'river' WHERE code = 'mill-card'"),
    (
        "no card number is two products'",
        "UPDATE product SET terms = (SELECT terms FROM product WHERE code = 'mill-card') WHERE code = 'bridge-card'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("check", "corruption"), CORRUPTIONS)
def test_what_is_off_with_lenders_is_found(url: str, check: str, corruption: str) -> None:
    assert check in checks_that_find(url, corruption)


def test_every_check_of_lenders_has_a_case() -> None:
    assert {check for check, _ in CORRUPTIONS} == set(LENDER_CHECKS)
