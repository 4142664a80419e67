"""A shop for the tests: a merchant, lenders with a line and a card, consumers who have them, campaigns."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from chuanliu.connectors import CardData
from chuanliu.engine import Engine
from chuanliu.instalments import Basket, MakeQuote, Plan, QuoteView, Wish, wish_bytes
from chuanliu.ledger import Chart, credit_used_account
from chuanliu.lenders import ApplyLender, Instrument, OpenLine, Product, product_by_code
from chuanliu.parties import ReadReference, Vault
from chuanliu.promotions import CampaignTerms, CampaignView, NewSponsor, PublishCampaign
from chuanliu.trade import CreateOrder, Order, PayOrder, PayOutcome
from lenders.samples import card_number, card_product, consent_sha256, lender, line_product, link, vault
from promotions.fair import ANY, new_campaign
from trade.market import Market, spec

LINE = "river-line"
CARD = "ford-card"
CARD_BIN = "960000"


@dataclass(frozen=True)
class Shop:
    """What a test sets up and looks at, on one database."""

    market: Market
    merchant: int
    keys: Vault

    async def consumer(self, engine: Engine, balance_minor: int = 0, limit_minor: int = 50_000_00) -> int:
        """A consumer with a line of the platform."""
        consumer = await self.market.consumer(engine, balance_minor)
        product = await self.product(engine, LINE)
        consent = await consent_sha256(engine, LINE)
        await engine.submit(OpenLine(consumer, consent, product.product_id, limit_minor))
        return consumer

    async def card(self, engine: Engine, consumer: int) -> Instrument:
        """A fresh card of hers."""
        return await link(engine, self.keys, consumer, CardData(card_number(CARD_BIN), "9912"), CARD)

    async def product(self, engine: Engine, code: str) -> Product:
        """A product of the shop's lenders."""
        return product_by_code(await engine.ask(ReadReference()), code)

    async def order(self, engine: Engine, amount_minor: int, wish: Wish | None = None, **more: Any) -> Order:
        """An order that waits for its buyer."""
        stored = wish_bytes(wish) if wish is not None else None
        return await engine.submit(CreateOrder(spec(self.merchant, amount_minor, scene="qr", wish=stored, **more)))

    async def pay(self, engine: Engine, order: Order, consumer: int, **more: Any) -> PayOutcome:
        """Pay it, as the cashier does."""
        return await engine.submit(PayOrder(order.order_id, consumer, asked_at=now(), **more))

    async def quote(self, engine: Engine, consumer: int, amount_minor: int, **more: Any) -> QuoteView:
        """What the consumer is offered."""
        basket = Basket(merchant_id=self.merchant, amount_minor=amount_minor, **more)
        return await engine.submit(MakeQuote(consumer, basket, now()))

    async def campaign(
        self, engine: Engine, *sponsors: NewSponsor, terms: CampaignTerms = ANY, **more: Any
    ) -> CampaignView:
        """A campaign that runs."""
        view = await engine.submit(new_campaign(sponsors, terms, **more))
        return await engine.submit(PublishCampaign(view.campaign_id))

    def line_balance(self, consumer: int) -> int:
        """The line's credit-used account: minus what is owed."""
        account = credit_used_account(consumer, 0, "CNY")
        return int(self.market.one("SELECT balance_minor FROM account WHERE account_id = %s", account))

    def fee_income(self, lender_id: int) -> int:
        """What a lender earned."""
        return self.market.balance(lender_id, Chart.LENDER_FEE_INCOME)


def now() -> int:
    """The present, to load by."""
    return time.time_ns() // 1000


async def open_shop(engine: Engine, market: Market, **line_changes: Any) -> Shop:
    """Lenders and a merchant without a fee."""
    await engine.submit(ApplyLender(lender("chuanliu", line_product(LINE, **line_changes), kind="platform")))
    await engine.submit(ApplyLender(lender("hebei-ford", card_product(CARD, (CARD_BIN, "960099")))))
    return Shop(market, market.merchant(fee_bps=0), vault(f"k{secrets.token_hex(2)}"))


def is_memo(plan: Plan) -> bool:
    """Whether the bank's books are the plan's."""
    return plan.funding == "external"
