"""The wire of a simulated bank that serves `credit-pay/v1`, with the faults that its plan asks for."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from chuanliu.connectors.bank import CallKind
from chuanliu.connectors.bank_book import Entry, Ruling
from chuanliu.connectors.credit_pay.contract import (
    CALLS,
    HEALTH_PATH,
    REFUSAL_CODES,
    AuthoriseCall,
    Call,
    CallAnswer,
    CallRefusal,
    FollowUpCall,
    HealthAnswer,
    InquireCall,
    path_of,
    read_call,
)
from chuanliu.connectors.credit_pay.signing import (
    NonceMemory,
    RequestRefused,
    Signed,
    SigningKey,
    sign_answer,
    signed_part,
    verify_request,
)
from chuanliu.connectors.simulated_bank import SimulatedBank
from chuanliu.crypto import private_key, public_key
from chuanliu.errors import ChuanliuError, Invalid
from chuanliu.serving import Application, Request, Response, Router, serve

CODE_OF_RULING: Final = {
    "12": "state_not_allowed",
    "14": "account_unknown",
    "25": "call_unknown",
    "51": "line_insufficient",
    "54": "line_suspended",
    "57": "instalments_not_offered",
    "61": "amount_not_allowed",
    "62": "line_suspended",
    "91": "bank_unavailable",
    "96": "bank_unavailable",
}
"""The book's codes (ISO 8583) as codes of the contract; all others are `risk_refused`."""

_encode: Final = msgspec.json.Encoder().encode


class CreditPayFace:
    """A `BankFace`: the wire of one simulated bank."""

    def __init__(self, bank: SimulatedBank, host: str, port: int, *, now: Callable[[], float] = time.time) -> None:
        """Raises `Invalid(invalid_parameter)` where the bank has no keys of credit pay."""
        if bank.credit_pay is None:
            raise Invalid("invalid_parameter", f"{bank.code} needs keys of credit pay", field="credit_pay")
        self.port = port
        self._bank = bank
        self._host = host
        self._platform_keys = bank.credit_pay.platform_keys
        self._key = SigningKey(bank.credit_pay.key_id, bank.credit_pay.private_key)
        for text in self._platform_keys.values():
            public_key(text)
        private_key(self._key.private_key)
        self._now = now
        self._nonces = NonceMemory()
        self._contents: dict[str, Call] = {}
        self._garbled = 0
        self._stop = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        router = Router()
        for kind in CALLS:
            router.add("POST", path_of(kind), partial(self._call, kind))
        router.add("GET", HEALTH_PATH, self._health)
        self._application = Application(router, refuse=self._refuse)

    async def open(self) -> None:
        """Listen on `port`; a port of 0 becomes the one that was taken. Raises `OSError`."""
        listening = asyncio.Event()

        def took(port: int) -> None:
            self.port = port
            listening.set()

        self._stop = asyncio.Event()
        self._serving = asyncio.create_task(
            serve(self._application, self._host, self.port, stop=self._stop, on_listening=took, grace_s=0.0)
        )
        waiting = asyncio.create_task(listening.wait())
        await asyncio.wait({waiting, self._serving}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._serving.done():
            self._serving.result()

    async def cut(self) -> None:
        """Drop every connection and listen no longer, until opened again."""
        self._stop.set()
        if self._serving is not None:
            await self._serving

    async def close(self) -> None:
        """Drop every connection for good."""
        await self.cut()

    # calls

    async def _health(self, request: Request) -> Response:
        signed = self._verified(request)
        return self._signed(signed, 200, HealthAnswer(status="ok"))

    async def _call(self, kind: CallKind, request: Request) -> Response:
        signed = self._verified(request)
        try:
            call = read_call(kind, request.body)
        except Invalid as failure:
            return self._refusal(signed, "request_malformed", failure.message)
        if not self._consistent(kind, call):
            return self._refusal(signed, "call_inconsistent")
        entry = self._entry(kind, call)
        turn = self._bank.take(entry)
        if turn.fault == "twice":
            # The same request twice on the bank's side, as from a network that repeats: ruled on twice, answered once.
            turn = msgspec.structs.replace(turn, ruling=self._bank.book.rule(entry))
        if turn.delay_ms:
            await asyncio.sleep(turn.delay_ms / 1000)
        if turn.fault in ("drop_link", "lose_answer"):
            return Response.none()
        if turn.ruling is None:
            return self._refusal(signed, "busy")
        answer = self._signed(signed, 200, _answer(call, turn.ruling))
        return self._garbled_of(answer) if turn.fault == "garbage" else answer

    def _consistent(self, kind: CallKind, call: Call) -> bool:
        """Whether a repeat has the content of the first, its time and attempt apart."""
        content = msgspec.structs.replace(call, sent_at="", attempt=1)
        return kind == "inquire" or self._contents.setdefault(call.call_id, content) == content

    def _entry(self, kind: CallKind, call: Call) -> Entry:
        """What the book is asked by a call of the contract."""
        number = int(call.call_id)
        if isinstance(call, AuthoriseCall):
            holder = self._bank.holder_of(call.account)
            return Entry(kind, number, call.amount_minor, call.currency, holder, None, call.instalments)
        if isinstance(call, FollowUpCall):
            return Entry(kind, number, call.amount_minor, call.currency, "", int(call.original_call_id))
        about = call.asked_call_id if isinstance(call, InquireCall) else call.original_call_id
        return Entry(kind, number, 0, "", "", int(about))

    def _garbled_of(self, answer: Response) -> Response:
        """The answer spoilt, in one of four ways in turn."""
        self._garbled += 1
        match self._garbled % 4:
            case 0:
                return Response(200, answer.headers, secrets.token_bytes(200))
            case 1:
                return Response.json({"state": "approved"})
            case 2:
                return Response(200, answer.headers, answer.body.replace(b'"state":"', b'"state": "'))
            case _:
                return Response(200, [("content-type", "text/html")], b"<html>\xff gateway time-out</html>")

    # wire

    def _verified(self, request: Request) -> Signed:
        """Raises `RequestRefused`."""
        signed = signed_part(self._bank.code, request.method, request.path, request.headers)
        verify_request(signed, request.body, request.headers, self._platform_keys, self._nonces, self._now())
        return signed

    def _signed(self, signed: Signed, status: int, document: msgspec.Struct) -> Response:
        body = _encode(document)
        response = Response(status, [("content-type", "application/json")], body)
        response.headers += sign_answer(signed, status, body, self._key).items()
        return response

    def _refusal(self, signed: Signed, code: str, detail: str | None = None) -> Response:
        status, sentence = REFUSAL_CODES[code]
        return self._signed(signed, status, CallRefusal(code=code, detail=detail or sentence))

    def _refuse(self, request: Request, error: ChuanliuError) -> Response:
        """What could not be verified is answered without a signature: it would prove nothing."""
        del request
        if not isinstance(error, RequestRefused):
            return Response.problem(error)
        status, _ = REFUSAL_CODES[error.contract_code]
        return Response.json(CallRefusal(code=error.contract_code, detail=error.message), status)


def _answer(call: Call, ruling: Ruling) -> CallAnswer:
    return CallAnswer(
        call_id=call.call_id,
        state="approved" if ruling.approved else "declined",
        code=None if ruling.approved else CODE_OF_RULING.get(ruling.code, "risk_refused"),
        reference=ruling.reference or None,
    )
