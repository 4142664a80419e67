"""After the storm: whatever is still unknown is asked for, by queries, and noted as what it turned out to be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from chuanliu.bench import Merchant
from chuanliu.drill.event_client import plain_request_no
from chuanliu.drill.journal import OrderNote, State
from chuanliu.drill.merchant_client import MerchantClient
from chuanliu.drill.requests import Answer, native
from chuanliu.money import parse_amount

_BANKS_SECONDS: Final = 120.0
_PAUSE_SECONDS: Final = 0.25


async def resolve(client: MerchantClient, merchants: Mapping[int, Merchant], note: OrderNote) -> None:
    """Settle all that is unknown of an order. What stays unknown is a violation of its own."""
    merchant = merchants[note.seller_id]
    if note.ended == "unknown" and note.created == "none":
        # A marked number cannot be seen by a query; marking it again is harmless.
        again = await client.ask(native(merchant, "POST", "/v1/orders/cancel", reference=note.number))
        note.ended = "done" if again is not None and again.verdict == "done" else "unknown"
        if note.is_settled:
            return
    found = await _find(client, merchant, note)
    if found is None:
        return
    if found.verdict != "done":
        if found.code == "order_not_found":
            _nothing_happened(note)
        return
    order = found.members
    _settle_order(note, order)
    if not note.is_settled:
        listed = await client.ask(native(merchant, "GET", f"/v1/orders/{order['order_id']}/refunds"))
        if listed is not None and listed.verdict == "done":
            _settle_refunds(note, {plain_request_no(each["request_no"]): each for each in listed.members["data"]})


async def _find(client: MerchantClient, merchant: Merchant, note: OrderNote) -> Answer | None:
    """The order, once no bank owes an answer to it any more; or as it is when that takes too long."""
    until = time.monotonic() + _BANKS_SECONDS
    while True:
        found = await client.ask(native(merchant, "GET", f"/v1/orders?reference={note.number}"))
        waits = found is not None and found.verdict == "done" and found.members["status"] == "in_progress"
        if not waits or time.monotonic() > until:
            return found
        await asyncio.sleep(_PAUSE_SECONDS)


def _nothing_happened(note: OrderNote) -> None:
    note.created = _known(note.created, happened=False)
    note.paid = _known(note.paid, happened=False)
    for refund in note.refunds:
        refund.state = _known(refund.state, happened=False)


def _settle_order(note: OrderNote, order: Mapping[str, Any]) -> None:
    note.created = _known(note.created, happened=True)
    if note.paid == "unknown" and order["status"] != "in_progress":
        note.paid = "done" if "paid_at" in order else "refused"
        if note.paid == "done":
            note.payer_id, note.trade_no = int(order["buyer_id"]), str(order["trade_no"])
    note.ended = _known(note.ended, happened=order["status"] == "closed")


def _settle_refunds(note: OrderNote, listed: Mapping[str, Mapping[str, Any]]) -> None:
    for refund in note.refunds:
        if refund.state == "unknown":
            stored = listed.get(refund.request_no)
            refund.state = "refused" if stored is None else "done"
            if stored is not None and parse_amount(stored["amount"]["value"]) != refund.amount_minor:
                # Left unknown, so that the check names it.
                refund.state = "unknown"


def _known(state: State, *, happened: bool) -> State:
    if state != "unknown":
        return state
    return "done" if happened else "refused"
