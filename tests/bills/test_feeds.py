"""Bank feeds: taken once, refused line by line, merged with what passed here without counting twice."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.bills import (
    MIRRORED_LABEL,
    RECONCILED_LABEL,
    SIGNS,
    FeedLine,
    FindFeedLines,
    TakeFeedLine,
    mirrored_bills,
)
from chuanliu.engine import Engine
from chuanliu.errors import ChuanliuError
from chuanliu.instalments import FindPlans, Plan, Wish
from chuanliu.lenders import lender_of
from chuanliu.trade import RecordBankAnswer
from engine.rig import code_of, engines, run
from instalments.shop import CARD, Shop


@dataclass
class Account:
    """A consumer's card at a bank, with a plan of three instalments that passed here."""

    consumer: int
    instrument: int
    lender: int
    plan: Plan
    call: int


async def account(shop: Shop, engine: Engine) -> Account:
    consumer = await shop.consumer(engine)
    card = await shop.card(engine, consumer)
    order = await shop.order(engine, 600_00, Wish(allowed=("credit_card",), instalments=3))
    asked = await shop.pay(engine, order, consumer)
    assert asked.pending is not None
    await engine.submit(RecordBankAnswer(asked.pending.call.call_id, "succeeded"))
    (plan,) = await engine.ask(FindPlans(consumer))
    product = await shop.product(engine, CARD)
    lender = lender_of(engine.reference, product)
    return Account(consumer, card.instrument_id, lender.lender_id, plan, asked.pending.call.call_id)


def line(of: Account, reference: str, kind: str, amount: int, due_on: int, **more: Any) -> TakeFeedLine:
    return TakeFeedLine(of.lender, of.instrument, reference, kind, 20261101, due_on, amount, "CNY", **more)


async def bills(engine: Engine, of: Account) -> dict[int, Any]:
    plans, lines = await engine.ask(FindPlans(of.consumer)), await engine.ask(FindFeedLines(of.consumer))
    return {bill.month: bill for bill in mirrored_bills(plans, lines)}


def test_lines_are_merged_and_what_passed_here_is_not_counted_twice(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            of = await account(shop, engine)
            first, second = of.plan.due_on[:2]
            part = of.plan.principals[0] + of.plan.fees[0]
            before = await bills(engine, of)
            assert next(bill.due_minor for bill in before.values()) == part
            for command in (
                line(of, "cinema", "purchase", 88_00, first, text="Cinema"),
                line(of, "fee", "fee", 2_00, first),
                line(of, "back", "repayment", 30_00, first),
                # The bank tells of the instalment that we know.
                line(of, "known", "instalment", part, first, call_id=of.call),
            ):
                assert await engine.submit(command) is True
            month = (await bills(engine, of))[first // 100]
            assert (month.seen_minor, month.elsewhere_minor) == (part + 60_00, 60_00)
            assert (month.due_minor, month.label) == (part + 60_00, MIRRORED_LABEL)
            # In a month where the plan has nothing the same call's line is counted.
            assert await engine.submit(line(of, "later", "purchase", 5_00, 20990101, call_id=of.call)) is True
            assert (await bills(engine, of))[209901].due_minor == 5_00
            # The bank's own total settles it; the other month is as before.
            await engine.submit(line(of, "bill", "bill", 431_00, first))
            after = await bills(engine, of)
            assert (after[first // 100].due_minor, after[first // 100].label) == (431_00, RECONCILED_LABEL)
            assert after[first // 100].seen_minor == part + 60_00
            assert after[second // 100] == before[second // 100]

    run(main)
    shop.market.require_clean()


def test_a_line_is_taken_once(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url, count=2) as [one, two]:
            of = await account(shop, one)
            same = [line(of, "r1", "purchase", 10_00, 20261209) for _ in range(20)]
            answers = await asyncio.gather(
                *(engine.submit(each) for engine, each in zip((one, two) * 10, same, strict=True))
            )
            assert sorted(answers) == [False] * 19 + [True]
            with pytest.raises(ChuanliuError) as refusal:
                await one.submit(line(of, "r1", "purchase", 10_01, 20261209))
            assert refusal.value.code == "feed_line_inconsistent"
            assert len(await one.ask(FindFeedLines(of.consumer))) == 1

    run(main)


def test_what_is_refused(shop: Shop) -> None:
    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            of, other = await account(shop, engine), await account(shop, engine)
            own = shop.market.one(
                "SELECT instrument_id FROM instrument WHERE consumer_id = %s AND line_no IS NOT NULL", of.consumer
            )
            good: dict[str, Any] = {
                "lender_id": of.lender, "instrument_id": of.instrument, "reference": "x", "kind": "purchase",
                "posted_on": 20261101, "due_on": 20261209, "amount_minor": 100, "currency": "CNY",
            }  # fmt: skip
            for change, code in [
                ({"lender_id": of.consumer}, "instrument_not_found"),
                ({"instrument_id": own}, "instrument_not_found"),
                ({"instrument_id": 7}, "instrument_not_found"),
                ({"reference": ""}, "invalid_parameter"),
                ({"reference": "a\nb"}, "invalid_parameter"),
                ({"kind": "gift"}, "invalid_parameter"),
                ({"posted_on": 20261301}, "invalid_parameter"),
                ({"due_on": 20260230}, "invalid_parameter"),
                ({"amount_minor": 0}, "invalid_amount"),
                ({"amount_minor": -5}, "invalid_amount"),
                ({"currency": "USD"}, "currency_not_supported"),
                ({"text": "x" * 201}, "invalid_parameter"),
                ({"call_id": other.call}, "bank_call_not_found"),
                ({"call_id": 7}, "bank_call_not_found"),
            ]:
                (answer,) = await engine.submit_all([TakeFeedLine(**{**good, **change})])
                assert code_of(answer) == code, (change, answer)
            assert await engine.ask(FindFeedLines(of.consumer)) == ()

    run(main)


def test_the_command_line_takes_a_file_and_names_refused_lines(shop: Shop, tmp_path: Path) -> None:
    async def main() -> Account:
        async with engines(shop.market.url) as [engine]:
            return await account(shop, engine)

    of = run(main)
    good = {
        "account": str(of.instrument), "reference": "c1", "kind": "purchase", "posted_on": "2026-11-03",
        "due_on": "2026-12-09", "amount": "88.00", "text": "电影",
    }  # fmt: skip
    rows = [good, good | {"reference": "c2", "amount": "1.234"}, good | {"reference": "c3", "colour": "red"}, 5]
    file = tmp_path / "feed.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    command = [
        sys.executable, "-c", "from chuanliu.cli import main; main()", "lender", "feed", "hebei-ford", str(file),
        "--database-url", shop.market.url, "--data", str(tmp_path), "--json",
    ]  # fmt: skip
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(asked.stdout)
    assert (asked.returncode, found["taken"], found["known"], found["refused"]) == (1, 1, 0, 3), asked.stderr
    assert [each["line"] for each in found["lines"]] == [2, 3, 4]
    assert found["lines"][0]["code"] == "invalid_amount"
    file.write_text(json.dumps({"lines": [good]}), "utf-8")
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, json.loads(again.stdout)["known"]) == (0, 1)


amounts = st.integers(1, 10**6)
fed = st.builds(
    FeedLine, st.just(0), st.integers(1, 3), st.uuids().map(str), st.just(1), st.just(9),
    st.sampled_from(sorted(SIGNS)), st.integers(20260101, 20260128), st.sampled_from([20260209, 20260309]),
    amounts, st.just("CNY"), st.just(""),
    st.none(), st.just(0),
)  # fmt: skip


@given(st.lists(fed, max_size=20), st.randoms())
def test_merging_conserves_and_does_not_depend_on_the_order(lines: list[FeedLine], chance: Any) -> None:
    found = mirrored_bills([], lines)
    shuffled = list(lines)
    chance.shuffle(shuffled)
    assert mirrored_bills([], shuffled) == found
    for bill in found:
        mine = [each for each in lines if (each.instrument_id, each.due_on // 100) == (bill.instrument_id, bill.month)]
        assert bill.elsewhere_minor == sum(SIGNS[each.kind] * each.amount_minor for each in mine)
        assert bill.seen_minor == max(0, bill.elsewhere_minor)
        assert (bill.billed_minor is not None) == any(each.kind == "bill" for each in mine)
