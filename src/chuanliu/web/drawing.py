"""Drawings made on the server: QR codes, Code 128 barcodes and sparklines, as SVG without styles or scripts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import segno
from markupsafe import Markup

_WIDTHS: Final = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112"
)
# ISO/IEC 15417: widths of bars and spaces of symbols 0 to 105 (103 to 105 start), and of the stop symbol.
_CODE_128: Final = _WIDTHS.split()
_START_C: Final = 105
_TO_CODE_B: Final = 100
_STOP: Final = 106


@lru_cache(maxsize=256)
def qr_svg(content: str, label: str) -> Markup:
    """A QR code (error correction M) with an accessible name; it scales to its box."""
    drawn = segno.make(content, error="m", micro=False).svg_inline(
        omitsize=True, border=2, svgclass="qr", lineclass=None
    )
    opening, rest = drawn.split(">", 1)
    return Markup('{}role="img" aria-label="{}">{}').format(Markup(opening + " "), label, Markup(rest))  # noqa: S704


def code_128_symbols(digits: str) -> list[int]:
    """Symbol values of a text of ASCII digits: pairs in code set C, an odd last digit in B, check symbol, stop."""
    if not digits or not digits.isascii() or not digits.isdigit():
        raise ValueError("only ASCII digits can be drawn")
    paired = len(digits) // 2 * 2
    symbols = [_START_C, *(int(digits[i : i + 2]) for i in range(0, paired, 2))]
    if len(digits) % 2:
        symbols += [_TO_CODE_B, ord(digits[-1]) - ord(" ")]
    check = sum(max(1, place) * value for place, value in enumerate(symbols)) % 103
    return [*symbols, check, _STOP]


@lru_cache(maxsize=256)
def barcode_svg(digits: str, label: str) -> Markup:
    """A Code 128 barcode of a payment code, as scanners at a till read it. Raises `ValueError` unless all digits."""
    path: list[str] = []
    x = 0
    for symbol in code_128_symbols(digits):
        for place, width in enumerate(_CODE_128[symbol]):
            if place % 2 == 0:
                path.append(f"M{x} 0h{width}v40h-{width}z")
            x += int(width)
    return Markup(
        '<svg class="barcode" viewBox="0 0 {} 40" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path d="{}"/></svg>'
    ).format(x, label, "".join(path))


def sparkline_path(values: Sequence[float], *, width: int = 240, height: int = 56) -> tuple[str, str]:
    """SVG path data of the line and of the area beneath it, oldest value at the left; flat at the bottom when empty.

    The scale begins at zero and ends a tenth above the largest value, so a calm series looks calm.
    """
    points = [max(0.0, value) for value in values] or [0.0]
    if len(points) == 1:
        points *= 2
    top = max(points) * 1.1 or 1.0
    step = width / (len(points) - 1)
    drawn = [(round(i * step, 1), round(height - 2 - value / top * (height - 4), 1)) for i, value in enumerate(points)]
    line = "M" + "L".join(f"{x:g} {y:g}" for x, y in drawn)
    return line, f"{line}L{width} {height}L0 {height}Z"
