"""Metered rows as a series of rates by tenant, as forecasts and replays read it."""

from __future__ import annotations

from collections.abc import Iterable

from chuanliu.clock import SECOND, Micros
from chuanliu.ids import is_shadow_party
from chuanliu.metering.meter import MeteredRow


def offered_rates(rows: Iterable[MeteredRow], since: Micros, step: Micros, slots: int) -> dict[int, list[float]]:
    """What each tenant asked for in each of `slots` slots of `step` from `since` on, in requests/s.

    A row counts in the slot in which it begins; rows outside of the slots, and those of rehearsals, do not count.
    """
    found: dict[int, list[float]] = {}
    for row in rows:
        slot = (row.starts_at - since) // step
        if 0 <= slot < slots and not is_shadow_party(row.tenant_id):
            rates = found.get(row.tenant_id)
            if rates is None:
                rates = found[row.tenant_id] = [0.0] * slots
            rates[slot] += row.offered * SECOND / step
    return dict(sorted(found.items()))
