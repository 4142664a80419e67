"""Data element 48: our own data as tag (two digits), length in octets (three digits), value, one after the other."""

from __future__ import annotations

from typing import Final

from chuanliu.connectors.iso8583.specs import PRIVATE_BYTES_MAX
from chuanliu.errors import Invalid

CALL_ID: Final = "01"
ORIGINAL_CALL_ID: Final = "02"
INSTALMENTS: Final = "03"
PLAN: Final = "04"
ORDER_NO: Final = "05"
BANK_REFERENCE: Final = "10"
OUTCOME: Final = "11"

CALL_DIGITS: Final = 19
"""A call number is 63 bits: 19 digits, padded with zeros."""


def write_private(values: dict[str, str]) -> str:
    """The private field with the values in the order given. Raises `Invalid(invalid_parameter)` if it is too long."""
    text = "".join([f"{tag}{len(value.encode()):03d}{value}" for tag, value in values.items()])
    if len(text.encode()) > PRIVATE_BYTES_MAX:
        raise Invalid("invalid_parameter", "the private field is too long", field="DE48")
    return text


def read_private(text: str) -> dict[str, str]:
    """Values by tag; tags that are not known are kept. Raises `Invalid(bank_answer_invalid)`."""
    octets = text.encode()
    values: dict[str, str] = {}
    at, end = 0, len(octets)
    while at < end:
        head = octets[at : at + 5]
        if len(head) < 5 or not head.isdigit():
            raise Invalid("bank_answer_invalid", "the private field's tags cannot be read", field="DE48")
        size = int(head[2:])
        at += 5 + size
        if at > end:
            raise Invalid("bank_answer_invalid", "the private field is cut short", field="DE48")
        values[head[:2].decode()] = octets[at - size : at].decode("utf-8", "replace")
    return values


def call_text(call_id: int) -> str:
    """A call number as the private field has it."""
    return f"{call_id:0{CALL_DIGITS}d}"


def cut_text(text: str, octets_max: int) -> str:
    """As much of a text as fits into so many octets of UTF-8."""
    octets = text.encode()
    return text if len(octets) <= octets_max else octets[:octets_max].decode("utf-8", "ignore")
