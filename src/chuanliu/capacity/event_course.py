"""How an event runs through its length, slot by slot: what generated loads are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from chuanliu.capacity.trace import Floats
from chuanliu.clock import SECOND, Micros

Course = Callable[[Floats], Floats]
"""The part of the peak, 0 to 1, that an event has when that part of its length has passed."""

FINE: Final = 10 * SECOND


def step_course(part: Floats) -> Floats:
    """All of the peak from the start to the end."""
    return np.ones_like(part)


def ramp_course(part: Floats) -> Floats:
    """Up to the peak in a line, which is reached at the end."""
    return part


def hill_course(part: Floats) -> Floats:
    """Up to the middle, and down again."""
    return np.asarray(1 - np.abs(2 * part - 1))


def plateau_course(part: Floats) -> Floats:
    """Up in a quarter of the length, then level."""
    return np.asarray(np.minimum(part * 4, 1))


def averaged(
    course: Course, begin: Micros, length: Micros, *, start: Micros, step: Micros, slots: int, every: Micros = 0
) -> Floats:
    """The mean of a course over each slot, from samples ten seconds apart. With `every` it is on for half of each such
    period only.
    """
    fine = min(FINE, step)
    per = step // fine
    since = np.arange(slots * per) * fine + fine // 2 + start - begin
    inside = (since >= 0) & (since < length)
    if every:
        inside &= since % every < every // 2
    values = np.where(inside, course(since / length), 0.0)
    return np.asarray(values.reshape(slots, per).mean(axis=1))
