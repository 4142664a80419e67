"""Stocks a platform with what payments in instalments need: a line and a card for each payer, campaigns, quotes.

All of it by the platform's own commands, on an engine of this process.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec
import uvloop

from chuanliu.bench.ledger_client import PAYERS_FROM
from chuanliu.clock import DAY, HOUR
from chuanliu.connectors import CardData
from chuanliu.gateway import Services
from chuanliu.ids import cell_of_party, party_number, with_cell
from chuanliu.instalments import Basket, MakeQuote, QuoteView, Wish
from chuanliu.ledger import PLATFORM
from chuanliu.lenders import (
    CARD_RANDOMNESS,
    ApplyLender,
    LenderSpec,
    LinkCard,
    OpenLine,
    ProductSpec,
    consent_of,
    lender_of,
    product_by_code,
    seal_card,
)
from chuanliu.parties import ReadReference
from chuanliu.promotions import CampaignTerms, CreateCampaign, NewSponsor, PublishCampaign
from chuanliu.runtime import Settings, engine_session
from chuanliu.sandbox import sandbox_card_number, sandbox_lenders

Result = TypeVar("Result")

INSTALMENTS: Final = 12
CARD: Final = "bench-card"
PROTOCOL: Final = "iso8583-1987"
LINE: Final = "bench-line"
AMPLE_MINOR: Final = 10**13
"""More than a run can spend."""

_BANK_NUMBER: Final = 90
"""Behind those of the sandbox."""

_LIMIT_MINOR: Final = 10**11
_LEAST_MINOR: Final = 100
_AT_ONCE: Final = 500


class Buyer(msgspec.Struct, frozen=True):
    """Who asked for quotes, and at which place of each the offer to be confirmed stands."""

    consumer_id: int
    quote_id: int
    position: int
    subsidy_minor: int


def stock_instalments(settings: Settings, bank_port: int, payers: int) -> None:
    """Lenders, and for each payer a line of the platform and a card of the bank that listens on this port."""
    _run(settings, lambda services: _stock(services, bank_port, payers))


def add_campaign(settings: Settings, code: str, merchants: Sequence[int], budget_minor: int) -> None:
    """A campaign for 12 instalments at these merchants, whose fee platform, brand and the first merchant share.

    Each sponsor's budget is `budget_minor` parted by its share.
    """
    _run(settings, lambda services: _campaign(services, code, merchants, budget_minor))


def make_quotes(settings: Settings, merchant_id: int, amount_minor: int, payers: int) -> list[Buyer]:
    """A quote for each of so many payers, of her line alone, with the place of its offer in 12 instalments."""
    return _run(settings, lambda services: _quotes(services, merchant_id, amount_minor, payers))


def _run(settings: Settings, work: Callable[[Services], Awaitable[Result]]) -> Result:
    async def session() -> Result:
        async with engine_session(settings) as services:
            await services.engine.ask(ReadReference())
            return await work(services)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(session())


async def _in_turns(work: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Some hundreds at once, so that no queue overflows."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(each: Coroutine[Any, Any, Result]) -> Result:
        async with gate:
            return await each

    return list(await asyncio.gather(*map(one, work)))


def _lenders(bank_port: int) -> tuple[LenderSpec, LenderSpec]:
    """The sandbox's platform and first bank under other codes, so that its campaigns are not for them."""
    platform, bank = sandbox_lenders(bank_port)[:2]
    card = next(product for product in bank.products if product.kind == "credit_card")
    bins = ((f"9{_BANK_NUMBER}100", f"9{_BANK_NUMBER}199"),)
    line = _of_any_size(platform.products[0], code=LINE, line_limit_minor=_LIMIT_MINOR)
    card = _of_any_size(card, code=CARD, bins=bins, connector=PROTOCOL, endpoint=f"127.0.0.1:{bank_port}")
    return (
        msgspec.structs.replace(platform, code="bench-platform", products=(line,)),
        msgspec.structs.replace(bank, code="bench-bank", products=(card,)),
    )


def _of_any_size(product: ProductSpec, *, line_limit_minor: int = 0, bins: Any = (), **changes: Any) -> ProductSpec:
    terms = msgspec.structs.replace(
        product.terms, order_min_minor=_LEAST_MINOR, line_limit_minor=line_limit_minor, bins=bins
    )
    return msgspec.structs.replace(product, terms=terms, **changes)


async def _stock(services: Services, bank_port: int, payers: int) -> None:
    engine = services.engine
    for spec in _lenders(bank_port):
        await engine.submit(ApplyLender(spec))
    reference = await engine.ask(ReadReference())
    line, card = (product_by_code(reference, code) for code in (LINE, CARD))
    line_signed, card_signed = (consent_of(lender_of(reference, product), product).sha256 for product in (line, card))
    consumers = [party_number(PAYERS_FROM + number) for number in range(payers)]

    async def equip(number: int, consumer: int) -> None:
        await engine.submit(OpenLine(consumer, line_signed, line.product_id))
        card_id = with_cell(engine.ids.next(), cell_of_party(consumer))
        data = CardData(sandbox_card_number(_BANK_NUMBER, number), "9912")
        sealed = seal_card(services.vault, data, card_id, secrets.token_bytes(CARD_RANDOMNESS))
        await engine.submit(LinkCard(consumer, card_signed, sealed))

    await _in_turns(equip(number, consumer) for number, consumer in enumerate(consumers))


async def _campaign(services: Services, code: str, merchants: Sequence[int], budget_minor: int) -> None:
    now = time.time_ns() // 1000
    sponsors = (
        NewSponsor("platform", 5_000, budget_minor // 2),
        NewSponsor("brand", 3_000, budget_minor * 3 // 10, name="压测品牌"),
        NewSponsor("merchant", 2_000, budget_minor // 5, party_id=merchants[0]),
    )
    terms = CampaignTerms(merchants=frozenset(merchants), instalments=frozenset({INSTALMENTS}))
    command = CreateCampaign(PLATFORM, code, code, now - HOUR, now + DAY, sponsors, terms, agreed=True)
    view = await services.engine.submit(command)
    await services.engine.submit(PublishCampaign(view.campaign_id))


async def _quotes(services: Services, merchant_id: int, amount_minor: int, payers: int) -> list[Buyer]:
    basket = Basket(merchant_id=merchant_id, amount_minor=amount_minor, wish=Wish(allowed=("credit_line",)))
    now = time.time_ns() // 1000
    views = await _in_turns(
        _quote(services, MakeQuote(party_number(PAYERS_FROM + number), basket, now, lasts=DAY))
        for number in range(payers)
    )
    return [_buyer(view) for view in views]


async def _quote(services: Services, command: MakeQuote) -> QuoteView:
    return await services.engine.submit(command)


def _buyer(view: QuoteView) -> Buyer:
    for position, offer in enumerate(view.offers):
        if offer.instalments == INSTALMENTS:
            subsidy = sum(share.amount_minor for share in offer.shares)
            return Buyer(view.quote.consumer_id, view.quote.quote_id, position, subsidy)
    raise ValueError(f"quote {view.quote.quote_id} has no offer in {INSTALMENTS} instalments")
