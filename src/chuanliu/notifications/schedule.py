"""When an undelivered notification is sent again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chuanliu.clock import HOUR, MINUTE, SECOND, Micros


@dataclass(frozen=True, slots=True)
class Schedule:
    """The waits before each attempt, in microseconds, the first attempt's included."""

    gaps: tuple[Micros, ...]

    @property
    def attempts_max(self) -> int:
        """How often a notification is sent at most."""
        return len(self.gaps)

    def next_due(self, attempts: int, at: Micros) -> Micros | None:
        """When to send next, or None when the schedule is used up.

        `attempts` have been made so far, the last of them at `at`; with none made, `at` is when the event happened.
        """
        return at + self.gaps[attempts] if attempts < len(self.gaps) else None


# Alipay open platform, asynchronous notifications: eight deliveries within 24 h 22 min.
ALIPAY: Final = Schedule((0, 4 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR))

# The schedule that Standard Webhooks recommends: ten deliveries within 76 hours.
NATIVE: Final = Schedule(
    (
        0,
        5 * SECOND,
        5 * MINUTE,
        30 * MINUTE,
        2 * HOUR,
        5 * HOUR,
        10 * HOUR,
        14 * HOUR,
        20 * HOUR,
        24 * HOUR,
    )
)
