"""Barcodes and sparklines."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chuanliu.web.drawing import _CODE_128, barcode_svg, code_128_symbols, qr_svg, sparkline_path


def test_the_table_of_symbols_is_that_of_code_128() -> None:
    assert len(_CODE_128) == len(set(_CODE_128)) == 107
    for widths in _CODE_128[:106]:
        assert sum(map(int, widths)) == 11
        assert sum(map(int, widths[::2])) % 2 == 0, "bars have even parity"
    assert sum(map(int, _CODE_128[106])) == 13


@pytest.mark.parametrize(
    ("digits", "symbols"),
    [("1234", [105, 12, 34, 82, 106]), ("123", [105, 12, 100, 19, 65, 106])],
)
def test_symbols(digits: str, symbols: list[int]) -> None:
    assert code_128_symbols(digits) == symbols


@given(st.text("0123456789", min_size=1, max_size=32))
def test_a_drawn_barcode_reads_back(digits: str) -> None:
    bars = [(int(x), int(w)) for x, w in re.findall(r"M(\d+) 0h(\d+)v", barcode_svg(digits, "x"))]
    widths: list[int] = []
    for (x, width), (after, _) in zip(bars, [*bars[1:], (bars[-1][0] + bars[-1][1], 0)], strict=True):
        widths += [width, after - x - width]
    drawn = "".join(map(str, widths[:-1]))
    symbols = [_CODE_128.index(drawn[i : i + 6]) for i in range(0, len(drawn) - 7, 6)]
    assert [*symbols, 106] == code_128_symbols(digits)
    read, in_b = "", False
    for value in symbols[1:-1]:
        if value == 100 and not in_b:
            in_b = True
        else:
            read += chr(value + 32) if in_b else f"{value:02d}"
    assert read == digits


@pytest.mark.parametrize("text", ["", "12a4", "１２", "12 34"])
def test_only_digits_are_drawn(text: str) -> None:
    with pytest.raises(ValueError, match="only ASCII digits"):
        barcode_svg(text, "x")


def test_drawings_escape_their_labels() -> None:
    for drawn in (barcode_svg("12", '"><script>'), qr_svg("12", '"><script>')):
        assert "<script>" not in drawn
        assert "style=" not in drawn


@given(st.lists(st.floats(min_value=0, max_value=1e6), max_size=120))
def test_sparklines_stay_in_their_box(values: list[float]) -> None:
    line, area = sparkline_path(values, width=240, height=56)
    points = [tuple(map(float, point.split())) for point in line[1:].split("L")]
    assert len(points) == max(2, len(values))
    assert points[0][0] == 0
    assert points[-1][0] == 240
    assert all(0 <= x <= 240 and 0 <= y <= 56 for x, y in points)
    assert area.endswith("Z")
