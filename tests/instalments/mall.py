"""A mall for the state machine: lenders with all kinds of terms, consumers who have them all, what accounts say."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from chuanliu.connectors import CardData
from chuanliu.engine import Engine
from chuanliu.ids import account_parts
from chuanliu.instalments import Plan
from chuanliu.ledger import PLATFORM, Chart, credit_used_account
from chuanliu.lenders import ApplyLender, InstalmentTerms, OpenLine, product_by_code
from chuanliu.parties import ReadReference, Vault
from chuanliu.trade import Order
from lenders.samples import (
    card_number,
    card_product,
    consent_sha256,
    lender,
    line_product,
    link,
    terms,
    vault,
)
from trade.market import Market

LINES: Final = ("river", "lake", "pond", "brook")
CARDS: Final = {"mill-card": "961000", "quay-card": "962000"}
_PLANS = itertools.count()


def _flat(buyer: str | None, sponsored: str | None) -> tuple[InstalmentTerms, ...]:
    return tuple(InstalmentTerms(count, "flat", buyer, sponsored) for count in (3, 6, 12))


def _annuity(buyer: str | None, sponsored: str | None) -> tuple[InstalmentTerms, ...]:
    return tuple(InstalmentTerms(count, "annuity", buyer, sponsored) for count in (3, 6, 12))


def _terms(*rules: Any, **more: Any) -> Any:
    rounding, remainder, policy, fee_refunded, spared, prices = rules
    return terms(
        rounding=rounding,
        remainder=remainder,
        refund_policy=policy,
        fee_refunded=fee_refunded,
        early_repayment_fee_refunded=spared,
        instalments=prices,
        order_min_minor=1,
        **more,
    )


async def open_mall(engine: Engine) -> None:
    """Lenders and products: each rounding, remainder, policy and fee rule is somebody's."""
    river = _terms("half-even", "first", "from-the-last", True, True, _flat("2.3", "1.8"))
    lake = _terms("up", "last", "evenly", False, False, _annuity("13.7", "11.1"))
    pond = _terms("down", "last", "evenly", True, False, _flat("4.75", None))
    brook = _terms(
        "half-up", "first", "from-the-last", False, True, (InstalmentTerms(3, "none"), *_annuity("9", "9")[1:])
    )
    mill = _terms(
        "half-up", "first", "evenly", True, True, _annuity("18.25", "7"), bins=((CARDS["mill-card"], "961099"),)
    )
    quay = _terms(
        "up", "first", "from-the-last", False, False, _flat("6.1", "5"), bins=((CARDS["quay-card"], "962099"),)
    )
    lines = line_product("river", terms=river), line_product("lake", terms=lake)
    await engine.submit(ApplyLender(lender("chuanliu", *lines, kind="platform")))
    await engine.submit(
        ApplyLender(lender("mill", card_product("mill-card", terms=mill), line_product("pond", terms=pond)))
    )
    await engine.submit(
        ApplyLender(lender("quay", card_product("quay-card", terms=quay), line_product("brook", terms=brook)))
    )


@dataclass
class Buyer:
    """A consumer, with her lines by product."""

    consumer_id: int
    lines: dict[int, int] = field(default_factory=dict)


@dataclass
class Bought:
    """An order with all that was tried to pay it."""

    order: Order
    buyer: Buyer
    payments: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Mall:
    """One database's mall."""

    market: Market
    keys: Vault

    async def buyer(self, engine: Engine, balance_minor: int, limit_minor: int) -> Buyer:
        """A consumer with every line and every card."""
        reference = await engine.ask(ReadReference())
        buyer = Buyer(await self.market.consumer(engine, balance_minor))
        for number, code in enumerate(LINES):
            product = product_by_code(reference, code)
            consent = await consent_sha256(engine, code)
            await engine.submit(OpenLine(buyer.consumer_id, consent, product.product_id, limit_minor))
            buyer.lines[product.product_id] = credit_used_account(buyer.consumer_id, number, "CNY")
        for code, start in CARDS.items():
            await link(engine, self.keys, buyer.consumer_id, CardData(card_number(start), "9912"), code)
        return buyer

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """What a query finds."""
        return self.market.connection.execute(sql, values).fetchall()

    def lender(self, code: str) -> int:
        """A lender's number."""
        return int(self.market.one("SELECT lender_id FROM lender WHERE code = %s", code))

    def plan(self, payment_id: int) -> Plan | None:
        """The plan of a payment as it is stored."""
        names = ", ".join(Plan.__struct_fields__)
        for row in self.rows(f"SELECT {names} FROM plan WHERE payment_id = %s", payment_id):
            values = [tuple(value) if isinstance(value, list) else value for value in row]
            return Plan(*values)
        return None

    def moved(self, bought: Bought) -> dict[int, int]:
        """What an order, with all its payments, refunds, repayments and bank calls, has moved, by account."""
        subjects = [bought.order.order_id, *bought.payments]
        for table, column in (("refund", "refund_id"), ("plan", "plan_id"), ("bank_call", "call_id")):
            sql = f"SELECT {column} FROM {table} WHERE order_id = %s"
            subjects += [number for (number,) in self.rows(sql, bought.order.order_id)]
        sums: dict[int, int] = defaultdict(int)
        sql = "SELECT debit_account_id, credit_account_id, amount_minor FROM transfer WHERE subject_id = ANY(%s)"
        for debit, credit, amount in self.rows(sql, subjects):
            sums[debit] -= amount
            sums[credit] += amount
        return {account: amount for account, amount in sums.items() if amount}

    def charged_by_refunds(self, bought: Bought) -> list[Any]:
        """Refunds that took money from a sponsor."""
        return self.rows(
            "SELECT t.* FROM transfer t JOIN refund r ON r.refund_id = t.subject_id"
            " WHERE r.order_id = %s AND (t.debit_account_id >> 10 & 255) = %s",
            bought.order.order_id,
            int(Chart.SPONSOR_SUBSIDY),
        )


def new_mall(market: Market) -> Mall:
    """The mall of a database."""
    return Mall(market, vault(f"m{next(_PLANS)}"))


def by_owner(moved: dict[int, int], buyer: int, lenders: set[int]) -> dict[tuple[int, str], int]:
    """Sums by party and role. A consumer's balance and lines are one; so are a bank's account and our suspense."""
    sums: dict[tuple[int, str], int] = defaultdict(int)
    for account, amount in moved.items():
        owner, chart, _ = account_parts(account)
        if owner == PLATFORM and chart == Chart.SUSPENSE:
            # What a bank refuses to do is moved between its account and suspense.
            owner, chart = 0, Chart.BANK_CLEARING
        elif owner in lenders and chart == Chart.BANK_CLEARING:
            owner = 0
        role = "consumer" if owner == buyer else Chart(chart).name
        sums[owner, role] += amount
    return {key: amount for key, amount in sums.items() if amount}
