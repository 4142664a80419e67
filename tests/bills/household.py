"""A household for the tests: a lender's line, purchases on days of the past, and the statements made of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

import psycopg

from chuanliu.bills import BillPaid, CollectBill, RepayBill, Statement, generation_store
from chuanliu.clock import SHANGHAI, Micros, from_datetime, parse_wall
from chuanliu.engine import Engine
from chuanliu.instalments import MakeQuote, Plan, RepayPlan, Wish
from chuanliu.ledger import SANDBOX, Chart, PostTransfer, account_of
from chuanliu.lenders import ApplyLender, OpenLine, Product, product_by_code
from chuanliu.parties import ReadReference
from chuanliu.trade import Choice, OrderRef, RefundOrder, basket_of
from instalments.shop import Shop, now
from lenders.samples import consent_sha256, lender, line_product, terms
from trade.market import Market


def instant(text: str) -> Micros:
    """`2026-01-31` (at noon) or `2026-01-31 23:59` in Shanghai."""
    return parse_wall(text if " " in text else f"{text} 12:00")


def yyyymmdd(text: str) -> int:
    """`2026-02-09` as a number."""
    return int(text.replace("-", ""))


@dataclass
class Household:
    """One consumer with a line of a product of her own lender, whose history is moved to the days of the story."""

    shop: Shop
    engine: Engine
    consumer: int
    product: Product
    instrument_id: int
    purchases: dict[str, tuple[str, Plan]] = field(default_factory=dict)

    @property
    def market(self) -> Market:
        """The database."""
        return self.shop.market

    async def buy(self, name: str, on: str, amount_minor: int, due: list[str]) -> Plan:
        """A purchase of that day; `due` are the due dates that its plan gets."""
        wish = Wish(allowed=("credit_line",), instalments=len(due))
        order = await self.shop.order(self.engine, amount_minor, wish)
        basket = basket_of(self.engine.reference, order)
        view = await self.engine.submit(MakeQuote(self.consumer, basket, now(), order.order_id))
        position = next(
            at
            for at, offer in enumerate(view.offers)
            if (offer.instrument_id, offer.instalments) == (self.instrument_id, len(due))
        )
        with self.moved_to(on):
            choice = Choice(view.quote.quote_id, position)
            paid = await self.shop.pay(self.engine, order, self.consumer, choice=choice)
        assert paid.plan is not None, paid
        self.market.execute(
            "UPDATE plan SET due_on = %s WHERE plan_id = %s", list(map(yyyymmdd, due)), paid.plan.plan_id
        )
        self.purchases[name] = order.out_trade_no, paid.plan
        return paid.plan

    async def refund(self, name: str, on: str, amount_minor: int) -> None:
        """Some of the goods come back."""
        number, _ = self.purchases[name]
        reference = OrderRef(self.shop.merchant, number)
        with self.moved_to(on):
            await self.engine.submit(RefundOrder(reference, amount_minor, f"{on}-{amount_minor}"))

    async def repay_plan(self, name: str, on: str, amount_minor: int | None = None) -> None:
        """A repayment of one plan; all of it without an amount."""
        with self.moved_to(on):
            await self.engine.submit(RepayPlan(self.purchases[name][1].plan_id, self.consumer, amount_minor))

    async def repay(self, on: str, amount_minor: int | None = None) -> BillPaid:
        """A repayment of what is billed."""
        with self.moved_to(on):
            return await self.engine.submit(
                RepayBill(self.consumer, self.instrument_id, yyyymmdd(on[:10]), amount_minor)
            )

    async def collect(self, on: str) -> BillPaid:
        """What that day brings to the line."""
        with self.moved_to(on):
            return await self.engine.submit(CollectBill(self.consumer, self.instrument_id, yyyymmdd(on[:10])))

    async def fund(self, amount_minor: int) -> None:
        """Money comes in."""
        source = account_of(SANDBOX, Chart.SANDBOX_FUNDING, "CNY")
        target = account_of(self.consumer, Chart.CONSUMER_BALANCE, "CNY")
        await self.engine.submit(PostTransfer(source, target, amount_minor, "sandbox_funding"))

    @contextmanager
    def moved_to(self, on: str) -> Iterator[None]:
        """Whatever is posted within was posted then."""
        last = self.market.one("SELECT coalesce(max(transfer_id), 0) FROM transfer")
        yield
        moment = datetime.fromtimestamp(instant(on) / 1_000_000, SHANGHAI)
        self.market.execute("UPDATE transfer SET posted_at = %s WHERE transfer_id > %s", moment, last)

    def bill(self, on: str) -> list[Statement]:
        """Make the statements that are to be made by noon of a day; all there are, oldest first."""
        with psycopg.connect(self.market.url, autocommit=True) as connection:
            generation_store.prepare(connection)
            generation_store.bill_product(connection, self.product, instant(on))
        return self.statements()

    def statements(self) -> list[Statement]:
        """Those of this line."""
        columns = ", ".join(Statement.__struct_fields__)
        rows = self.market.connection.execute(
            f"SELECT {columns} FROM statement WHERE instrument_id = %s ORDER BY cycle", [self.instrument_id]
        ).fetchall()
        return [Statement(*row) for row in rows]


async def household(
    shop: Shop,
    engine: Engine,
    code: str,
    since: str,
    *,
    balance_minor: int = 0,
    limit_minor: int = 50_000_00,
    consumer: int | None = None,
    **changes: Any,
) -> Household:
    """A household whose lender's product has terms of its own, and has been there since that day."""
    spec = lender(f"lender-{code}", line_product(code, terms=terms(order_min_minor=1, **changes)), kind="platform")
    await engine.submit(ApplyLender(spec))
    opened = datetime.combine(datetime.fromisoformat(since).date(), time(), SHANGHAI)
    with shop.market.connection.transaction():
        shop.market.execute(
            "WITH raised AS (UPDATE reference_version SET version = version + 1 RETURNING version)"
            " UPDATE product SET created_at = %s, version = raised.version FROM raised WHERE code = %s",
            opened,
            code,
        )
    if consumer is None:
        consumer = await shop.market.consumer(engine, balance_minor)
    product = product_by_code(await engine.ask(ReadReference()), code)
    consent = await consent_sha256(engine, code)
    line = await engine.submit(OpenLine(consumer, consent, product.product_id, limit_minor))
    assert product.created_at == from_datetime(opened)
    return Household(shop, engine, consumer, product, line.instrument_id)
