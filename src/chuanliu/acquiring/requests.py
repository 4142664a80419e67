"""A recorded call as the bank's wire is asked it."""

from __future__ import annotations

from chuanliu.connectors import BankRequest, CallKind, CardData
from chuanliu.engine import Reference
from chuanliu.funding import BankCall
from chuanliu.ids import cell_of_party, id_millis, trade_no
from chuanliu.parties import MERCHANT


def request_of(
    reference: Reference,
    call: BankCall,
    merchant_id: int,
    card: CardData | None,
    account: str | None,
    *,
    inquire: bool = False,
) -> BankRequest:
    """The request for a call, or the question whether it took effect.

    A call is as old as its id says, however often it is repeated, so that the bank sees one request and its repeats.
    """
    merchant = reference.get(MERCHANT, cell_of_party(merchant_id), merchant_id)
    original = call.call_id if inquire else call.original_call_id
    return BankRequest(
        kind="inquire" if inquire else _kind(call.kind),
        call_id=call.call_id,
        amount_minor=call.amount_minor,
        currency=call.currency,
        sent_at=_sent_at(call.call_id),
        attempt=call.attempts + 1,
        original_call_id=original,
        original_sent_at=_sent_at(original) if original is not None else None,
        card=card,
        account=account,
        instalments=call.instalments,
        merchant_id=merchant_id,
        merchant_name=merchant.name if merchant is not None else "",
        category=merchant.category if merchant is not None else "",
        order_no=trade_no(call.order_id),
    )


def _sent_at(call_id: int) -> int:
    return id_millis(call_id) * 1000


def _kind(text: str) -> CallKind:
    match text:
        case "authorise" | "complete" | "refund" | "reverse":
            return text
        case _:
            raise ValueError(f"no such call: {text}")
