"""Fields of requests: their formats, and what is wrong with a request as a problem that names the field."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec

from chuanliu.errors import Invalid, NotFound
from chuanliu.ids import is_party_number
from chuanliu.money import CURRENCIES, format_amount, parse_amount

END: Final = r"$(?!\n)"
"""The end of a text: Python's `$` also matches before a final line break, that of JSON Schema does not."""

REFERENCE_PATTERN: Final = r"^[A-Za-z0-9_.:-]{1,64}" + END
RESERVED_PREFIX: Final = "cancel:"
"""Request numbers that begin so are those of refunds made by cancelling."""

_REFERENCE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_ID: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_UNPRINTABLE_FREE: Final = r"^[^\u0000-\u001f\u007f]+" + END

Id = Annotated[str, msgspec.Meta(pattern="^[0-9]{1,19}" + END, description="An id of ours, in decimal digits.")]
PartyNumber = Annotated[
    str, msgspec.Meta(pattern="^2088[0-9]{12}" + END, description="16 digits that begin with 2088.")
]
Reference = Annotated[
    str,
    msgspec.Meta(
        pattern=REFERENCE_PATTERN,
        description="Your number of the order, unique among your orders. Without it the `Idempotency-Key` is taken.",
    ),
]
RequestNumber = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(?!cancel:)[A-Za-z0-9_.:-]{1,64}" + END,
        description="Your number of the refund, unique in its order. Without it the `Idempotency-Key` is taken.",
    ),
]
Time = Annotated[str, msgspec.Meta(description="RFC 3339, UTC.", extra_json_schema={"format": "date-time"})]
StoreId = Annotated[
    str,
    msgspec.Meta(
        pattern=REFERENCE_PATTERN,
        description="Where it is sold, as you call it. Campaigns may be for some stores only.",
    ),
]
PaymentCode = Annotated[
    str, msgspec.Meta(pattern="^[0-9]{16,18}" + END, description="What the payer's wallet shows; good for one attempt.")
]
Subject = Annotated[
    str, msgspec.Meta(max_length=256, pattern=_UNPRINTABLE_FREE, description="What is sold, as the payer reads it.")
]
Reason = Annotated[str, msgspec.Meta(max_length=256, pattern=_UNPRINTABLE_FREE, description="Why, as you note it.")]
Url = Annotated[
    str,
    msgspec.Meta(max_length=2048, pattern=r"^https?://[^\s\u0000-\u001f\u007f]+" + END, description="An http(s) URL."),
]
Metadata = Annotated[
    dict[str, str], msgspec.Meta(max_length=50, description="Yours to keep with the order: texts, 4 KiB as JSON.")
]


class Amount(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An amount of money: decimal text with at most the currency's places, such as 1.00."""

    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}" + END, description="ISO 4217 code.", examples=["CNY"])]
    value: Annotated[
        str,
        msgspec.Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,3})?" + END, description="Major units.", examples=["88.88"]),
    ]

    def minor(self) -> int:
        """Minor units. Raises `Invalid`: invalid_amount, currency_not_supported."""
        if self.currency not in CURRENCIES:
            raise Invalid("currency_not_supported", field="amount.currency")
        return parse_amount(self.value, self.currency, field="amount.value")


def amount(minor: int, currency: str) -> Amount:
    """An amount as it is shown."""
    return Amount(currency, format_amount(minor, currency))


def id_of(text: str, code: str) -> int:
    """An id in a path or body as a number. Raises `NotFound(code)` for what cannot be one."""
    if _ID.fullmatch(text) is None or (number := int(text)) >= 2**63:
        raise NotFound(code)
    return number


def party_in(text: str, code: str) -> int:
    """A party's number in a path. Raises `NotFound(code)` for what cannot be one."""
    if not is_party_number(text):
        raise NotFound(code)
    return int(text)


def check_key(key: str | None) -> str | None:
    """The `Idempotency-Key` if it is well-formed. Raises `Invalid(invalid_parameter)`."""
    if key is None or (_REFERENCE.fullmatch(key) is not None and not key.startswith(RESERVED_PREFIX)):
        return key
    raise Invalid(
        "invalid_parameter",
        "Idempotency-Key must be 1 to 64 of A-Z a-z 0-9 _ . : - and must not begin with cancel:",
        field="Idempotency-Key",
    )


def number_or_key(number: str | None, key: str | None, name: str) -> str:
    """The merchant's number from the body, else the key. Raises `Invalid(invalid_parameter)` without either."""
    found = number or key
    if found is None:
        raise Invalid(
            "invalid_parameter", f"send the header Idempotency-Key, or {name} in the body", field="Idempotency-Key"
        )
    return found


# Messages of msgspec: `Object contains unknown field `x` - at `$.amount`` and the like.
_PLACE: Final = re.compile(r" - at `\$\.?(.*)`\Z", re.DOTALL)
_MEMBER: Final = re.compile(r"Object (?:contains unknown|missing required) field `(.*)`\Z", re.DOTALL)
_FIELD_LENGTH_MAX: Final = 100


def unreadable(error: Exception) -> Invalid:
    """What a decoder of msgspec raised, as a problem that names the field."""
    if not isinstance(error, msgspec.ValidationError):
        return Invalid("invalid_json")
    text = str(error)
    place = _PLACE.search(text)
    field = place.group(1) if place else ""
    sentence = text[: place.start()] if place else text
    member = _MEMBER.match(sentence)
    if member is not None:
        field = f"{field}.{member.group(1)}" if field else member.group(1)
    sentence = sentence.replace(r"$(?!\\n)", "$")
    return Invalid("invalid_parameter", sentence[:400], field=field[:_FIELD_LENGTH_MAX] or None)


T = TypeVar("T", bound=msgspec.Struct)


def read_query(raw: str, into: type[T]) -> T:
    """A query string as a struct. Raises `Invalid(invalid_parameter)`: unknown, repeated or malformed parameters."""
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, strict_parsing=bool(raw), errors="strict", max_num_fields=20)
    except ValueError:
        raise Invalid("invalid_parameter", "the query string is malformed") from None
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise Invalid(
                "invalid_parameter", f"{name[:_FIELD_LENGTH_MAX]} is given twice", field=name[:_FIELD_LENGTH_MAX]
            )
        if name in _whole_numbers(into) and _WHOLE_NUMBER.fullmatch(value) is None:
            raise Invalid("invalid_parameter", f"{name} must be a whole number", field=name)
        values[name] = value
    try:
        return msgspec.convert(values, into, strict=False)
    except msgspec.ValidationError as error:
        raise unreadable(error) from None


# `convert` would also take 2.0 and 2e1 for a whole number.
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)


@cache
def _whole_numbers(struct: type[msgspec.Struct]) -> frozenset[str]:
    """The names of those fields that are whole numbers."""
    kind = msgspec.inspect.type_info(struct)
    assert isinstance(kind, msgspec.inspect.StructType)
    kinds = {field.encode_name: field.type for field in kind.fields}
    bare = {name: kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind for name, kind in kinds.items()}
    return frozenset(name for name, kind in bare.items() if isinstance(kind, msgspec.inspect.IntType))
