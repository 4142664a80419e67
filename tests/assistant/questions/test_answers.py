"""Answers of a household: each figure is the ledger's, and the sum of the lines that prove it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bills.household import Household, household, instant
from chuanliu.assistant.questions import INTENTS, Answer, Facts, answer_to, read_facts, tongue_of
from chuanliu.engine import Engine
from chuanliu.lenders import BillingTerms
from engine.rig import engines, run
from instalments.shop import Shop
from lenders.samples import card_number

TODAY = "2024-03-05"
BILLING = BillingTerms(minimum_pct="10", grace_days=3, late_fee_minor=15_00, penalty_daily_pct="0.05")


async def facts_of(engine: Engine, url: str, consumer: int, today: str = TODAY) -> Facts:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        return await read_facts(engine, connection, consumer, instant(today))


@dataclass(frozen=True)
class Told:
    """A household after its story, what was read of it, and of somebody who has nothing."""

    shop: Shop
    home: Household
    facts: Facts
    stranger: Facts

    def ask(self, text: str) -> Answer:
        found = answer_to(text, self.facts, tongue_of(text))
        counted = sum(proof.amount_minor or 0 for proof in found.proofs if proof.counted)
        assert sum(found.totals.values()) == counted
        return found

    def figure(self, text: str, intent: str) -> int:
        found = self.ask(text)
        assert found.intent == intent, (text, found)
        assert set(found.totals) <= {"CNY"}
        return found.totals.get("CNY", 0)

    def one(self, sql: str, *values: Any) -> int:
        return int(self.shop.market.one(sql, *values))

    def of_line(self, condition: str, *values: Any) -> int:
        """Minus the sum of entries of her line."""
        return self.one(
            "SELECT coalesce(-sum(e.amount_minor), 0) FROM entry e JOIN transfer t USING (transfer_id)"
            f" WHERE e.account_id = %s AND {condition}",
            self.home.statements()[0].account_id,
            *values,
        )


@pytest.fixture(scope="module")
def told(shop: Shop) -> Iterator[Told]:
    """January: tea, and a phone in three. February: 500.00 repaid, the rest late; a coat, partly returned."""

    async def main() -> Told:
        async with engines(shop.market.url) as [engine]:
            home = await household(shop, engine, "ask-line", "2023-12-20", balance_minor=10_000_00, billing=BILLING)
            await home.buy("tea", "2024-01-10", 120_00, ["2024-02-09"])
            await home.buy("phone", "2024-01-12", 3000_00, ["2024-02-09", "2024-03-09", "2024-04-09"])
            home.bill("2024-02-02")
            await home.repay("2024-02-05", 500_00)
            await home.buy("coat", "2024-02-10", 400_00, ["2024-03-09"])
            await home.refund("coat", "2024-02-12", 150_00)
            await home.collect("2024-02-20")
            home.bill("2024-03-02")
            stranger = await shop.consumer(engine)
            url = shop.market.url
            return Told(shop, home, await facts_of(engine, url, home.consumer), await facts_of(engine, url, stranger))

    yield run(main)
    shop.market.require_clean()


@pytest.mark.parametrize(
    "text", ["how much do I owe in March", "三月账单多少", "这个月要还多少", "current bill amount"]
)
def test_what_is_due_is_the_statement(told: Told, text: str) -> None:
    statement = told.home.statements()[-1]
    assert statement.due_on == 20240309
    assert told.figure(text, "due") == statement.due_minor == 1023_00 + 250_00 + 643_00 + 18_54
    answer = told.ask(text)
    assert {proof.path for proof in answer.proofs} == {f"/bills/{statement.product_id}/202403"}


def test_a_bill_to_come_is_its_instalments(told: Told) -> None:
    assert told.figure("how much is due next month", "due") == 1023_00
    assert told.figure("2024年4月要还多少", "due") == 1023_00
    assert "2024-04-01" in told.ask("下个月要还多少钱").notes[0]
    assert told.figure("上期账单多少", "due") == told.home.statements()[0].due_minor


@pytest.mark.parametrize("text", ["我总共欠多少钱", "how much do I owe altogether", "total debt"])
def test_debt_is_the_lines_balance(told: Told, text: str) -> None:
    owed = told.of_line("true")
    assert told.figure(text, "debt") == owed == 643_00 + 18_54 + 2046_00 + 250_00


@pytest.mark.parametrize("text", ["最低还款额是多少", "what is the minimum payment"])
def test_minimum(told: Told, text: str) -> None:
    statement = told.home.statements()[-1]
    assert told.figure(text, "minimum") == statement.minimum_minor
    assert "1,709.54 CNY" in told.ask("minimum payment?").notes[0]


def test_days(told: Told) -> None:
    assert "2024-03-09 (in 4 days)" in told.ask("when is my bill due").text
    assert "2024-03-09（还有 4 天）" in told.ask("几号还款").text
    assert "2024-04-01" in told.ask("when does my next statement come out").text
    assert "2024-04-09" in told.ask("what day is the payment due in april").text


@pytest.mark.parametrize("text", ["can I repay early and what does it save", "提前还清能省多少"])
def test_early_repayment_spares_what_the_ledger_would(told: Told, text: str) -> None:
    later = told.one(
        "SELECT sum(f) FROM plan, unnest(due_on, fees) AS i (d, f) WHERE consumer_id = %s AND d > 20240305",
        told.home.consumer,
    )
    assert told.figure(text, "early") == later == 46_00


@pytest.mark.parametrize("text", ["why is this bill higher", "为什么这期账单更高"])
def test_why_a_bill_is_higher_sums_to_the_difference(told: Told, text: str) -> None:
    before, now = told.home.statements()[-2:]
    assert told.figure(text, "why_higher") == now.due_minor - before.due_minor
    parts = [proof for proof in told.ask(text).proofs if proof.counted]
    assert len(parts) == 4
    (coat,) = (proof for proof in told.ask(text).proofs if not proof.counted)
    assert (coat.amount_minor, coat.on) == (250_00, 20240309) and "tea" in coat.text


@pytest.mark.parametrize("text", ["where is my refund", "我的退款在哪", "我的150元退款到了吗"])
def test_refunds_say_where_they_went(told: Told, text: str) -> None:
    assert told.figure(text, "refund") == 150_00
    entry = told.ask(text).proofs[1]
    assert (entry.kind, entry.amount_minor, entry.on) == ("entry", 150_00, 20240212)


def test_a_refund_that_nobody_made_is_not_found(told: Told) -> None:
    for text in ("where is my 77.00 refund", "退款到账了吗 一月的"):
        answer = told.ask(text)
        assert (answer.intent, answer.totals, answer.proofs) == ("refund", {}, ())


@pytest.mark.parametrize(
    ("text", "days", "figure"),
    [
        ("what did I spend at shop", ("2024-01-01", "2024-03-31"), 3520_00),
        ("上个月一共花了多少钱", ("2024-02-01", "2024-03-01"), 400_00),
        ("how much did I spend in january", ("2024-01-01", "2024-02-01"), 3120_00),
        ("1月12号花了多少", ("2024-01-12", "2024-01-13"), 3000_00),
        ("what did I spend at kfc", ("2025-01-01", "2025-01-01"), 0),
    ],
)
def test_spending_is_the_payments_of_the_ledger(told: Told, text: str, days: tuple[str, str], figure: int) -> None:
    first, last = days
    posted = told.of_line(
        "t.kind = 'payment' AND t.posted_at >= %s AND t.posted_at < %s", f"{first} 00:00+08", f"{last} 00:00+08"
    )
    assert told.figure(text, "spending") == posted == figure


@pytest.mark.parametrize("text", ["what fees were charged", "一共收了我多少手续费和利息"])
def test_fees_are_the_ledgers(told: Told, text: str) -> None:
    kinds = "t.kind IN ('plan_fee', 'late_fee', 'penalty_interest', 'plan_fee_refund', 'plan_fee_return')"
    assert told.figure(text, "fees") == told.of_line(kinds) == 69_00 + 15_00 + 3_54


@pytest.mark.parametrize("text", ["what have I repaid in february", "我上个月还了多少", "刚还的500到了没"])
def test_repayments_are_the_ledgers(told: Told, text: str) -> None:
    assert told.figure(text, "repaid") == -told.of_line("t.kind LIKE '%%repayment'") == 500_00


@pytest.mark.parametrize("text", ["am I overdue", "我逾期了吗", "逾期金额"])
def test_what_is_overdue(told: Told, text: str) -> None:
    assert told.figure(text, "overdue") == 643_00 + 18_54
    assert "25" in told.ask(text).text


def test_lateness_quotes_the_terms(told: Told) -> None:
    for text in ("what happens if I pay late", "逾期了会怎么样"):
        answer = told.ask(text)
        assert answer.intent == "late" and not answer.totals
        grace, fee, daily = answer.proofs
        assert "3" in grace.text and fee.amount_minor == 15_00
        # 0.05 % a day of the 1,916.00 of instalments that are billed and unpaid.
        assert daily.amount_minor == 96


@pytest.mark.parametrize(
    "text", ["which instalments are running, until when", "分期还剩几期", "until when do my instalments run"]
)
def test_instalments(told: Told, text: str) -> None:
    answer = told.ask(text)
    (phone,) = answer.proofs
    left = told.one(
        "SELECT sum(p + f - r) FROM plan, unnest(principals, fees, repaid) AS i (p, f, r)"
        " WHERE consumer_id = %s AND instalments > 1",
        told.home.consumer,
    )
    assert told.figure(text, "instalments") == left
    assert "2024-04-09" in answer.text and "3" in phone.text


@pytest.mark.parametrize("text", ["what is my limit", "还有多少额度可以用"])
def test_limit(told: Told, text: str) -> None:
    assert told.figure(text, "limit") == 50_000_00 - told.of_line("true")


@pytest.mark.parametrize("text", ["what is my balance", "余额多少"])
def test_balance(told: Told, text: str) -> None:
    assert told.figure(text, "balance") == told.shop.market.wallet(told.home.consumer) == 9500_00


@pytest.mark.parametrize("text", ["how do I pay my bill", "怎么还款"])
def test_how_to_pay_says_what_is_billed(told: Told, text: str) -> None:
    answer = told.ask(text)
    assert told.figure(text, "how_to_pay") == told.home.statements()[-1].due_minor
    assert answer.proofs[-1].amount_minor == 9500_00


@pytest.mark.parametrize("text", ["what is this 400.00 charge", "有一笔400元的扣款是啥"])
def test_one_charge(told: Told, text: str) -> None:
    answer = told.ask(text)
    (coat,) = answer.proofs
    assert answer.intent == "charge" and (coat.amount_minor, coat.on) == (400_00, 20240210)
    by_number = told.ask(f"transaction {coat.reference}")
    assert [proof.reference for proof in by_number.proofs] == [coat.reference]
    assert told.ask("what is this 401.00 charge").proofs == ()


def test_charges_that_are_no_payment_are_found(told: Told) -> None:
    (fee,) = told.ask("what is this 15.00 charge").proofs
    assert (fee.kind, fee.amount_minor) == ("entry", 15_00) and "Late fee" in fee.text


@pytest.mark.parametrize("text", ["I cannot pay my bill, can I spread it over 6 months", "还不上了 可以分6个月还吗"])
def test_hardship_is_shown_not_done(told: Told, text: str) -> None:
    answer = told.ask(text)
    assert answer.intent == "cannot_pay"
    assert len(answer.proofs) == 6
    # Charges are not rescheduled: they stay owed.
    assert answer.totals == {"CNY": told.of_line("true") - 18_54}


def test_cards_lines_and_agreement(told: Told) -> None:
    (line,) = told.ask("which cards are linked").proofs
    assert "ask-line line" in line.text and "active" in line.text
    assert "It is off" in told.ask("is automatic repayment switched on").text
    assert "没有开通" in told.ask("我开了自动还款吗").text


def test_who_has_nothing_is_told_so_and_never_what_others_have(told: Told) -> None:
    questions = (
        "how much do I owe in March", "total debt", "minimum payment?", "when is my bill due", "can I repay early",
        "why is this bill higher", "where is my refund", "what happens if I pay late", "how do I pay my bill",
        "what did I spend at shop", "which instalments are running", "am I overdue", "what fees were charged",
        "what have I repaid in february", "what is this 400.00 charge",
    )  # fmt: skip
    for text in questions:
        answer = answer_to(text, told.stranger, "en")
        assert answer.intent in INTENTS, text
        assert not any(answer.totals.values()), answer


def test_refusals_carry_no_figure(told: Told) -> None:
    for text in ("我老公欠多少", "should I invest", "what's the weather", card_number("960000")):
        answer = told.ask(text)
        assert answer.intent is None and answer.refusal and answer.proofs == ()


def test_the_command_line_answers(told: Told, tmp_path: Path) -> None:
    program = "from chuanliu.cli import main; main()"
    where = ["--database-url", told.shop.market.url, "--data", str(tmp_path), "--json"]
    asked = subprocess.run(
        [sys.executable, "-c", program, "bills", "ask", str(told.home.consumer), "what is my balance", *where],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(asked.stdout)
    assert (found["intent"], found["totals"], found["refusal"]) == ("balance", {"CNY": "9500.00"}, None), asked.stderr
