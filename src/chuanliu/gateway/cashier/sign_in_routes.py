"""Proving who a payer is: the pay password, or one click for the sandbox's demo consumers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from chuanliu.errors import NotFound
from chuanliu.gateway.cashier.consumer_store import demo_consumers
from chuanliu.gateway.composition import Services
from chuanliu.ids import is_party_number
from chuanliu.parties import SALT_RANDOMNESS, EndSignIn, StartSignIn, hash_pay_password, verify_pay_password


async def signed_in_consumer(services: Services, form: Mapping[str, str]) -> int:
    """The consumer who filled in the sign-in form.

    Raises `NotFound(consumer_not_found)` alike for an unknown number and a wrong password, `Refused`: buyer_blocked,
    pay_password_locked.
    """
    demo_user_id = form.get("demo_user_id")
    if demo_user_id is not None:
        shown = await demo_consumers(services.reads) if services.sandbox else ()
        if demo_user_id not in {consumer.user_id for consumer in shown}:
            raise NotFound("consumer_not_found")
        return int(demo_user_id)
    user_id, password = form.get("user_id", ""), form.get("password", "")
    if not is_party_number(user_id) or not (len(password) == 6 and password.isascii() and password.isdigit()):
        raise NotFound("consumer_not_found")
    consumer_id = int(user_id)
    try:
        consumer = await services.engine.submit(StartSignIn(consumer_id))
    except NotFound:
        # As long as a check takes, so that time does not tell which numbers exist.
        await asyncio.to_thread(hash_pay_password, password, bytes(SALT_RANDOMNESS))
        raise
    if not await asyncio.to_thread(verify_pay_password, password, consumer.pay_password_hash):
        raise NotFound("consumer_not_found")
    await services.engine.submit(EndSignIn(consumer_id))
    return consumer_id
