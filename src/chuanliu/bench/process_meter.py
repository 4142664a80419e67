"""CPU time and memory of the processes that take part in a run, by role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import psutil


class Memory(msgspec.Struct, frozen=True):
    """Resident and unshared (unique set size) megabytes of one process; unshared is 0 where it cannot be read."""

    pid: int
    rss_mb: float
    unshared_mb: float


class CpuMeter:
    """CPU seconds per role between `start` and `read`. A role is its root processes with all their descendants."""

    def __init__(self, roles: Mapping[str, Iterable[int]]) -> None:
        self._roles = {role: list(pids) for role, pids in roles.items()}
        self._before: dict[int, float] = {}

    def start(self) -> None:
        """Remember the CPU time used so far."""
        self._before = {pid: used for tree in self._trees().values() for pid, used in tree.items()}

    def read(self) -> dict[str, float]:
        """CPU seconds per role since `start`. Processes that ended in between are not counted."""
        return {
            role: round(sum(used - self._before.get(pid, 0.0) for pid, used in tree.items()), 2)
            for role, tree in self._trees().items()
        }

    def _trees(self) -> dict[str, dict[int, float]]:
        return {role: _cpu_seconds(pids) for role, pids in self._roles.items()}


def memory_of(pids: Iterable[int]) -> list[Memory]:
    """Memory of each of the processes that still lives."""
    found: list[Memory] = []
    for pid in pids:
        try:
            process = psutil.Process(pid)
            rss = process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        try:
            unshared = process.memory_full_info().uss
        except psutil.Error:
            unshared = 0
        found.append(Memory(pid=pid, rss_mb=round(rss / 2**20, 1), unshared_mb=round(unshared / 2**20, 1)))
    return found


def _cpu_seconds(pids: Iterable[int]) -> dict[int, float]:
    used: dict[int, float] = {}
    for pid in pids:
        try:
            root = psutil.Process(pid)
            family = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
        for process in family:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            used[process.pid] = times.user + times.system
    return used
