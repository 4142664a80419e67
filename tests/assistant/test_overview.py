"""What the assistant says equals the ledger, the statements and the mirrored bills, and is the consumer's alone."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from bills.household import Household, household
from chuanliu.assistant import (
    ChangeProfile,
    FindOverview,
    FindProfile,
    Overview,
    erasing_store,
)
from chuanliu.bills import FindStandings, mirrored_bills
from chuanliu.clock import DAY, business_date, to_datetime
from chuanliu.engine import Engine
from chuanliu.errors import ChuanliuError
from chuanliu.instalments import FindPlans, Wish, months_later
from chuanliu.ledger import credit_used_account
from chuanliu.lenders import BillingTerms
from chuanliu.parties import ChangeMerchant
from chuanliu.trade import RecordBankAnswer
from engine.rig import engines, run
from instalments.busy_shop import call_of
from instalments.shop import Shop, now
from trade.market import Market

TODAY = business_date(now())
THIS = TODAY.replace(day=1)


def day_of(months: int, day: int = 9) -> str:
    """A day of a month before or behind the current one."""
    return str(months_later(THIS, months).replace(day=day))


def number_of(months: int) -> int:
    """The month as yyyymm."""
    month = months_later(THIS, months)
    return month.year * 100 + month.month


def owed_in_ledger(home: Household) -> int:
    """What the line's account says."""
    line = int(home.market.one("SELECT line_no FROM instrument WHERE instrument_id = %s", home.instrument_id))
    account = credit_used_account(home.consumer, line, "CNY")
    return -int(home.market.one("SELECT balance_minor FROM account WHERE account_id = %s", account))


async def look(engine: Engine, home: Household, **more: int) -> Overview:
    """All that is said of her."""
    return await engine.ask(FindOverview(home.consumer, **more))


def bought_days_ago(home: Household, name: str, days: int) -> None:
    """Move a purchase into the past."""
    plan = home.purchases[name][1]
    home.market.execute(
        "UPDATE plan SET created_at = %s WHERE plan_id = %s", to_datetime(now() - days * DAY), plan.plan_id
    )


def test_figures_are_those_of_ledger_statements_and_mirrored_bills(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            billing = BillingTerms(grace_days=0, late_fee_minor=15_00, penalty_daily_pct="0.05")
            home = await household(shop, engine, "equal", day_of(-5, 1), balance_minor=9000_00, billing=billing)
            await home.buy("tea", day_of(-2, 10), 100_00, [day_of(-1)])
            await home.buy("phone", day_of(-2, 12), 3000_00, [day_of(months) for months in (-1, 0, 1)])
            await home.buy("coat", day_of(-1, 1), 700_00, [day_of(0)])
            await shop.card(engine, home.consumer)
            order = await shop.order(engine, 600_00, Wish(allowed=("credit_card",), instalments=3))
            paid = await shop.pay(engine, order, home.consumer)
            assert await engine.submit(RecordBankAnswer(call_of(paid), "succeeded"))
            first = await look(engine, home)
            await _is_equal(engine, home, first)
            (statement,) = (each for each in home.bill(str(TODAY)) if each.cycle == number_of(-1))
            assert first.calendar[0].overdue_minor == statement.due_minor == 1123_00
            # All but the card's instalments, which are another lender's.
            owed = sum(each.left_minor - each.mirrored_minor for each in first.calendar)
            assert statement.later_minor == owed - 1123_00
            await home.repay_plan("phone", str(TODAY), 1500_00)
            await home.refund("coat", str(TODAY), 200_00)
            await home.collect(day_of(-1, 20))
            second = await look(engine, home)
            await _is_equal(engine, home, second)
            assert second.calendar[0].charges_minor > 0
            assert second.calendar[0].overdue_minor == 100_00
            await home.repay(str(TODAY))
            third = await look(engine, home)
            await _is_equal(engine, home, third)
            assert (third.calendar[0].overdue_minor, third.calendar[0].charges_minor) == (0, 0)

    run(main)


async def _is_equal(engine: Engine, home: Household, overview: Overview) -> None:
    """Own lines against the ledger, other lenders against the mirrored bills, charges against the standing."""
    owed = {each.product_id: each.owed_minor for each in overview.products}
    assert owed[home.product.product_id] == owed_in_ledger(home)
    plans = await engine.ask(FindPlans(home.consumer))
    mirrored = mirrored_bills(plans)
    assert mirrored
    for bill in mirrored:
        (month,) = (each for each in overview.calendar if each.month == bill.month)
        assert month.mirrored_minor == bill.due_minor
    standings = await engine.ask(FindStandings(home.consumer, (home.instrument_id,)))
    charges = sum(each.late_fees_owed_minor + each.interest_owed_minor for each in standings)
    assert overview.calendar[0].charges_minor == charges
    left = sum(each.left_minor for each in overview.calendar) + overview.later_minor
    assert left == owed_in_ledger(home) + sum(bill.due_minor for bill in mirrored)


def test_shares_sum_to_what_was_bought(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            home = await household(shop, engine, "shares", day_of(-4, 1), balance_minor=5000_00)
            await engine.submit(ChangeMerchant(shop.merchant, category="5411"))
            await home.buy("tea", day_of(0, 1), 100_00, [day_of(1)])
            await home.buy("phone", day_of(0, 1), 300_00, [day_of(months) for months in (1, 2, 3)])
            await home.buy("old", day_of(0, 1), 50_00, [day_of(1)])
            bought_days_ago(home, "old", TODAY.day + 3)
            await home.refund("tea", str(TODAY), 40_00)
            shares = (await look(engine, home)).shares
            assert (shares.month, shares.total_minor, shares.before_minor) == (number_of(0), 360_00, 50_00)
            for by in (shares.by_category, shares.by_lender, shares.by_plan):
                assert sum(each.amount_minor for each in by) == 360_00
                assert sum(each.before_minor for each in by) == 50_00
            assert [each.name for each in shares.by_category] == ["food"]
            assert {each.name: each.amount_minor for each in shares.by_plan} == {"3": 300_00, "1": 60_00}
            before = (await look(engine, home, month=number_of(-1))).shares
            assert (before.month, before.total_minor) == (number_of(-1), 50_00)

    run(main)


def test_an_ideal_bill_is_set_taken_back_and_proposed(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            home = await household(shop, engine, "ideal", day_of(-4, 1), balance_minor=5000_00)
            consumer, product = home.consumer, home.product.product_id
            empty = await look(engine, home)
            assert (empty.ideal_minor, empty.proposal, empty.pressure, empty.progress.percent) == (0, None, None, None)
            await home.buy("phone", day_of(0, 1), 3000_00, [day_of(months) for months in (1, 2, 3)])
            proposed = await look(engine, home)
            # Each instalment is 1023.00, rounded up to the next 500.00
            assert (proposed.ideal_minor, proposed.proposed) == (1500_00, True)
            await engine.submit(ChangeProfile(consumer, ideal_minor=2000_00))
            await engine.submit(ChangeProfile(consumer, ideal_minor=1500_00, product_id=product))
            own = await look(engine, home)
            assert (own.ideal_minor, own.proposed, own.products[0].ideal_minor) == (2000_00, False, 1500_00)
            assert own.pressure is not None
            await engine.submit(ChangeProfile(consumer, ideal_minor=0, product_id=product))
            assert (await engine.ask(FindProfile(consumer))).product_ids == ()
            await engine.submit(ChangeProfile(consumer, ideal_minor=0, income_minor=4000_00))
            assert (await look(engine, home)).proposed

    run(main)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"ideal_minor": -1}, "invalid_amount", "ideal"),
        ({"ideal_minor": 10**11 + 1}, "invalid_amount", "ideal"),
        ({"ideal_minor": 1, "product_id": 12345}, "product_not_found", None),
        ({"currency": "ABC"}, "currency_not_supported", "currency"),
        ({"email": "a@b"}, "invalid_parameter", "email"),
        ({"email": "a b@example.org"}, "invalid_parameter", "email"),
        ({"channels": ("email",)}, "invalid_parameter", "email"),
        ({"channels": ("pigeon",)}, "invalid_parameter", "channels"),
        ({"time_zone": "Asia/Nowhere"}, "invalid_parameter", "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "invalid_parameter", "time_zone"),
        ({"quiet_from": 1440}, "invalid_parameter", "quiet_from"),
        ({"language": "fr"}, "invalid_parameter", "language"),
    ],
)
def test_what_cannot_be_set(shop: Shop, change: dict[str, object], code: str, field: str | None) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            consumer = await shop.consumer(engine)
            with pytest.raises(ChuanliuError) as raised:
                await engine.submit(ChangeProfile(consumer, **change))
            assert (raised.value.code, raised.value.field) == (code, field)

    run(main)


def test_nobody_sees_what_is_not_hers_and_erasing_leaves_the_ledger(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            home = await household(shop, engine, "erase", day_of(-4, 1), balance_minor=5000_00)
            await home.buy("tea", day_of(0, 1), 100_00, [day_of(1)])
            await engine.submit(ChangeProfile(home.consumer, ideal_minor=700_00, email="li@example.org"))
            other = await shop.consumer(engine)
            await engine.submit(ChangeProfile(other, ideal_minor=900_00))
            strange = await engine.ask(FindOverview(other))
            assert (strange.ideal_minor, strange.progress.bill_minor, strange.shares.total_minor) == (900_00, 0, 0)
            before = await look(engine, home)
            ledger = _ledger(shop.market)
            async with await _connected(shop.market.url) as connection:
                assert await erasing_store.erase(connection, home.consumer) == 1
                assert await erasing_store.erase(connection, home.consumer) == 0
            after = await look(engine, home)
            assert (after.ideal_minor, after.profile.email) == (
                after.proposal.amount_minor if after.proposal else 0,
                "",
            )
            assert after.calendar == before.calendar
            assert after.shares == before.shares
            assert _ledger(shop.market) == ledger
            assert (await engine.ask(FindOverview(other))).ideal_minor == 900_00
            # Set anew behind it.
            assert (await engine.submit(ChangeProfile(home.consumer, ideal_minor=1_00))).ideal_minor == 1_00

    run(main)
    shop.market.require_clean()


def _ledger(market: Market) -> object:
    return market.one(
        "SELECT array[(SELECT count(*) FROM transfer), (SELECT sum(balance_minor) FILTER (WHERE balance_minor > 0)"
        " FROM account), (SELECT count(*) FROM plan), (SELECT count(*) FROM statement)]::numeric[]::text"
    )


async def _connected(url: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(url, autocommit=True)
