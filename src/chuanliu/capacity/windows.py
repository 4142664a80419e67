"""When a plan has units for each offline job, as stretches of time."""

from __future__ import annotations

import msgspec

from chuanliu.capacity.plan import Plan
from chuanliu.clock import Micros

_LEAST_UNITS = 1e-6


class Window(msgspec.Struct, frozen=True):
    """From `begin` until `end`, in microseconds."""

    begin: Micros
    end: Micros


def windows_of(plan: Plan, start: Micros, step: Micros) -> dict[str, list[Window]]:
    """The windows of each job of a plan that begins at `start`, slots of length `step` that touch each other as one."""
    found: dict[str, list[Window]] = {}
    for row, name in enumerate(plan.jobs):
        windows: list[Window] = []
        for slot in (plan.offline[row] > _LEAST_UNITS).nonzero()[0].tolist():
            begin = start + slot * step
            if windows and windows[-1].end == begin:
                windows[-1] = Window(windows[-1].begin, begin + step)
            else:
                windows.append(Window(begin, begin + step))
        found[name] = windows
    return found
