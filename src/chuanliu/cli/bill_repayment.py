"""`chuanliu bills repay|auto-repay|collect|hardship`: what happens to a statement once it is made."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from chuanliu.bills import BillPaid, CollectBill, RepayBill, Reschedule, SetAutoRepay, due_lines, signed
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
) -> dict[str, Any]:
    """Record that a consumer agrees to automatic repayment on the due day."""
    line = await _line(services, user_id, product)
    command = SetAutoRepay(line.instrument.consumer_id, line.instrument.instrument_id, wanted=not off)
    standing = await services.engine.submit(command)
    return {"user_id": user_id, "product": product, "auto_repay": standing.auto_repay}


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
        answers = await services.engine.submit_all(
            [CollectBill(line.consumer_id, line.instrument_id, day) for line in found]
        )
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
    try:
        digest = None if consent is None else bytes.fromhex(consent)
    except ValueError:
        raise Invalid("invalid_parameter", "consent is the digest in hexadecimal", field="consent") from None
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
