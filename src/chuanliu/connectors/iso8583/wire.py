"""Octets to messages and back. Whatever comes, what leaves is a message or an error with a code.

A message may hold a card number, so neither its text nor any error shows a value.
"""

from __future__ import annotations

from typing import Any, Final

import iso8583
import msgspec

from chuanliu.connectors.iso8583.specs import Spec
from chuanliu.errors import Invalid

MESSAGE_BYTES_MAX: Final = 2048
_MESSAGE_BYTES_MIN: Final = 12
_PREFIX: Final = 2


class Message(msgspec.Struct, frozen=True):
    """A message type and data elements by number. Its text names the data elements and shows no value."""

    mti: str
    fields: dict[str, str]

    def __repr__(self) -> str:
        numbers = ", ".join(number for number in self.fields if number.isdecimal())
        return f"Message({self.mti}: {numbers})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("mti", self.mti)]


def encode_message(mti: str, fields: dict[str, str], spec: Spec) -> bytes:
    """The framed message: two octets of length, big endian, before it.

    Raises `Invalid(invalid_parameter)` naming the data element that does not fit.
    """
    document = dict(fields)
    document["t"] = mti
    trouble = ""
    try:
        octets, _ = iso8583.encode(document, spec)
    except (ValueError, LookupError, TypeError) as error:
        trouble = _element(error)
    # Outside of the except block: the library's error holds the whole document and must not hang on ours.
    if trouble:
        raise Invalid("invalid_parameter", f"data element {trouble} does not fit", field=f"DE{trouble}")
    return len(octets).to_bytes(_PREFIX, "big") + bytes(octets)


def decode_message(octets: bytes, spec: Spec) -> Message:
    """A message without its length prefix. Raises `Invalid(bank_answer_invalid)` naming the data element."""
    trouble = ""
    try:
        document, _ = iso8583.decode(octets, spec)
    except (ValueError, LookupError, TypeError) as error:
        trouble = _element(error)
    if trouble:
        raise Invalid("bank_answer_invalid", f"data element {trouble} cannot be read", field=f"DE{trouble}")
    return Message(document["t"], document)


def _element(error: Exception) -> str:
    """Which data element the library stumbled over; a key that the spec lacks is one that we do not take."""
    if isinstance(error, iso8583.DecodeError | iso8583.EncodeError):
        return str(error.field)
    return str(error.args[0]) if isinstance(error, KeyError) else "?"


class Framer:
    """Cuts a stream into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, octets: bytes) -> list[bytes]:
        """The messages that are whole by now, without their length prefixes; an empty one is a keep-alive and left out.

        Raises `Invalid(bank_answer_invalid)` for a length that no message of ours has; the stream is lost then.
        """
        buffer = self._buffer
        buffer += octets
        found: list[bytes] = []
        start, size = 0, len(buffer)
        while size - start >= _PREFIX:
            length = buffer[start] << 8 | buffer[start + 1]
            if length > MESSAGE_BYTES_MAX or 0 < length < _MESSAGE_BYTES_MIN:
                raise Invalid("bank_answer_invalid", f"a message of {length} octets", field="length")
            end = start + _PREFIX + length
            if end > size:
                break
            if length:
                found.append(bytes(buffer[start + _PREFIX : end]))
            start = end
        if start:
            del buffer[:start]
        return found
