"""The audit finds each way of being off: a database is corrupted in just that way, and the check says so."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import psycopg
import pytest

from chuanliu.bills import BILL_CHECKS
from chuanliu.instalments import INSTALMENT_CHECKS
from chuanliu.ledger import LEDGER_CHECKS, Chart, PlaceHold, PostHold, account_of
from chuanliu.ledger.fold_store import fold
from chuanliu.lenders import LENDER_CHECKS
from chuanliu.runtime.audit_store import CHECKS, OFFENDERS_SHOWN, audit, run_checks
from chuanliu.trade import TRADE_CHECKS, CloseOrder, CreateOrder, PayByCode, RefundOrder
from engine.rig import engines, run
from trade.corruption import checks_that_find
from trade.market import Market, ref, spec


@pytest.fixture(scope="module")
def busy_market(market: Market) -> Market:
    """A market on which something of everything has happened."""

    async def main() -> None:
        async with engines(market.url) as (engine,):
            shop, buyer = market.merchant(fee_bps=100), await market.consumer(engine, 10_000)
            orders = [spec(shop, 1_000) for _ in range(4)]
            codes = market.codes(buyer, 4)
            pays = (PayByCode(asked, code) for asked, code in zip(orders, codes, strict=True))
            await asyncio.gather(*(engine.submit(pay) for pay in pays))
            await engine.submit(RefundOrder(ref(orders[0]), 1_000, "all"))
            await engine.submit(RefundOrder(ref(orders[1]), 300, "part"))
            closed = spec(shop)
            await engine.submit(CreateOrder(closed))
            await engine.submit(CloseOrder(ref(closed)))
            await engine.submit(CreateOrder(spec(shop)))
            wallet = account_of(buyer, Chart.CONSUMER_BALANCE, "CNY")
            receivable = account_of(shop, Chart.MERCHANT_RECEIVABLE, "CNY")
            hold = await engine.submit(PlaceHold(wallet, receivable, 500, "stay"))
            await engine.submit(PostHold(hold.hold_id, 200, final=False))
            async with await psycopg.AsyncConnection.connect(market.url, autocommit=True) as connection:
                await fold(connection)
            await engine.submit(PayByCode(spec(shop, 50), market.code(buyer)))

    run(main)
    market.execute("INSERT INTO escrow_stripe VALUES (0, 1, 0, 100), (0, 1, 1, 100)")
    market.require_clean()
    return market


FIRST = "(SELECT min(transfer_id) FROM transfer WHERE kind = 'payment')"
PAID = "(SELECT min(order_id) FROM orders WHERE status = 'TRADE_SUCCESS')"
SHADOW_ACCOUNT = f"{900_000_000_007 << 18 | 3 << 10 | 156}"

CORRUPTIONS: list[tuple[str, str]] = [
    ("balances", "UPDATE account SET balance_minor = balance_minor + 1 WHERE mode = 'checked'"),
    ("balances", f"UPDATE transfer SET amount_minor = amount_minor - 1 WHERE transfer_id = {FIRST}"),
    ("balances", "DELETE FROM delta WHERE transfer_id = (SELECT max(transfer_id) FROM delta)"),
    ("currencies sum to zero", "UPDATE delta SET amount_minor = amount_minor + 1"),
    ("currencies sum to zero", "UPDATE account SET account_id = account_id + 840 - 156 WHERE mode = 'checked'"),
    ("entries run without a gap", "UPDATE entry SET seq = seq + 1 WHERE seq >= 3"),
    ("entries run without a gap", "UPDATE entry SET balance_minor = balance_minor + 1 WHERE seq = 2"),
    ("accounts agree with their entries", "UPDATE account SET entry_count = entry_count + 1"),
    ("accounts agree with their entries", "DELETE FROM entry WHERE seq = 1"),
    ("each side of a transfer is kept once", f"DELETE FROM entry WHERE transfer_id = {FIRST} AND amount_minor < 0"),
    (
        "each side of a transfer is kept once",
        "INSERT INTO delta SELECT cell, account_id, transfer_id, amount_minor FROM entry"
        f" WHERE transfer_id = {FIRST}",
    ),
    ("holds agree with what is held", "UPDATE account SET held_minor = held_minor - 1 WHERE held_minor > 0"),
    ("holds agree with what is held", "UPDATE hold SET status = 'voided'"),
    ("no account is below its floor", "UPDATE account SET floor_minor = balance_minor + 1 WHERE mode = 'checked'"),
    (
        "shadow and real money never meet",
        f"UPDATE transfer SET credit_account_id = {SHADOW_ACCOUNT} WHERE transfer_id = {FIRST}",
    ),
    ("budgets are not overspent", "UPDATE escrow_stripe SET available_minor = -1 WHERE stripe = 1"),
    ("paid orders are paid exactly", "UPDATE payment SET amount_minor = amount_minor + 1 WHERE status = 'SUCCEEDED'"),
    ("paid orders are paid exactly", "UPDATE payment SET status = 'REFUSED' WHERE status = 'SUCCEEDED'"),
    ("no transfer pays an unknown payment", "DELETE FROM payment WHERE status = 'SUCCEEDED'"),
    ("an order is paid once", f"UPDATE orders SET payment_id = payment_id + 1 WHERE order_id = {PAID}"),
    (
        "an order is paid once",
        "INSERT INTO payment SELECT cell, payment_id + 1, payer_id, order_ids, currency, amount_minor, refunded_minor,"
        " status, reason, created_at, completed_at FROM payment WHERE status = 'SUCCEEDED'",
    ),
    (
        "an order's status agrees with its payment",
        f"UPDATE orders SET status = 'TRADE_CLOSED', paid_at = NULL WHERE order_id = {PAID}",
    ),
    (
        "an order's status agrees with its payment",
        "UPDATE orders SET status = 'TRADE_SUCCESS', paid_at = now() WHERE status = 'WAIT_BUYER_PAY'",
    ),
    ("legs sum to their payment", "UPDATE payment_leg SET amount_minor = amount_minor + 1"),
    ("legs sum to their payment", "UPDATE payment_leg SET refunded_minor = 1"),
    ("legs sum to their payment", "DELETE FROM payment_leg"),
    ("refunds sum to their order", "UPDATE orders SET refunded_minor = refunded_minor - 1 WHERE refunded_minor > 0"),
    ("refunds sum to their order", "UPDATE orders SET fee_refunded_minor = 0 WHERE fee_refunded_minor > 0"),
    ("refunds sum to their order", "DELETE FROM refund"),
    ("refunds moved what they say", "UPDATE refund SET amount_minor = amount_minor + 1"),
    ("refunds moved what they say", "DELETE FROM transfer WHERE kind = 'fee_refund'"),
    ("no transfer refunds an unknown refund", "UPDATE refund SET status = 'FAILED'"),
    ("refunds sum to their payment", "UPDATE payment SET refunded_minor = refunded_minor - 1 WHERE refunded_minor > 0"),
    ("fees are what the orders say", "UPDATE orders SET fee_minor = fee_minor + 1 WHERE fee_minor > 0"),
    ("fees are what the orders say", "DELETE FROM transfer WHERE kind = 'fee'"),
    ("fees are what the orders say", "UPDATE orders SET fee_minor = 0 WHERE fee_minor > 0"),
    ("each paid order was told of once", "DELETE FROM outbox WHERE kind = 'order.paid'"),
    (
        "each paid order was told of once",
        "INSERT INTO event SELECT cell, merchant_id, 1, event_id, kind, subject_id, payload, created_at FROM outbox"
        " WHERE kind = 'order.paid'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("check", "corruption"), CORRUPTIONS)
def test_what_is_off_is_found(busy_market: Market, check: str, corruption: str) -> None:
    assert check in checks_that_find(busy_market.url, corruption)


def test_every_check_has_a_case() -> None:
    assert {check for check, _ in CORRUPTIONS} == set(LEDGER_CHECKS | TRADE_CHECKS)
    # The others have theirs in tests/lenders, tests/instalments and tests/bills.
    assert CHECKS == LEDGER_CHECKS | LENDER_CHECKS | INSTALMENT_CHECKS | TRADE_CHECKS | BILL_CHECKS


def test_a_report_names_the_first_offenders_and_counts_all(busy_market: Market) -> None:
    with psycopg.connect(busy_market.url) as connection:
        connection.execute(
            "INSERT INTO account SELECT 0, (n << 18) + 1180, 'checked', 'open', 0, n, 0, 1, now()"
            " FROM generate_series(5000, 5099) n"
        )
        report = run_checks(connection)
        connection.rollback()
    (balances,) = (check for check in report.checks if check.name == "balances")
    assert (balances.offenders_count, len(balances.offenders)) == (100, OFFENDERS_SHOWN)
    assert {"account_id", "balance_minor", "transfers_minor"} == set(balances.offenders[0])
    assert all(isinstance(value, int) for value in balances.offenders[0].values())


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from chuanliu.cli import main; main()", "audit", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_fails_on_the_first_cent_that_is_off(busy_market: Market) -> None:
    clean = command("--database-url", busy_market.url, "--json")
    assert (clean.returncode, json.loads(clean.stdout)["clean"]) == (0, True), clean.stderr
    assert {check["name"] for check in json.loads(clean.stdout)["checks"]} == set(CHECKS)
    busy_market.execute("UPDATE account SET balance_minor = balance_minor + 1 WHERE mode = 'buffered'")
    try:
        off = command("--database-url", busy_market.url, "--json")
        assert off.returncode == 1
        found = {check["name"]: check for check in json.loads(off.stdout)["checks"] if not check["clean"]}
        assert (
            found["balances"]["offenders"][0]["balance_minor"] != found["balances"]["offenders"][0]["transfers_minor"]
        )
        told = command("--database-url", busy_market.url)
        assert told.returncode == 1
        assert "NOT CLEAN" in told.stdout
    finally:
        busy_market.execute("UPDATE account SET balance_minor = balance_minor - 1 WHERE mode = 'buffered'")
    assert audit(busy_market.url).clean
