"""Column kinds and their binary array form: how rows become `unnest` parameters.

psycopg would make one Python object per array element; a batch has thousands. These encoders pack a whole column in a
call or two (PostgreSQL's binary array format: dimensions, null flag, element type, length, lower bound, elements).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Annotated, Any, Final, cast

_HEADER: Final = Struct(">iiIii")
_NULL: Final = (-1).to_bytes(4, "big", signed=True)
_LENGTH: Final = Struct(">i").pack
_PG_EPOCH_MICROS: Final = 946_684_800_000_000


@dataclass(frozen=True)
class Kind:
    """One column type: its SQL name, the SQL name and type number of its array, and the array's encoder."""

    sql: str
    array_sql: str
    array_oid: int
    encode: Callable[[Sequence[Any]], bytes]


@lru_cache(maxsize=8192)
def _fixed_struct(count: int, code: str) -> Struct:
    return Struct(">" + f"i{code}" * count)


def _all_equal(values: Sequence[Any]) -> bool:
    """Whether a column repeats one value: most do in a batch (a status, a currency, null), and then one is encoded."""
    return values.count(values[0]) == len(values)


def _array(element_oid: int, count: int, has_null: bool, body: bytes) -> bytes:
    return _HEADER.pack(1, has_null, element_oid, count, 1) + body


def _fixed(values: Sequence[int | None], code: str, size: int, element_oid: int) -> bytes:
    """Array of fixed-size integers. The common case without nulls is one `pack`."""
    count = len(values)
    one = _fixed_struct(1, code)
    if _all_equal(values):
        value = values[0]
        piece = _NULL if value is None else one.pack(size, value)
        return _array(element_oid, count, value is None, piece * count)
    if None in values:
        body = b"".join(_NULL if value is None else one.pack(size, value) for value in values)
        return _array(element_oid, count, True, body)
    flat: list[Any] = [size] * (2 * count)
    flat[1::2] = values
    return _array(element_oid, count, False, _fixed_struct(count, code).pack(*flat))


def _variable(items: Sequence[bytes | None], element_oid: int) -> bytes:
    """Array of byte strings, each behind its length."""
    count = len(items)
    if _all_equal(items):
        item = items[0]
        piece = _NULL if item is None else _LENGTH(len(item)) + item
        return _array(element_oid, count, item is None, piece * count)
    if None in items:
        body = b"".join(_NULL if item is None else _LENGTH(len(item)) + item for item in items)
        return _array(element_oid, count, True, body)
    present = cast("Sequence[bytes]", items)
    parts: list[bytes] = [b""] * (2 * count)
    parts[0::2] = map(_LENGTH, map(len, present))
    parts[1::2] = present
    return _array(element_oid, count, False, b"".join(parts))


def _bigints(values: Sequence[int | None]) -> bytes:
    return _fixed(values, "q", 8, 20)


def _integers(values: Sequence[int | None]) -> bytes:
    return _fixed(values, "i", 4, 23)


def _smallints(values: Sequence[int | None]) -> bytes:
    return _fixed(values, "h", 2, 21)


def _booleans(values: Sequence[bool]) -> bytes:
    return _fixed(values, "?", 1, 16)


def _instants(values: Sequence[int | None]) -> bytes:
    if _all_equal(values):
        first = values[0]
        return _fixed((None if first is None else first - _PG_EPOCH_MICROS,) * len(values), "q", 8, 1184)
    return _fixed([None if v is None else v - _PG_EPOCH_MICROS for v in values], "q", 8, 1184)


def _texts(values: Sequence[str | None]) -> bytes:
    if _all_equal(values):
        first = values[0]
        return _variable((None if first is None else first.encode(),) * len(values), 25)
    return _variable([None if v is None else v.encode() for v in values], 25)


def _bytes(values: Sequence[bytes | None]) -> bytes:
    return _variable(values, 17)


def _bigint_lists(values: Sequence[Sequence[int]]) -> bytes:
    # unnest flattens arrays of arrays, so a list travels as array text and is cast back in the statement.
    return _variable([("{" + ",".join(map(str, value)) + "}").encode() for value in values], 25)


BIGINT: Final = Kind("bigint", "bigint[]", 1016, _bigints)
INTEGER: Final = Kind("integer", "integer[]", 1007, _integers)
SMALLINT: Final = Kind("smallint", "smallint[]", 1005, _smallints)
BOOLEAN: Final = Kind("boolean", "boolean[]", 1000, _booleans)
TEXT: Final = Kind("text", "text[]", 1009, _texts)
BYTEA: Final = Kind("bytea", "bytea[]", 1001, _bytes)
INSTANT: Final = Kind("timestamptz", "timestamptz[]", 1185, _instants)
BIGINT_LIST: Final = Kind("bigint[]", "text[]", 1009, _bigint_lists)

SmallInt = Annotated[int, SMALLINT]
Integer = Annotated[int, INTEGER]
Instant = Annotated[int, INSTANT]
BigIntList = Annotated[tuple[int, ...], BIGINT_LIST]


def instant_from_binary(data: bytes | bytearray | memoryview) -> int:
    """A binary timestamptz as microseconds since the Unix epoch."""
    return int.from_bytes(data, "big", signed=True) + _PG_EPOCH_MICROS


def bigints_from_binary(data: bytes | bytearray | memoryview) -> tuple[int, ...]:
    """A binary bigint[] of one dimension without nulls."""
    if len(data) <= _HEADER.size:
        return ()
    count = _HEADER.unpack_from(data)[3]
    values: tuple[int, ...] = _fixed_struct(count, "q").unpack_from(data, _HEADER.size)[1::2]
    return values
