"""Cards for a drill's payers, each of one of a few banks of the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from chuanliu.connectors import CardData
from chuanliu.engine import Reference
from chuanliu.gateway import Services
from chuanliu.gateway.admin import link_card
from chuanliu.lenders import consent_of, lender_of, lender_of_bin
from chuanliu.parties import ReadReference
from chuanliu.runtime import Settings, engine_session
from chuanliu.sandbox import sandbox_card_number

BANKS: Final = 8
"""So many of the sandbox's banks have payers; both of their wires are among them."""
_SERIALS_FROM: Final = 500_000
_EXPIRY: Final = "3512"


def give_cards(settings: Settings, consumers: Sequence[int]) -> tuple[str, ...]:
    """Link a card to each consumer; returns the banks' codes, as the simulator knows them."""
    return asyncio.run(_give_cards(settings, consumers))


async def _give_cards(settings: Settings, consumers: Sequence[int]) -> tuple[str, ...]:
    async with engine_session(settings) as services:
        reference = await services.engine.ask(ReadReference())
        codes = await asyncio.gather(
            *(_give_card(services, reference, number, consumer) for number, consumer in enumerate(consumers))
        )
    return tuple(dict.fromkeys(codes))


async def _give_card(services: Services, reference: Reference, number: int, consumer: int) -> str:
    pan = sandbox_card_number(number % BANKS + 1, _SERIALS_FROM + number)
    product = lender_of_bin(reference, pan)
    if product is None:
        raise ValueError(f"no bank of the sandbox issues the card of payer {number}")
    signed = consent_of(lender_of(reference, product), product).sha256
    await link_card(services, consumer, CardData(pan, _EXPIRY), signed)
    return product.code
