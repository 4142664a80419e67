"""Makes the sandbox's lenders, once, and gives its consumers cards and lines."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

import msgspec

from chuanliu.connectors import CardData
from chuanliu.engine import Reference
from chuanliu.gateway import Services
from chuanliu.ids import cell_of_party, with_cell
from chuanliu.lenders import (
    CARD_RANDOMNESS,
    PRODUCT,
    ApplyLender,
    FindInstruments,
    Lender,
    LenderSpec,
    LinkCard,
    OpenLine,
    consent_of,
    lender_of,
    lender_of_bin,
    lenders,
    product_by_code,
    seal_card,
    spec_of,
)
from chuanliu.parties import ReadReference
from chuanliu.sandbox.banks import BANKS_COUNT, PLATFORM_LINE, sandbox_card_number, sandbox_lenders

_EXPIRY: Final = "3512"
_CARDS_EACH: Final = 3
_LOCAL: Final = ("127.0.0.1:", "http://127.0.0.1:")


async def seed_lenders(services: Services, banks_port: int, bank_key: tuple[str, str] | None = None) -> None:
    """Make the lenders that are missing. Those that are there keep what was changed, apart from ports and keys."""
    reference = await services.engine.ask(ReadReference())
    known = {lender.code: lender for lender in lenders(reference)}
    wanted = [
        spec if spec.code not in known else _moved(reference, known[spec.code], spec)
        for spec in sandbox_lenders(banks_port, bank_key)
    ]
    await asyncio.gather(*(services.engine.submit(ApplyLender(spec)) for spec in wanted))


def _moved(reference: Reference, lender: Lender, spec: LenderSpec) -> LenderSpec:
    """A lender as it is, with the ports and keys of this run where it is called on this machine."""
    fresh = {product.code: product for product in spec.products}
    now = spec_of(lender, reference.find(PRODUCT, "lender_id", lender.lender_id))
    products = tuple(
        msgspec.structs.replace(
            product,
            endpoint=fresh[product.code].endpoint,
            terms=msgspec.structs.replace(product.terms, bank_keys=fresh[product.code].terms.bank_keys),
        )
        if (product.endpoint or "").startswith(_LOCAL) and product.code in fresh
        else product
        for product in now.products
    )
    return msgspec.structs.replace(now, products=products)


async def seed_instruments(services: Services, consumer_ids: list[int]) -> None:
    """Give each consumer who has nothing the platform's line, cards of three banks, and one bank's credit pay."""
    await services.engine.ask(ReadReference())
    await asyncio.gather(*(_equip(services, number, who) for number, who in enumerate(consumer_ids)))


async def _equip(services: Services, number: int, consumer_id: int) -> None:
    if await services.engine.ask(FindInstruments(consumer_id, closed=True)):
        return
    await _open(services, consumer_id, PLATFORM_LINE)
    banks = [(number * _CARDS_EACH + each) % BANKS_COUNT + 1 for each in range(_CARDS_EACH)]
    for bank in banks:
        await _link(services, consumer_id, sandbox_card_number(bank, number + 1))
    bank_pay = next(
        (code for bank in banks if (code := _credit_pay_of(services, sandbox_card_number(bank, 1))) is not None), None
    )
    if bank_pay is not None:
        await _open(services, consumer_id, bank_pay, f"SANDBOX-{number + 1:04d}")


def _credit_pay_of(services: Services, pan: str) -> str | None:
    """The external credit pay of the bank whose card this is."""
    reference = services.engine.reference
    card = lender_of_bin(reference, pan)
    found = reference.find(PRODUCT, "lender_id", card.lender_id) if card is not None else ()
    return next((each.code for each in found if each.connector == "credit-pay" and each.status == "active"), None)


async def _open(services: Services, consumer_id: int, code: str, account: str | None = None) -> None:
    reference = services.engine.reference
    product = product_by_code(reference, code)
    signed = consent_of(lender_of(reference, product), product).sha256
    await services.engine.submit(OpenLine(consumer_id, signed, product.product_id, account_ref=account))


async def _link(services: Services, consumer_id: int, pan: str) -> None:
    reference = services.engine.reference
    product = lender_of_bin(reference, pan)
    if product is None:
        return
    card_id = with_cell(services.engine.ids.next(), cell_of_party(consumer_id))
    sealed = seal_card(services.vault, CardData(pan, _EXPIRY), card_id, secrets.token_bytes(CARD_RANDOMNESS))
    signed = consent_of(lender_of(reference, product), product).sha256
    await services.engine.submit(LinkCard(consumer_id, signed, sealed))
