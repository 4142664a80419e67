"""What consumers have with lenders, in the admin API: cards, lines, and the consents that they signed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Final

from chuanliu.connectors import CardData
from chuanliu.errors import Invalid, NotFound, Refused
from chuanliu.gateway.admin.documents import Document
from chuanliu.gateway.admin.lender_documents import CardBody, InstrumentChanges, LineBody, instrument_view
from chuanliu.gateway.admin.operation import Operation
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.fields import Amount, id_of, party_in
from chuanliu.ids import cell_of_party, with_cell
from chuanliu.lenders import (
    CARD_RANDOMNESS,
    ChangeLineLimit,
    CloseInstrument,
    FindInstruments,
    FindStoredCard,
    Instrument,
    LinkCard,
    OpenLine,
    SuspendInstrument,
    card_fingerprints,
    product_by_code,
    read_card,
    seal_card,
)
from chuanliu.money import parse_amount
from chuanliu.parties import EndSignIn, ReadReference, StartSignIn, verify_pay_password

Params = Mapping[str, str]


def _consumer_id(params: Params) -> int:
    return party_in(params["user_id"], "consumer_not_found")


async def prove_consumer(services: Services, consumer_id: int, pay_password: str) -> None:
    """Check the pay password with which a consumer signs. Wrong ones are counted as in the cashier.

    Raises `NotFound(consumer_not_found)`, `Refused`: buyer_blocked, pay_password_locked, pay_password_wrong.
    """
    consumer = await services.engine.submit(StartSignIn(consumer_id))
    if not await asyncio.to_thread(verify_pay_password, pay_password, consumer.pay_password_hash):
        raise Refused("pay_password_wrong", field="pay_password")
    await services.engine.submit(EndSignIn(consumer_id))


async def link_card(services: Services, consumer_id: int, card: CardData, consent_sha256: bytes) -> Instrument:
    """Seal a card and link it; a card that is known keeps its place in the vault. Raises as `LinkCard`."""
    fingerprints = card_fingerprints(services.vault, card.pan)
    known = await services.engine.ask(FindStoredCard(consumer_id, fingerprints))
    fresh_id = with_cell(services.engine.ids.next(), cell_of_party(consumer_id))
    card_id = fresh_id if known is None else known.card_id
    sealed = seal_card(services.vault, card, card_id, secrets.token_bytes(CARD_RANDOMNESS))
    return await services.engine.submit(LinkCard(consumer_id, consent_sha256, sealed))


async def _shown(services: Services, instrument: Instrument) -> Document:
    views = await services.engine.ask(FindInstruments(instrument.consumer_id, closed=True))
    for view in views:
        if view.instrument.instrument_id == instrument.instrument_id:
            return instrument_view(view)
    raise NotFound("instrument_not_found")


async def list_instruments(services: Services, _body: None, params: Params) -> Document:
    """A consumer's cards and lines."""
    views = await services.engine.ask(FindInstruments(_consumer_id(params)))
    return {"instruments": [instrument_view(view) for view in views]}


async def add_card(services: Services, body: CardBody, params: Params) -> Document:
    """Link a card under the consent that the consumer signs with her pay password."""
    consumer_id = _consumer_id(params)
    card = read_card(body.pan, body.expiry)
    await prove_consumer(services, consumer_id, body.pay_password)
    return await _shown(services, await link_card(services, consumer_id, card, bytes.fromhex(body.consent_sha256)))


async def add_line(services: Services, body: LineBody, params: Params) -> Document:
    """Open a line or link an account at a bank, under the consent that the consumer signs with her pay password."""
    consumer_id = _consumer_id(params)
    await prove_consumer(services, consumer_id, body.pay_password)
    product = product_by_code(await services.engine.ask(ReadReference()), body.product)
    limit = None if body.limit is None else _limit(body.limit, product.currency)
    signed = bytes.fromhex(body.consent_sha256)
    opened = await services.engine.submit(OpenLine(consumer_id, signed, product.product_id, limit, body.account_ref))
    return await _shown(services, opened)


def _limit(given: Amount, currency: str) -> int:
    if given.currency != currency:
        raise Invalid("currency_not_supported", f"the line is in {currency}", field="limit.currency")
    return parse_amount(given.value, currency, field="limit.value", at_least_minor=0)


async def change_instrument(services: Services, body: InstrumentChanges, params: Params) -> Document:
    """Suspend or reopen an instrument, or change a line's limit."""
    consumer_id, instrument_id = _consumer_id(params), id_of(params["instrument_id"], "instrument_not_found")
    views = await services.engine.ask(FindInstruments(consumer_id))
    view = next((view for view in views if view.instrument.instrument_id == instrument_id), None)
    if view is None:
        raise NotFound("instrument_not_found")
    changed = view.instrument
    if body.limit is not None:
        limit = _limit(body.limit, view.product.currency)
        changed = await services.engine.submit(ChangeLineLimit(consumer_id, instrument_id, limit))
    if body.suspended is not None:
        changed = await services.engine.submit(SuspendInstrument(consumer_id, instrument_id, body.suspended))
    return await _shown(services, changed)


async def close_instrument(services: Services, _body: None, params: Params) -> Document:
    """End an instrument for ever."""
    instrument_id = id_of(params["instrument_id"], "instrument_not_found")
    closed = await services.engine.submit(CloseInstrument(_consumer_id(params), instrument_id))
    return await _shown(services, closed)


_CONSUMER: Final = "/admin/v1/consumers/{user_id}"
_INSTRUMENT: Final = f"{_CONSUMER}/instruments/{{instrument_id}}"

INSTRUMENT_OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", f"{_CONSUMER}/instruments", None, list_instruments),
    Operation("POST", f"{_CONSUMER}/cards", CardBody, add_card, 201),
    Operation("POST", f"{_CONSUMER}/lines", LineBody, add_line, 201),
    Operation("PATCH", _INSTRUMENT, InstrumentChanges, change_instrument),
    Operation("DELETE", _INSTRUMENT, None, close_instrument),
)
