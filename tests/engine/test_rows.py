"""The rows of a batch: a command that fails leaves no trace, whatever it did, and nobody takes unknown for absent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.engine import Need, Row, Rows, SmallInt, Table
from chuanliu.errors import Refused
from engine.rig import NOTE, NOTE_BY_WORD, Note


class Line(Row, frozen=True, gc=False):
    """A row that is only ever appended."""

    cell: SmallInt
    text: str


LINE: Table[Line] = Table("line", Line, ("cell", "text"), append_only=True)
WORDS = ("a", "b", "c")


def loaded(values: dict[int, int]) -> Rows:
    """Notes 0…9 are loaded; those in `values` exist, each under one of three words."""
    rows = Rows()
    rows.load(NOTE, [(0, n) for n in range(10)], [Note(0, n, WORDS[n % 3], value) for n, value in values.items()])
    for word in WORDS:
        rows.load_index(NOTE_BY_WORD, (0, word), [(0, n) for n in values if WORDS[n % 3] == word])
    return rows


def view(rows: Rows) -> Any:
    """All that a later command could see, and what would be written."""
    notes = [rows.get(NOTE, 0, n) for n in range(10)]
    found = [sorted(note.note_id for note in rows.find(NOTE_BY_WORD, 0, word)) for word in WORDS]
    changes = rows.changes()
    written = sorted(map(repr, changes.inserts.get(NOTE, []))), sorted(map(repr, changes.updates.get(NOTE, [])))
    return notes, found, list(rows.appended(LINE)), written


STEPS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 100), st.booleans()), max_size=12)


def play(rows: Rows, steps: list[tuple[int, int, bool]]) -> None:
    """One command's changes."""
    for number, value, tells in steps:
        note = rows.get(NOTE, 0, number)
        if note is None:
            rows.insert(NOTE, Note(0, number, WORDS[number % 3], value))
        else:
            rows.update(NOTE, note.changed(value=value))
        if tells:
            rows.append(LINE, Line(0, f"{number} {value}"))


@given(values=st.dictionaries(st.integers(0, 9), st.integers(0, 100)), first=STEPS, second=STEPS, third=STEPS)
def test_an_undone_command_leaves_no_trace(
    values: dict[int, int],
    first: list[tuple[int, int, bool]],
    second: list[tuple[int, int, bool]],
    third: list[tuple[int, int, bool]],
) -> None:
    rows, untouched = loaded(values), loaded(values)
    for kept in (rows, untouched):
        play(kept, first)
        kept.keep()
    play(rows, second)
    rows.undo()
    assert view(rows) == view(untouched)
    for kept in (rows, untouched):
        play(kept, third)
        kept.keep()
    assert view(rows) == view(untouched)


@given(values=st.dictionaries(st.integers(0, 9), st.integers(0, 100)), first=STEPS, inner=STEPS, last=STEPS)
def test_a_part_that_is_refused_is_undone_alone(
    values: dict[int, int],
    first: list[tuple[int, int, bool]],
    inner: list[tuple[int, int, bool]],
    last: list[tuple[int, int, bool]],
) -> None:
    rows, without = loaded(values), loaded(values)
    play(rows, first)
    with pytest.raises(Refused), rows.whole():
        play(rows, inner)
        raise Refused("order_closed")
    play(rows, last)
    play(without, first)
    play(without, last)
    assert view(rows) == view(without)
    rows.undo()
    assert view(rows) == view(loaded(values))


def test_what_was_not_loaded_is_asked_for() -> None:
    rows = loaded({1: 5})
    with pytest.raises(Need) as need:
        rows.get(NOTE, 0, 77)
    assert need.value.keys.locks == {(NOTE, (0, 77))}
    with pytest.raises(Need) as need:
        rows.find(NOTE_BY_WORD, 0, "unheard")
    assert need.value.keys.look_indexes == {(NOTE_BY_WORD, (0, "unheard"))}


def test_an_insert_does_not_make_a_lookup_known() -> None:
    """The database may hold more rows of that value than the one inserted here."""
    rows = Rows()
    rows.insert(NOTE, Note(0, 1, "word", 5))
    with pytest.raises(Need):
        rows.find(NOTE_BY_WORD, 0, "word")


def test_a_row_that_could_not_be_locked_is_unknown_not_absent() -> None:
    rows = loaded({1: 5, 4: 6})
    rows.unload(NOTE, (0, 1))
    for look in (lambda: rows.get(NOTE, 0, 1), lambda: rows.find(NOTE_BY_WORD, 0, "b")):
        with pytest.raises(Need) as need:
            look()
        assert (NOTE, (0, 1)) in need.value.keys.locks


def test_changes_to_the_wrong_rows_are_bugs() -> None:
    rows = loaded({1: 5})
    with pytest.raises(ValueError, match="already"):
        rows.insert(NOTE, Note(0, 1, "b", 6))
    with pytest.raises(ValueError, match="has no"):
        rows.update(NOTE, Note(0, 2, "c", 6))
    with pytest.raises(KeyError):
        rows.update(NOTE, Note(0, 77, "c", 6))


def test_inserts_are_written_in_the_order_of_the_unique_key() -> None:
    rows = Rows()
    for number, word in ((1, "z"), (2, "y"), (3, "x")):
        rows.insert(NOTE, Note(0, number, word, 0))
    assert [note.word for note in rows.changes().inserts[NOTE]] == ["x", "y", "z"]


def test_a_row_put_back_as_it_was_is_not_written() -> None:
    rows = loaded({1: 5})
    note = rows.get(NOTE, 0, 1)
    assert note is not None
    rows.update(NOTE, note.changed(value=6))
    rows.update(NOTE, note)
    assert not rows.changes()
