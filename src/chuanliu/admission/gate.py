"""The gate of one process: buckets that fill by its lease, and who may take of which.

Every tenant has a bucket for each class. A request takes from its own class's; where that is empty, from those of later
classes, so that a payment never waits behind a query. What overflows a bucket flows to the tenant's later classes and
then to the spare bucket, of which everybody may take: nothing of the pool is lost to an idle tenant. Times are in
seconds of any steady clock.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from chuanliu.admission.congestion import Congestion
from chuanliu.admission.dealing import Lease, Report, Share
from chuanliu.metering import CLASS_COUNT, TrafficClass

DEPTH_S: Final = 0.5
"""A bucket holds what flows into it in this time, and one request at the least."""

SPARE_DEPTH_S: Final = 0.2
LEASE_S: Final = 3.0
"""A lease is good for so long. They come each second, so two may be missed."""

DECAY_S: Final = 10.0
"""After that a process goes from its last lease to its safe share in this time, as Doorman's clients do."""

_STEP_S_MAX: Final = 1.0
WITHIN_DEPTH_S: Final = 1.0
_WITHIN_DEPTH_MIN: Final = 3.0
"""Who is within its guarantee may save up more: requests do not come evenly."""

_SPARE_DEPTH_MIN: Final = 8.0
_RESERVED: Final = (0.25, 0.3, 0.4, 0.6)
"""The part of the spare bucket that a class leaves to earlier ones, and all to tenants within their guarantee."""

_CALM: Final = 0.2
"""How much of the difference a want follows downwards in a second; upwards it follows at once."""


class Verdict(IntEnum):
    """`OVER_SHARE`: the tenant has used up what it may. `OVERLOADED`: requests wait for too long."""

    ADMITTED = 0
    OVER_SHARE = 1
    OVERLOADED = 2


class _Tenant:
    __slots__ = (
        "burst",
        "burst_depth",
        "burst_tokens",
        "depths",
        "offered",
        "rates",
        "share",
        "tokens",
        "wants",
        "within",
    )

    def __init__(self) -> None:
        self.share: Share | None = None
        self.rates = [0.0] * CLASS_COUNT
        self.depths = [0.0] * CLASS_COUNT
        self.tokens = [0.0] * CLASS_COUNT
        self.within = False
        self.burst: float | None = None
        self.burst_tokens = 0.0
        self.burst_depth = 0.0
        self.offered = [0] * CLASS_COUNT
        self.wants = [0.0] * CLASS_COUNT


class Gate:
    """`decide` for each request; `tick` some twenty times a second; `report` and `adopt` each second.

    Until the first lease, everybody is let in.
    """

    def __init__(self, congestion: Congestion | None = None) -> None:
        self.congestion = congestion if congestion is not None else Congestion()
        self._tenants: dict[int, _Tenant] = {}
        self._limited = False
        self._lease = Lease(None, 1)
        self._adopted_at = 0.0
        self._now = 0.0
        self._reported_at: float | None = None
        self._spare = 0.0
        self._spare_rate = 0.0
        self._spare_depth = 0.0
        self._decayed = 0.0

    @property
    def limit_per_s(self) -> float | None:
        """What this process admits a second at present; None for no limit."""
        if not self._limited:
            return None
        return self._spare_rate + sum(sum(tenant.rates) for tenant in self._tenants.values())

    def decide(self, tenant_id: int, traffic_class: TrafficClass, deadline_s: float | None = None) -> Verdict:
        """Let a request in, or not. `deadline_s` is how long its sender waits, where that is known."""
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            tenant = self._tenants[tenant_id] = _Tenant()
        tenant.offered[traffic_class] += 1
        if self.congestion.sheds(traffic_class, deadline_s):
            return Verdict.OVERLOADED
        if not self._limited:
            return Verdict.ADMITTED
        if tenant.burst is not None:
            if tenant.burst_tokens < 1.0:
                return Verdict.OVER_SHARE
            if self._take(tenant, traffic_class):
                tenant.burst_tokens -= 1.0
                return Verdict.ADMITTED
            return Verdict.OVER_SHARE
        return Verdict.ADMITTED if self._take(tenant, traffic_class) else Verdict.OVER_SHARE

    def _take(self, tenant: _Tenant, traffic_class: int) -> bool:
        tokens = tenant.tokens
        for bucket in range(traffic_class, CLASS_COUNT):
            if tokens[bucket] >= 1.0:
                tokens[bucket] -= 1.0
                return True
        kept = 0.0 if tenant.within else _RESERVED[traffic_class] * self._spare_depth
        if self._spare >= 1.0 + kept:
            self._spare -= 1.0
            return True
        return False

    def tick(self, now: float) -> None:
        """Let the buckets fill."""
        step = min(max(0.0, now - self._now), _STEP_S_MAX)
        self._now = now
        if not self._limited:
            return
        self._decay(now)
        overflow = self._spare_rate * step
        for tenant in self._tenants.values():
            flow = 0.0
            tokens, depths = tenant.tokens, tenant.depths
            for number, rate in enumerate(tenant.rates):
                level = tokens[number] + rate * step + flow
                flow = level - depths[number]
                if flow > 0.0:
                    level = depths[number]
                else:
                    flow = 0.0
                tokens[number] = level
            overflow += flow
            if tenant.burst is not None:
                tenant.burst_tokens = min(tenant.burst_tokens + tenant.burst * step, tenant.burst_depth)
        self._spare = min(self._spare + overflow, self._spare_depth)

    def report(self, now: float) -> Report:
        """What this process was asked for: a tenant's want follows its requests up at once and down slowly."""
        passed = now - self._reported_at if self._reported_at is not None else 1.0
        self._reported_at = now
        gone = []
        for tenant_id, tenant in self._tenants.items():
            for number in range(CLASS_COUNT):
                rate = tenant.offered[number] / max(passed, 0.1)
                want = tenant.wants[number]
                want = rate if rate > want else want + (rate - want) * _CALM
                tenant.wants[number] = want if want > 0.01 else 0.0
                tenant.offered[number] = 0
            if not any(tenant.wants) and tenant.share is None:
                gone.append(tenant_id)
        for tenant_id in gone:
            del self._tenants[tenant_id]
        wants = {tenant_id: _four(tenant.wants) for tenant_id, tenant in self._tenants.items() if any(tenant.wants)}
        return Report(wants)

    def adopt(self, lease: Lease, now: float) -> None:
        """Go by a new lease from here on."""
        self._lease = lease
        self._adopted_at = now
        self._decayed = 0.0
        was_limited, self._limited = self._limited, lease.pool_per_s is not None
        for tenant_id in lease.tenants:
            if tenant_id not in self._tenants:
                self._tenants[tenant_id] = _Tenant()
        for tenant_id, tenant in self._tenants.items():
            tenant.share = lease.tenants.get(tenant_id)
        self._apply(0.0)
        if not was_limited:
            self._now = now
            self._spare = self._spare_depth
            for tenant in self._tenants.values():
                tenant.tokens = [min(depth, 1.0) for depth in tenant.depths]

    def _decay(self, now: float) -> None:
        """Without a new lease: step by step to the safe share."""
        decayed = min(1.0, max(0.0, (now - self._adopted_at - LEASE_S) / DECAY_S))
        if decayed - self._decayed >= 0.1 or (decayed == 1.0 and self._decayed < 1.0):
            self._decayed = decayed
            self._apply(decayed)

    def _apply(self, decayed: float) -> None:
        lease, kept = self._lease, 1.0 - decayed
        self._spare_rate = lease.spare_per_s * kept + lease.safe_spare_per_s * decayed
        whole = self._spare_rate
        for tenant in self._tenants.values():
            share = tenant.share
            was_capped = tenant.burst is not None
            if share is None:
                rates, tenant.within, tenant.burst = [0.0] * CLASS_COUNT, False, None
            else:
                rates = [rate * kept for rate in share.rates]
                rates[-1] += share.safe * decayed
                tenant.within, tenant.burst = share.within, share.burst
            tenant.rates = rates
            least, depth_s = (_WITHIN_DEPTH_MIN, WITHIN_DEPTH_S) if tenant.within else (1.0, DEPTH_S)
            tenant.depths = [max(least, rate * depth_s) if rate > 0 else 0.0 for rate in rates]
            if tenant.burst is not None:
                tenant.burst_depth = max(least, tenant.burst * depth_s)
                tenant.burst_tokens = min(tenant.burst_tokens, tenant.burst_depth) if was_capped else tenant.burst_depth
            flow = 0.0
            for number, depth in enumerate(tenant.depths):
                level = tenant.tokens[number] + flow
                tenant.tokens[number] = min(level, depth)
                flow = max(0.0, level - depth)
            # What a smaller bucket cannot hold was dealt to this process all the same: it is for whoever comes.
            self._spare += flow
            whole += sum(rates)
        # A pool of nothing lets nobody in, not even the first.
        self._spare_depth = max(min(_SPARE_DEPTH_MIN, whole), whole * SPARE_DEPTH_S, 1.0) if whole > 0 else 0.0
        self._spare = min(self._spare, self._spare_depth)


def _four(rates: list[float]) -> tuple[float, float, float, float]:
    pay, refund, query, batch = rates
    return pay, refund, query, batch
