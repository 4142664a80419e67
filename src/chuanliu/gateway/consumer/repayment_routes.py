"""Automatic repayment of a consumer's lines: how it stands, agreeing to it by methods in order, and taking it back."""

from __future__ import annotations

from chuanliu.bills import (
    AgreeAutoRepay,
    AutoRepayment,
    FindAutoRepayment,
    SetAutoRepay,
    day_text,
    signed,
)
from chuanliu.gateway.composition import Services
from chuanliu.gateway.consumer import documents
from chuanliu.gateway.repayment_methods import debit_cards, line_of, method_of, method_texts
from chuanliu.lenders import FindInstruments, InstrumentView


async def repayments_of(services: Services, consumer_id: int) -> documents.Repayments:
    """How it stands with each of her lines, and which cards she may choose."""
    views = await services.engine.ask(FindInstruments(consumer_id))
    lines = [each for each in views if each.instrument.line_no is not None]
    return documents.Repayments(
        lines=tuple([await _line_document(services, each) for each in lines]),
        cards=tuple(
            documents.RepaymentCard(
                instrument=str(each.instrument.instrument_id),
                masked=each.instrument.masked,
                currency=each.product.currency,
            )
            for each in debit_cards(views)
        ),
    )


async def agree(
    services: Services, consumer_id: int, line: str, agreement: documents.RepaymentAgreement
) -> documents.RepaymentOffered:
    """The text of an agreement; with the digest of that text it is agreed to.

    Raises `NotFound(instrument_not_found)`, `Invalid` naming `methods`, `Refused(consent_outdated)`.
    """
    view = line_of(await services.engine.ask(FindInstruments(consumer_id)), line)
    digest = None if agreement.consent_sha256 is None else bytes.fromhex(agreement.consent_sha256)
    command = AgreeAutoRepay(
        consumer_id,
        view.instrument.instrument_id,
        methods=tuple(map(method_of, agreement.methods)),
        partial=agreement.partial,
        consent_sha256=digest,
    )
    offer = await services.engine.submit(command)
    return documents.RepaymentOffered(
        text=offer.text,
        consent_sha256=offer.sha256.hex(),
        agreed=digest is not None,
        line=await _line_document(services, view),
    )


async def take_back(services: Services, consumer_id: int, line: str) -> documents.RepaymentLine:
    """No automatic repayment of this line from here on. Raises `NotFound(instrument_not_found)`."""
    view = line_of(await services.engine.ask(FindInstruments(consumer_id)), line)
    await services.engine.submit(SetAutoRepay(consumer_id, view.instrument.instrument_id, wanted=False))
    return await _line_document(services, view)


async def _line_document(services: Services, view: InstrumentView) -> documents.RepaymentLine:
    instrument = view.instrument
    stands: AutoRepayment = await services.engine.ask(
        FindAutoRepayment(instrument.consumer_id, instrument.instrument_id)
    )
    return documents.RepaymentLine(
        instrument=str(instrument.instrument_id),
        product=str(view.product.product_id),
        currency=view.product.currency,
        automatic=stands.wanted,
        methods=method_texts(stands.methods) if stands.wanted else (),
        partial=stands.partial,
        charges=tuple(
            documents.RepaymentCharge(
                day=day_text(each.day),
                card=str(each.card_id),
                amount=signed(each.amount_minor, each.currency),
                status=each.status,
                reason=each.reason,
            )
            for each in stands.charges
        ),
    )
