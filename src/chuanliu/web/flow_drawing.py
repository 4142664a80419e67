"""Pictures of flows over time, as SVG without styles or scripts: stacked areas, and lines over them.

Colours are classes of the stylesheet. Each picture has a table behind it; whoever cannot see one reads the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec
from markupsafe import Markup

POINTS_MAX: Final = 400
COLOURS: Final = 10
"""Flows have so many colours; later ones share the last."""

_LEFT: Final = 64
_BOTTOM: Final = 30
_TOP: Final = 12
_RIGHT: Final = 8
_LINES: Final = 4


class Flow(msgspec.Struct, frozen=True):
    """One area of the stack, by step of time. Values are not negative."""

    name: str
    values: tuple[float, ...]


class Stroke(msgspec.Struct, frozen=True):
    """A line over the stack. `kind` names its class: plan, capacity, latency, offered, share. None leaves a gap."""

    name: str
    kind: str
    values: tuple[float | None, ...]


class Tick(msgspec.Struct, frozen=True):
    """A mark on the axis of time: at which step, and what it says."""

    at: float
    label: str


def flows_svg(
    flows: Sequence[Flow],
    strokes: Sequence[Stroke] = (),
    ticks: Sequence[Tick] = (),
    *,
    label: str,
    width: int = 1200,
    height: int = 420,
    now: float | None = None,
) -> Markup:
    """Flows stacked in their order, strokes over them, on one axis of time; flows may end before strokes do. `now` is a
    step with a line of its own.
    """
    steps = max([*(len(each.values) for each in flows), *(len(each.values) for each in strokes)], default=0)
    top = _nice(_highest(flows, strokes, steps))
    frame = _Frame(width, height, max(steps, 2), top)
    parts = [frame.grid(), *(frame.tick(each, odd=bool(number % 2)) for number, each in enumerate(ticks))]
    base = [0.0] * max((len(flow.values) for flow in flows), default=0)
    for number, flow in enumerate(flows):
        above = [low + max(0.0, value) for low, value in zip(base, _whole(flow.values, len(base)), strict=True)]
        parts.append(frame.area(base, above, f"flow flow-{min(number, COLOURS - 1)}", flow.name))
        base = above
    parts += [frame.line(each) for each in strokes]
    if now is not None:
        parts.append(frame.upright(now, "flow-now"))
    return Markup('<svg class="flows" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        width, height, label, Markup("").join(parts)
    )


def thinned(values: Sequence[float], points: int = POINTS_MAX) -> tuple[float, ...]:
    """At most so many values: means of stretches of equal length, the last of which may be shorter."""
    every = stride(len(values), points)
    return tuple(sum(values[at : at + every]) / len(values[at : at + every]) for at in range(0, len(values), every))


def stride(count: int, points: int = POINTS_MAX) -> int:
    """How many values become one when `count` are drawn."""
    return max(1, -(-count // points))


def _whole(values: Sequence[float], steps: int) -> list[float]:
    return [*values, *([0.0] * (steps - len(values)))]


def _highest(flows: Sequence[Flow], strokes: Sequence[Stroke], steps: int) -> float:
    stacked = [sum(flow.values[at] for flow in flows if at < len(flow.values)) for at in range(steps)]
    lines = [value for stroke in strokes for value in stroke.values if value is not None]
    return max([*stacked, *lines, 0.0])


def _nice(value: float) -> float:
    """The next number above that is 1, 2, 4 or 8 times a power of ten, so that quarters of it are round."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 8, 10) if step * power >= value * 1.0001 or step == 10)


def number_text(value: float) -> str:
    """A short number for an axis: 1.5k, 20, 0.25."""
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


class _Frame:
    def __init__(self, width: int, height: int, steps: int, top: float) -> None:
        self._width, self._height, self._top = width, height, top
        self._step = (width - _LEFT - _RIGHT) / (steps - 1)

    def _x(self, at: float) -> float:
        return round(_LEFT + at * self._step, 1)

    def _y(self, value: float) -> float:
        return round(self._height - _BOTTOM - value / self._top * (self._height - _BOTTOM - _TOP), 1)

    def grid(self) -> Markup:
        lines = []
        for number in range(_LINES + 1):
            value = self._top * number / _LINES
            y = self._y(value)
            lines.append(
                Markup('<path class="flow-grid" d="M{} {}H{}"/><text class="flow-axis" x="{}" y="{}">{}</text>').format(
                    _LEFT, y, self._width - _RIGHT, _LEFT - 8, y + 5, number_text(round(value, 6))
                )
            )
        return Markup("").join(lines)

    def tick(self, tick: Tick, *, odd: bool) -> Markup:
        """Every other label can be left out where there is little room."""
        x, kind = self._x(tick.at), "flow-time flow-odd" if odd else "flow-time"
        return Markup('<path class="flow-grid" d="M{} {}v5"/><text class="{}" x="{}" y="{}">{}</text>').format(
            x, self._height - _BOTTOM, kind, x, self._height - 6, tick.label
        )

    def upright(self, at: float, kind: str) -> Markup:
        return Markup('<path class="{}" d="M{} {}V{}"/>').format(kind, self._x(at), _TOP, self._height - _BOTTOM)

    def area(self, low: Sequence[float], high: Sequence[float], kind: str, name: str) -> Markup:
        if not high:
            return Markup("")
        upper = [f"{self._x(at):g} {self._y(value):g}" for at, value in enumerate(high)]
        lower = [f"{self._x(at):g} {self._y(value):g}" for at, value in enumerate(low)]
        path = "M" + "L".join([*upper, *reversed(lower)]) + "Z"
        return Markup('<path class="{}" d="{}"><title>{}</title></path>').format(kind, path, name)

    def line(self, stroke: Stroke) -> Markup:
        pieces: list[str] = []
        open_piece = False
        for at, value in enumerate(stroke.values):
            if value is None:
                open_piece = False
                continue
            pieces.append(f"{'L' if open_piece else 'M'}{self._x(at):g} {self._y(value):g}")
            open_piece = True
        return Markup('<path class="stroke stroke-{}" d="{}"><title>{}</title></path>').format(
            stroke.kind, "".join(pieces), stroke.name
        )
