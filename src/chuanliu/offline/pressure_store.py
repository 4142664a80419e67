"""How long tasks of this machine wait for a CPU: Linux's pressure-stall information (PSI)."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

CPU_PRESSURE: Final = Path("/proc/pressure/cpu")
OWN_SCHEDULING: Final = Path("/proc/thread-self/schedstat")

_TOTAL: Final = re.compile(r"some .*total=([0-9]+)")


class CpuPressure:
    """The share of time since the last look in which some task but this thread waited for a CPU.

    Reads the `some` total of `/proc/pressure/cpu` (microseconds; kernel document "PSI") and takes off what this thread
    itself waited (`/proc/thread-self/schedstat`, nanoseconds): in the idle class it waits for others all the time.
    """

    def __init__(
        self,
        pressure: Path = CPU_PRESSURE,
        own: Path = OWN_SCHEDULING,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._pressure = pressure
        self._own = own
        self._clock = clock
        self._last = self._read()
        self._at = clock()

    def share(self) -> float | None:
        """0 to 1; None where the kernel does not tell."""
        found, at = self._read(), self._clock()
        last, passed = self._last, at - self._at
        self._last, self._at = found, at
        if found is None or last is None or passed <= 0:
            return None
        waited_s = (found[0] - last[0]) / 1e6 - (found[1] - last[1]) / 1e9
        return min(1.0, max(0.0, waited_s / passed))

    def _read(self) -> tuple[int, int] | None:
        try:
            total = _TOTAL.search(self._pressure.read_text())
            own = int(self._own.read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return None
        return None if total is None else (int(total[1]), own)


def become_idle() -> bool:
    """Put this thread, and those that it starts, into the idle scheduling class. False where the system has none."""
    policy = getattr(os, "SCHED_IDLE", None)
    if policy is None:
        return False
    try:
        os.sched_setscheduler(0, policy, os.sched_param(0))
    except OSError:
        return False
    return True
