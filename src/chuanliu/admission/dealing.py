"""Dealing a pool out: from what every process was asked for to what each may admit until the next deal.

First every tenant's guarantee, as far as it is asked for or not lent; then what is left, class by class in their order,
by weighted max-min up to each tenant's burst; what nobody asks for is spare, and lies with the processes for whoever
comes before the next deal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from chuanliu.admission.settings import PoolSettings, TenantSettings
from chuanliu.admission.shares import fair_shares
from chuanliu.ids import is_shadow_party
from chuanliu.metering import CLASS_COUNT, TrafficClass

HEADROOM: Final = 1.25
"""A want is what was asked for of late; a tenant may grow by so much, and by one request, within its share."""

_NOTHING: Final = (0.0,) * CLASS_COUNT

Wants = Mapping[int, Sequence[float]]
"""Requests a second by tenant and class."""


class Report(msgspec.Struct, frozen=True):
    """What one process was asked for, in requests a second by class, and how long the first in its queue waits."""

    wants: dict[int, tuple[float, float, float, float]]
    wait_s: float = 0.0

    def of(self, *, shadow: bool) -> Report:
        """The part of it that is of rehearsals, or the other one."""
        wants = {one: rates for one, rates in self.wants.items() if is_shadow_party(one) == shadow}
        return Report(wants, self.wait_s)


class Share(msgspec.Struct, frozen=True, array_like=True):
    """A tenant's rates by class, whether it is `within` its guarantee, its `safe` rate (what it keeps when leases no
    longer come), and its `burst` limit.
    """

    rates: tuple[float, float, float, float]
    within: bool
    safe: float
    burst: float | None = None

    @property
    def total(self) -> float:
        """Of all classes."""
        return sum(self.rates)


class Lease(msgspec.Struct, frozen=True):
    """What a process may admit. Without `pool_per_s` there is no limit; `shadow` is its lease of the rehearsals' pool.

    `spare_per_s` is for whoever comes; `safe_spare_per_s` is what is left of the process's equal part of the pool
    beside the safe rates.
    """

    pool_per_s: float | None
    processes: int
    spare_per_s: float = 0.0
    safe_spare_per_s: float = 0.0
    tenants: dict[int, Share] = {}
    shadow: Lease | None = None


def share_pool(limit_per_s: float, settings: PoolSettings, wants: Wants) -> tuple[dict[int, Share], float]:
    """Each tenant's share of the whole pool, and what is spare. `limit_per_s` is never exceeded.

    Guarantees that sum to more than the pool are cut in proportion.
    """
    tenants = sorted({*wants, *settings.tenants})
    promised = sum(settings.of(one).guarantee_per_s for one in tenants)
    scale = min(1.0, limit_per_s / promised) if promised > 0 else 1.0
    needs = {one: [want * HEADROOM + 1 if want > 0 else 0.0 for want in wants.get(one, _NOTHING)] for one in tenants}
    rates: dict[int, list[float]] = {}
    room: dict[int, float] = {}
    for one in tenants:
        terms = settings.of(one)
        base = _base(terms, terms.guarantee_per_s * scale, sum(needs[one]))
        rates[one] = _by_class(base, needs[one])
        room[one] = float("inf") if terms.burst_per_s is None else max(0.0, terms.burst_per_s - base)
    left = max(0.0, limit_per_s - sum(map(sum, rates.values())))
    weights = [settings.of(one).weight for one in tenants]
    for traffic_class in range(CLASS_COUNT):
        asks = [min(max(0.0, needs[one][traffic_class] - rates[one][traffic_class]), room[one]) for one in tenants]
        for one, got in zip(tenants, fair_shares(left, asks, weights), strict=True):
            rates[one][traffic_class] += got
            room[one] = max(0.0, room[one] - got)
            left = max(0.0, left - got)
    shares = {one: _share(settings.of(one), rates[one], wants.get(one, _NOTHING), scale) for one in tenants}
    return shares, max(0.0, left)


def _base(terms: TenantSettings, promised: float, need: float) -> float:
    """What of a guarantee stays with its tenant: what it needs, and what it does not lend."""
    return min(promised, max(need, promised * (1 - terms.lendable_bps / 10_000)))


def _by_class(total: float, needs: Sequence[float]) -> list[float]:
    """A tenant's rate to its classes in their order; the rest to the last, of which every class may take."""
    rates = []
    for need in needs:
        got = min(need, total)
        rates.append(got)
        total -= got
    rates[-1] += total
    return rates


def _share(terms: TenantSettings, rates: Sequence[float], wants: Sequence[float], scale: float) -> Share:
    pay, refund, query, batch = rates
    safe = terms.guarantee_per_s * scale
    # Who keeps a promise of so many a second on average is above it in every other second: three deviations of that.
    within = safe > 0 and sum(wants) <= safe + 3 * safe**0.5 + 1
    return Share((pay, refund, query, batch), within, safe, terms.burst_per_s)


def deal(settings: PoolSettings, reports: Mapping[str, Report]) -> dict[str, Lease]:
    """A lease for each process that reports. Of each tenant's share it gets a part as large as of the requests that
    come to it; of what is spare, half in equal parts and half by how busy it is.
    """
    count = len(reports)
    if settings.limit_per_s is None:
        return {process: Lease(None, count) for process in reports}
    wants: dict[int, list[float]] = {}
    for report in reports.values():
        for tenant_id, rates in report.wants.items():
            total = wants.setdefault(tenant_id, [0.0] * CLASS_COUNT)
            for traffic_class, rate in enumerate(rates):
                total[traffic_class] += rate
    shares, spare = share_pool(settings.limit_per_s, settings, wants)
    busy = sum(map(sum, wants.values()))
    leases = {}
    for process, report in reports.items():
        own = sum(map(sum, report.wants.values()))
        part = (1 / count + own / busy) / 2 if busy > 0 else 1 / count
        leases[process] = Lease(
            settings.limit_per_s,
            count,
            spare * part,
            safe_spare(settings.limit_per_s, shares, count),
            {
                one: _part(share, wants.get(one, _NOTHING), report.wants.get(one), count)
                for one, share in shares.items()
            },
        )
    return leases


def safe_spare(limit_per_s: float, shares: Mapping[int, Share], count: int) -> float:
    """What is left of a process's equal part of the pool beside the safe rates of all tenants."""
    return max(0.0, limit_per_s - sum(share.safe for share in shares.values())) / count


def _part(share: Share, wants: Sequence[float], own: Sequence[float] | None, count: int) -> Share:
    """One process's part of a tenant's share."""
    total = sum(wants)
    even = 1 / count
    whole = sum(own or _NOTHING) / total if total > 0 else even
    rates = [
        rate * ((own or _NOTHING)[number] / wants[number] if wants[number] > 0 else whole)
        for number, rate in enumerate(share.rates)
    ]
    # The part of a guarantee that nobody asked for yet lies in the last class, and any class may take it there.
    unused = max(0.0, share.rates[-1] - wants[TrafficClass.BATCH] * HEADROOM - 1) if total > 0 else 0.0
    if unused > 0 and wants[TrafficClass.BATCH] > 0:
        rates[-1] = (share.rates[-1] - unused) * (own or _NOTHING)[TrafficClass.BATCH] / wants[TrafficClass.BATCH]
        rates[-1] += unused * whole
    pay, refund, query, batch = rates
    burst = None if share.burst is None else share.burst * (0.5 * even + 0.5 * whole) if total > 0 else share.burst
    return Share((pay, refund, query, batch), share.within, share.safe * even, burst)


def first_lease(settings: PoolSettings, count: int) -> Lease:
    """What a process has before its first lease: its safe part, at once."""
    if settings.limit_per_s is None:
        return Lease(None, count)
    shares, _ = share_pool(settings.limit_per_s, settings, {})
    own = {
        one: Share((0.0, 0.0, 0.0, share.safe / count), within=True, safe=share.safe / count, burst=share.burst)
        for one, share in shares.items()
    }
    spare = safe_spare(settings.limit_per_s, shares, count)
    return Lease(settings.limit_per_s, count, spare, spare, own)
