"""The cast of a rehearsal: shadow merchants, consumers and banks, made through the engine like any others.

Whoever played in an earlier rehearsal plays again. API keys are fresh for each run, kept nowhere, and end with it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from chuanliu.clock import HOUR
from chuanliu.connectors import BankListing, CardData
from chuanliu.gateway import Services
from chuanliu.gateway.admin import link_card
from chuanliu.ids import is_shadow
from chuanliu.lenders import ApplyLender, LenderSpec, consent_of, lender_of, lender_of_bin
from chuanliu.parties import (
    API_KEY_RANDOMNESS,
    MERCHANT,
    AddConsumer,
    AddMerchant,
    ApiKey,
    EndApiKey,
    MintCodes,
    ReadReference,
    RotateApiKey,
    TopUp,
    api_key_text,
    new_api_key,
    payment_code_number,
)
from chuanliu.rehearsal import shadow_store
from chuanliu.sandbox import sandbox_card_number, sandbox_lenders, simulated_ends

MERCHANT_NAME: Final = "影子商户 "
PAYER_NAME: Final = "影子顾客"
CARDHOLDER_NAME: Final = "影子持卡人"

BANKS: Final = 4
_FEE_BPS: Final = 60
_BALANCE_MINOR: Final = 10_000_000_00
_NEVER_CONFIRM_MINOR: Final = 10_000_000_000_00
_CARD_SERIALS: Final = 900_000
_EXPIRY: Final = "3512"
_CODES_EACH: Final = 10


class Player(msgspec.Struct, frozen=True):
    """A merchant of a rehearsal with the API key of this run."""

    merchant_id: int
    api_key: str
    key_id: int


def bank_listings() -> list[BankListing]:
    """The banks that play: what a simulator must serve, each on a free port."""
    ends = [end for end in simulated_ends(0) if end.protocol.startswith("iso8583")][:BANKS]
    return [BankListing(code=end.code, protocol=end.protocol) for end in ends]


def _bank_specs(ports: Mapping[str, int]) -> list[LenderSpec]:
    """The same banks as lenders, each with its credit card alone, at the simulator's ports."""
    found = []
    for spec in sandbox_lenders(0):
        card = next((each for each in spec.products if each.code in ports), None)
        if card is not None:
            endpoint = f"127.0.0.1:{ports[card.code]}"
            found.append(msgspec.structs.replace(spec, products=(msgspec.structs.replace(card, endpoint=endpoint),)))
    return found


class Cast:
    """Everybody who plays. `prepare` first; `end_keys` at the end, whatever happened."""

    def __init__(self, services: Services, *, payers: int, cardholders: int) -> None:
        self._services = services
        self._payers_count = payers
        self._cardholders_count = cardholders
        self._payers: list[int] = []
        self._cardholders: list[int] = []
        self._next = 0
        self.players: list[Player] = []

    async def prepare(self, tenants: Sequence[str], bank_ports: Mapping[str, int]) -> None:
        """Make whoever is missing, and give consumers money and cards of the shadow."""
        await self._services.engine.ask(ReadReference())
        self.players = await self._merchants(tenants)
        self._payers = await self._consumers(PAYER_NAME, self._payers_count)
        if bank_ports:
            submit = self._services.engine.submit
            await asyncio.gather(*(submit(ApplyLender(spec, shadow=True)) for spec in _bank_specs(bank_ports)))
            await self._services.engine.ask(ReadReference())
            self._cardholders = await self._consumers(CARDHOLDER_NAME, self._cardholders_count)
            await asyncio.gather(*(self._give_card(number, who) for number, who in enumerate(self._cardholders)))

    async def _merchants(self, tenants: Sequence[str]) -> list[Player]:
        known = {
            merchant.name: merchant.merchant_id
            for merchant in self._services.engine.reference.all(MERCHANT)
            if is_shadow(merchant.cell) and merchant.status == "active"
        }
        return await asyncio.gather(*(self._player(known.get(MERCHANT_NAME + one), one) for one in tenants))

    async def _player(self, merchant_id: int | None, tenant: str) -> Player:
        text = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS))
        key: ApiKey | None
        if merchant_id is not None:
            key = await self._services.engine.submit(RotateApiKey(merchant_id, new_api_key(text), 0))
        else:
            name = MERCHANT_NAME + tenant
            asked = AddMerchant(name, fee_bps=_FEE_BPS, api_key=new_api_key(text), with_app=False, shadow=True)
            added = await self._services.engine.submit(asked)
            merchant_id, key = added.merchant.merchant_id, added.api_key
        if key is None:
            raise RuntimeError("a merchant came without its key")
        return Player(merchant_id, text, key.key_id)

    async def _consumers(self, name: str, count: int) -> list[int]:
        async with self._services.reads.connection() as connection:
            known = await shadow_store.consumers(connection, name, count)
        submit = self._services.engine.submit
        low = [who for who, balance in known.items() if balance < _BALANCE_MINOR // 2]
        await asyncio.gather(*(submit(TopUp(who, _BALANCE_MINOR)) for who in low))
        asked = AddConsumer(name, "", _BALANCE_MINOR, _NEVER_CONFIRM_MINOR, shadow=True)
        made = await asyncio.gather(*(submit(asked) for _ in range(count - len(known))))
        return [*known, *(consumer.consumer_id for consumer in made)]

    async def _give_card(self, number: int, consumer_id: int) -> None:
        reference = self._services.engine.reference
        pan = sandbox_card_number(number % BANKS + 1, _CARD_SERIALS + number)
        product = lender_of_bin(reference, pan, shadow=True)
        if product is None:
            raise RuntimeError("no shadow bank issues this card")
        signed = consent_of(lender_of(reference, product), product).sha256
        await link_card(self._services, consumer_id, CardData(pan, _EXPIRY), signed)

    async def mint(self, count: int, *, by_card: bool) -> list[str]:
        """So many fresh payment codes or a few more, of consumers in turn; each lasts an hour."""
        owners = self._cardholders if by_card else self._payers
        if not owners or count <= 0:
            return []
        asked = []
        for _ in range(-(-count // _CODES_EACH)):
            numbers = tuple({payment_code_number(secrets.randbelow(10**16)) for _ in range(_CODES_EACH)})
            asked.append(MintCodes(owners[self._next % len(owners)], numbers, HOUR))
            self._next += 1
        minted: list[Any] = await asyncio.gather(*map(self._services.engine.submit, asked))
        return [str(code.code) for codes in minted for code in codes]

    async def end_keys(self) -> None:
        """From here on nobody can ask for anything in the name of a player."""
        submit = self._services.engine.submit
        await asyncio.gather(*(submit(EndApiKey(one.merchant_id, one.key_id)) for one in self.players))
