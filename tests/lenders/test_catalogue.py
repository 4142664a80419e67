"""Lenders and products put by several engines at once, on real PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chuanliu.engine import Reference
from chuanliu.errors import ChuanliuError
from chuanliu.ids import cell_of_party
from chuanliu.ledger import Chart, account_of
from chuanliu.lenders import (
    AddLender,
    ApplyLender,
    ChangeLender,
    LenderSpec,
    PutProduct,
    SuspendProduct,
    find_lender,
    lender_of_bin,
    lenders,
    product_by_code,
    products,
    spec_of,
    terms_of,
)
from chuanliu.parties import ReadReference
from engine.rig import code_of, engines, one, outcomes, run
from ledger.rig import code, require_clean
from lenders.samples import card_number, card_product, credit_pay_product, lender, line_product, terms


def test_a_lender_is_a_party_with_accounts(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            added = await engine.submit(AddLender("yunhe", "Yunhe Bank", "云河银行"))
            assert added.cell == cell_of_party(added.lender_id) and str(added.lender_id).startswith("2088")
            for chart in (Chart.LENDER_FUNDING, Chart.LENDER_FEE_INCOME, Chart.BANK_CLEARING):
                account = account_of(added.lender_id, chart, "CNY")
                assert one(database_url, "SELECT mode FROM account WHERE account_id = %s", account) == "buffered"
            assert await code(engine, AddLender("yunhe", "Another", "另一家")) == "code_taken"
            for wrong in ("", "Yunhe", "1yunhe", "yun--he", "y" * 33):
                assert await code(engine, AddLender(wrong, "x", "x")) == "invalid_parameter"
            renamed = await engine.submit(ChangeLender(added.lender_id, name_zh="云河商业银行", suspended=True))
            assert (renamed.name, renamed.name_zh, renamed.status) == ("Yunhe Bank", "云河商业银行", "suspended")
            assert await code(engine, ChangeLender(added.lender_id + 1, suspended=True)) == "lender_not_found"
            reference = await engine.ask(ReadReference())
            assert find_lender(reference, "yunhe") == renamed

    run(main)


def test_products_are_put_replaced_and_suspended(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            bank = await engine.submit(AddLender("qingshan", "Qingshan Bank", "青山银行"))
            first = await engine.submit(PutProduct(bank.lender_id, card_product("qs-card", ("910100", "910199"))))
            version = one(database_url, "SELECT version FROM reference_version")
            again = await engine.submit(PutProduct(bank.lender_id, card_product("qs-card", ("910100", "910199"))))
            assert again == first, "nothing changed"
            assert one(database_url, "SELECT version FROM reference_version") == version
            wider = terms(bins=(("910100", "910249"),), order_max_minor=1_00_00)
            second = await engine.submit(PutProduct(bank.lender_id, card_product("qs-card", terms=wider)))
            assert (second.product_id, terms_of(second)) == (first.product_id, wider)
            line = line_product("qs-card")
            assert await code(engine, PutProduct(bank.lender_id, line)) == "invalid_parameter"
            number = card_number("91024900")
            assert lender_of_bin(await engine.ask(ReadReference()), number) == second
            await engine.submit(SuspendProduct(second.product_id))
            reference = await engine.ask(ReadReference())
            assert lender_of_bin(reference, number) is None
            assert product_by_code(reference, "qs-card").status == "suspended"
            await engine.submit(SuspendProduct(second.product_id, suspended=False))
            await engine.submit(ChangeLender(bank.lender_id, suspended=True))
            reference = await engine.ask(ReadReference())
            assert lender_of_bin(reference, number) is None and second.code not in codes(reference)
            assert await code(engine, SuspendProduct(second.product_id + 1)) == "product_not_found"

    run(main)
    require_clean(database_url)


def codes(reference: Reference) -> list[str]:
    return [product.code for product in products(reference)]


OVERLAPS: list[tuple[Any, Any, bool]] = [
    (("920100", "920199"), ("920150", "920150"), True),
    (("920100", "920199"), ("920199", "920300"), True),
    (("920100", "920199"), ("92019950", "92020000"), True),
    (("920100", "920199"), ("9201990", "9201990"), True),
    (("920100", "920199"), ("920200", "920200"), False),
    (("920100", "920199"), ("92009999", "92009999"), False),
    (("92010000", "92010049"), ("92010050", "92010099"), False),
]


@pytest.mark.parametrize("case", range(len(OVERLAPS)))
def test_two_products_never_claim_the_same_cards(database_url: str, case: int) -> None:
    *ranges, overlap = OVERLAPS[case]
    # Each case has digits of its own: they share a database.
    one_range, other_range = ((f"{case + 10}{first[2:]}", f"{case + 10}{last[2:]}") for first, last in ranges)

    async def main() -> None:
        async with engines(database_url) as (engine,):
            bank = (await engine.submit(ApplyLender(lender(f"bank-{case}")))).lender
            other = (await engine.submit(ApplyLender(lender(f"other-{case}")))).lender
            await engine.submit(PutProduct(bank.lender_id, card_product(f"card-{case}", one_range)))
            try:
                await engine.submit(PutProduct(other.lender_id, card_product(f"late-{case}", other_range)))
            except ChuanliuError as error:
                assert overlap and (error.code, error.field) == ("bin_overlap", "bins")
                for part in (f"card-{case}", f"late-{case}", one_range[0], other_range[0]):
                    assert part in error.message
            else:
                assert not overlap

    run(main)
    require_clean(database_url)


def test_of_many_claims_at_once_one_wins(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url, 3) as running:
            banks = [(await running[0].submit(ApplyLender(lender(f"claim-{letter}")))).lender for letter in "abcdefghi"]
            claims = [
                running[number % 3].submit(PutProduct(bank.lender_id, card_product(f"p-{bank.code}", span)))
                for number, bank in enumerate(banks)
                for span in [(f"93000{number}", "930050")]
            ]
            found = [code_of(result) for result in await outcomes([asyncio.ensure_future(each) for each in claims])]
            assert sorted(found) == ["bin_overlap"] * 8 + ["ok"]

    run(main)
    require_clean(database_url)


def test_codes_are_the_first_comers(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            one_bank = (await engine.submit(ApplyLender(lender("first")))).lender
            other = (await engine.submit(ApplyLender(lender("second")))).lender
            await engine.submit(PutProduct(one_bank.lender_id, line_product("the-line")))
            assert await code(engine, PutProduct(other.lender_id, line_product("the-line"))) == "code_taken"
            assert await code(engine, PutProduct(other.lender_id + 10**6, line_product("x"))) == "lender_not_found"

    run(main)


def test_a_file_is_applied_whole_or_not_at_all(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            card = card_product("tx-card", ("940000", "940099"))
            applied = await engine.submit(ApplyLender(lender("tianxing", card, credit_pay_product("tx-pay"))))
            assert applied.added == ("tianxing", "tx-card", "tx-pay") and applied.changed == ()
            same = await engine.submit(ApplyLender(lender("tianxing", card, credit_pay_product("tx-pay"))))
            assert (same.added, same.changed) == ((), ())
            assert spec_of(same.lender, same.products) == lender("tianxing", card, credit_pay_product("tx-pay"))
            before = one(database_url, "SELECT version FROM reference_version")
            taken = lender("other", line_product("other-line"), card_product("other-card", ("940050", "940050")))
            with pytest.raises(ChuanliuError) as caught:
                await engine.submit(ApplyLender(taken))
            assert (caught.value.code, caught.value.field) == ("bin_overlap", "products[1].bins")
            reference = await engine.ask(ReadReference())
            assert "other" not in [each.code for each in lenders(reference)]
            assert one(database_url, "SELECT version FROM reference_version") == before
            assert await code(engine, ApplyLender(lender("tianxing", kind="platform"))) == "invalid_parameter"
            # Ranges wander from one product to the other within a file.
            narrow = card_product("tx-card", ("940000", "940049"))
            gold = card_product("tx-gold", ("940050", "940099"))
            wandered = await engine.submit(ApplyLender(lender("tianxing", gold, narrow)))
            assert (wandered.added, wandered.changed) == (("tx-gold",), ("tx-card",))
            assert "tx-pay" in codes(await engine.ask(ReadReference())), "what a file does not name stays"

    run(main)
    require_clean(database_url)


def test_rehearsals_have_lenders_of_their_own(database_url: str) -> None:
    async def main() -> None:
        async with engines(database_url) as (engine,):
            spec: LenderSpec = lender("twin", card_product("twin-card", ("950000", "950099")))
            real = await engine.submit(ApplyLender(spec))
            shadow = await engine.submit(ApplyLender(spec, shadow=True))
            assert shadow.lender.cell >= 128 > real.lender.cell
            reference = await engine.ask(ReadReference())
            number = card_number("95005000")
            assert lender_of_bin(reference, number) == real.products[0]
            assert lender_of_bin(reference, number, shadow=True) == shadow.products[0]
            assert lender_of_bin(reference, "9500") is None and lender_of_bin(reference, "95010000") is None

    run(main)
    require_clean(database_url)
