"""The two editions of ISO 8583 that we speak, and where they differ."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from chuanliu.connectors.bank import CallKind
from chuanliu.connectors.iso8583.answer_codes import MEANINGS_1987, MEANINGS_1993
from chuanliu.connectors.iso8583.specs import NAME_BYTES_1987, NAME_BYTES_1993, SPEC_1987, SPEC_1993, Spec

NetworkKind = Literal["sign_on", "sign_off", "echo"]


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """One edition. Message types are of a first attempt; a repeat's last digit is one more.

    `original` is the data element that names the call that another one is about, `network_code` the one that says what
    a network management message wants; `category` the merchant's; `approved` how the network says yes.
    """

    name: str
    spec: Spec
    meanings: dict[str, str]
    requests: dict[CallKind, str]
    network: str
    network_codes: dict[NetworkKind, str]
    network_code: str
    network_approved: str
    category: str
    original: str
    entry_mode: str
    name_bytes: int
    functions: dict[CallKind, str]

    @property
    def is_1993(self) -> bool:
        """Whether local time carries its date, and function codes say what is wanted."""
        return self.name == "iso8583-1993"


DIALECT_1987: Final = Dialect(
    name="iso8583-1987",
    spec=SPEC_1987,
    meanings=MEANINGS_1987,
    requests={"authorise": "0100", "complete": "0220", "refund": "0200", "reverse": "0400", "inquire": "0600"},
    network="0800",
    network_codes={"sign_on": "001", "sign_off": "002", "echo": "301"},
    network_code="70",
    network_approved="00",
    category="18",
    original="90",
    entry_mode="812",
    name_bytes=NAME_BYTES_1987,
    functions={},
)

DIALECT_1993: Final = Dialect(
    name="iso8583-1993",
    spec=SPEC_1993,
    meanings=MEANINGS_1993,
    requests={"authorise": "1100", "complete": "1220", "refund": "1200", "reverse": "1420", "inquire": "1604"},
    network="1804",
    network_codes={"sign_on": "801", "sign_off": "802", "echo": "831"},
    network_code="24",
    network_approved="800",
    category="26",
    original="56",
    entry_mode="100050600000",
    name_bytes=NAME_BYTES_1993,
    # accurate amount, previously authorised, original financial, full reversal, inquiry
    functions={"authorise": "100", "complete": "201", "refund": "200", "reverse": "400", "inquire": "108"},
)

DIALECTS: Final = {dialect.name: dialect for dialect in (DIALECT_1987, DIALECT_1993)}


def first_mti(mti: str) -> str:
    """The message type of the first attempt: 0220 of 0221."""
    return f"{mti[:3]}{int(mti[3]) & ~1}"


def repeat_mti(mti: str) -> str:
    """The message type of a repeat: 0221 of 0220."""
    return f"{mti[:3]}{int(mti[3]) | 1}"


def answer_mti(mti: str) -> str:
    """The message type of the answer to a request or a repeat of it: 0110 of 0100, 1430 of 1421."""
    return f"{mti[:2]}{int(mti[2]) + 1}{int(mti[3]) & ~1}"
