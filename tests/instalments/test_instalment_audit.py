"""The audit of plans, budgets and bank calls finds each way of being off."""

from __future__ import annotations

import pytest

from chuanliu.instalments import INSTALMENT_CHECKS
from engine.rig import engines, run
from instalments.busy_shop import make_busy
from instalments.shop import Shop
from trade.corruption import checks_that_find


@pytest.fixture(scope="module")
def busy_shop(shop: Shop) -> Shop:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            await make_busy(engine, shop)

    run(main)
    shop.market.require_clean()
    return shop


CORRUPTIONS: list[tuple[str, str]] = [
    ("plans add up", "UPDATE plan SET principals[1] = principals[1] + 1 WHERE status = 'active'"),
    ("plans add up", "UPDATE plan SET fees[1] = fees[1] + 1, fees[2] = fees[2] WHERE status = 'active'"),
    ("plans add up", "UPDATE plan SET buyer_fee_minor = buyer_fee_minor - 1 WHERE status = 'active'"),
    ("plans add up", "UPDATE plan SET repaid[1] = principals[1] + fees[1] + 1 WHERE status = 'active'"),
    ("plans add up", "UPDATE plan SET repaid[1] = -1 WHERE status = 'active'"),
    ("plans add up", "UPDATE plan SET principals[1] = principals[1] + principals[2] + 1, principals[2] = -1"),
    ("plans add up", "UPDATE plan SET returned[1] = subsidies[1] + 1"),
    ("plans add up", "UPDATE plan SET returned[1] = -1"),
    ("plans add up", "UPDATE plan SET refunded_minor = refunded_minor + 1"),
    ("plans are paid as their payment is", "UPDATE plan SET principal_minor = principal_minor + 1"),
    ("plans are paid as their payment is", "UPDATE plan SET payment_id = payment_id + 1"),
    ("plans are paid as their payment is", "UPDATE plan SET refunded_minor = 1 WHERE refunded_minor = 0"),
    ("plans are paid as their payment is", "UPDATE plan SET status = 'pending' WHERE status = 'active'"),
    ("plans are paid as their payment is", "UPDATE plan SET status = 'active' WHERE status = 'pending'"),
    ("plans are paid as their payment is", "UPDATE plan SET status = 'pending' WHERE status = 'void'"),
    ("plans are paid as their payment is", "UPDATE plan SET status = 'completed' WHERE status = 'refunded'"),
    ("plans are paid as their payment is", "UPDATE plan SET status = 'refunded' WHERE status = 'active'"),
    ("subsidies and fees moved as the plans say", "DELETE FROM transfer WHERE kind = 'subsidy'"),
    ("subsidies and fees moved as the plans say", "DELETE FROM transfer WHERE kind = 'plan_fee'"),
    ("subsidies and fees moved as the plans say", "DELETE FROM transfer WHERE kind = 'subsidy_refund'"),
    ("subsidies and fees moved as the plans say", "DELETE FROM transfer WHERE kind = 'plan_fee_refund'"),
    ("subsidies and fees moved as the plans say", "DELETE FROM transfer WHERE kind = 'plan_fee_return'"),
    ("subsidies and fees moved as the plans say", "UPDATE plan SET waived[1] = 1 WHERE subsidies[1] > 0"),
    ("subsidies and fees moved as the plans say", "DELETE FROM plan WHERE funding = 'own'"),
    ("subsidies and fees moved as the plans say", "UPDATE plan SET funding = 'own' WHERE funding = 'external'"),
    ("credit used is what plans still owe", "UPDATE plan SET repaid[1] = repaid[1] + 1 WHERE funding = 'own'"),
    (
        "credit used is what plans still owe",
        "UPDATE account SET balance_minor = balance_minor - 1 WHERE (account_id >> 10 & 255) >= 128",
    ),
    ("credit used is what plans still owe", "DELETE FROM plan WHERE status = 'active' AND funding = 'own'"),
    ("budgets are left, reserved or spent", "UPDATE escrow_stripe SET available_minor = available_minor + 1"),
    ("budgets are left, reserved or spent", "UPDATE quote SET status = 'released' WHERE status = 'confirmed'"),
    ("budgets are left, reserved or spent", "UPDATE plan SET status = 'void' WHERE status = 'active'"),
    ("budgets are left, reserved or spent", "UPDATE sponsor SET budget_minor = budget_minor + 1"),
    ("no sponsor bears more than its cap", "UPDATE plan SET subsidies[1] = caps[1] + 1 WHERE caps[1] > 0"),
    ("sponsors paid their shares and no more", "UPDATE plan SET sponsors[1] = sponsors[2], sponsors[2] = sponsors[1]"),
    ("sponsors paid their shares and no more", "UPDATE sponsor SET kind = 'brand' WHERE kind = 'merchant'"),
    (
        "sponsors paid their shares and no more",
        "UPDATE transfer SET debit_account_id = debit_account_id + (1 << 18) WHERE kind = 'subsidy'",
    ),
    (
        "sponsors paid their shares and no more",
        "UPDATE transfer SET credit_account_id = credit_account_id + (1 << 18) WHERE kind = 'subsidy_refund'",
    ),
    (
        "a full refund leaves only what the terms keep",
        "UPDATE plan SET buyer_fee_returned_minor = buyer_fee_returned_minor - 1 WHERE status = 'refunded'",
    ),
    (
        "a full refund leaves only what the terms keep",
        "UPDATE plan SET returned[1] = returned[1] - 1 WHERE status = 'refunded'",
    ),
    ("a full refund leaves only what the terms keep", "UPDATE plan SET fee_refunded = false"),
    ("bank calls agree with their payments", "DELETE FROM bank_call"),
    ("bank calls agree with their payments", "UPDATE payment_leg SET method = 'balance' WHERE method = 'credit_card'"),
    ("bank calls agree with their payments", "UPDATE bank_call SET amount_minor = amount_minor - 1"),
    (
        "bank calls agree with their payments",
        "UPDATE bank_call SET amount_minor = amount_minor - 1 WHERE kind = 'complete'",
    ),
    ("bank calls agree with their payments", "DELETE FROM bank_call WHERE kind = 'complete'"),
    ("bank calls agree with their payments", "DELETE FROM bank_call WHERE kind = 'refund'"),
    ("bank calls agree with their payments", "UPDATE bank_call SET status = 'refused' WHERE kind = 'authorise'"),
    (
        "bank calls agree with their payments",
        "UPDATE bank_call SET status = 'succeeded' WHERE kind = 'authorise' AND status IN ('due', 'refused')",
    ),
    (
        "bank calls agree with their payments",
        "INSERT INTO bank_call SELECT cell, call_id + 1, payment_id, order_id, refund_id, lender_id, product_id,"
        " instrument_id, kind, original_call_id, amount_minor, currency, instalments, status, attempts, due_at,"
        " reference, raw_code, reason, created_at, completed_at FROM bank_call WHERE kind = 'complete'",
    ),
    ("what banks refused to do is in suspense", "DELETE FROM transfer WHERE kind = 'refund_refused'"),
    ("what banks refused to do is in suspense", "UPDATE bank_call SET status = 'succeeded' WHERE status = 'refused'"),
    (
        "what banks refused to do is in suspense",
        "UPDATE bank_call SET status = 'refused' WHERE kind = 'complete'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("check", "corruption"), CORRUPTIONS)
def test_what_is_off_with_instalments_is_found(busy_shop: Shop, check: str, corruption: str) -> None:
    assert check in checks_that_find(busy_shop.market.url, corruption)


def test_every_check_of_instalments_has_a_case() -> None:
    assert {check for check, _ in CORRUPTIONS} == set(INSTALMENT_CHECKS)
