"""Pictures of flows over time."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.web import Flow, Stroke, Tick, flows_svg, stride, thinned
from chuanliu.web.flow_drawing import number_text

RATES = st.floats(0, 1e7, allow_nan=False)


def numbers(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.e+]+) (-?[\d.e+]+)", path)]


@given(
    st.integers(1, 12).flatmap(lambda length: st.lists(st.lists(RATES, min_size=length, max_size=length), max_size=5)),
    st.lists(st.one_of(st.none(), RATES), max_size=14),
)
def test_everything_stays_within_the_picture(flows: list[list[float]], line: list[float | None]) -> None:
    drawn = flows_svg(
        [Flow("a", tuple(one)) for one in flows], [Stroke("s", "plan", tuple(line))], label="x", width=600, height=200
    )
    points = [point for path in re.findall(r' d="([^"]+)"', str(drawn)) for point in numbers(path)]
    assert all(0 <= x <= 600 and 0 <= y <= 200 for x, y in points)


def test_flows_are_stacked_and_end_where_they_end() -> None:
    drawn = str(
        flows_svg(
            [Flow("low", (1.0, 1.0)), Flow("high", (2.0, 2.0))],
            [Stroke("plan", "plan", (4.0, 4.0, None, 4.0))],
            [Tick(1, "<now>")],
            label='"x"',
            now=1,
        )
    )
    low, high = re.findall(r'class="flow flow-\d" d="([^"]+)"', drawn)
    tops = [numbers(path)[0][1] for path in (low, high)]
    ground = numbers(low)[-1][1]
    assert (ground - tops[1]) == pytest.approx(3 * (ground - tops[0]), abs=0.3)
    assert max(x for x, _ in numbers(low)) < max(x for x, _ in numbers(drawn.split("stroke-plan")[1]))
    # A gap in a line is a gap.
    (line,) = re.findall(r'class="stroke stroke-plan" d="([^"]+)"', drawn)
    assert line.count("M") == 2
    assert "&lt;now&gt;" in drawn and "&#34;x&#34;" in drawn


def test_no_flows_are_an_empty_picture() -> None:
    assert "flow-0" not in flows_svg([], label="x")


@given(st.lists(RATES, min_size=1, max_size=2000), st.integers(1, 300))
def test_thinning_keeps_what_is_below_the_curve(values: list[float], points: int) -> None:
    thin, every = thinned(values, points), stride(len(values), points)
    assert len(thin) <= points
    whole = sum(value * min(every, len(values) - at * every) for at, value in enumerate(thin))
    assert whole == pytest.approx(sum(values), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(("value", "words"), [(0, "0"), (0.25, "0.25"), (20, "20"), (1500, "1.5k"), (2_000_000, "2M")])
def test_axes_have_short_numbers(value: float, words: str) -> None:
    assert number_text(value) == words


def test_axes_end_at_round_numbers_above_all_values() -> None:
    for value in (0.3, 7, 33, 81, 99, 101, 4321):
        drawn = str(flows_svg([Flow("a", (value, value))], label="x"))
        shown = [
            float(text[:-1]) * 1000 if text.endswith("k") else float(text)
            for text in re.findall(r'class="flow-axis"[^>]*>([^<]+)<', drawn)
        ]
        assert shown[-1] > value and shown[0] == 0
        steps = {round(b - a, 6) for a, b in pairwise(shown)}
        assert len(steps) == 1
