"""How many units: by plan, by hand, and by load that nobody planned for."""

from __future__ import annotations

import pytest

from chuanliu.elastic import HOLD_S, NeedOfUnits


@pytest.mark.parametrize(
    ("planned", "load_per_s", "by_hand", "units"),
    [
        (0, 0, 0, 2),
        (5, 0, 0, 5),
        (5, 500, 0, 5),
        (5, 501, 0, 7),
        (0, 200, 0, 2),
        (0, 201, 0, 3),
        (0, 0, 4, 4),
        (5, 0, 4, 5),
        (50, 0, 0, 8),
        (0, 1e6, 0, 8),
        (1, 0, 0, 2),
    ],
)
def test_the_most_of_what_is_asked_for_within_the_bounds(
    planned: int, load_per_s: float, by_hand: int, units: int
) -> None:
    found = NeedOfUnits(least=2, most=8, unit_rate=100).need(
        0.0, planned=planned, load_per_s=load_per_s, by_hand=by_hand
    )
    assert found.units == units


def test_units_that_came_by_load_stay_for_a_while() -> None:
    need = NeedOfUnits(least=1, most=20, unit_rate=100)
    loads = {0.0: 800.0, 10.0: 1000.0, 20.0: 400.0, 30.0: 0.0}
    assert [need.need(at, planned=0, load_per_s=load, by_hand=0).units for at, load in loads.items()] == [
        10,
        13,
        13,
        13,
    ]
    assert need.need(10.0 + HOLD_S, planned=0, load_per_s=0, by_hand=0).units == 13
    assert need.need(10.1 + HOLD_S, planned=0, load_per_s=0, by_hand=0).units == 5
    assert need.need(20.1 + HOLD_S, planned=0, load_per_s=0, by_hand=0).units == 1


def test_bounds_that_cross_leave_the_least() -> None:
    assert NeedOfUnits(least=3, most=0, unit_rate=1).need(0.0, planned=9, load_per_s=0, by_hand=9).units == 3
