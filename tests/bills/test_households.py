"""Golden households: stories told in households.yaml, statement by statement."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from bills.household import Household, household, yyyymmdd
from chuanliu.bills import BillPaid, Reschedule, SetAutoRepay
from chuanliu.errors import Refused
from chuanliu.lenders import BillingTerms, DunningStep
from engine.rig import engines, run
from instalments.shop import Shop


class _Texts(yaml.SafeLoader):
    """Days and amounts stay text, and so does the word "on"."""


_Texts.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in known
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool")
    ]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

STORIES = yaml.load((Path(__file__).parent / "households.yaml").read_text("utf-8"), _Texts)


def minor(text: Any) -> int:
    """An amount of the file in minor units."""
    value = Decimal(str(text)) * 100
    assert value == int(value)
    return int(value)


def billing_of(told: dict[str, Any]) -> BillingTerms:
    """The billing terms of a story."""
    return BillingTerms(
        minimum_floor_minor=minor(told.get("minimum_floor", "0")),
        grace_days=told.get("grace_days", 3),
        late_fee_minor=minor(told.get("late_fee", "0")),
        penalty_daily_pct=told.get("penalty_daily_pct", "0"),
        waterfall=tuple(told.get("waterfall", ("fees", "interest", "principal"))),
        dunning=tuple(DunningStep(step["days"], step["template"]) for step in told.get("dunning", ())),
    )


def require(found: dict[str, Any], told: dict[str, Any], where: str) -> None:
    """Compare what is told with what was found."""
    wanted = {name: minor(value) for name, value in told.items()}
    assert {name: found[name] for name in wanted} == wanted, where


def require_paid(paid: BillPaid, told: dict[str, Any], where: str) -> None:
    """A repayment's parts, which always sum to what was taken."""
    allocation = paid.allocation
    found = {
        "fees": allocation.fees_minor,
        "interest": allocation.interest_minor,
        "principal": allocation.principal_minor,
        "kept": paid.kept_minor,
        "owed": paid.owed_minor,
        "late_fee_charged": paid.late_fee_minor,
        "interest_charged": paid.interest_minor,
    }
    require(found, told, where)


async def take(home: Household, kind: str, told: Any, where: str) -> None:
    """One step of a story."""
    if kind == "buy":
        await home.buy(told["name"], told["on"], minor(told["amount"]), told["due"])
    elif kind == "refund":
        await home.refund(told["name"], told["on"], minor(told["amount"]))
    elif kind == "repay_plan":
        await home.repay_plan(told["name"], told["on"], minor(told["amount"]) if "amount" in told else None)
    elif kind == "repay":
        amount = minor(told.pop("amount")) if "amount" in told else None
        require_paid(await home.repay(told.pop("on"), amount), told, where)
    elif kind == "collect":
        paid = await home.collect(told.pop("on"))
        if "interest" in told:
            told["interest_charged"] = told.pop("interest")
        if "late_fee" in told:
            told["late_fee_charged"] = told.pop("late_fee")
        require_paid(paid, told, where)
    elif kind == "bill":
        require_bill(home, told, where)
    elif kind == "hardship":
        await reschedule(home, told, where)
    else:
        await look(home, kind, told, where)


def require_bill(home: Household, told: dict[str, Any], where: str) -> None:
    """The newest statement."""
    made = home.bill(told.pop("on"))
    for name in ("cycle", "due_on"):
        if name in told:
            assert getattr(made[-1], name) == int(told.pop(name)), where
    if "statements" in told:
        assert len(made) == int(told.pop("statements")), where
    require({name: getattr(made[-1], f"{name}_minor") for name in told}, told, where)


async def reschedule(home: Household, told: dict[str, Any], where: str) -> None:
    """The offer, a consent to something else, then the consent."""
    ask = Reschedule(home.consumer, home.instrument_id, yyyymmdd(told["on"]), int(told["months"]))
    offer = await home.engine.submit(ask)
    assert offer.amounts == tuple(map(minor, told["amounts"])), where
    assert offer.due_on == tuple(map(yyyymmdd, told["due"])), where
    with pytest.raises(Refused, match="consent"):
        await home.engine.submit(Reschedule(*ask.__reduce__()[1][:4], b"x" * 32))
    await home.engine.submit(Reschedule(*ask.__reduce__()[1][:4], offer.sha256))


async def look(home: Household, kind: str, told: Any, where: str) -> None:
    """Steps that only look, and those that bring money or agreement."""
    if kind == "balance":
        assert home.market.wallet(home.consumer) == minor(told), where
    elif kind == "owed":
        plan = home.purchases[told["name"]][1].plan_id
        owed = home.market.one(
            "SELECT (SELECT sum(p + f - r) FROM unnest(principals, fees, repaid) AS i (p, f, r)) FROM plan"
            " WHERE plan_id = %s",
            plan,
        )
        assert owed == minor(told["amount"]), where
    elif kind == "notices":
        rows = home.market.connection.execute(
            "SELECT template FROM bill_notice WHERE consumer_id = %s ORDER BY cycle, days", [home.consumer]
        ).fetchall()
        assert [template for (template,) in rows] == told, where
    elif kind == "fund":
        await home.fund(minor(told["amount"]))
    elif kind == "agree":
        await home.engine.submit(SetAutoRepay(home.consumer, home.instrument_id))
    else:
        raise AssertionError(f"{where}: what is {kind}?")


@pytest.mark.parametrize("number", range(len(STORIES)), ids=[story["story"] for story in STORIES])
def test_story(shop: Shop, number: int) -> None:
    story = STORIES[number]
    steps = story["steps"]
    first_year = next(step["buy"]["on"] for step in steps if "buy" in step)[:4]

    async def main() -> None:
        async with engines(shop.market.url) as [engine]:
            told = dict(story.get("terms", {}))
            told["billing"] = billing_of(told.get("billing", {}))
            homes: dict[str, Household] = {}
            consumer = None
            for line in story.get("lines", ["one"]):
                homes[line] = await household(
                    shop,
                    engine,
                    f"story-{number}-{line}",
                    f"{int(first_year) - 1}-12-20",
                    balance_minor=minor(story.get("balance", "10000.00")),
                    limit_minor=minor(story.get("limit", "50000.00")),
                    consumer=consumer,
                    **told,
                )
                consumer = homes[line].consumer
            for place, step in enumerate(steps, 1):
                ((kind, said),) = step.items()
                said = dict(said) if isinstance(said, dict) else said
                home = homes[said.pop("line", "one") if isinstance(said, dict) else "one"]
                await take(home, kind, said, f"step {place}: {step}")

    run(main)


def test_all_statements_and_lines_pass_the_audit(shop: Shop) -> None:
    shop.market.require_clean()


def test_there_are_enough_stories() -> None:
    assert len(STORIES) >= 20
