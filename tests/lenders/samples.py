"""Lenders and cards for the tests."""

from __future__ import annotations

import secrets
from typing import Any

from chuanliu.connectors import CardData
from chuanliu.crypto import MasterKey
from chuanliu.engine import Engine
from chuanliu.ids import cell_of_party, with_cell
from chuanliu.lenders import (
    CARD_RANDOMNESS,
    InstalmentTerms,
    Instrument,
    LenderSpec,
    LinkCard,
    ProductSpec,
    ProductTerms,
    consent_of,
    lender_of,
    luhn_digit,
    product_by_code,
    seal_card,
)
from chuanliu.parties import AddConsumer, ReadReference, Vault

CONSENT = "本人同意按月还款。I agree to pay monthly."


def vault(key_id: str = "k1", **older: MasterKey) -> Vault:
    """A vault under a fresh master key."""
    return Vault(MasterKey(key_id, secrets.token_bytes(32)), older)


def terms(**changes: Any) -> ProductTerms:
    """Terms of a line; `changes` say what is otherwise."""
    values: dict[str, Any] = {
        "bins": (),
        "order_min_minor": 100_00,
        "order_max_minor": 50_000_00,
        "line_limit_minor": 5_000_00,
        "instalments": (
            InstalmentTerms(3, "flat", "2.3", "1.8"),
            InstalmentTerms(6, "flat", "4.5", "4.5"),
            InstalmentTerms(12, "flat", "7.5", "7.5"),
        ),
        "statement_day": 1,
        "due_day": 9,
        "due_after_days": None,
        "holiday_rule": "none",
        "refund_policy": "from-the-last",
        "early_repayment_fee_refunded": True,
        "fee_refunded": True,
        "rounding": "half-even",
        "remainder": "first",
        "consent_text": CONSENT,
    }
    return ProductTerms(**{**values, **changes})


def card_product(code: str, *bins: tuple[str, str], **changes: Any) -> ProductSpec:
    """A credit card whose numbers begin so."""
    values: dict[str, Any] = {
        "kind": "credit_card",
        "name": f"{code} card",
        "name_zh": f"{code} 信用卡",
        "currency": "CNY",
        "funding": "external",
        "connector": "iso8583-1987",
        "endpoint": "127.0.0.1:9600",
        "terms": terms(bins=bins),
    }
    return ProductSpec(code, **{**values, **changes})


def line_product(code: str, **changes: Any) -> ProductSpec:
    """A credit line in our books."""
    values: dict[str, Any] = {
        "kind": "credit_line",
        "name": f"{code} line",
        "name_zh": f"{code} 额度",
        "currency": "CNY",
        "funding": "own",
        "connector": None,
        "endpoint": None,
        "terms": terms(),
    }
    return ProductSpec(code, **{**values, **changes})


def credit_pay_product(code: str, **changes: Any) -> ProductSpec:
    """A bank's own credit pay."""
    values = {"kind": "bank_credit_pay", "funding": "external", "connector": "credit-pay"}
    return line_product(code, **{**values, "endpoint": "http://127.0.0.1:9601", **changes})


def lender(code: str, *products: ProductSpec, kind: Any = "bank") -> LenderSpec:
    """A lender with products."""
    return LenderSpec(code, kind, f"{code} bank", f"{code} 银行", products)


def card_number(start: str) -> str:
    """A random card number of 16 digits that begins so."""
    digits = start + "".join(secrets.choice("0123456789") for _ in range(15 - len(start)))
    return digits + luhn_digit(digits)


async def consumer(engine: Engine) -> int:
    """A new consumer's number."""
    return (await engine.submit(AddConsumer("林晓月", ""))).consumer_id


async def consent_sha256(engine: Engine, code: str) -> bytes:
    """What a consumer signs for a product."""
    reference = await engine.ask(ReadReference())
    product = product_by_code(reference, code)
    return consent_of(lender_of(reference, product), product).sha256


async def link(engine: Engine, keys: Vault, who: int, card: CardData, product: str) -> Instrument:
    """Link a card under a row of its own, whatever the vault has."""
    card_id = with_cell(engine.ids.next(), cell_of_party(who))
    sealed = seal_card(keys, card, card_id, secrets.token_bytes(CARD_RANDOMNESS))
    return await engine.submit(LinkCard(who, await consent_sha256(engine, product), sealed))
