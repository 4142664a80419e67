"""Collecting bills on their day: the balance by a command, cards by orders of the lender, one after the other.

A card is asked once a day. While its bank's answer is not known nobody else is asked; killed at any point, the next
pass goes on from what is on record. The bank's call is made and inquired about as every payment's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import structlog

from chuanliu.acquiring.banks_client import Banks
from chuanliu.bills import (
    ApplyCharge,
    AskCharge,
    BillCharge,
    BillPaid,
    CollectBill,
    DeclineCharge,
    DueLine,
    order_of,
)
from chuanliu.engine import Engine
from chuanliu.errors import ChuanliuError, Refused
from chuanliu.ids import cell_of_party
from chuanliu.instalments import MakeQuote
from chuanliu.lenders import LENDER
from chuanliu.parties import OpenSeller, find_merchant
from chuanliu.trade import IN_PROGRESS, PAID, Choice, CloseOrder, CreateOrder, FindOrderById, Order, PayOrder, basket_of

log = structlog.get_logger()

_STEPS_MAX: Final = 12
"""Of one line in one pass: each method once, and a look behind each."""

_UNDER_WAY: Final = ("AUTHORISING", "UNKNOWN")


class BillCollector:
    """Collects lines. `waits_s` bounds how long a pass waits for one bank; what takes longer is left to the next."""

    def __init__(self, engine: Engine, banks: Banks, *, waits_s: float = 10.0) -> None:
        self._engine = engine
        self._banks = banks
        self._waits_s = waits_s

    async def collect_all(self, lines: Sequence[DueLine], day: int | None = None) -> list[BillPaid | ChuanliuError]:
        """Collect lines side by side; an error is that line's alone."""
        found = await asyncio.gather(*(self.collect(line, day) for line in lines), return_exceptions=True)
        answers: list[BillPaid | ChuanliuError] = []
        for each in found:
            if isinstance(each, BaseException) and not isinstance(each, ChuanliuError):
                raise each
            answers.append(each)
        return answers

    async def collect(self, line: DueLine, day: int | None = None) -> BillPaid:
        """Try her methods until the bill is paid, none is left, or a bank has not answered. `day` is yyyymmdd."""
        command = CollectBill(line.consumer_id, line.instrument_id, day)
        paid: BillPaid = await self._engine.submit(command)
        for _ in range(_STEPS_MAX):
            if paid.charge is None or not await self._settle(paid.charge, day):
                return paid
            paid = await self._engine.submit(command)
        return paid

    async def _settle(self, charge: BillCharge, day: int | None) -> bool:
        """Bring a charge as far as can be known now; whether it is known what it came to."""
        if charge.status == "asked":
            view = await self._engine.ask(FindOrderById(charge.order_id or 0))
            under_way = view.payment is not None and view.payment.status in _UNDER_WAY
            if view.order.status == "WAIT_BUYER_PAY" and under_way:
                return False
            reason = "payment_refused" if view.payment is None else view.payment.reason or "payment_refused"
            return await self._conclude(charge, view.order, day, reason)
        await self._open_seller(charge.lender_id)
        try:
            order = await self._engine.submit(CreateOrder(order_of(charge)))
        except Refused as refusal:
            # An order that was made long ago and has ended since, without the card ever being asked.
            await self._engine.submit(DeclineCharge(charge.charge_id, refusal.code))
            return True
        try:
            asked: BillCharge = await self._engine.submit(AskCharge(charge.charge_id, order.order_id))
        except Refused:
            # Somebody else is asking; what it comes to is seen by the next pass.
            return False
        return await self._ask(asked, order, day)

    async def _ask(self, charge: BillCharge, order: Order, day: int | None) -> bool:
        engine, now = self._engine, time.time_ns() // 1000
        basket = basket_of(engine.reference, order)
        try:
            view = await engine.submit(MakeQuote(charge.consumer_id, basket, now, order.order_id))
            position = next((at for at, offer in enumerate(view.offers) if offer.instrument_id == charge.card_id), None)
            if position is None:
                return await self._conclude(charge, order, day, "no_funding_method")
            choice = Choice(view.quote.quote_id, position)
            began = await engine.submit(PayOrder(order.order_id, charge.consumer_id, choice, now))
            outcome = await self._banks.settle(began, self._waits_s)
        except Refused as refusal:
            return await self._conclude(charge, order, day, refusal.code)
        if outcome.result == IN_PROGRESS:
            return False
        if outcome.result == PAID:
            await engine.submit(ApplyCharge(charge.consumer_id, charge.instrument_id, day, charge.charge_id))
            return True
        return await self._conclude(charge, outcome.order, day, outcome.reason or "payment_refused")

    async def _conclude(self, charge: BillCharge, order: Order, day: int | None, reason: str) -> bool:
        """End the order so that nothing can pay it any more, and decline the charge; unless it is paid after all."""
        spec = order_of(charge)
        if order.status == "WAIT_BUYER_PAY":
            try:
                order = await self._engine.submit(CloseOrder(spec.ref))
            except Refused:
                order = (await self._engine.ask(FindOrderById(order.order_id))).order
        if order.status == "TRADE_CLOSED":
            await self._engine.submit(DeclineCharge(charge.charge_id, reason))
            log.info("a card has not paid a bill", charge_id=str(charge.charge_id), reason=reason)
        else:
            await self._engine.submit(ApplyCharge(charge.consumer_id, charge.instrument_id, day, charge.charge_id))
        return True

    async def _open_seller(self, lender_id: int) -> None:
        reference = self._engine.reference
        if find_merchant(reference, lender_id) is None:
            lender = reference.get(LENDER, cell_of_party(lender_id), lender_id)
            await self._engine.submit(OpenSeller(lender_id, "" if lender is None else lender.name_zh))
