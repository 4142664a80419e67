"""A circuit breaker: stops sending to a destination that does not answer, and asks it again now and then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FAILURES_MAX: Final = 5
OPEN_S: Final = 30.0
OPEN_S_MAX: Final = 600.0


@dataclass(slots=True)
class Breaker:
    """Times are seconds of one monotonic clock, passed in.

    Closed until `failures_max` failures in a row; then open for `open_s`, doubled after each failed probe up to
    `open_s_max`. When that time is over one caller is admitted as a probe, and its success closes the breaker.
    """

    failures_max: int = FAILURES_MAX
    open_s: float = OPEN_S
    open_s_max: float = OPEN_S_MAX
    failures: int = 0
    reopens_at: float = 0.0
    probing: bool = False

    @property
    def closed(self) -> bool:
        """Whether everybody is admitted."""
        return self.failures < self.failures_max

    def admit(self, now: float) -> bool:
        """Whether a call may go out. Every admitted call must end in `succeeded`, `failed` or `abandoned`."""
        if self.closed:
            return True
        if self.probing or now < self.reopens_at:
            return False
        self.probing = True
        return True

    def succeeded(self) -> None:
        """The destination answered, whatever it said."""
        self.failures = 0
        self.probing = False

    def failed(self, now: float) -> None:
        """The destination could not be reached or did not answer in time."""
        if self.closed or self.probing:
            self.failures += 1
        self.probing = False
        if not self.closed:
            doublings = min(self.failures - self.failures_max, 32)
            self.reopens_at = now + min(self.open_s * 2**doublings, self.open_s_max)

    def abandoned(self) -> None:
        """The call was given up for reasons of our own: nothing was learnt."""
        self.probing = False
