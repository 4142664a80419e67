"""The sandbox's lenders: 37 banks with terms of their own, the published fees, and files that read back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import msgspec
import psycopg
import pytest

from chuanliu.gateway import Services
from chuanliu.lenders import (
    CARD_KINDS,
    PRODUCT,
    ApplyLender,
    FindInstruments,
    find_lender,
    is_card_number,
    lender_flaws,
    lender_of,
    lender_of_bin,
    lender_yaml,
    lenders,
    problems_across,
    products,
    read_lender_file,
    spec_of,
    terms_of,
)
from chuanliu.parties import ReadReference
from chuanliu.runtime import Settings, audit, engine_session
from chuanliu.sandbox import sandbox_card_number, sandbox_lenders, seed_lenders, seed_sandbox, simulated_ends

SPECS = sandbox_lenders(9600)
BANKS = SPECS[1:]


def test_there_are_37_banks_and_the_platform() -> None:
    assert [spec.kind for spec in SPECS] == ["platform", *["bank"] * 37]
    assert len({spec.name_zh for spec in SPECS}) == len({spec.name for spec in SPECS}) == 38
    for bank in BANKS:
        kinds = [product.kind for product in bank.products]
        assert kinds[:2] == ["credit_card", "bank_credit_pay"] and kinds[2:] in ([], ["debit_card"])
        for product in bank.products:
            # Brand isolation begins with the names.
            assert product.name.startswith(bank.name.split()[0]) and product.name_zh.startswith(bank.name_zh[:2])
            assert bank.name_zh[:2] in product.terms.consent_text


def test_no_two_banks_have_the_same_terms() -> None:
    cards = (bank.products[0].terms for bank in BANKS)
    plain = {msgspec.structs.replace(terms, bins=(), consent_text="") for terms in cards}
    assert len(plain) == 37


def test_both_card_wires_and_our_own_service_are_there() -> None:
    wires = [bank.products[0].connector for bank in BANKS]
    assert (wires.count("iso8583-1987"), wires.count("iso8583-1993")) == (19, 18)
    assert [bank.products[1].funding for bank in BANKS].count("own") == 4
    assert sum(len(bank.products) == 3 for bank in BANKS) == 12


def test_the_platform_has_the_published_fees() -> None:
    (line,) = SPECS[0].products
    assert (line.kind, line.funding, line.terms.rounding, line.terms.remainder) == (
        "credit_line", "own", "half-even", "first",
    )  # fmt: skip
    assert [msgspec.structs.astuple(each) for each in line.terms.instalments] == [
        (3, "flat", "2.3", "1.8"),
        (6, "flat", "4.5", "4.5"),
        (12, "flat", "7.5", "7.5"),
    ]


def test_every_lender_is_sound_and_reads_back_from_its_file() -> None:
    files = [read_lender_file(lender_yaml(spec)) for spec in SPECS]
    assert [file.problems for file in files] == [[]] * 38
    assert [file.spec for file in files] == list(SPECS)
    assert problems_across(files) == []
    assert [flaw for spec in SPECS for flaw in lender_flaws(spec)] == []


def test_the_documented_card_numbers_are_theirs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "lenders.md").read_text("utf-8")
    made = (sandbox_card_number(1, 1), sandbox_card_number(2, 1), sandbox_card_number(3, 1, debit=True))
    assert all(f"{number} (bank " in page for number in made)


def test_each_end_has_a_port_of_its_own() -> None:
    ends = simulated_ends(9600)
    assert len({end.port for end in ends}) == len({end.code for end in ends}) == len(ends) == 37 + 33
    by_code = {end.code: end for end in ends}
    for bank in BANKS:
        for product in bank.products:
            if product.endpoint is None:
                assert product.code not in by_code
                continue
            end = by_code[product.code.replace("-debit", "-card")]
            assert product.endpoint.rpartition(":")[2] == str(end.port) and product.connector == end.protocol


@pytest.fixture(scope="module")
def settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder: Path = tmp_path_factory.mktemp("data")
    return Settings(folder, folder / "master.key", database_url=database_url, sandbox=True)


def count(url: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def test_seeding_is_done_once(settings: Settings, database_url: str) -> None:
    first = asyncio.run(seed_sandbox(settings))
    tables = ("lender", "product", "instrument", "stored_card", "consumer")
    counts = [count(database_url, table) for table in tables]
    assert counts == [38, 87, 8 * 5, 8 * 3, 8]

    async def change(services: Services) -> None:
        reference = await services.engine.ask(ReadReference())
        spec = spec_of(find_lender(reference, "yunhe"), reference.find(PRODUCT, "code", "yunhe-card"))
        (card,) = spec.products
        kept = msgspec.structs.replace(card, terms=msgspec.structs.replace(card.terms, order_max_minor=7_00_00))
        await services.engine.submit(ApplyLender(msgspec.structs.replace(spec, products=(kept,))))
        await seed_lenders(services, 9700)

    async def run() -> None:
        async with engine_session(settings) as services:
            await change(services)

    asyncio.run(run())
    assert asyncio.run(seed_sandbox(replace(settings, banks_port=9700))) == first
    assert [count(database_url, table) for table in tables] == counts

    async def look() -> None:
        async with engine_session(settings) as services:
            reference = services.engine.reference
            (card,) = reference.find(PRODUCT, "code", "yunhe-card")
            assert terms_of(card).order_max_minor == 7_00_00, "what an operator changed stays"
            assert card.endpoint == "127.0.0.1:9700", "the port follows the setting"
            assert len(lenders(reference)) == 38 and len(products(reference)) == 87
            for bank in range(1, 38):
                number = sandbox_card_number(bank, 12)
                product = lender_of_bin(reference, number)
                assert is_card_number(number) and product is not None and product.kind == "credit_card"
                assert lender_of(reference, product).code == BANKS[bank - 1].code
                debit = lender_of_bin(reference, sandbox_card_number(bank, 12, debit=True))
                assert (debit is not None) == (len(BANKS[bank - 1].products) == 3)
            for consumer in first.consumers:
                views = await services.engine.ask(FindInstruments(int(consumer.user_id)))
                kinds = [view.instrument.kind for view in views]
                assert kinds.count("credit_line") == kinds.count("bank_credit_pay") == 1
                assert sum(kind in CARD_KINDS for kind in kinds) == 3

    asyncio.run(look())
    report = audit(database_url)
    assert report.clean, [check for check in report.checks if check.offenders_count]
