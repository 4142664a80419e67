"""`chuanliu consumer quote|pay|plans|plan|repay`, as real commands on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from chuanliu.cli import app
from chuanliu.errors import ChuanliuError
from chuanliu.ids import trade_no
from chuanliu.instalments import Wish, wish_bytes
from chuanliu.lenders import lender_yaml
from chuanliu.trade import CreateOrder
from engine.rig import engines, run
from lenders.samples import lender, line_product
from trade.market import spec

RIVER = lender("wallet-river", line_product("wallet-line"), kind="platform")

Run = Callable[..., Result]
Answer = Callable[..., Any]


@pytest.fixture(scope="module")
def invoke(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Run:
    data = tmp_path_factory.mktemp("data")
    variables = {"CHUANLIU_DATA": str(data), "CHUANLIU_DATABASE_URL": database_url, "CHUANLIU_SANDBOX": "true"}
    return lambda *words: CliRunner().invoke(app, list(words), env=variables)


@pytest.fixture(scope="module")
def answer(invoke: Run) -> Answer:
    def answer(*words: str, status: int = 0) -> Any:
        done = invoke(*words, "--json")
        assert (done.exit_code, done.stderr) == (status, ""), done
        return json.loads(done.stdout)

    return answer


@pytest.fixture(scope="module")
def merchant(answer: Answer, tmp_path_factory: pytest.TempPathFactory) -> str:
    file: Path = tmp_path_factory.mktemp("lenders") / "river.yaml"
    file.write_text(lender_yaml(RIVER), "utf-8")
    answer("lender", "apply", str(file))
    return str(answer("merchant", "add", "茶馆")["seller_id"])


@pytest.fixture
def payer(answer: Answer, merchant: str) -> str:
    user_id = str(answer("consumer", "add", "--balance", "5000.00")["user_id"])
    answer("consumer", "open-line", user_id, "--product", "wallet-line", "--limit", "3000.00")
    return user_id


@pytest.fixture
def order(database_url: str, merchant: str) -> Callable[..., str]:
    """Make an order, and say its trade number."""

    def make(amount_minor: int = 1000_00, **wish: Any) -> str:
        async def main() -> str:
            async with engines(database_url) as [engine]:
                stored = wish_bytes(Wish(**wish))
                made = await engine.submit(CreateOrder(spec(int(merchant), amount_minor, scene="qr", wish=stored)))
                return trade_no(made.order_id)

        return str(run(main))

    return make


def test_from_a_quote_to_a_repaid_plan(answer: Answer, payer: str, merchant: str, order: Callable[..., str]) -> None:
    offers = answer("consumer", "quote", payer, "--amount", "1000", "--merchant", merchant)["offers"]
    assert [(each["means"], each["instalments"], each["total"]) for each in offers] == [
        ("balance", 1, "1000.00"),
        ("credit_line", 1, "1000.00"),
        ("credit_line", 3, "1023.00"),
        ("credit_line", 6, "1045.00"),
        ("credit_line", 12, "1075.00"),
    ]
    assert (offers[2]["first"], offers[2]["last"], offers[2]["product"]) == ("341.02", "340.99", "wallet-line")
    number = order()
    words = ("consumer", "pay", payer, "--trade-no", number, "--quote", offers[2]["quote"], "--offer", "3")
    paid = answer(*words)
    assert (paid["result"], paid["instalments"], paid["fee"]) == ("paid", 3, "23.00")
    assert answer(*words) == paid
    [plan] = answer("consumer", "plans", payer)["plans"]
    assert (plan["plan_id"], plan["trade_no"], plan["outstanding"]) == (paid["plan_id"], number, "1023.00")
    rows = answer("consumer", "plan", payer, plan["plan_id"])["instalments"]
    assert [(row["number"], row["principal"], row["repaid"]) for row in rows] == [
        (1, "333.34", "0.00"),
        (2, "333.33", "0.00"),
        (3, "333.33", "0.00"),
    ]
    assert rows[0]["due_on"] == plan["next_due"]
    part = answer("consumer", "repay", payer, plan["plan_id"], "--amount", "341.02")
    assert (part["paid"], part["outstanding"], part["status"]) == ("341.02", "681.98", "active")
    rest = answer("consumer", "repay", payer, plan["plan_id"])
    assert (rest["outstanding"], rest["status"]) == ("0.00", "completed")
    # The fee of the two instalments that are not due, which the terms give back.
    assert (rest["paid"], rest["spared"]) == ("666.66", "15.32")


def test_the_cheapest_for_what_the_consumer_wants(answer: Answer, payer: str, order: Callable[..., str]) -> None:
    paid = answer("consumer", "pay", payer, "--trade-no", order(), "--instalments", "6", "--means", "credit_line")
    assert (paid["result"], paid["instalments"]) == ("paid", 6)
    in_full = answer("consumer", "pay", payer, "--trade-no", order(500_00), "--means", "credit_line")
    assert (in_full["instalments"], in_full["fee"]) == (1, "0.00")
    plain = answer("consumer", "pay", payer, "--trade-no", order(100_00))
    assert "plan_id" not in plain
    wished = answer("consumer", "pay", payer, "--trade-no", order(100_00, instalments=12))
    assert wished["instalments"] == 12
    why = answer("consumer", "quote", payer, "--trade-no", order(10_000_00), "--not-offered")["offers"]
    assert {row["reason"] for row in why} == {"balance_insufficient", "credit_line_insufficient"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pay", "USER", "--trade-no", "ORDER", "--offer", "1"], "give --quote too"),
        (["pay", "USER", "--trade-no", "ORDER", "--quote", "1", "--instalments", "3"], "give either --quote"),
        (["pay", "USER", "--trade-no", "ORDER", "--quote", "x"], "up to 19 digits"),
        (["pay", "USER", "--trade-no", "ORDER", "--quote", "16"], "quote_not_found"),
        (["pay", "USER", "--trade-no", "ORDER", "--instalments", "5"], "no_funding_method"),
        (["pay", "USER", "--trade-no", "ORDER", "--means", "credit_card"], "no_funding_method"),
        (["pay", "USER", "--trade-no", "ORDER", "--means", "gold"], "--means is one of"),
        (["quote", "USER", "--amount", "10"], "give either --trade-no"),
        (["quote", "USER", "--amount", "10", "--merchant", "2088000000999999"], "merchant_not_found"),
        (["quote", "2088000000999999", "--trade-no", "ORDER"], "consumer_not_found"),
        (["plans", "2088000000999999"], "consumer_not_found"),
        (["plan", "USER", "16"], "plan_not_found"),
        (["repay", "USER", "16"], "plan_not_found"),
        (["repay", "USER", "99999999999999999999"], "up to 19 digits"),
    ],
)
def test_what_the_user_can_mend_is_said(
    invoke: Run, payer: str, order: Callable[..., str], words: list[str], message: str
) -> None:
    given = {"USER": payer, "ORDER": order() if "ORDER" in words else ""}
    done = invoke("consumer", *[given.get(word, word) for word in words])
    assert isinstance(done.exception, ChuanliuError), done
    assert message in str(done.exception)
