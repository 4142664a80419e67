"""`chuanliu bills repay|auto-repay|collect|hardship`: what happens to a statement once it is made."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from chuanliu.acquiring import BillCollector
from chuanliu.bills import (
    BALANCE_METHOD,
    AgreeAutoRepay,
    BillPaid,
    FindAutoRepayment,
    RepayBill,
    Reschedule,
    SetAutoRepay,
    due_lines,
    signed,
)
from chuanliu.cli.installation import number
from chuanliu.clock import business_date, day_number
from chuanliu.errors import ChuanliuError, Invalid, NotFound
from chuanliu.gateway import Services
from chuanliu.lenders import FindInstruments, InstrumentView
from chuanliu.money import parse_amount

_COLLECTED_AT_ONCE = 500

UserId = Annotated[str, typer.Argument(help="The consumer's number (2088…).", metavar="USER_ID")]
Product = Annotated[str, typer.Argument(help="The product's code.", metavar="PRODUCT")]


async def _line(services: Services, user_id: str, code: str) -> InstrumentView:
    found = await services.engine.ask(FindInstruments(number(user_id, "user_id")))
    for view in found:
        if view.product.code == code and view.instrument.line_no is not None:
            return view
    raise NotFound("instrument_not_found")


def _paid(paid: BillPaid, currency: str) -> dict[str, Any]:
    parts = {
        "fees": paid.allocation.fees_minor,
        "interest": paid.allocation.interest_minor,
        "principal": paid.allocation.principal_minor,
        "kept": paid.kept_minor,
        "late_fee_charged": paid.late_fee_minor,
        "interest_charged": paid.interest_minor,
        "owed": paid.owed_minor,
    }
    return {name: signed(minor, currency) for name, minor in parts.items()} | {"currency": currency}


async def repay_bill(
    services: Services,
    /,
    user_id: UserId,
    product: Product,
    amount: Annotated[str | None, typer.Option("--amount", help="Instead of all that is billed.")] = None,
) -> dict[str, Any]:
    """Repay what is billed on a line from the consumer's balance; what is not owed stays there."""
    line = await _line(services, user_id, product)
    currency = line.product.currency
    minor = None if amount is None else parse_amount(amount, currency)
    command = RepayBill(line.instrument.consumer_id, line.instrument.instrument_id, amount_minor=minor)
    return _paid(await services.engine.submit(command), currency)


async def set_auto_repay(
    services: Services,
    /,
    user_id: UserId,
    product: Product,
    off: Annotated[bool, typer.Option("--off", help="Take the agreement back.")] = False,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", help="balance, or a debit card's instrument number; in the order to be tried."),
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="From the balance only all that is billed.")] = False,
    consent: Annotated[
        str | None, typer.Option("--consent", help="The digest of the text that the consumer has agreed to.")
    ] = None,
) -> dict[str, Any]:
    """Record that a consumer agrees to automatic repayment on the due day: from the balance, or by methods in order.

    With methods the text is shown first; its digest is the consent.
    """
    line = await _line(services, user_id, product)
    consumer_id, number_ = line.instrument.consumer_id, line.instrument.instrument_id
    text = digest = None
    if method and not off:
        signed_digest = _digest(consent)
        command = AgreeAutoRepay(
            consumer_id, number_, methods=tuple(map(_method, method)), partial=not whole, consent_sha256=signed_digest
        )
        offer = await services.engine.submit(command)
        text, digest = offer.text, offer.sha256.hex()
    else:
        await services.engine.submit(SetAutoRepay(consumer_id, number_, wanted=not off))
    stands = await services.engine.ask(FindAutoRepayment(consumer_id, number_))
    return {
        "user_id": user_id,
        "product": product,
        "auto_repay": stands.wanted,
        "methods": ["balance" if each == BALANCE_METHOD else str(each) for each in stands.methods],
        "partial": stands.partial,
        "charges": [
            {
                "day": each.day,
                "card": str(each.card_id),
                "amount": signed(each.amount_minor, each.currency),
                "status": each.status,
                "reason": each.reason,
            }
            for each in stands.charges
        ],
        "text": text,
        "consent": digest,
    }


def _method(text: str) -> int:
    """Raises `Invalid(invalid_parameter)` naming `method`."""
    if text == "balance":
        return BALANCE_METHOD
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**63):
        raise Invalid("invalid_parameter", "a method is balance or an instrument's number", field="method")
    return int(text)


def _digest(text: str | None) -> bytes | None:
    try:
        return None if text is None else bytes.fromhex(text)
    except ValueError:
        raise Invalid("invalid_parameter", "consent is the digest in hexadecimal", field="consent") from None


async def collect_bills(
    services: Services,
    /,
    on: Annotated[str | None, typer.Option("--on", help="The day to act for: yyyymmdd; today without it.")] = None,
) -> dict[str, Any]:
    """Do for every line whose statement is due what a day brings: agreed repayment, charges, reminders.

    The worker does it by itself. Doing it twice on a day does nothing the second time.
    """
    today = day_number(business_date(time.time_ns() // 1000))
    if on is not None and (len(on) != 8 or not on.isascii() or not on.isdigit() or int(on) > today):
        raise Invalid("invalid_parameter", "on is a day until today: yyyymmdd", field="on")
    day = today if on is None else int(on)
    lines = failed = 0
    while True:
        async with services.reads.connection() as connection:
            found = await due_lines(connection, day, _COLLECTED_AT_ONCE)
        answers = await BillCollector(services.engine, services.banks).collect_all(found, day)
        lines += len(found)
        failed += sum(isinstance(answer, ChuanliuError) for answer in answers)
        if len(found) < _COLLECTED_AT_ONCE or failed:
            return {"on": day, "lines": lines, "failed": failed}


async def reschedule(
    services: Services,
    /,
    user_id: UserId,
    product: Product,
    months: Annotated[int, typer.Argument(help="Over how many months.", metavar="MONTHS")],
    consent: Annotated[
        str | None, typer.Option("--consent", help="The digest of the schedule that the consumer has agreed to.")
    ] = None,
) -> dict[str, Any]:
    """Show what a line owes spread over months; with the consumer's consent to that schedule, do so."""
    line = await _line(services, user_id, product)
    digest = _digest(consent)
    instrument = line.instrument
    offer = await services.engine.submit(
        Reschedule(instrument.consumer_id, instrument.instrument_id, months=months, consent_sha256=digest)
    )
    return {
        "owed": signed(offer.owed_minor, line.product.currency),
        "schedule": offer.text,
        "consent": offer.sha256.hex(),
        "done": digest is not None,
    }
