"""Shares: the published worked examples, exactly, and what holds for any input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.admission.shares import Limits, borrowing_shares, fair_shares, nominal_limits, proportional_shares


@pytest.mark.parametrize(
    ("capacity", "wants", "weights", "gets"),
    [
        # Doorman, doc/algorithms.md and algorithm_test.go; sub-clients are weights.
        (120, [1000, 50, 10], None, [60, 50, 10]),
        (120, [1000, 60, 10], None, [55, 55, 10]),
        (120, [1000, 500, 200], [6, 4, 2], [60, 40, 20]),
        (1000, [2000, 500, 700], [10, 10, 30], [200, 200, 600]),
        (100, [], None, []),
        (0, [5, 5], None, [0, 0]),
        (100, [0, 30], None, [0, 30]),
    ],
)
def test_fair_share_equals_the_worked_examples(
    capacity: float, wants: list[float], weights: list[float] | None, gets: list[float]
) -> None:
    assert fair_shares(capacity, wants, weights) == gets


@pytest.mark.parametrize(
    ("capacity", "wants", "weights", "gets"),
    [
        (120, [60, 60, 10], None, [55, 55, 10]),
        (120, [65, 45, 20], [3, 2, 1], [60, 40, 20]),
        (120, [1000, 50, 10], None, [40 + 960 * 30 / 970, 40 + 10 * 30 / 970, 10]),
        (120, [50, 50, 10], None, [50, 50, 10]),
    ],
)
def test_proportional_share_equals_the_worked_examples(
    capacity: float, wants: list[float], weights: list[float] | None, gets: list[float]
) -> None:
    assert proportional_shares(capacity, wants, weights) == gets


def test_limits_of_the_suggested_kubernetes_levels() -> None:
    """KEP-1040: the default priority levels on a server of 600 seats."""
    levels = {  # name: (shares, lendable %), none with a borrowing limit
        "leader-election": (10, 0),
        "node-high": (40, 25),
        "system": (30, 33),
        "workload-high": (40, 50),
        "workload-low": (100, 90),
        "global-default": (20, 50),
        "catch-all": (5, 0),
    }
    shares, lendable = zip(*levels.values(), strict=True)
    limits = nominal_limits(600, shares, lendable, [None] * len(levels))
    assert [(one.nominal, one.least) for one in limits] == [
        (25, 25), (98, 73), (74, 50), (98, 49), (245, 24), (49, 24), (13, 13),
    ]  # fmt: skip
    assert nominal_limits(100, [1, 1], [50, 0], [20, None])[0] == (50, 25, 60)


def test_an_idle_level_lends_what_a_busy_one_may_borrow() -> None:
    """KEP-1040: MinCurrentCL, the target and MaxCL of each level decide; one proportion holds for all within limits."""
    idle, busy, steady = Limits(25, 60, 25), Limits(50, 90, 200), Limits(40, 60, 50)
    assert borrowing_shares(150, [idle, busy, steady]) == [25, 85, 40]
    assert borrowing_shares(100, [Limits(0, 100, 30), Limits(0, 100, 20)]) == [60, 40]
    assert borrowing_shares(100, [Limits(10, 50, 10), Limits(20, 45, 80), Limits(30, 80, 40)]) == [11, 45, 44]


@pytest.mark.parametrize(
    ("capacity", "levels"),
    [(10, [Limits(6, 9, 6), Limits(6, 9, 6)]), (30, [Limits(0, 9, 6)]), (5, [Limits(3, 2, 3)]), (5, [Limits(3, 9, 2)])],
)
def test_limits_that_cannot_be_kept_are_refused(capacity: float, levels: list[Limits]) -> None:
    with pytest.raises(ValueError, match="limits"):
        borrowing_shares(capacity, levels)


def test_what_makes_no_sense_is_refused() -> None:
    for capacity, wants, weights in ((-1, [1], [1]), (1, [-1], [1]), (1, [1], [0]), (1, [1], [1, 1])):
        with pytest.raises(ValueError, match=r"weights|negative"):
            fair_shares(capacity, wants, weights)


rates = st.floats(0, 1e6).map(lambda rate: round(rate, 3))
weighted = st.lists(st.tuples(rates, st.floats(0.1, 100)), min_size=1, max_size=30)


@given(rates, weighted)
def test_fair_shares_conserve_and_are_max_min(capacity: float, tenants: list[tuple[float, float]]) -> None:
    wants, weights = [one[0] for one in tenants], [one[1] for one in tenants]
    gets = fair_shares(capacity, wants, weights)
    slack = 1e-6 * (1 + capacity + sum(wants))
    assert abs(sum(gets) - min(capacity, sum(wants))) <= slack
    assert all(get <= want + slack for get, want in zip(gets, wants, strict=True))
    # Whoever is short has no less, by weight, than anybody else.
    level = max(get / weight for get, weight in zip(gets, weights, strict=True))
    for get, want, weight in zip(gets, wants, weights, strict=True):
        assert get >= want - slack or get / weight >= level - slack / weight


@given(rates, weighted)
def test_proportional_shares_give_everybody_the_equal_share_first(
    capacity: float, tenants: list[tuple[float, float]]
) -> None:
    wants, weights = [one[0] for one in tenants], [one[1] for one in tenants]
    gets = proportional_shares(capacity, wants, weights)
    slack = 1e-6 * (1 + capacity + sum(wants))
    assert abs(sum(gets) - min(capacity, sum(wants))) <= slack
    for get, want, weight in zip(gets, wants, weights, strict=True):
        assert min(want, capacity * weight / sum(weights)) - slack <= get <= want + slack


levels_drawn = st.lists(st.tuples(*[st.floats(0, 1000).map(lambda x: round(x, 2))] * 3), min_size=1, max_size=12)


@given(levels_drawn, st.floats(0, 1))
def test_borrowing_shares_are_one_proportion_within_the_limits(
    drawn: list[tuple[float, float, float]], fraction: float
) -> None:
    levels = [Limits(low, low + room, low + more) for low, room, more in drawn]
    least, most = sum(one.low for one in levels), sum(one.high for one in levels)
    capacity = least + (most - least) * fraction
    if not least <= capacity <= most:
        return
    gets = borrowing_shares(capacity, levels)
    assert abs(sum(gets) - capacity) <= 1e-6 * (1 + capacity)
    free = []
    for get, level in zip(gets, levels, strict=True):
        assert level.low - 1e-6 <= get <= level.high + 1e-6
        if level.low + 1e-6 < get < level.high - 1e-6:
            free.append(get / max(level.target, 0.001))
    assert not free or max(free) - min(free) <= 1e-6 * (1 + max(free))
