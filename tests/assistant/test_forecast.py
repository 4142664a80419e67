"""Where a month will end: the interval covers what it promises, on people that it was not fitted to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.spenders import KINDS
from chuanliu.assistant import Purchase, Quantiles, forecast

PEOPLE = 250
FIRST_SEED = 70_000
"""Other seeds than those of the trials by which the method was chosen (0 to 999)."""


def trial(kind: str, seed: int) -> tuple[Quantiles | None, int]:
    """One person at a day of a month: the forecast of the days to come, and what came."""
    random = np.random.default_rng([seed, sum(kind.encode())])
    history, horizon = int(random.integers(45, 200)), int(random.integers(5, 26))
    days = KINDS[kind](random, history + horizon)
    purchases = [Purchase(history - 1 - day, amount, horizon) for day in range(history) for amount in days[day]]
    return forecast(purchases, history), sum(sum(day) for day in days[history:])


def coverage(kind: str, first: int, people: int) -> tuple[int, int]:
    """How many outcomes were within the interval, and how many had one."""
    found = [trial(kind, seed) for seed in range(first, first + people)]
    said = [(interval, came) for interval, came in found if interval is not None]
    return sum(interval.low_minor <= came <= interval.high_minor for interval, came in said), len(said)


def test_the_interval_covers_four_cases_of_five() -> None:
    covered = {kind: coverage(kind, FIRST_SEED, PEOPLE) for kind in KINDS}
    shares = {kind: within / said for kind, (within, said) in covered.items()}
    assert all(said > 0.9 * PEOPLE for _, said in covered.values()), covered
    whole = sum(within for within, _ in covered.values()) / sum(said for _, said in covered.values())
    assert 0.75 <= whole <= 0.85, (whole, shares)
    # Each kind has a standard error of 2.5 per cent.
    assert all(0.70 <= share <= 0.90 for share in shares.values()), shares


def test_the_middle_is_in_the_middle() -> None:
    found = [trial(kind, seed) for kind in KINDS for seed in range(FIRST_SEED, FIRST_SEED + 60)]
    below = [came < interval.middle_minor for interval, came in found if interval is not None]
    assert 0.4 <= sum(below) / len(below) <= 0.6


def test_an_interval_is_no_wider_than_it_must_be() -> None:
    """Of somebody who is steady it is narrower than of somebody in bursts, measured by the middle."""

    def width(kind: str) -> float:
        found = [trial(kind, seed)[0] for seed in range(FIRST_SEED, FIRST_SEED + 40)]
        said = [each for each in found if each is not None]
        return sum((each.high_minor - each.low_minor) / each.middle_minor for each in said) / len(said)

    assert width("steady") < width("in_bursts") < 3
    assert width("steady") < 1.2


@pytest.mark.parametrize(
    ("purchases", "days"),
    [
        ([Purchase(day, 100, 10) for day in range(5)], 180),
        ([Purchase(day, 100, 10) for day in range(20)], 27),
        ([Purchase(day, 100, 0) for day in range(20)], 180),
        ([Purchase(day, 0, 10) for day in range(20)], 180),
        ([], 0),
    ],
)
def test_too_little_is_known(purchases: list[Purchase], days: int) -> None:
    assert forecast(purchases, days) is None


amounts = st.lists(
    st.builds(Purchase, st.integers(0, 170), st.integers(1, 10**9), st.integers(1, 31)), min_size=6, max_size=60
)


@given(amounts, st.integers(28, 180))
@settings(max_examples=60, deadline=None)
def test_quantiles_are_ordered_and_the_same_again(purchases: list[Purchase], days: int) -> None:
    found = forecast(purchases, days)
    if found is None:
        return
    assert 0 <= found.low_minor <= found.middle_minor <= found.high_minor
    assert forecast(purchases, days) == found
    assert found.plus(7).middle_minor == found.middle_minor + 7


def test_amounts_ten_times_as_large_give_a_forecast_ten_times_as_large() -> None:
    small = [Purchase(day * 3 % 90, 5_000 + 700 * (day % 7), 12) for day in range(40)]
    large = [each._replace(amount_minor=each.amount_minor * 10) for each in small]
    one, ten = forecast(small, 90), forecast(large, 90)
    assert one is not None
    assert ten is not None
    assert ten.middle_minor == pytest.approx(10 * one.middle_minor, rel=0.001)
    assert ten.high_minor == pytest.approx(10 * one.high_minor, rel=0.001)
