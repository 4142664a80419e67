"""Cards, lines and their consents on a real engine, several at once where they meet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from chuanliu.connectors import CardData
from chuanliu.engine import Engine
from chuanliu.ledger import PLATFORM, Chart, PostTransfer, account_of, credit_used_account
from chuanliu.lenders import (
    ApplyLender,
    ChangeLender,
    ChangeLineLimit,
    CloseInstrument,
    FindInstruments,
    FindStoredCard,
    Instrument,
    OpenLine,
    SuspendInstrument,
    SuspendProduct,
    card_fingerprints,
    open_card,
    product_by_code,
)
from chuanliu.parties import ChangeConsumer, ReadReference, Vault
from engine.rig import engines, one, run
from ledger.rig import code, require_clean
from lenders.samples import (
    card_number,
    card_product,
    consent_sha256,
    consumer,
    credit_pay_product,
    lender,
    line_product,
    link,
    vault,
)

BANK = lender("hebei-ford", card_product("ford-card", ("960000", "960099")), credit_pay_product("ford-pay"))
OTHER = lender("qingtan", card_product("qingtan-card", ("96010000", "96010099")), line_product("qingtan-line"))
PLATFORM_LENDER = lender("chuanliu", line_product("river-line"), kind="platform")
EXPIRY = "9912"


@dataclass(frozen=True)
class World:
    """What each test begins with."""

    url: str
    keys: Vault


@pytest.fixture(scope="module")
def world(database_url: str) -> Iterator[World]:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            for spec in (BANK, OTHER, PLATFORM_LENDER):
                await engine.submit(ApplyLender(spec))

    run(main)
    yield World(database_url, vault())
    require_clean(database_url)


async def line(engine: Engine, who: int, product: str, limit_minor: int | None = None) -> Instrument:
    reference = await engine.ask(ReadReference())
    signed = await consent_sha256(engine, product)
    product_id = product_by_code(reference, product).product_id
    return await engine.submit(OpenLine(who, signed, product_id, limit_minor))


def test_a_card_is_linked_to_the_product_of_its_number(world: World) -> None:
    async def main() -> None:
        async with engines(world.url) as (engine,):
            who = await consumer(engine)
            card = CardData(card_number("96001234"), EXPIRY)
            linked = await link(engine, world.keys, who, card, "ford-card")
            assert (linked.kind, linked.status, linked.masked) == ("credit_card", "active", f"**** {card.pan[-4:]}")
            assert linked.consent_sha256 == await consent_sha256(engine, "ford-card")
            assert linked.consented_at == linked.created_at
            (view,) = await engine.ask(FindInstruments(who))
            assert (view.lender.name_zh, view.product.code) == ("hebei-ford 银行", "ford-card")
            assert (view.account, view.used_minor) == (None, None)

    run(main)


def test_the_same_card_is_one_instrument(world: World) -> None:
    async def main() -> None:
        async with engines(world.url, 2) as running:
            who, other = await consumer(running[0]), await consumer(running[0])
            card = CardData(card_number("96000001"), EXPIRY)
            linked = await asyncio.gather(
                *(link(running[number % 2], world.keys, who, card, "ford-card") for number in range(12))
            )
            assert len({each.instrument_id for each in linked}) == 1
            assert one(world.url, "SELECT count(*) FROM stored_card WHERE consumer_id = %s", who) == 1
            hers = await link(running[0], world.keys, other, card, "ford-card")
            assert hers.instrument_id != linked[0].instrument_id, "two people may hold one account"
            await running[0].submit(CloseInstrument(who, linked[0].instrument_id))
            again = await link(running[0], world.keys, who, card, "ford-card")
            assert again.instrument_id != linked[0].instrument_id and again.card_id == linked[0].card_id

    run(main)


@pytest.mark.parametrize(
    ("start", "expiry", "product", "expected"),
    [
        ("97000000", EXPIRY, "ford-card", "card_not_supported"),
        ("96010100", EXPIRY, "qingtan-card", "card_not_supported"),
        ("96000000", "2001", "ford-card", "card_expired"),
        ("96000000", EXPIRY, "qingtan-card", "consent_outdated"),
        ("96010000", EXPIRY, "qingtan-card", "ok"),
    ],
)
def test_what_keeps_a_card_out(world: World, start: str, expiry: str, product: str, expected: str) -> None:
    async def main() -> str:
        async with engines(world.url) as (engine,):
            who = await consumer(engine)
            try:
                await link(engine, world.keys, who, CardData(card_number(start), expiry), product)
            except Exception as error:
                return str(getattr(error, "code", error))
            return "ok"

    assert run(main) == expected


def test_a_blocked_consumer_signs_nothing(world: World) -> None:
    async def main() -> None:
        async with engines(world.url) as (engine,):
            who = await consumer(engine)
            await engine.submit(ChangeConsumer(who, blocked=True))
            product = product_by_code(await engine.ask(ReadReference()), "river-line").product_id
            signed = await consent_sha256(engine, "river-line")
            assert await code(engine, OpenLine(who, signed, product)) == "buyer_blocked"
            assert await code(engine, OpenLine(who + 10**6, signed, product)) == "consumer_not_found"

    run(main)


def test_lines_have_accounts_of_their_own(world: World) -> None:
    async def main() -> None:
        async with engines(world.url) as (engine,):
            who = await consumer(engine)
            first = await line(engine, who, "river-line")
            second = await line(engine, who, "qingtan-line", 800_00)
            assert (first.line_no, first.limit_minor, second.line_no, second.limit_minor) == (0, 5_000_00, 1, 800_00)
            assert await line(engine, who, "river-line", 1) == first, "who has the line gets the line that there is"
            used = credit_used_account(who, 1, "CNY")
            shop = account_of(PLATFORM, Chart.PLATFORM_FEES, "CNY")
            await engine.submit(PostTransfer(used, shop, 800_00, "x"))
            assert await code(engine, PostTransfer(used, shop, 1, "x")) == "balance_below_floor"
            views = await engine.ask(FindInstruments(who))
            assert [(view.lender.code, view.used_minor) for view in views] == [("chuanliu", 0), ("qingtan", 800_00)]
            assert await code(engine, CloseInstrument(who, second.instrument_id)) == "line_has_debt"
            assert await code(engine, ChangeLineLimit(who, second.instrument_id, 799_99)) == "limit_below_used"
            assert await code(engine, ChangeLineLimit(who, second.instrument_id, -1)) == "invalid_amount"
            raised = await engine.submit(ChangeLineLimit(who, second.instrument_id, 900_00))
            assert raised.limit_minor == 900_00
            await engine.submit(PostTransfer(used, shop, 100_00, "x"))
            await engine.submit(PostTransfer(shop, used, 900_00, "x"))
            closed = await engine.submit(CloseInstrument(who, second.instrument_id))
            assert closed.status == "closed" and [
                view.instrument for view in await engine.ask(FindInstruments(who))
            ] == [first]
            assert await code(engine, PostTransfer(used, shop, 1, "x")) == "account_blocked"
            await engine.submit(PostTransfer(shop, used, 5, "late refund"))
            reopened = await line(engine, who, "qingtan-line")
            assert reopened.line_no == 2, "a line's number is never used again"

    run(main)


def test_many_lines_opened_at_once_are_one(world: World) -> None:
    async def main() -> None:
        async with engines(world.url, 2) as running:
            who = await consumer(running[0])
            products = ("river-line", "qingtan-line")
            opened = await asyncio.gather(*(line(running[n % 2], who, products[n // 2 % 2]) for n in range(16)))
            assert len({each.instrument_id for each in opened}) == 2
            assert {each.line_no for each in opened} == {0, 1}

    run(main)


def test_a_consumer_has_no_more_than_128_lines(world: World) -> None:
    async def main() -> None:
        async with engines(world.url) as (engine,):
            who = await consumer(engine)
            for _ in range(128):
                opened = await line(engine, who, "river-line")
                await engine.submit(CloseInstrument(who, opened.instrument_id))
            product = product_by_code(await engine.ask(ReadReference()), "river-line").product_id
            signed = await consent_sha256(engine, "river-line")
            assert await code(engine, OpenLine(who, signed, product)) == "lines_exhausted"

    run(main)


def test_an_account_at_a_bank(world: World) -> None:
    async def main() -> None:
        async with engines(world.url) as (engine,):
            who = await consumer(engine)
            reference = await engine.ask(ReadReference())
            product = product_by_code(reference, "ford-pay").product_id
            card, own = product_by_code(reference, "ford-card").product_id, product_by_code(reference, "river-line")
            signed = await consent_sha256(engine, "ford-pay")

            def opening(reference: str | None = None, limit: int | None = None, product: int = product) -> OpenLine:
                return OpenLine(who, signed, product, limit, reference)

            linked = await engine.submit(opening("ACC-2026-0001"))
            assert (linked.masked, linked.line_no, linked.limit_minor) == ("**** 0001", None, None)
            assert await engine.submit(opening("ACC-2026-0001")) == linked
            assert (await engine.submit(opening("ACC-2026-0002"))).instrument_id != linked.instrument_id
            for wrong in (
                opening(),
                opening("a b c d"),
                opening("x"),
                opening("ACC-1", 5),
                opening("ACC-1", None, card),
            ):
                assert await code(engine, wrong) == "invalid_parameter"
            assert await code(engine, opening(card_number("96000000"))) == "invalid_parameter", (
                "no card numbers in clear"
            )
            assert await code(engine, opening("ACC-1", None, product + 1)) == "product_not_found"
            own_signed = await consent_sha256(engine, "river-line")
            assert await code(engine, OpenLine(who, own_signed, own.product_id, None, "ACC-1")) == "invalid_parameter"
            limit = ChangeLineLimit(who, linked.instrument_id, 5)
            assert await code(engine, limit) == "invalid_parameter", "the bank sets it"

    run(main)


def test_nothing_is_opened_with_who_is_suspended(world: World) -> None:
    async def main() -> None:
        async with engines(world.url) as (engine,):
            who = await consumer(engine)
            applied = await engine.submit(ApplyLender(lender("stopped", line_product("stopped-line"))))
            product, bank = applied.products[0].product_id, applied.lender.lender_id
            signed = await consent_sha256(engine, "stopped-line")
            await engine.submit(SuspendProduct(product))
            assert await code(engine, OpenLine(who, signed, product)) == "product_suspended"
            await engine.submit(SuspendProduct(product, suspended=False))
            await engine.submit(ChangeLender(bank, suspended=True))
            assert await code(engine, OpenLine(who, signed, product)) == "product_suspended"
            await engine.submit(ChangeLender(bank, name="Renamed bank", suspended=False))
            assert await code(engine, OpenLine(who, signed, product)) == "consent_outdated"

    run(main)


def test_instruments_belong_to_their_consumer(world: World) -> None:
    async def main() -> None:
        async with engines(world.url) as (engine,):
            owner, stranger = await consumer(engine), await consumer(engine)
            opened = await line(engine, owner, "river-line")
            number = opened.instrument_id
            for wrong in (
                CloseInstrument(stranger, number),
                SuspendInstrument(stranger, number),
                ChangeLineLimit(stranger, number, 1),
                CloseInstrument(owner, number + 1),
                CloseInstrument(owner, 0),
            ):
                assert await code(engine, wrong) == "instrument_not_found"
            assert await code(engine, CloseInstrument(owner + 10**6, number)) == "consumer_not_found"
            assert (await engine.submit(SuspendInstrument(owner, number))).status == "suspended"
            assert (await engine.submit(SuspendInstrument(owner, number, suspended=False))).status == "active"
            await engine.submit(CloseInstrument(owner, number))
            assert await code(engine, SuspendInstrument(owner, number)) == "instrument_not_found", "for ever"

    run(main)


def test_a_card_of_a_range_that_moved_is_signed_for_anew(world: World) -> None:
    async def main() -> None:
        async with engines(world.url) as (engine,):
            who = await consumer(engine)
            old = card_product("old-card", ("961000", "961000"))
            await engine.submit(ApplyLender(lender("mover", old)))
            card = CardData(card_number("96100000"), EXPIRY)
            first = await link(engine, world.keys, who, card, "old-card")
            new = (card_product("old-card", ("961001", "961001")), card_product("new-card", ("961000", "961000")))
            await engine.submit(ApplyLender(lender("mover", *new)))
            second = await link(engine, world.keys, who, card, "new-card")
            assert second.instrument_id != first.instrument_id
            views = await engine.ask(FindInstruments(who, closed=True))
            shown = [(view.product.code, view.instrument.status) for view in views]
            assert shown == [("old-card", "closed"), ("new-card", "active")]

    run(main)


def test_the_vault_opens_what_was_linked(world: World) -> None:
    async def main() -> None:
        async with engines(world.url) as (engine,):
            who = await consumer(engine)
            card = CardData(card_number("96000002"), EXPIRY)
            await link(engine, world.keys, who, card, "ford-card")
            stored = await engine.ask(FindStoredCard(who, card_fingerprints(world.keys, card.pan)))
            assert stored is not None and open_card(world.keys, stored) == card

    run(main)
