"""Lenders beside a platform: a line in our books, and a card of a simulated bank that is asked over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from native_platform import NativePlatform

from chuanliu.connectors import BankListing, BankSimulator, CardData, FaultPlan
from chuanliu.lenders import ApplyLender, OpenLine, product_by_code
from chuanliu.parties import ReadReference
from chuanliu.promotions import CampaignTerms, CampaignView, NewSponsor, PublishCampaign
from lenders.samples import card_number, card_product, consent_sha256, lender, line_product, link
from promotions.fair import new_campaign

LINE: Final = "native-line"
CARD: Final = "native-card"
CARD_BIN: Final = "970000"


@dataclass
class Lending:
    """What payers have, and the bank behind their cards."""

    platform: NativePlatform
    simulator: BankSimulator

    def payer(self, *, balance_minor: int = 0, limit_minor: int = 10_000_00, card: bool = False) -> int:
        """A consumer with a line, and a card where the test wants one."""
        payer = self.platform.consumer(balance_minor)
        self.platform.run(self._equip(payer, limit_minor, card=card))
        return payer

    async def _equip(self, payer: int, limit_minor: int, *, card: bool) -> None:
        services = self.platform.services
        engine = services.engine
        product = product_by_code(await engine.ask(ReadReference()), LINE)
        consent = await consent_sha256(engine, LINE)
        await engine.submit(OpenLine(payer, consent, product.product_id, limit_minor))
        if card:
            await link(engine, services.vault, payer, CardData(card_number(CARD_BIN), "9912"), CARD)

    def campaign(self, *sponsors: NewSponsor, **terms: Any) -> CampaignView:
        """A campaign that runs."""

        async def publish() -> CampaignView:
            engine = self.platform.services.engine
            view = await engine.submit(new_campaign(sponsors, CampaignTerms(**terms)))
            return await engine.submit(PublishCampaign(view.campaign_id))

        return self.platform.run(publish())

    def faults(self, **plan: Any) -> None:
        """What goes wrong at the bank from now on."""
        self.platform.run(self.simulator.set_faults("bank", FaultPlan(**plan)))

    def quote(self, merchant: Any, payer: int, value: str = "1000.00", **fields: Any) -> Any:
        """A quote, as the API shows it."""
        code = self.platform.payment_code(payer)
        body = {"payment_code": code, "amount": {"currency": "CNY", "value": value}, **fields}
        reply = self.platform.call(merchant, "POST", "/v1/quotes", body)
        assert reply.status == 201, reply.body
        return reply.json


@contextmanager
def native_lending(platform: NativePlatform) -> Iterator[Lending]:
    """Apply the lenders, and run their bank in the platform's loop."""

    async def start() -> BankSimulator:
        simulator = BankSimulator([BankListing(code="bank", protocol="iso8583-1987")], seed=7)
        await simulator.start()
        engine = platform.services.engine
        card = card_product(CARD, (CARD_BIN, "970099"), endpoint=f"127.0.0.1:{simulator.ports['bank']}")
        await engine.submit(ApplyLender(lender("native-river", line_product(LINE), kind="platform")))
        await engine.submit(ApplyLender(lender("native-ford", card)))
        return simulator

    simulator = platform.run(start())
    try:
        yield Lending(platform, simulator)
    finally:
        platform.run(simulator.close())
