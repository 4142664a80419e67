"""Places of one host: a bound for all, and room for who comes next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chuanliu.notifications import Places


def fill(places: Places, merchant_id: int, host: str = "h:1") -> int:
    count = 0
    while places.take((merchant_id, host)):
        count += 1
    return count


def test_one_merchant_leaves_half_of_the_host() -> None:
    places = Places(64, 32)
    assert fill(places, 1) == 32
    assert places.full_lines() == [(1, "h:1")]
    assert places.full_hosts() == []
    assert places.has_room((2, "h:1"))


def test_hosts_do_not_share() -> None:
    places = Places(8, 8)
    assert fill(places, 1, "h:1") == fill(places, 1, "h:2") == 4


def test_the_last_place_is_a_newcomers() -> None:
    places = Places(8, 8)
    assert [fill(places, merchant_id) for merchant_id in range(1, 6)] == [4, 2, 1, 1, 0]
    assert places.full_hosts() == ["h:1"]


def test_merchants_that_take_turns_share_evenly() -> None:
    places = Places(64, 32)
    held = dict.fromkeys(range(7), 0)
    for _ in range(20):
        for merchant_id in held:
            held[merchant_id] += places.take((merchant_id, "h:1"))
    assert set(held.values()) == {8}
    assert places.has_room((7, "h:1"))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.sampled_from(["a", "b"])), max_size=200))
def test_bounds_hold_and_nothing_is_lost(steps: list[tuple[bool, int, str]]) -> None:
    places = Places(10, 4)
    held: list[tuple[int, str]] = []
    for take, merchant_id, host in steps:
        line = (merchant_id, host)
        if take and places.take(line):
            held.append(line)
        elif not take and line in held:
            held.remove(line)
            places.give_back(line)
        for each in ("a", "b"):
            assert sum(1 for _, at in held if at == each) <= 10
        assert all(held.count(each) <= 4 for each in held)
    for line in held:
        places.give_back(line)
    assert places.full_lines() == [] and places.full_hosts() == []
    assert fill(places, 9, "a") == 4
