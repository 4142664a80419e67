"""How many deliveries may be under way to one host, and how its merchants share that."""

from __future__ import annotations

from collections import Counter
from typing import Final

PER_HOST_MAX: Final = 64
PER_MERCHANT_MAX: Final = 32

Line = tuple[int, str]
"""A merchant and a host with its port: many merchants may be behind one."""


class Places:
    """Counts what is under way. One merchant's deliveries that hang leave places for the others of the host.

    A merchant may hold as many places at a host as are free there, and `per_merchant_max` at most: n merchants whose
    endpoints hang hold host/(n + 1) each, and as much stays free for who comes next (dynamic thresholds: Choudhury and
    Hahne, IEEE/ACM Transactions on Networking 6 (2), 1998).
    """

    def __init__(self, per_host_max: int = PER_HOST_MAX, per_merchant_max: int = PER_MERCHANT_MAX) -> None:
        self._per_host_max = per_host_max
        self._per_merchant_max = per_merchant_max
        self._hosts: Counter[str] = Counter()
        self._lines: Counter[Line] = Counter()

    def has_room(self, line: Line) -> bool:
        """Whether one more may go out."""
        free = self._per_host_max - self._hosts[line[1]]
        return self._lines[line] < min(free, self._per_merchant_max)

    def take(self, line: Line) -> bool:
        """Take a place; False where there is none."""
        if not self.has_room(line):
            return False
        self._hosts[line[1]] += 1
        self._lines[line] += 1
        return True

    def give_back(self, line: Line) -> None:
        """The delivery has ended."""
        self._hosts[line[1]] -= 1
        self._lines[line] -= 1
        if not self._lines[line]:
            del self._lines[line]
        if not self._hosts[line[1]]:
            del self._hosts[line[1]]

    def full_hosts(self) -> list[str]:
        """Hosts at which nobody has room."""
        return [host for host, count in self._hosts.items() if count >= self._per_host_max]

    def full_lines(self) -> list[Line]:
        """Merchants that have no room at a host."""
        return [line for line in self._lines if not self.has_room(line)]
