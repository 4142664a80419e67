"""Our side of the conversation: calls to messages, answers to verdicts."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from chuanliu.clock import SECOND, SHANGHAI, Micros, to_datetime
from chuanliu.connectors.bank import BankAnswer, BankRequest, CallKind
from chuanliu.connectors.iso8583.answer_codes import judge, judge_inquiry
from chuanliu.connectors.iso8583.dialect import Dialect, NetworkKind, answer_mti, repeat_mti
from chuanliu.connectors.iso8583.private_field import (
    BANK_REFERENCE,
    CALL_ID,
    INSTALMENTS,
    ORDER_NO,
    ORIGINAL_CALL_ID,
    OUTCOME,
    PLAN,
    call_text,
    cut_text,
    read_private,
    write_private,
)
from chuanliu.connectors.iso8583.wire import Message, encode_message
from chuanliu.errors import Invalid
from chuanliu.money import currency

STANS: Final = 999_999
_MERCHANT_SERIAL: Final = 10**12
_PLAN_BYTES_MAX: Final = 200
_ORDER_NO_BYTES_MAX: Final = 64
_NOTHING_LEFT: Final = "0" * 24 + "D00000000" + "D00000000"


class Acquirer(msgspec.Struct, frozen=True):
    """Who we are to a bank: `institution` of up to 11 digits, `terminal` of up to 8 characters."""

    institution: str = "88000001"
    terminal: str = "CHUANLIU"


class Call(msgspec.Struct, frozen=True):
    """A request on its way: what its answer must bear to be its answer."""

    kind: CallKind
    attempt: int
    answer_mti: str
    call_text: str
    rrn: str
    amount: str
    currency: str


def nominal_stan(call_id: int) -> int:
    """The audit number that a call takes unless another call in flight has it. It can be told from the call alone, so
    that a reversal after a restart still names its original's."""
    return call_id % STANS + 1


def write_call(request: BankRequest, stan: int, dialect: Dialect, acquirer: Acquirer) -> tuple[Call, bytes]:
    """The framed message of a call. Raises `Invalid` naming what does not fit on the wire."""
    mti = dialect.requests[request.kind]
    if request.attempt > 1:
        mti = repeat_mti(mti)
    call = Call(
        request.kind,
        request.attempt,
        answer_mti(mti),
        call_text(request.call_id),
        f"{request.call_id % 10**12:012d}",
        f"{request.amount_minor:012d}",
        f"{currency(request.currency).numeric:03d}",
    )
    return call, encode_message(mti, _fields(request, call, f"{stan:06d}", dialect, acquirer), dialect.spec)


def _fields(request: BankRequest, call: Call, stan: str, dialect: Dialect, acquirer: Acquirer) -> dict[str, str]:
    sent, local = _times(request.sent_at // SECOND)
    fields = {
        "3": "200000" if request.kind == "refund" else "000000",
        "4": call.amount,
        "7": sent,
        "11": stan,
        "22": dialect.entry_mode,
        "32": acquirer.institution,
        "37": call.rrn,
        "41": f"{acquirer.terminal:8}",
        "42": f"{request.merchant_id % _MERCHANT_SERIAL:012d}   ",
        "43": _name(request.merchant_name, dialect.name_bytes, dialect.is_1993),
        "48": _private(request, call),
        "49": call.currency,
    }
    if dialect.is_1993:
        fields["12"] = local
        fields["24"] = dialect.functions[request.kind]
    else:
        fields["12"], fields["13"], fields["25"] = local[6:], local[2:6], "59"
    if request.category:
        fields[dialect.category] = request.category
    if request.card is not None:
        fields["2"], fields["14"] = request.card.pan, request.card.expiry
    if request.account is not None:
        fields["102"] = request.account
    if request.kind != "authorise":
        fields[dialect.original] = _original(request, dialect, acquirer)
    if request.kind == "reverse":
        # All of it: in 1987 nothing is left of the amount, in 1993 the reason is an answer that did not come in time.
        fields.update({"25": "4021"} if dialect.is_1993 else {"95": _NOTHING_LEFT})
    return fields


def _private(request: BankRequest, call: Call) -> str:
    values = {CALL_ID: call.call_text}
    if request.original_call_id is not None:
        values[ORIGINAL_CALL_ID] = call_text(request.original_call_id)
    if request.instalments:
        values[INSTALMENTS] = f"{request.instalments:02d}"
    if request.plan:
        values[PLAN] = cut_text(request.plan, _PLAN_BYTES_MAX)
    if request.order_no:
        values[ORDER_NO] = cut_text(request.order_no, _ORDER_NO_BYTES_MAX)
    return write_private(values)


def _original(request: BankRequest, dialect: Dialect, acquirer: Acquirer) -> str:
    """Original data elements: for banks that want them; the call number in the private field is what counts.

    An inquiry may be about any kind of call, so it has zeros for the message type.
    """
    if request.original_call_id is None:
        raise Invalid("invalid_parameter", "the original call is missing", field="original_call_id")
    mti = "0000" if request.kind == "inquire" else dialect.requests["authorise"]
    stan = f"{nominal_stan(request.original_call_id):06d}"
    at = request.original_sent_at
    sent, local = _times(at // SECOND) if at is not None else ("0" * 10, "0" * 12)
    if dialect.is_1993:
        return f"{mti}{stan}{local}{len(acquirer.institution):02d}{acquirer.institution}"
    return f"{mti}{stan}{sent}{acquirer.institution.zfill(11)}{'0' * 11}"


@lru_cache(maxsize=64)
def _times(second: Micros) -> tuple[str, str]:
    """An instant in seconds as MMDDhhmmss in UTC and as YYMMDDhhmmss in Shanghai."""
    at = second * SECOND
    return to_datetime(at).strftime("%m%d%H%M%S"), to_datetime(at, SHANGHAI).strftime("%y%m%d%H%M%S")


@lru_cache(maxsize=1024)
def _name(name: str, octets: int, variable: bool) -> str:
    """A merchant's name cut to the data element, and padded with spaces to it where its length is fixed."""
    cut = cut_text(name or "-", octets)
    return cut if variable else cut + " " * (octets - len(cut.encode()))


def write_network(kind: NetworkKind, stan: int, at: Micros, dialect: Dialect) -> bytes:
    """A framed network management message."""
    sent, local = _times(at // SECOND)
    fields = {"7": sent, "11": f"{stan:06d}", dialect.network_code: dialect.network_codes[kind]}
    if dialect.is_1993:
        fields["12"] = local
    return encode_message(dialect.network, fields, dialect.spec)


def answer_network(message: Message, dialect: Dialect) -> bytes:
    """The framed yes to a network management message of the other side. Raises `Invalid`."""
    fields = {key: message.fields[key] for key in ("7", "11", "12", dialect.network_code) if key in message.fields}
    fields["39"] = dialect.network_approved
    return encode_message(answer_mti(dialect.network), fields, dialect.spec)


def is_answer_to(message: Message, call: Call) -> bool:
    """Whether a message with the call's audit number is its answer, by message type and call number.

    A bank that does not send our private field back is matched by the retrieval reference number.
    """
    if message.mti != call.answer_mti:
        return False
    private = message.fields.get("48", "")
    if private[:2] == CALL_ID:
        return private[5:24] == call.call_text
    return message.fields.get("37") == call.rrn


def read_answer(message: Message, call: Call, dialect: Dialect) -> BankAnswer:
    """The verdict of an answer. One that says yes to another amount is unknown, with `bank_answer_invalid`."""
    fields = message.fields
    code = fields.get("39", "")
    try:
        private = read_private(fields.get("48", ""))
    except Invalid:
        return BankAnswer("unknown", "bank_answer_invalid", raw_code=code or None)
    reference = private.get(BANK_REFERENCE) or fields.get("38", "").strip() or None
    if call.kind == "inquire":
        answer = judge_inquiry(code, private.get(OUTCOME), dialect.meanings)
    else:
        answer = judge(code, call.kind, call.attempt, dialect.meanings)
        if answer.verdict == "succeeded" and not _is_of(fields, call):
            return BankAnswer("unknown", "bank_answer_invalid", reference, code)
    return BankAnswer(answer.verdict, answer.reason, reference, answer.raw_code)


def _is_of(fields: dict[str, str], call: Call) -> bool:
    return fields.get("4", call.amount) == call.amount and fields.get("49", call.currency) == call.currency
