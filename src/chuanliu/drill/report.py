"""What a drill says at its end."""

from __future__ import annotations

import msgspec


class DrillReport(msgspec.Struct, frozen=True, kw_only=True):
    """`kills` and `recovery_seconds` are by victim; the latter is the longest time from a kill to the first
    acknowledgement of a request that began after it. `acknowledged` is by what was asked for. `retried` counts
    requests that were sent more than once, `unknown` those that got no clear answer in the client's patience, and
    `resolved` the orders that queries settled afterwards. `bank_payments` are those that banks have completed, by both
    sides' books. `kept` is the data folder of a run that went wrong.
    """

    seed: int
    seconds: float
    kills: dict[str, int]
    recovery_seconds: dict[str, float]
    requests: int
    acknowledged: dict[str, int]
    retried: int
    unknown: int
    resolved: int
    answers: dict[str, int]
    notifications: int
    events: int
    audit: str
    violations: list[str]
    bank_payments: int = 0
    kept: str | None = None

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, doubled or off by a cent."""
        return self.audit == "clean" and not self.violations
