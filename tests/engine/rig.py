"""A table of notes and commands on it: the least that shows what the engine does with any table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import psycopg

from chuanliu.engine import (
    Command,
    Context,
    Engine,
    EngineSettings,
    Keys,
    LaneLimits,
    Need,
    Query,
    Reference,
    Row,
    Rows,
    Seen,
    SmallInt,
    Table,
    lock_record,
    recall,
    remember,
)
from chuanliu.errors import ChuanliuError, Refused
from chuanliu.runtime import SNAPSHOT_TABLES

T = TypeVar("T")

CREATE_NOTE = """
    CREATE TABLE IF NOT EXISTS note (
        cell smallint NOT NULL, note_id bigint NOT NULL, word text NOT NULL, value bigint NOT NULL,
        PRIMARY KEY (cell, note_id), UNIQUE (word, cell), CONSTRAINT note_small CHECK (value < 1000000)
    )
"""


class Note(Row, frozen=True, gc=False):
    """A word and a number."""

    cell: SmallInt
    note_id: int
    word: str
    value: int


NOTE: Table[Note] = Table("note", Note, ("cell", "note_id"), rank=70)
NOTE_BY_WORD = NOTE.index("by_word", "cell", "word", unique=True)


def cell_of_note(note_id: int) -> int:
    """Notes lie in many cells."""
    return note_id % 7


class Add(Command[tuple[int, ...]], frozen=True):
    """Add to notes, making those that are missing; the outcome is their values."""

    note_ids: tuple[int, ...]
    amount: int = 1

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        for note_id in self.note_ids:
            keys.lock(NOTE, cell_of_note(note_id), note_id)

    def decide(self, rows: Rows, context: Context) -> tuple[int, ...]:
        return tuple(add(rows, note_id, self.amount) for note_id in self.note_ids)


def add(rows: Rows, note_id: int, amount: int) -> int:
    """Add to one note."""
    cell = cell_of_note(note_id)
    note = rows.get(NOTE, cell, note_id)
    if note is None:
        note = Note(cell, note_id, f"note {note_id}", amount)
        rows.insert(NOTE, note)
    else:
        note = note.changed(value=note.value + amount)
        rows.update(NOTE, note)
    return note.value


class AddUnasked(Add, frozen=True):
    """Adds without having asked for the rows: each is found out by `Need`."""

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        pass


class AddThen(Add, frozen=True):
    """Adds, then fails in one of several ways."""

    how: str = "refuse"

    def decide(self, rows: Rows, context: Context) -> tuple[int, ...]:
        super().decide(rows, context)
        match self.how:
            case "refuse":
                raise Refused("order_closed")
            case "raise":
                raise ZeroDivisionError("a bug in a rule")
            case "check":
                add(rows, self.note_ids[0], 10_000_000)
            case "range":
                rows.insert(NOTE, Note(0, 2**70, "too large a number", 0))
            case "nul":
                rows.insert(NOTE, Note(0, context.new_id(0), "a\x00b", 0))
            case "surrogate":
                rows.insert(NOTE, Note(0, context.new_id(0), "\ud800", 0))
            case "need for ever":
                raise Need.lock(NOTE, (0, context.new_id(0)))
        return ()


class FailInDiscover(Command[None], frozen=True):
    """Fails before anything is loaded."""

    error: str = "refuse"
    late: bool = False

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.look(NOTE, 0, 0)
        if self.late and not seen.asked(NOTE, 0, 0):
            return
        if self.error == "refuse":
            raise Refused("seller_blocked")
        raise ZeroDivisionError("a bug in discover")

    def decide(self, rows: Rows, context: Context) -> None:
        raise AssertionError("never reached")


class PutWord(Command[int], frozen=True):
    """Make a note under a word unless there is one; the outcome is its id."""

    word: str
    cell: int = 0

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.look(NOTE_BY_WORD, self.cell, self.word)

    def decide(self, rows: Rows, context: Context) -> int:
        note = rows.one(NOTE_BY_WORD, self.cell, self.word)
        if note is None:
            note = Note(self.cell, context.new_id(self.cell), self.word, 0)
            rows.insert(NOTE, note)
        return note.note_id


class Once(Command[bytes], frozen=True):
    """Add to a note once for a key."""

    key: str
    note_id: int
    amount: int = 1
    colour: str = "red"

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_record(keys, 7, "add", self.key)
        keys.lock(NOTE, cell_of_note(self.note_id), self.note_id)

    def decide(self, rows: Rows, context: Context) -> bytes:
        fields = {"amount": str(self.amount), "colour": self.colour}
        before = recall(rows, 7, "add", self.key, fields)
        if before is not None:
            return before
        outcome = str(add(rows, self.note_id, self.amount)).encode()
        remember(rows, 7, "add", self.key, fields, outcome, context.now)
        return outcome


class FindNote(Query[int | None], frozen=True):
    """The value of a note."""

    note_id: int
    how: str = ""

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        if self.how == "refuse":
            raise Refused("order_not_found")
        if self.how == "raise":
            raise ZeroDivisionError
        if self.how == "nul":
            keys.look(NOTE_BY_WORD, 0, "a\x00b")
        if self.how == "surrogate":
            keys.look(NOTE_BY_WORD, 0, "\ud800")
        keys.look(NOTE, cell_of_note(self.note_id), self.note_id)

    def answer(self, seen: Seen, context: Context) -> int | None:
        if self.how == "answer":
            raise ZeroDivisionError
        note = seen.get(NOTE, cell_of_note(self.note_id), self.note_id)
        return note.value if note is not None else None


@asynccontextmanager
async def engines(
    conninfo: str, count: int = 1, *, limits: LaneLimits | None = None, lanes: int = 1, per_cell: bool = False
) -> AsyncIterator[list[Engine]]:
    """Running engines on one database, as in so many processes."""
    settings = EngineSettings(conninfo, lanes=lanes, per_cell=per_cell, limits=limits or LaneLimits())
    async with AsyncExitStack() as stack:
        running = []
        for _ in range(count):
            engine = Engine(settings, SNAPSHOT_TABLES)
            await engine.start()
            stack.push_async_callback(engine.close)
            running.append(engine)
        yield running


async def outcomes(futures: Iterable[asyncio.Future[T]]) -> list[T | ChuanliuError]:
    """What became of each; only the platform's own errors are expected."""
    results: list[T | ChuanliuError] = []
    for future in futures:
        try:
            results.append(await future)
        except ChuanliuError as error:
            results.append(error)
    return results


def code_of(result: object) -> str:
    """An error's code, or `ok`."""
    return result.code if isinstance(result, ChuanliuError) else "ok"


def run(main: Callable[[], Coroutine[Any, Any, T]], within_s: float = 60.0) -> T:
    """Run a coroutine; a hang is a failure."""
    return asyncio.run(asyncio.wait_for(main(), within_s))


def one(conninfo: str, sql: str, *values: Any) -> Any:
    """The first column of the first row, from a connection of its own."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(sql, values or None).fetchone()
        return row[0] if row else None


def note_value(conninfo: str, note_id: int) -> int | None:
    """The committed value of a note."""
    value: int | None = one(conninfo, "SELECT value FROM note WHERE note_id = %s", note_id)
    return value


def deadlocks(conninfo: str) -> int:
    """Deadlocks that PostgreSQL had to end in this database."""
    return int(one(conninfo, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
