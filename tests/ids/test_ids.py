"""Ids: sortable by time, unique, carrying their cell; party numbers, accounts and trade numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.errors import Unavailable
from chuanliu.ids import (
    CELLS,
    SHADOW_OFFSET,
    IdSource,
    WorkerLease,
    account_cell,
    account_id,
    account_parts,
    cell_of_id,
    cell_of_order,
    cell_of_party,
    cell_of_text,
    first_id_at,
    id_millis,
    is_party_number,
    is_shadow,
    order_id_of,
    party_number,
    trade_no,
    with_cell,
)

START = 1_800_000_000_000
CELL = st.integers(0, CELLS - 1) | st.integers(SHADOW_OFFSET, SHADOW_OFFSET + CELLS - 1)


def source(worker: int = 3, span: int = 60_000) -> IdSource:
    return IdSource(WorkerLease(worker, START, START + span))


@given(steps=st.lists(st.integers(START - 5_000, START + 50_000), max_size=50), cell=CELL)
def test_ids_ascend_whatever_the_clock_does(steps: list[int], cell: int) -> None:
    ids, made = source(), []
    for now in steps:
        ids.advance(now)
        made += [ids.next() for _ in range(3)]
    assert made == sorted(set(made))
    for number in made:
        placed = with_cell(number, cell)
        assert (cell_of_id(placed), id_millis(placed)) == (cell, id_millis(number))
        assert 0 < placed < 2**63


def test_a_millisecond_that_is_used_up_borrows_from_the_next() -> None:
    ids = source()
    made = [ids.next() for _ in range(1_000)]
    assert len(set(made)) == 1_000
    assert id_millis(made[-1]) - id_millis(made[0]) == 7


def test_two_workers_never_make_the_same_id() -> None:
    one, two = source(1), source(2)
    assert {one.next() for _ in range(500)}.isdisjoint(two.next() for _ in range(500))


def test_the_ceiling_of_a_lease_is_never_passed() -> None:
    ids = source(span=2)
    made = []
    with pytest.raises(Unavailable):
        made += [ids.next() for _ in range(10_000)]
    while True:
        try:
            made.append(ids.next())
        except Unavailable:
            break
    assert all(id_millis(number) <= START + 2 for number in made)
    ids.extend(START + 10)
    assert id_millis(ids.next()) >= START + 2


def test_the_next_holder_of_a_number_starts_behind_the_last_ones_ceiling() -> None:
    first = source(9, span=5)
    made = set()
    with pytest.raises(Unavailable):
        while True:
            made.add(first.next())
    second = IdSource(WorkerLease(9, START + 5, START + 50))
    assert made.isdisjoint(second.next() for _ in range(2_000))


@given(st.integers(START, START + 10**11))
def test_the_bound_of_an_instant(millis: int) -> None:
    bound = first_id_at(millis)
    assert id_millis(bound) == millis
    assert id_millis(bound - 1) == millis - 1


@given(serial=st.integers(0, 10**12 - 1), chart=st.integers(0, 255), currency=st.integers(0, 999))
def test_accounts_are_arithmetic(serial: int, chart: int, currency: int) -> None:
    owner = party_number(serial)
    assert is_party_number(str(owner))
    account = account_id(owner, chart, currency)
    assert account_parts(account) == (owner, chart, currency)
    assert account_cell(account) == cell_of_party(owner)
    assert is_shadow(account_cell(account)) == (serial >= 900_000_000_000)


@pytest.mark.parametrize(
    "text", ["", "2088", "2088123456789012 ", "208812345678901２", "2089123456789012", "-088123456789012"]
)
def test_what_is_no_party_number(text: str) -> None:
    assert not is_party_number(text)


@pytest.mark.parametrize("serial", [-1, 10**12])
def test_serials_out_of_range(serial: int) -> None:
    with pytest.raises(ValueError, match="range"):
        party_number(serial)


def test_cells_are_the_same_for_ever() -> None:
    assert [cell_of_text(text) for text in ("", "a", "280000000000000001")] == [0, 3, 24]
    assert cell_of_party(party_number(1)) == cell_of_party(party_number(1))
    assert cell_of_order(party_number(1), "no-1") != cell_of_order(party_number(2), "no-1")
    spread = {cell_of_order(party_number(7), f"no-{n}") for n in range(2_000)}
    assert spread == set(range(CELLS))


@given(st.integers(START, START + 10**10), CELL)
def test_trade_numbers_read_back(millis: int, cell: int) -> None:
    order_id = with_cell(first_id_at(millis) | 5, cell)
    text = trade_no(order_id)
    assert (len(text), text[8]) == (28, "2")
    assert order_id_of(text) == order_id


@pytest.mark.parametrize("text", ["", "1" * 28, "2" * 27, "2027011720000000000000000000 ", "９" * 28, "a" * 28])
def test_what_is_no_trade_number(text: str) -> None:
    assert order_id_of(text) is None
