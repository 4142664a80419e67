"""The data elements that we put on the wire, as pyiso8583 wants them: ASCII, binary bitmaps, ASCII lengths.

Only what docs/banks-iso8583.md lists is here; a message with any other data element is refused.
"""

from __future__ import annotations

from typing import Any, Final

FieldSpec = dict[str, Any]
Spec = dict[str, FieldSpec]

NAME_BYTES_1987: Final = 40
NAME_BYTES_1993: Final = 99
PRIVATE_BYTES_MAX: Final = 999


def _field(length: int, prefix: int = 0, encoding: str = "ascii", about: str = "") -> FieldSpec:
    """`length` octets, or up to that many after a length of `prefix` digits."""
    return {
        "data_enc": encoding,
        "len_enc": "ascii",
        "len_type": prefix,
        "max_len": length,
        "len_count": "bytes",
        "desc": about,
    }


_SHARED: Final[Spec] = {
    "h": _field(0, about="no header"),
    "t": _field(4, about="message type"),
    "p": _field(8, encoding="b", about="primary bitmap"),
    "1": _field(8, encoding="b", about="secondary bitmap"),
    "2": _field(19, 2, about="primary account number"),
    "3": _field(6, about="processing code"),
    "4": _field(12, about="amount in minor units"),
    "7": _field(10, about="transmission date and time, MMDDhhmmss in UTC"),
    "11": _field(6, about="systems trace audit number"),
    "14": _field(4, about="expiry, YYMM"),
    "32": _field(11, 2, about="acquiring institution"),
    "37": _field(12, about="retrieval reference number"),
    "38": _field(6, about="approval code"),
    "41": _field(8, about="terminal"),
    "42": _field(15, about="merchant"),
    "48": _field(PRIVATE_BYTES_MAX, 3, "utf-8", about="private field"),
    "49": _field(3, about="currency, ISO 4217 numeric"),
    "102": _field(28, 2, about="account"),
}

SPEC_1987: Final[Spec] = {
    **_SHARED,
    "12": _field(6, about="local time, hhmmss"),
    "13": _field(4, about="local date, MMDD"),
    "18": _field(4, about="merchant category, ISO 18245"),
    "22": _field(3, about="point of service entry mode"),
    "25": _field(2, about="point of service condition"),
    "39": _field(2, about="response code"),
    "43": _field(NAME_BYTES_1987, encoding="utf-8", about="merchant's name"),
    "70": _field(3, about="network management code"),
    "90": _field(42, about="original data elements"),
    "95": _field(42, about="replacement amounts"),
}

SPEC_1993: Final[Spec] = {
    **_SHARED,
    "12": _field(12, about="local date and time, YYMMDDhhmmss"),
    "22": _field(12, about="point of service data code"),
    "24": _field(3, about="function code"),
    "25": _field(4, about="message reason code"),
    "26": _field(4, about="merchant category, ISO 18245"),
    "39": _field(3, about="action code"),
    "43": _field(NAME_BYTES_1993, 2, "utf-8", about="merchant's name"),
    "56": _field(35, 2, about="original data elements"),
}
