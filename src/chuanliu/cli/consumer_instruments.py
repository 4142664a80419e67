"""`chuanliu consumer link-card|open-line|instruments|close`: what a consumer would do in her wallet with lenders."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chuanliu.cli.installation import number
from chuanliu.errors import Forbidden, Invalid, Refused
from chuanliu.gateway import Services
from chuanliu.lenders import (
    CloseInstrument,
    Consent,
    FindInstruments,
    Instrument,
    OpenLine,
    Product,
    consent_of,
    lender_of,
    lender_of_bin,
    product_by_code,
    read_card,
)
from chuanliu.money import format_amount, parse_amount
from chuanliu.parties import ReadReference

UserId = Annotated[str, typer.Argument(help="The consumer's number (2088…).", metavar="USER_ID")]
PayPassword = Annotated[
    str | None,
    typer.Option("--pay-password", help="Signs the consent; a sandbox takes the command itself for the signature."),
]


async def _sign(services: Services, consumer_id: int, pay_password: str | None) -> None:
    from chuanliu.gateway.admin import prove_consumer  # noqa: PLC0415 - a dialect is slow to import

    if pay_password is not None:
        await prove_consumer(services, consumer_id, pay_password)
    elif not services.sandbox:
        raise Forbidden("forbidden", "outside a sandbox the consumer signs: --pay-password")


async def _members(services: Services, instrument: Instrument, consent: Consent) -> dict[str, Any]:
    from chuanliu.gateway.admin import instrument_view  # noqa: PLC0415

    views = await services.engine.ask(FindInstruments(instrument.consumer_id))
    (view,) = (view for view in views if view.instrument.instrument_id == instrument.instrument_id)
    return {**_plain(instrument_view(view)), "consent": consent.text}


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """Amounts as the command line writes them."""
    return {name: value.value if name in ("limit", "used") else value for name, value in document.items()}


def _consent(services: Services, product: Product) -> Consent:
    return consent_of(lender_of(services.engine.reference, product), product)


async def link_card(
    services: Services,
    /,
    user_id: UserId,
    pan: Annotated[
        str, typer.Option("--pan", help="The card's number; - reads it from standard input, where nobody lists it.")
    ],
    expiry: Annotated[str, typer.Option("--expiry", help="MM/YY, as on the card.")],
    pay_password: PayPassword = None,
) -> dict[str, Any]:
    """Link a card to its lender under the consent that is printed. The same card again is the same instrument."""
    from chuanliu.gateway.admin import link_card as link  # noqa: PLC0415

    given = typer.get_text_stream("stdin").readline().strip() if pan == "-" else pan
    card = read_card(given, expiry)
    consumer_id = number(user_id, "user_id")
    await _sign(services, consumer_id, pay_password)
    product = lender_of_bin(await services.engine.ask(ReadReference()), card.pan)
    if product is None:
        raise Refused("card_not_supported", field="pan")
    consent = _consent(services, product)
    return await _members(services, await link(services, consumer_id, card, consent.sha256), consent)


async def open_line(
    services: Services,
    /,
    user_id: UserId,
    product_code: Annotated[str, typer.Option("--product", help="The product's code.", metavar="CODE")],
    limit: Annotated[
        str | None, typer.Option("--limit", help="Of a line in our books, instead of the product's.")
    ] = None,
    account: Annotated[str | None, typer.Option("--account", help="Of a bank's credit pay: its name there.")] = None,
    pay_password: PayPassword = None,
) -> dict[str, Any]:
    """Open a credit line, or link an account of a bank's credit pay, under the consent that is printed."""
    consumer_id = number(user_id, "user_id")
    await _sign(services, consumer_id, pay_password)
    product = product_by_code(await services.engine.ask(ReadReference()), product_code)
    limit_minor = None
    if limit is not None:
        limit_minor = parse_amount(limit, product.currency, field="limit", at_least_minor=0)
    consent = _consent(services, product)
    opened = await services.engine.submit(
        OpenLine(consumer_id, consent.sha256, product.product_id, limit_minor, account)
    )
    return await _members(services, opened, consent)


async def list_instruments(
    services: Services,
    /,
    user_id: UserId,
    closed: Annotated[bool, typer.Option("--closed", help="Also what was closed.")] = False,
) -> list[dict[str, Any]]:
    """List a consumer's cards and lines, each under its lender's name."""
    views = await services.engine.ask(FindInstruments(number(user_id, "user_id"), closed))
    return [
        {
            "instrument_id": str(view.instrument.instrument_id),
            "lender": view.lender.name_zh,
            "product": view.product.code,
            "kind": view.instrument.kind,
            "masked": view.instrument.masked,
            "status": view.instrument.status,
            "limit": _amount(view.instrument.limit_minor, view.product.currency),
            "used": _amount(view.used_minor, view.product.currency),
        }
        for view in views
    ]


def _amount(minor: int | None, currency: str) -> str | None:
    return None if minor is None else format_amount(max(0, minor), currency)


async def close_instrument(
    services: Services,
    /,
    user_id: UserId,
    instrument_id: Annotated[str, typer.Argument(help="As `instruments` lists it.", metavar="INSTRUMENT_ID")],
) -> dict[str, Any]:
    """End a card or line for ever. A line with debt stays."""
    if not instrument_id.isascii() or not instrument_id.isdigit() or len(instrument_id) > 19:
        raise Invalid("invalid_parameter", "an instrument's number has up to 19 digits", field="instrument_id")
    closed = await services.engine.submit(CloseInstrument(number(user_id, "user_id"), int(instrument_id)))
    return {"instrument_id": instrument_id, "status": closed.status}
