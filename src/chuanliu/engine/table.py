"""Tables as the engine sees them: a row struct, a key, and the lookups that commands may use."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec

from chuanliu.engine.kinds import BIGINT, BOOLEAN, BYTEA, TEXT, Kind

Key = tuple[Any, ...]


class Row(msgspec.Struct, frozen=True, gc=False):
    """Base of all rows: immutable values. `changed` makes the next version of a row."""

    def changed(self, **values: Any) -> typing.Self:
        """The same row with some columns replaced."""
        return msgspec.structs.replace(self, **values)


R = TypeVar("R", bound=Row)

_PLAIN: dict[Any, Kind] = {int: BIGINT, str: TEXT, bytes: BYTEA, bool: BOOLEAN}


def _kind_of(annotation: Any) -> Kind:
    """Column kind of a struct field; `X | None` is the kind of X."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        (annotation,) = (a for a in typing.get_args(annotation) if a is not type(None))
    if typing.get_origin(annotation) is typing.Annotated:
        return next(note for note in annotation.__metadata__ if isinstance(note, Kind))
    return _PLAIN[annotation]


def _values_of(columns: tuple[str, ...]) -> Callable[[Any], Key]:
    """`attrgetter` as fast as it is, but a tuple for one column too."""
    if len(columns) > 1:
        return attrgetter(*columns)
    only = attrgetter(columns[0])
    return lambda row: (only(row),)


class Index(Generic[R]):
    """A lookup by columns other than the key. Its columns never change in a row, so a lookup needs no lock."""

    def __init__(self, table: Table[R], name: str, columns: tuple[str, ...]) -> None:
        self.table = table
        self.name = name
        self.columns = columns
        self.value_of: Callable[[Row], Key] = _values_of(columns)
        self.kinds = tuple(table.kinds[table.columns.index(column)] for column in columns)


class Table(Generic[R]):
    """A table that commands read and write.

    `rank` is the table's place in the one global lock order: tables are locked by ascending rank, rows by ascending
    key. `append_only` rows are written and never loaded by commands, which spares them all bookkeeping.
    """

    def __init__(
        self, name: str, row: type[R], key: tuple[str, ...], *, rank: int = 0, append_only: bool = False
    ) -> None:
        hints = typing.get_type_hints(row, include_extras=True)
        self.name = name
        self.row = row
        self.columns: tuple[str, ...] = tuple(field.name for field in msgspec.structs.fields(row))
        self.kinds: tuple[Kind, ...] = tuple(_kind_of(hints[column]) for column in self.columns)
        self.key = key
        self.key_of: Callable[[Row], Key] = _values_of(key)
        self.key_kinds = tuple(self.kinds[self.columns.index(column)] for column in key)
        self.rank = rank
        self.append_only = append_only
        self.indexes: tuple[Index[R], ...] = ()
        self.insert_order: Callable[[Row], Key] = self.key_of
        if key[0] != "cell" or self.columns[0] != "cell":
            raise ValueError(f"{name}: every key starts with cell")

    def index(self, name: str, *columns: str, unique: bool = False) -> Index[R]:
        """Declare a lookup; columns start with `cell`.

        A `unique` one is what writers of the same row meet on, so rows are inserted in its order.
        """
        index = Index(self, f"{self.name}.{name}", columns)
        self.indexes = (*self.indexes, index)
        if unique:
            self.insert_order = index.value_of
        return index

    def __repr__(self) -> str:
        return f"Table({self.name})"
