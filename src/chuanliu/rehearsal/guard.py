"""Whether real tenants suffer: what they get now against what they got before the rehearsal began."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from chuanliu.ids import is_shadow_party
from chuanliu.metering import MeteredRow
from chuanliu.serving import LATENCY_BUCKETS_S

ENOUGH: Final = 10
"""Fewer requests than this say nothing."""

LOOKS: Final = 3
"""So many bad looks in a row stop a rehearsal."""

SLOW_S: Final = 0.25
"""Nobody suffers below it, whatever it was before."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """`rejected_share`: how much larger the part of real requests that is turned away may become. `latency_times`: how
    many times as long as before 95 of 100 may take.
    """

    rejected_share: float = 0.01
    latency_times: float = 3.0


class RealView(msgspec.Struct, frozen=True, kw_only=True):
    """What real tenants got in a stretch of time. `p95_s` is None without answers."""

    offered: int = 0
    rejected: int = 0
    answered: int = 0
    p95_s: float | None = None

    @property
    def rejected_share(self) -> float:
        """Of what they asked for."""
        return self.rejected / self.offered if self.offered else 0.0


def real_view(rows: Iterable[MeteredRow]) -> RealView:
    """Of metered rows, those of real tenants; people at the cashier and strangers count among them."""
    offered = rejected = answered = 0
    latency = [0] * (len(LATENCY_BUCKETS_S) + 1)
    for row in rows:
        if is_shadow_party(row.tenant_id):
            continue
        offered += row.offered
        rejected += row.rejected
        answered += row.answered
        for at, count in enumerate(row.latency):
            latency[at] += count
    return RealView(offered=offered, rejected=rejected, answered=answered, p95_s=quantile_s(latency, 0.95))


def quantile_s(latency: list[int], part: float) -> float | None:
    """A quantile of counts by `LATENCY_BUCKETS_S`, evenly within a bucket; above all bounds the last one."""
    total = sum(latency)
    if total == 0:
        return None
    wanted, seen, low = total * part, 0, 0.0
    for count, high in zip(latency, LATENCY_BUCKETS_S, strict=False):
        if count and seen + count >= wanted:
            return low + (high - low) * (wanted - seen) / count
        seen += count
        low = high
    return LATENCY_BUCKETS_S[-1]


class Guard:
    """`look` at each new view; it says why to stop once real tenants have suffered for some looks in a row."""

    def __init__(self, before: RealView, limits: Limits) -> None:
        self.before = before
        self._limits = limits
        self._bad = 0

    def look(self, now: RealView) -> str | None:
        """Why the rehearsal must stop, or None."""
        found = self._suffering(now)
        self._bad = self._bad + 1 if found else 0
        return found if self._bad >= LOOKS else None

    def _suffering(self, now: RealView) -> str | None:
        if now.offered < ENOUGH:
            return None
        before = self.before
        if now.rejected_share > before.rejected_share + self._limits.rejected_share:
            return f"{now.rejected_share:.1%} of real requests are turned away, {before.rejected_share:.1%} were before"
        usual_s = before.p95_s if before.answered >= ENOUGH and before.p95_s is not None else SLOW_S
        allowed_s = max(usual_s * self._limits.latency_times, SLOW_S)
        if now.answered >= ENOUGH and now.p95_s is not None and now.p95_s > allowed_s:
            return f"95 of 100 real requests take up to {now.p95_s * 1000:.0f} ms, {usual_s * 1000:.0f} ms before"
        return None
