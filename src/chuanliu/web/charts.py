"""Charts made on the server, as SVG without styles or scripts: a ring, columns of months, a bar of shares.

Colours are classes of the style sheet. Each has an accessible name; the table behind it says the same in figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

_FULL: Final = 100.0
_COLUMN_WIDTH: Final = 30
_PLOT_TOP: Final = 26
_PLOT_HEIGHT: Final = 120
SHADES: Final = 6
"""Segments of a bar of shares have so many shades; what is behind them is drawn as one, in the last."""


class Column(NamedTuple):
    """One month: its label, and the parts that are stacked from the bottom; `over` marks one above the line."""

    label: str
    parts: tuple[int, ...]
    said: str
    over: bool = False


def _arc(name: str, share: float, begin: float = 0.0) -> Markup:
    """A part of the ring, in per cent of it."""
    length = max(0.0, min(_FULL - begin, share))
    return Markup(
        '<circle class="ring-{}" cx="60" cy="60" r="50" pathLength="100" stroke-dasharray="{} 100"'
        ' stroke-dashoffset="{}" transform="rotate(-90 60 60)"/>'
    ).format(name, f"{length:.2f}", f"{-begin:.2f}")


def ring_svg(
    percent: int | None, committed_bps: int, bill_bps: int, end_bps: int | None, centre: str, below: str, label: str
) -> Markup:
    """Progress against the ideal bill, which is the whole ring.

    First what was committed before the month began, then the rest of the bill, then faintly where it will end. Parts
    are basis points of the ideal; a bill above it fills the ring and turns it red. `centre` and `below` are written
    inside.
    """
    committed, bill = committed_bps / 100, bill_bps / 100
    arcs = [Markup('<circle class="ring-ground" cx="60" cy="60" r="50"/>')]
    if end_bps is not None and end_bps > bill_bps:
        arcs.append(_arc("end", end_bps / 100))
    over = percent is not None and percent > _FULL
    if bill_bps:
        arcs.append(_arc("over" if over else "bill", bill))
    if committed_bps and not over:
        arcs.append(_arc("committed", committed))
    words = Markup('<text class="ring-centre" x="60" y="62">{}</text><text class="ring-below" x="60" y="78">{}</text>')
    return Markup('<svg class="ring" viewBox="0 0 120 120" role="img" aria-label="{}">{}{}</svg>').format(
        label, Markup("").join(arcs), words.format(centre, below)
    )


def columns_svg(columns: Sequence[Column], line: int, line_label: str, label: str) -> Markup:
    """Months side by side, each a stack with its amount above it, and a dashed line across at `line` (0 for none)."""
    top = max([line, *(sum(each.parts) for each in columns)], default=0) or 1
    width = _COLUMN_WIDTH * len(columns)
    floor = _PLOT_TOP + _PLOT_HEIGHT
    drawn: list[Markup] = []
    for place, column in enumerate(columns):
        x, y = place * _COLUMN_WIDTH, float(floor)
        for part, amount in enumerate(column.parts):
            height = _PLOT_HEIGHT * amount / top
            if not amount:
                continue
            y -= height
            name = f"column-{part}"
            drawn.append(
                Markup('<rect class="{}" x="{}" y="{}" width="18" height="{}"/>').format(
                    name, x + 6, f"{y:.1f}", f"{max(height, 0.5):.1f}"
                )
            )
        if column.said:
            drawn.append(
                Markup('<text class="column-said{}" x="{}" y="{}">{}</text>').format(
                    " column-over" if column.over else "", x + 15, f"{y - 4:.1f}", column.said
                )
            )
        drawn.append(
            Markup('<text class="column-label" x="{}" y="{}">{}</text>').format(x + 15, floor + 14, column.label)
        )
    if line:
        at = floor - _PLOT_HEIGHT * line / top
        drawn.append(
            Markup(
                '<path class="column-line" d="M0 {}h{}"/><text class="column-line-label" x="0" y="10">{}</text>'
            ).format(f"{at:.1f}", width, line_label)
        )
    drawn.append(Markup('<path class="column-floor" d="M0 {}h{}"/>').format(floor, width))
    return Markup('<svg class="columns" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        width, floor + 20, label, Markup("").join(drawn)
    )


def shares_svg(parts: Sequence[int], label: str) -> Markup:
    """One bar of stacked shares, in basis points of the whole, in their order."""
    drawn, x = [], 0.0
    shown = [*parts[: SHADES - 1], sum(parts[SHADES - 1 :])]
    for shade, part in enumerate(shown):
        width = 360 * part / 10_000
        if part:
            drawn.append(
                Markup('<rect class="shade-{}" x="{}" y="0" width="{}" height="20"/>').format(
                    shade, f"{x:.1f}", f"{width:.1f}"
                )
            )
        x += width
    return Markup(
        '<svg class="share-bar" viewBox="0 0 360 20" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(label, Markup("").join(drawn))


def gauge_svg(index: int, levels: Sequence[tuple[str, int]], label: str) -> Markup:
    """Repayment pressure on a scale of its levels, from 0 to a quarter above the last one's beginning."""
    top = levels[-1][1] * 1.25
    ends = [*(begin for _, begin in levels[1:]), top]
    drawn = []
    for (name, begin), end in zip(levels, ends, strict=True):
        drawn.append(
            Markup('<rect class="level-{}" x="{}" y="10" width="{}" height="10"/>').format(
                name, f"{360 * begin / top:.1f}", f"{360 * (end - begin) / top:.1f}"
            )
        )
    at = 360 * min(index, top) / top
    at = min(max(at, 6.0), 354.0)
    pointer = Markup('<path class="gauge-pointer" d="M{} 9l-5 -8h10z"/>').format(f"{at:.1f}")
    return Markup('<svg class="gauge" viewBox="0 0 360 22" role="img" aria-label="{}">{}{}</svg>').format(
        label, Markup("").join(drawn), pointer
    )
