"""Sandbox consumers in the admin API."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Final

from chuanliu.clock import SECOND, iso_text
from chuanliu.errors import Forbidden, Invalid
from chuanliu.gateway.admin.documents import (
    CodesBody,
    ConsumerBody,
    ConsumerChanges,
    Document,
    TopUpBody,
    consumer_document,
)
from chuanliu.gateway.admin.operation import Operation
from chuanliu.gateway.composition import Services
from chuanliu.gateway.native.fields import Amount, amount, party_in
from chuanliu.money import parse_amount
from chuanliu.parties import (
    CONFIRM_ABOVE_DEFAULT_MINOR,
    SALT_RANDOMNESS,
    AddConsumer,
    ChangeConsumer,
    FindConsumer,
    MintCodes,
    TopUp,
    hash_pay_password,
    payment_code_number,
    require_pay_password,
)

Params = Mapping[str, str]


def _require_sandbox(services: Services) -> None:
    if not services.sandbox:
        raise Forbidden("forbidden", "only a sandbox makes consumers, codes and money")


def _cny(given: Amount, field: str) -> int:
    """Minor units of an amount in CNY, zero too. Raises `Invalid`: invalid_amount, currency_not_supported."""
    if given.currency != "CNY":
        raise Invalid("currency_not_supported", field=f"{field}.currency")
    return parse_amount(given.value, "CNY", field=f"{field}.value", at_least_minor=0)


def _consumer_id(params: Params) -> int:
    return party_in(params["user_id"], "consumer_not_found")


async def _hash(password: str) -> str:
    return await asyncio.to_thread(hash_pay_password, password, secrets.token_bytes(SALT_RANDOMNESS))


async def add_consumer(services: Services, body: ConsumerBody, _params: Params) -> Document:
    """A new consumer; the pay password is shown only here."""
    _require_sandbox(services)
    given = body.pay_password
    password = f"{secrets.randbelow(10**6):06d}" if given is None else require_pay_password(given)
    consumer = await services.engine.submit(
        AddConsumer(
            body.name,
            await _hash(password),
            0 if body.balance is None else _cny(body.balance, "balance"),
            CONFIRM_ABOVE_DEFAULT_MINOR if body.confirm_above is None else _cny(body.confirm_above, "confirm_above"),
        )
    )
    view = await services.engine.ask(FindConsumer(consumer.consumer_id))
    return {**consumer_document(view), "pay_password": password}


async def show_consumer(services: Services, _body: None, params: Params) -> Document:
    """One consumer."""
    return consumer_document(await services.engine.ask(FindConsumer(_consumer_id(params))))


async def change_consumer(services: Services, body: ConsumerChanges, params: Params) -> Document:
    """Block or unblock a consumer, or change the confirmation limit or the pay password."""
    consumer_id = _consumer_id(params)
    hashed = None if body.pay_password is None else await _hash(require_pay_password(body.pay_password))
    limit = None if body.confirm_above is None else _cny(body.confirm_above, "confirm_above")
    await services.engine.submit(ChangeConsumer(consumer_id, body.blocked, limit, hashed))
    return consumer_document(await services.engine.ask(FindConsumer(consumer_id)))


async def mint_codes(services: Services, body: CodesBody, params: Params) -> Document:
    """Fresh payment codes."""
    _require_sandbox(services)
    numbers: set[int] = set()
    while len(numbers) < body.count:
        numbers.add(payment_code_number(secrets.randbelow(10**16)))
    minted = await services.engine.submit(MintCodes(_consumer_id(params), tuple(numbers), body.valid_s * SECOND))
    return {"payment_codes": [str(code.code) for code in minted], "expires_at": iso_text(minted[0].expires_at)}


async def top_up(services: Services, body: TopUpBody, params: Params) -> Document:
    """Put sandbox money on a consumer's balance."""
    _require_sandbox(services)
    if body.amount.currency != "CNY":
        raise Invalid("currency_not_supported", field="amount.currency")
    balance_minor = await services.engine.submit(TopUp(_consumer_id(params), body.amount.minor()))
    return {"user_id": params["user_id"], "balance": amount(balance_minor, "CNY")}


_CONSUMER: Final = "/admin/v1/consumers/{user_id}"

CONSUMER_OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("POST", "/admin/v1/consumers", ConsumerBody, add_consumer, 201),
    Operation("GET", _CONSUMER, None, show_consumer),
    Operation("PATCH", _CONSUMER, ConsumerChanges, change_consumer),
    Operation("POST", f"{_CONSUMER}/codes", CodesBody, mint_codes, 201),
    Operation("POST", f"{_CONSUMER}/top-ups", TopUpBody, top_up, 201),
)
