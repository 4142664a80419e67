"""Makes the sandbox's merchants and consumers, once: their keys and passwords are kept in the roster's file."""

from __future__ import annotations

import asyncio
import secrets

from chuanliu.crypto import RsaKeyPair, generate_key_pair, pkcs1_private
from chuanliu.gateway import Services
from chuanliu.gateway.start import Roster, SandboxConsumer, SandboxMerchant, read_roster, write_roster
from chuanliu.parties import (
    API_KEY_RANDOMNESS,
    SALT_RANDOMNESS,
    AddConsumer,
    AddMerchant,
    api_key_text,
    find_app,
    hash_pay_password,
    new_api_key,
    signing_key_of,
)
from chuanliu.runtime import Settings, engine_session
from chuanliu.sandbox.campaigns_client import seed_campaigns
from chuanliu.sandbox.cast import BALANCE_MINOR, BUYERS, SHOPS, Shop
from chuanliu.sandbox.lending_client import seed_instruments, seed_lenders
from chuanliu.sandbox.simulation_client import BANK_KEY_ID, write_listing
from chuanliu.web import Credentials


async def seed_sandbox(settings: Settings) -> Roster:
    """The sandbox's roster: the one of an earlier run where its merchants are in this database, else a new one.

    Lenders and campaigns are made where they are missing, consumers get cards and lines where they have none, and the
    bank simulator gets its file.
    """
    async with engine_session(settings) as services:
        public_key = await write_listing(services, settings.data, settings.banks_port)
        await seed_lenders(services, settings.banks_port, (BANK_KEY_ID, public_key))
        roster = await _roster(settings, services)
        await seed_campaigns(services, int(roster.merchants[0].credentials.seller_id))
        await seed_instruments(services, [int(consumer.user_id) for consumer in roster.consumers])
        return roster


async def _roster(settings: Settings, services: Services) -> Roster:
    known = read_roster(settings.data)
    if known is not None and _is_stored(services, known):
        return known
    pairs = await asyncio.gather(*(asyncio.to_thread(generate_key_pair) for _ in SHOPS))
    merchants = [await _add_merchant(services, shop, pair) for shop, pair in zip(SHOPS, pairs, strict=True)]
    consumers = await asyncio.gather(*(_add_consumer(services, name) for name in BUYERS))
    roster = Roster(tuple(merchants), tuple(consumers))
    write_roster(settings.data, roster)
    return roster


def _is_stored(services: Services, roster: Roster) -> bool:
    """Whether the roster's apps belong to its merchants here: a data folder may be joined to another database."""
    for merchant in roster.merchants:
        app = find_app(services.engine.reference, merchant.credentials.app_id)
        if app is None or str(app.merchant_id) != merchant.credentials.seller_id:
            return False
    return bool(roster.merchants and roster.consumers)


async def _add_merchant(services: Services, shop: Shop, pair: RsaKeyPair) -> SandboxMerchant:
    api_key = api_key_text(secrets.token_bytes(API_KEY_RANDOMNESS))
    added = await services.engine.submit(
        AddMerchant(
            shop.name,
            fee_bps=shop.fee_bps,
            public_key=pair.public,
            api_key=new_api_key(api_key),
            category=shop.category,
        )
    )
    if added.app is None:
        raise RuntimeError("a merchant came without its app")
    credentials = Credentials(
        app_id=str(added.app.app_id),
        seller_id=str(added.merchant.merchant_id),
        app_private_key=pair.private,
        app_private_key_pkcs1=pkcs1_private(pair.private),
        platform_public_key=signing_key_of(services.engine.reference, added.app).public_key,
        api_key=api_key,
    )
    return SandboxMerchant(shop.name, credentials)


async def _add_consumer(services: Services, name: str) -> SandboxConsumer:
    password = f"{secrets.randbelow(10**6):06d}"
    hashed = await asyncio.to_thread(hash_pay_password, password, secrets.token_bytes(SALT_RANDOMNESS))
    consumer = await services.engine.submit(AddConsumer(name, hashed, BALANCE_MINOR))
    return SandboxConsumer(str(consumer.consumer_id), name, password)
