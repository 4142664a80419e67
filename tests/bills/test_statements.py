"""Statements made of postings: once, whole, and also when the job runs late."""

from __future__ import annotations

import psycopg
import pytest

from bills.household import Household, household, instant
from chuanliu.bills import BILL_CHECKS, cycle_of_terms, generation_store
from chuanliu.lenders import BillingTerms, lender_yaml, read_lender_file, terms_of
from engine.rig import engines, run
from instalments.shop import Shop
from lenders.samples import lender, line_product, terms


def test_a_purchase_and_an_instalment_plan_over_three_cycles(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            home = await household(shop, engine, "three", "2025-12-20", balance_minor=5000_00)
            await home.buy("tea", "2026-01-01 23:59", 100_00, ["2026-01-09"])
            await home.buy("phone", "2026-01-02 00:01", 3000_00, ["2026-02-09", "2026-03-09", "2026-04-09"])
            first, second = home.bill("2026-02-02")
            assert (first.cycle, first.opening_minor, first.purchases_minor, first.closing_minor) == (
                202601,
                0,
                100_00,
                100_00,
            )
            assert (first.due_minor, first.purchases_due_minor, first.minimum_minor, first.due_on) == (
                100_00,
                100_00,
                10_00,
                20260109,
            )
            # 2.3 % of 3000.00 is 69.00, 23.00 with each instalment.
            assert (second.first_seq, second.last_seq) == (2, 3)
            assert (second.opening_minor, second.purchases_minor, second.fees_minor) == (100_00, 3000_00, 69_00)
            assert (second.overdue_minor, second.instalments_due_minor, second.due_minor) == (100_00, 1023_00, 1123_00)
            assert (second.minimum_minor, second.closing_minor, second.later_minor) == (1123_00, 3169_00, 2046_00)
            await home.repay_plan("tea", "2026-02-05")
            await home.repay_plan("phone", "2026-02-05", 1023_00)
            third = home.bill("2026-03-02")[-1]
            assert (third.repayments_minor, third.overdue_minor, third.instalments_due_minor) == (1123_00, 0, 1023_00)
            assert third.closing_minor == 2046_00

    run(main)
    shop.market.require_clean()


def test_a_late_run_bills_what_was_owed_when_the_cycle_ended(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            home = await household(shop, engine, "late-run", "2025-12-20", balance_minor=5000_00)
            await home.buy("phone", "2026-01-10", 3000_00, ["2026-02-09", "2026-03-09", "2026-04-09"])
            await home.buy("tea", "2026-01-12", 50_00, ["2026-02-09"])
            await home.buy("coat", "2026-02-02 00:00", 700_00, ["2026-03-09"])
            await home.repay_plan("phone", "2026-02-03")
            await home.repay_plan("tea", "2026-02-03", 20_00)
            first = home.bill("2026-02-04")[-1]
            assert (first.last_seq, first.closing_minor) == (3, 3119_00)
            assert (first.instalments_due_minor, first.purchases_due_minor) == (1023_00, 50_00)
            second = home.bill("2026-03-02")[-1]
            # 3069.00 of the phone and 20.00 of the tea. All is past due when the test runs: no fee is spared.
            assert (second.repayments_minor, second.refunds_minor, second.purchases_minor) == (3089_00, 0, 700_00)
            assert (second.overdue_minor, second.purchases_due_minor, second.closing_minor) == (30_00, 700_00, 730_00)

    run(main)
    shop.market.require_clean()


def test_a_refund_after_billing_stands_in_the_next_statement(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            home = await household(shop, engine, "refund", "2025-12-20", balance_minor=5000_00)
            await home.buy("tea", "2026-01-10", 80_00, ["2026-02-09"])
            assert home.bill("2026-02-02")[-1].due_minor == 80_00
            await home.repay_plan("tea", "2026-02-05", 80_00)
            await home.refund("tea", "2026-02-06", 80_00)
            second = home.bill("2026-03-02")[-1]
            assert (second.opening_minor, second.repayments_minor, second.refunds_minor) == (80_00, 80_00, 80_00)
            # What was repaid already went back to her balance: a debit of the line.
            assert (second.other_minor, second.closing_minor, second.due_minor) == (80_00, 0, 0)
            assert home.bill("2026-04-02")[-1] == second

    run(main)
    shop.market.require_clean()


def test_a_run_that_is_stopped_goes_on_and_a_finished_one_makes_nothing_again(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            home = await household(shop, engine, "again", "2025-12-20")
            await home.buy("tea", "2026-01-10", 80_00, ["2026-02-09"])
            with psycopg.connect(shop.market.url, autocommit=True) as connection:
                asked = iter([True, False, False, False, False])
                stopped = generation_store.bill_product(
                    connection, home.product, instant("2026-03-02"), may_go_on=lambda: next(asked)
                )
                assert stopped.chunks == 1
                rest = generation_store.bill_product(connection, home.product, instant("2026-03-02"))
                assert stopped.chunks + rest.chunks == 3 * 64
                assert stopped.statements + rest.statements == 2
                assert generation_store.bill_product(connection, home.product, instant("2026-03-02")).chunks == 0
                cycle = cycle_of_terms(terms_of(home.product), 202602)
                assert list(generation_store.bill_cycle(connection, home.product, cycle)) == []
            assert [each.cycle for each in home.statements()] == [202602, 202603]

    run(main)
    shop.market.require_clean()


def test_the_unique_key_refuses_a_second_statement(shop: Shop) -> None:
    async def main() -> Household:
        async with engines(shop.market.url) as [engine]:
            home = await household(shop, engine, "twice", "2025-12-20")
            await home.buy("tea", "2026-01-10", 80_00, ["2026-02-09"])
            home.bill("2026-02-02")
            return home

    home = run(main)
    shop.market.execute(
        "UPDATE statement_run SET finished_at = NULL, after_consumer_id = 0 WHERE product_id = %s",
        home.product.product_id,
    )
    with psycopg.connect(shop.market.url, autocommit=True) as connection, pytest.raises(psycopg.errors.UniqueViolation):
        generation_store.bill_product(connection, home.product, instant("2026-02-02"))
    assert len(home.statements()) == 1


def test_the_audit_finds_a_statement_that_is_off(shop: Shop) -> None:
    found = _offenders_after(
        shop, "UPDATE statement SET closing_minor = closing_minor + 1, purchases_minor = purchases_minor + 1"
    )
    assert found["statements are their postings"] > 0
    found = _offenders_after(
        shop,
        "UPDATE statement SET opening_minor = opening_minor + 1, closing_minor = closing_minor + 1"
        " WHERE cycle = (SELECT max(cycle) FROM statement)",
    )
    assert found["statements are their postings"] == 0
    assert found["statements follow each other without gap"] > 0
    assert found.keys() == BILL_CHECKS.keys()
    shop.market.require_clean()


def _offenders_after(shop: Shop, corruption: str) -> dict[str, int]:
    """How many each check of statements finds after a change, which is then taken back."""
    connection = shop.market.connection
    with connection.transaction(force_rollback=True):
        connection.execute(corruption)
        return {name: len(connection.execute(check).fetchall()) for name, check in BILL_CHECKS.items()}


def test_billing_terms_are_checked_and_read_back() -> None:
    billing = BillingTerms("20", 50_00, 5, 15_00, "0.05", ("interest", "fees", "principal"))
    spec = lender("b", line_product("b-line", terms=terms(billing=billing)), kind="platform")
    assert read_lender_file(lender_yaml(spec)).spec == spec
    wrong = lender_yaml(spec).replace("grace_days: 5", "grace_days: 50").replace("- fees", "- fears")
    found = [problem.path for problem in read_lender_file(wrong).problems]
    assert found == ["products[0].billing.grace_days", "products[0].billing.waterfall"]
