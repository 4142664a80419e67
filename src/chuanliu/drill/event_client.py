"""A merchant's reader of events: goes on from its cursor, whatever happens to the connection."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from chuanliu.bench import Merchant
from chuanliu.drill.journal import EventNote
from chuanliu.drill.merchant_client import MerchantClient
from chuanliu.drill.requests import native

CANCEL: Final = "cancel"
"""What a refund made by cancelling is called here: its own number holds an id that a merchant need not know."""

_LIMIT: Final = 100


async def read_events(client: MerchantClient, merchant: Merchant, into: list[EventNote], stop: asyncio.Event) -> None:
    """Read for ever; after `stop`, until there is nothing more."""
    cursor = "0"
    while True:
        last = stop.is_set()
        wait_s = 0 if last else 1
        request = native(merchant, "GET", f"/v1/events?after={cursor}&limit={_LIMIT}&wait_s={wait_s}")
        answer = await client.ask(request)
        if answer is None:
            continue
        if answer.verdict != "done":
            client.journal.complain(f"seller {merchant.seller_id}: reading events was refused with {answer.code}")
            return
        found = answer.members["data"]
        into += [_note(event) for event in found]
        cursor = str(answer.members["next_cursor"])
        if last and not found:
            return


def plain_request_no(request_no: str) -> str:
    """A refund's number, or `CANCEL` for one that cancelling made."""
    return CANCEL if request_no.startswith(f"{CANCEL}:") else request_no


def _note(event: dict[str, Any]) -> EventNote:
    data = event["data"]
    refund = data.get("refund")
    return EventNote(
        sequence=int(event["sequence"]),
        event_id=str(event["id"]),
        kind=str(event["type"]),
        reference=str(data["order"]["reference"]),
        request_no=plain_request_no(str(refund["request_no"])) if refund else None,
    )
