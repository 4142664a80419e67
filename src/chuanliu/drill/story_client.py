"""What merchants do all day, as short stories of one order each, told to the journal as they go."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final

from chuanliu.bench import Merchant
from chuanliu.clock import SHANGHAI
from chuanliu.drill.event_client import CANCEL
from chuanliu.drill.journal import OrderNote, RefundNote, State
from chuanliu.drill.merchant_client import MerchantClient
from chuanliu.drill.requests import CURRENCY, SUBJECT, Answer, Dialect, Request, alipay, amount_members, native
from chuanliu.money import format_amount

AMOUNT_MAX_MINOR: Final = 500_00
CARD_AMOUNTS_MINOR: Final = (600_00, 3_000_00)
"""What every bank of the sandbox takes."""
_CARD_IN_INSTALMENTS: Final = {"fq_channels": "alipayfq_cc", "fq_num": "3", "fq_seller_percent": "0"}
_ALIPAY_WAITS: Final = "10003"
_DECLINED: Final = frozenset(
    {
        "card_funds_insufficient",
        "bank_refused",
        "bank_unavailable",
        "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH",
        "ACQ.PAYMENT_FAIL",
    }
)
"""What a payer's bank may say, or may be said of one that is away."""
_CODE_USED: Final = frozenset({"payment_code_used", "payment_code_invalid", "ACQ.PAYMENT_AUTH_CODE_INVALID"})
_NOT_TO_BE_CLOSED: Final = frozenset({"order_status_invalid", "ACQ.TRADE_STATUS_ERROR"})
"""It was paid meanwhile."""
_CLOSED_CODES: Final = frozenset({"order_closed", "ACQ.TRADE_HAS_CLOSE"})
_DIALECTS: Final[tuple[Dialect, Dialect]] = ("native", "alipay")

Code = tuple[str, int]
"""A payment code and the consumer whose it is."""


class Storyteller:
    """Plays stories with some merchants. `codes` are taken from the left; `draw` is the drill's own randomness.

    `cards`: every payer has one, and some stories are paid by it.
    """

    def __init__(
        self,
        client: MerchantClient,
        merchants: Sequence[Merchant],
        codes: deque[Code],
        notify_url: str,
        draw: random.Random,
        *,
        cards: bool = False,
    ) -> None:
        self._cards = cards
        self._client = client
        self._journal = client.journal
        self._merchants = merchants
        self._codes = codes
        self._notify_url = notify_url
        self._draw = draw
        self._run = f"{draw.getrandbits(40):010x}"
        self._told = 0

    async def tell(self) -> None:
        """One story from its beginning to its end, or to the first thing that is not known."""
        stories: list[tuple[Callable[[Merchant, OrderNote, Dialect], Awaitable[None]], int]] = [
            (self._pay_and_refund, 60),
            (self._create_and_pay, 10),
            (self._create_and_end, 8),
            (self._pay_and_cancel, 8),
            (self._mark_and_pay, 4),
            (self._pay_twice_at_once, 10),
            (self._pay_by_card, 60 if self._cards else 0),
        ]
        story = self._draw.choices([told for told, _ in stories], [weight for _, weight in stories])[0]
        merchant = self._draw.choice(self._merchants)
        self._told += 1
        amount_minor = self._draw.randint(1, AMOUNT_MAX_MINOR)
        note = OrderNote(f"{self._run}_{self._told:07d}", int(merchant.seller_id), amount_minor)
        self._journal.orders.append(note)
        dialect = self._draw.choice(_DIALECTS)
        note.notified = dialect == "alipay"
        await story(merchant, note, dialect)

    async def _pay_and_refund(self, merchant: Merchant, note: OrderNote, dialect: Dialect) -> None:
        if not await self._pay(merchant, note, dialect):
            return
        if self._draw.random() < 0.1 and not await self._pay(merchant, note, self._draw.choice(_DIALECTS)):
            return
        for number in range(self._draw.choice((0, 0, 1, 1, 2))):
            part = self._draw.randint(1, max(1, note.amount_minor // 2))
            left = note.amount_minor - note.refunded_minor
            refund = RefundNote(f"{note.number}_r{number}", min(part, left) if number else part)
            if left == 0 or not await self._refund(merchant, note, refund, dialect):
                return
        if self._draw.random() < 0.3:
            await self._query(merchant, note, self._draw.choice(_DIALECTS))

    async def _create_and_pay(self, merchant: Merchant, note: OrderNote, dialect: Dialect) -> None:
        if await self._create(merchant, note, dialect) is not None:
            await self._pay(merchant, note, self._draw.choice(_DIALECTS))

    async def _create_and_end(self, merchant: Merchant, note: OrderNote, dialect: Dialect) -> None:
        """Close or cancel an unpaid order: it can never be paid after that."""
        made = await self._create(merchant, note, dialect)
        if made is None:
            return
        if self._draw.random() < 0.5:
            note.ended = await self._said(note, "cancel", self._cancelling(merchant, note, dialect))
        elif dialect == "native":
            closing = native(merchant, "POST", f"/v1/orders/{made.members['order_id']}/close", f"{note.number}_c")
            note.ended = await self._said(note, "close", closing)
        else:
            closing = alipay(merchant, "alipay.trade.close", _now(), out_trade_no=note.number)
            note.ended = await self._said(note, "close", closing)
        if note.ended == "done":
            await self._pay_in_vain(merchant, note)

    async def _pay_and_cancel(self, merchant: Merchant, note: OrderNote, dialect: Dialect) -> None:
        if not await self._pay(merchant, note, dialect):
            return
        refund = RefundNote(CANCEL, note.amount_minor, cancels=True)
        note.refunds.append(refund)
        refund.state = await self._said(note, "cancel", self._cancelling(merchant, note, dialect))

    async def _mark_and_pay(self, merchant: Merchant, note: OrderNote, dialect: Dialect) -> None:
        """Cancel a number that nobody has seen: a payment that arrives later is refused."""
        note.ended = await self._said(note, "cancel", self._cancelling(merchant, note, dialect))
        if note.ended == "done":
            await self._pay_in_vain(merchant, note)

    async def _pay_twice_at_once(self, merchant: Merchant, note: OrderNote, _dialect: Dialect) -> None:
        """The same order by two codes over two dialects at the same moment: one of them pays, both are told of it."""
        note.notified = None
        await asyncio.gather(*(self._pay(merchant, note, dialect) for dialect in _DIALECTS))

    async def _pay(self, merchant: Merchant, note: OrderNote, dialect: Dialect) -> bool:
        code, payer = self._codes.popleft()
        note.payers.append(payer)
        answer = await self._client.ask(self._paying(merchant, note, dialect, code))
        if answer is None:
            self._journal.unknown += 1
            if note.paid == "none":
                note.paid = "unknown"
            return False
        if answer.verdict != "done":
            self._journal.complain(f"{note.number}: paying over {dialect} was refused with {answer.code}")
            return False
        self._acknowledge(note, answer)
        return True

    def _acknowledge(self, note: OrderNote, answer: Answer) -> None:
        payer_id, trade_no = _payer_of(answer), str(answer.members["trade_no"])
        if note.trade_no is not None and (note.trade_no, note.payer_id) != (trade_no, payer_id):
            first, second = (note.trade_no, note.payer_id), (trade_no, payer_id)
            self._journal.complain(f"{note.number}: two payments (trade, payer) acknowledged: {first}, {second}")
        note.paid, note.payer_id, note.trade_no = "done", payer_id, trade_no

    async def _pay_by_card(self, merchant: Merchant, note: OrderNote, dialect: Dialect) -> None:
        """By the payer's card, in full or in instalments: its bank may decline, or take its time."""
        note.by_card = True
        note.amount_minor = self._draw.randint(*CARD_AMOUNTS_MINOR)
        code, payer = self._codes.popleft()
        note.payers.append(payer)
        split = dialect == "alipay" or self._draw.random() < 0.5
        answer = await self._client.ask(self._paying(merchant, note, dialect, code, card=True, split=split))
        if answer is None or answer.code in _CODE_USED:
            # A code that is used may have been used by the first of two tries.
            self._journal.unknown += answer is None
            note.paid = "unknown"
        elif answer.code == _ALIPAY_WAITS or answer.members.get("status") == "in_progress":
            note.created, note.paid = "done", "unknown"
            if self._draw.random() < 0.3:
                await self._close_waiting(merchant, note, answer, dialect)
        elif answer.verdict == "done":
            self._acknowledge(note, answer)
            if self._draw.random() < 0.5:
                part = self._draw.randint(1, note.amount_minor)
                await self._refund(merchant, note, RefundNote(f"{note.number}_r0", part), dialect)
        elif answer.code in _DECLINED:
            note.paid = "refused"
        else:
            self._journal.complain(f"{note.number}: paying by card over {dialect} was refused with {answer.code}")

    async def _close_waiting(self, merchant: Merchant, note: OrderNote, waiting: Answer, dialect: Dialect) -> None:
        """Close an order whose bank has not answered: what the bank approves after all is reversed."""
        if dialect == "native":
            path = f"/v1/orders/{waiting.members['order_id']}/close"
            closing = native(merchant, "POST", path, f"{note.number}_c")
        else:
            closing = alipay(merchant, "alipay.trade.close", _now(), out_trade_no=note.number)
        answer = await self._client.ask(closing)
        note.ended = _state(answer)
        if answer is None:
            self._journal.unknown += 1
        elif answer.verdict == "done":
            note.paid = "refused"
        elif answer.code not in _NOT_TO_BE_CLOSED:
            self._journal.complain(f"{note.number}: closing what waits for a bank was refused with {answer.code}")

    async def _pay_in_vain(self, merchant: Merchant, note: OrderNote) -> None:
        code, payer = self._codes.popleft()
        note.payers.append(payer)
        dialect = self._draw.choice(_DIALECTS)
        answer = await self._client.ask(self._paying(merchant, note, dialect, code))
        if answer is None:
            self._journal.unknown += 1
            note.paid = "unknown"
        elif answer.verdict == "done":
            self._journal.complain(f"{note.number}: paid over {dialect} after its end was acknowledged")
        elif answer.code not in _CLOSED_CODES:
            self._journal.complain(f"{note.number}: paying a closed order was refused with {answer.code}")

    async def _refund(self, merchant: Merchant, note: OrderNote, refund: RefundNote, dialect: Dialect) -> bool:
        note.refunds.append(refund)
        if dialect == "native":
            amount = amount_members(refund.amount_minor)
            body: dict[str, Any] = {"amount": amount, "reference": note.number}
            request = native(merchant, "POST", "/v1/refunds", refund.request_no, **body)
        else:
            request = alipay(
                merchant,
                "alipay.trade.refund",
                _now(),
                out_trade_no=note.number,
                out_request_no=refund.request_no,
                refund_amount=format_amount(refund.amount_minor, CURRENCY),
            )
        refund.state = await self._said(note, f"refund {refund.request_no}", request)
        return refund.state == "done"

    async def _create(self, merchant: Merchant, note: OrderNote, dialect: Dialect) -> Answer | None:
        if dialect == "native":
            amount = amount_members(note.amount_minor)
            request = native(merchant, "POST", "/v1/orders", note.number, amount=amount, subject=SUBJECT)
        else:
            total = format_amount(note.amount_minor, CURRENCY)
            names = {"out_trade_no": note.number, "total_amount": total, "subject": SUBJECT}
            request = alipay(merchant, "alipay.trade.precreate", _now(), self._notify_url, **names)
        answer = await self._client.ask(request)
        note.created = _state(answer)
        if answer is None:
            self._journal.unknown += 1
        elif answer.verdict != "done":
            self._journal.complain(f"{note.number}: creating was refused with {answer.code}")
        return answer if note.created == "done" else None

    async def _query(self, merchant: Merchant, note: OrderNote, dialect: Dialect) -> None:
        """What was acknowledged is there for whoever asks next, through whichever process."""
        if dialect == "native":
            request = native(merchant, "GET", f"/v1/orders?reference={note.number}")
        else:
            request = alipay(merchant, "alipay.trade.query", _now(), out_trade_no=note.number)
        answer = await self._client.ask(request)
        if answer is None:
            return
        full = note.refunded_minor == note.amount_minor
        expected = {"refunded", "TRADE_CLOSED"} if full else {"paid", "TRADE_SUCCESS"}
        found = str(answer.members.get("trade_status") or answer.members.get("status") or answer.code)
        if found not in expected:
            self._journal.complain(f"{note.number}: acknowledged as paid, but a query over {dialect} says {found}")

    async def _said(self, note: OrderNote, what: str, request: Request) -> State:
        """Ask for what no correct platform refuses here, and note whether it was done."""
        answer = await self._client.ask(request)
        if answer is None:
            self._journal.unknown += 1
        elif answer.verdict != "done":
            self._journal.complain(f"{note.number}: {what} over {request.dialect} was refused with {answer.code}")
        return _state(answer)

    def _cancelling(self, merchant: Merchant, note: OrderNote, dialect: Dialect) -> Request:
        if dialect == "native":
            return native(merchant, "POST", "/v1/orders/cancel", reference=note.number)
        return alipay(merchant, "alipay.trade.cancel", _now(), out_trade_no=note.number)

    def _paying(
        self,
        merchant: Merchant,
        note: OrderNote,
        dialect: Dialect,
        code: str,
        *,
        card: bool = False,
        split: bool = False,
    ) -> Request:
        if dialect == "native":
            amount = amount_members(note.amount_minor)
            body: dict[str, Any] = {"payment_code": code, "amount": amount, "subject": SUBJECT}
            if card:
                body["wish"] = {"allowed": ["credit_card"]} | ({"instalments": 3} if split else {})
            return native(merchant, "POST", "/v1/payments", note.number, **body)
        content: dict[str, Any] = {
            "out_trade_no": note.number,
            "total_amount": format_amount(note.amount_minor, CURRENCY),
            "subject": SUBJECT,
            "scene": "bar_code",
            "auth_code": code,
        }
        if card:
            content["extend_params"] = _CARD_IN_INSTALMENTS
        return alipay(merchant, "alipay.trade.pay", _now(), self._notify_url, **content)


def _now() -> str:
    return f"{datetime.now(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def _payer_of(answer: Answer) -> int:
    return int(answer.members.get("payer_id") or answer.members["buyer_user_id"])


def _state(answer: Answer | None) -> State:
    if answer is None:
        return "unknown"
    return "done" if answer.verdict == "done" else "refused"
