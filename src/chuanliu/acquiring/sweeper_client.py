"""Finishing what is due with banks: obligations after a payment, and payments whose answer was lost. For the leader."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Final

import psycopg
import structlog

from chuanliu.acquiring.banks_client import Banks
from chuanliu.acquiring.due_calls import DueCall, ReadDueCalls
from chuanliu.acquiring.sweep_store import due_calls
from chuanliu.engine import Engine
from chuanliu.errors import ChuanliuError

log = structlog.get_logger()

CALLS_MAX: Final = 1000
_OF_LENDER_MAX: Final = 256


class BankSweeper:
    """Takes up due calls. A bank that does not answer keeps only its own calls waiting."""

    def __init__(self, engine: Engine, banks: Banks) -> None:
        self._engine = engine
        self._banks = banks
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._of_lender: Counter[int] = Counter()

    async def sweep(self, connection: psycopg.AsyncConnection[Any]) -> int:
        """Begin due calls that are not under way, of each lender as many as may be; returns how many were begun."""
        found = await due_calls(connection, 2 * _OF_LENDER_MAX)
        room = dict.fromkeys({lender_id for lender_id, _ in found}, _OF_LENDER_MAX)
        for lender_id, busy in self._of_lender.items():
            room[lender_id] = _OF_LENDER_MAX - busy
        new: list[int] = []
        for lender_id, call_id in found:
            if room[lender_id] > 0 and call_id not in self._under_way and len(new) < CALLS_MAX:
                room[lender_id] -= 1
                new.append(call_id)
        due_now = await self._engine.ask(ReadDueCalls(tuple(new))) if new else ()
        for due in due_now:
            self._of_lender[due.call.lender_id] += 1
            self._under_way[due.call.call_id] = asyncio.create_task(self._finish(due))
        return len(due_now)

    async def _finish(self, due: DueCall) -> None:
        call = due.call
        # An authorisation that comes here was made before, or may have been: it is asked about, never made again. So is
        # what the bank will not hear twice.
        inquire = call.kind == "authorise" or call.reason == "bank_call_repeated"
        try:
            await self._banks.make(call, due.merchant_id, due.card, due.account, inquire=inquire)
        except ChuanliuError as error:
            log.warning("a bank's answer was not recorded", call_id=str(call.call_id), error=str(error))
        finally:
            self._of_lender[call.lender_id] -= 1
            del self._under_way[call.call_id]

    async def close(self) -> None:
        """Stop: what is under way stays due."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
