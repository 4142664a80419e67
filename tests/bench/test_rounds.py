"""Interleaving and ratios."""

import pytest

from chuanliu.bench.rounds import median_rate, ratio_of, run_rounds


def test_the_measured_take_turns() -> None:
    calls: list[str] = []
    rates = iter(range(1, 7))

    def measured(name: str) -> float:
        calls.append(name)
        return float(next(rates))

    heard: list[tuple[str, int, float]] = []
    rounds = run_rounds({"a": lambda: measured("a"), "b": lambda: measured("b")}, 3, lambda *one: heard.append(one))
    assert calls == ["a", "b"] * 3
    assert rounds == [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}, {"a": 5.0, "b": 6.0}]
    assert heard[0] == ("a", 1, 1.0)
    assert heard[-1] == ("b", 3, 6.0)


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    rounds = [{"a": 10.0, "b": 100.0}, {"a": 30.0, "b": 10.0}, {"a": 20.0, "b": 10.0}]
    ratio = ratio_of(rounds, "a", "b")
    assert (ratio.median, ratio.low, ratio.high, ratio.each) == (2.0, 0.1, 3.0, [0.1, 3.0, 2.0])
    assert median_rate(rounds, "a") == 20.0


def test_a_yardstick_that_stood_still_gives_no_ratio() -> None:
    with pytest.raises(ValueError, match="measured nothing"):
        ratio_of([{"a": 1.0, "b": 0.0}], "a", "b")


def test_no_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        run_rounds({}, 0)
