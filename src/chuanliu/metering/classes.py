"""Classes of requests, in the order in which they are served when not all can be."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class TrafficClass(IntEnum):
    """The lower the value, the earlier it is served."""

    PAY = 0
    REFUND = 1
    QUERY = 2
    BATCH = 3

    @property
    def label(self) -> str:
        """As commands, metrics and stored rows name it."""
        return self.name.lower()


CLASS_COUNT: Final = len(TrafficClass)

COST_UNITS: Final[dict[TrafficClass, int]] = {
    TrafficClass.PAY: 8,
    TrafficClass.REFUND: 8,
    TrafficClass.QUERY: 1,
    TrafficClass.BATCH: 4,
}
"""Cost units of one admitted request: about how many rows of the database it reads and writes for each of a query."""

UNKNOWN_TENANT: Final = 0
"""Whoever names no merchant that is known here: all of them together are one tenant."""

CASHIER_TENANT: Final = 1
"""Browsers at the cashier. Whose order they look at is known only after the database was asked."""
