"""The bank's side of the conversation, as the simulator plays it: requests to book entries, rulings to answers."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from chuanliu.connectors.bank import CallKind
from chuanliu.connectors.bank_book import Ruling
from chuanliu.connectors.iso8583.answer_codes import ACTION_OF_RESPONSE
from chuanliu.connectors.iso8583.dialect import Dialect, answer_mti, first_mti
from chuanliu.connectors.iso8583.private_field import (
    BANK_REFERENCE,
    CALL_ID,
    INSTALMENTS,
    ORIGINAL_CALL_ID,
    OUTCOME,
    read_private,
    write_private,
)
from chuanliu.connectors.iso8583.wire import Message, encode_message
from chuanliu.errors import Invalid
from chuanliu.money import BY_NUMERIC

FORMAT_ERROR: Final = Ruling(False, "30")
BUSY: Final = Ruling(False, "91")
DUPLICATE: Final = Ruling(False, "94")
_ECHOED: Final[tuple[str, ...]] = ("3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49")
_ACTION_OF_NO: Final = "100"


class Asked(msgspec.Struct, frozen=True):
    """A request as the bank understands it. `holder` is the card number or the account: see that it goes nowhere."""

    kind: CallKind
    call_id: int
    amount_minor: int
    currency: str
    holder: str
    is_card: bool
    original_call_id: int | None
    instalments: int

    def __repr__(self) -> str:
        return f"Asked({self.kind} {self.call_id})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("kind", self.kind), ("call_id", self.call_id)]


def is_network(message: Message, dialect: Dialect) -> bool:
    """Whether a message is a sign-on, a sign-off or an echo."""
    return message.mti == dialect.network


def is_request(message: Message) -> bool:
    """Whether a message wants an answer."""
    return message.mti.isascii() and message.mti.isdecimal() and int(message.mti[2]) % 2 == 0


def read_request(message: Message, dialect: Dialect) -> Asked:
    """What is asked. Raises `Invalid(invalid_parameter)` for a message that no call of ours looks like."""
    fields = message.fields
    kind = _kind_of(message.mti, dialect)
    private = read_private(fields.get("48", ""))
    if kind == "refund" and fields.get("3", "")[:2] != "20":
        raise Invalid("invalid_parameter", "a financial request that is no refund", field="DE3")
    currency = BY_NUMERIC.get(_number(fields.get("49"), "DE49"))
    if currency is None:
        raise Invalid("currency_not_supported", field="DE49")
    original = private.get(ORIGINAL_CALL_ID)
    return Asked(
        kind,
        _number(private.get(CALL_ID), "DE48"),
        _number(fields.get("4"), "DE4"),
        currency.code,
        fields.get("2") or fields.get("102", ""),
        "2" in fields,
        None if original is None else _number(original, "DE48"),
        _number(private.get(INSTALMENTS, "0"), "DE48"),
    )


def _kind_of(mti: str, dialect: Dialect) -> CallKind:
    if mti.isascii() and mti.isdecimal():
        first = first_mti(mti)
        for kind, known in dialect.requests.items():
            if known == first:
                return kind
    raise Invalid("invalid_parameter", "no such message type", field="MTI")


def _number(text: str | None, field: str) -> int:
    if text is None or not (text.isascii() and text.isdecimal()):
        raise Invalid("invalid_parameter", "digits are missing", field=field)
    return int(text)


def write_ruling(message: Message, kind: CallKind | None, ruling: Ruling, dialect: Dialect) -> bytes:
    """The framed answer to a request. To an inquiry the ruling is on the call asked about. Raises `Invalid`."""
    asked = message.fields
    fields = {key: asked[key] for key in _ECHOED if key in asked}
    private: dict[str, str] = {}
    call_text = asked.get("48", "")[5:24]
    if call_text:
        private[CALL_ID] = call_text
    if ruling.reference:
        private[BANK_REFERENCE] = ruling.reference
        if ruling.approved:
            fields["38"] = ruling.reference[-6:]
    code = _code(kind, ruling, dialect)
    if kind == "inquire" and ruling.code not in (FORMAT_ERROR.code, BUSY.code, "25"):
        private[OUTCOME] = _code(None, ruling, dialect)
        code = _code(None, Ruling(True, "00"), dialect)
    fields["39"] = code
    if private:
        fields["48"] = write_private(private)
    return encode_message(answer_mti(message.mti), fields, dialect.spec)


def _code(kind: CallKind | None, ruling: Ruling, dialect: Dialect) -> str:
    if not dialect.is_1993:
        return ruling.code
    if ruling.approved and kind == "reverse":
        return "400"
    return ACTION_OF_RESPONSE.get(ruling.code, _ACTION_OF_NO)
