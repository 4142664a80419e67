"""Reading due calls with what their banks need to know of the payer."""

from __future__ import annotations

from typing import NamedTuple

from chuanliu.engine import Context, Keys, Query, Reference, Seen
from chuanliu.funding import BANK_CALL, BankCall
from chuanliu.ids import cell_of_id
from chuanliu.lenders import INSTRUMENT, STORED_CARD, StoredCard
from chuanliu.trade import ORDER


class DueCall(NamedTuple):
    """A call, whose order it is about, and the payer's sealed card or account at the bank."""

    call: BankCall
    merchant_id: int
    card: StoredCard | None
    account: str | None


class ReadDueCalls(Query[tuple[DueCall, ...]], frozen=True):
    """Those of the calls that are still due."""

    call_ids: tuple[int, ...]

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        for call_id in self.call_ids:
            cell = cell_of_id(call_id)
            keys.look(BANK_CALL, cell, call_id)
            call = seen.get(BANK_CALL, cell, call_id)
            if call is None or call.status != "due":
                continue
            keys.look(ORDER, cell_of_id(call.order_id), call.order_id)
            keys.look(INSTRUMENT, cell, call.instrument_id)
            instrument = seen.get(INSTRUMENT, cell, call.instrument_id)
            if instrument is not None and instrument.card_id is not None:
                keys.look(STORED_CARD, cell, instrument.card_id)

    def answer(self, seen: Seen, context: Context) -> tuple[DueCall, ...]:
        found: list[DueCall] = []
        for call_id in self.call_ids:
            cell = cell_of_id(call_id)
            call = seen.get(BANK_CALL, cell, call_id)
            order = seen.get(ORDER, cell_of_id(call.order_id), call.order_id) if call is not None else None
            if call is None or order is None or call.status != "due":
                continue
            instrument = seen.get(INSTRUMENT, cell, call.instrument_id)
            card = None
            if instrument is not None and instrument.card_id is not None:
                card = seen.get(STORED_CARD, cell, instrument.card_id)
            account = instrument.account_ref if instrument is not None else None
            found.append(DueCall(call, order.merchant_id, card, account))
        return tuple(found)
