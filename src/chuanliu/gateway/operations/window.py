"""Which stretch of time the screen shows, in which steps, and what is made of the rows that fall into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from chuanliu.admission import TenantSettings
from chuanliu.clock import DAY, MINUTE, SECOND, Micros
from chuanliu.serving import LATENCY_BUCKETS_S
from chuanliu.web import NextStep, PlanStep, RiverStep, TenantRow

SPANS_MIN: Final[dict[int, Micros]] = {
    15: 5 * SECOND,
    60: MINUTE,
    360: 2 * MINUTE,
    1440: 10 * MINUTE,
    10_080: 60 * MINUTE,
    43_200: 240 * MINUTE,
}
"""Minutes that can be shown at once, and the step of each."""

_SECONDS_KEPT: Final = 14 * MINUTE
_MINUTES_KEPT: Final = 3 * DAY - 60 * MINUTE
_AHEAD: Final = 3
"""As much as a third of the window is shown of what is to come."""
TENANTS_MAX: Final = 12
NEXT_MAX: Final = 6


class Window(NamedTuple):
    """[since, until) in steps; `is_live` ends now."""

    since: Micros
    until: Micros
    step: Micros
    is_live: bool

    @property
    def steps(self) -> int:
        """How many."""
        return (self.until - self.since) // self.step

    @property
    def ahead(self) -> Micros:
        """Until when the plan is shown."""
        return self.until + (self.until - self.since) // _AHEAD if self.is_live else self.until


def window_of(minutes: int, at: Micros | None, now: Micros) -> Window:
    """The window of so many minutes that ends at `at`, or now. Metering becomes coarser with time, and so do steps."""
    is_live = at is None or at >= now
    end = now if at is None or is_live else at
    step, span = SPANS_MIN[minutes], minutes * MINUTE
    age = now - (end - span)
    if not is_live and age > _SECONDS_KEPT:
        step = max(step, MINUTE)
    if age > _MINUTES_KEPT:
        step = max(step, 60 * MINUTE)
        span = max(span, 12 * step)
    until = end // step * step + (0 if is_live else step)
    return Window(until - span // step * step, until, step, is_live)


class TenantSums(NamedTuple):
    """A tenant's requests in one step."""

    at: Micros
    tenant_id: int
    offered: int
    admitted: int
    rejected: int
    cost_units: int


class PlannedSlot(NamedTuple):
    """A slot of the plan in force."""

    starts_at: Micros
    ends_at: Micros
    units: int
    capacity_per_s: float
    promised_per_s: float
    why: str


def river_steps(
    window: Window,
    sums: Iterable[TenantSums],
    latency: Mapping[Micros, Sequence[int]],
    paid: Mapping[Micros, int] | None,
    names: Mapping[int, str],
) -> tuple[RiverStep, ...]:
    """A step for each of the window, also where nothing happened."""
    seconds = window.step / SECOND
    rows: dict[Micros, list[TenantSums]] = {}
    for each in sums:
        rows.setdefault(each.at, []).append(each)
    found = []
    for at in range(window.since, window.until, window.step):
        own = rows.get(at, [])
        counts = latency.get(at, ())
        found.append(
            RiverStep(
                at=at,
                offered=sum(each.offered for each in own) / seconds,
                admitted=sum(each.admitted for each in own) / seconds,
                rejected=sum(each.rejected for each in own) / seconds,
                p50_ms=quantile_ms(counts, 0.5),
                p99_ms=quantile_ms(counts, 0.99),
                paid_minor=None if paid is None else paid.get(at, 0),
                by_tenant={names[each.tenant_id]: each.admitted / seconds for each in own if each.admitted},
            )
        )
    return tuple(found)


def quantile_ms(counts: Sequence[int], part: float) -> float | None:
    """A quantile of answers by `LATENCY_BUCKETS_S`, evenly within a bucket; above all bounds the last one."""
    total = sum(counts)
    if total == 0:
        return None
    wanted, seen, low = total * part, 0, 0.0
    for count, high in zip(counts, LATENCY_BUCKETS_S, strict=False):
        if count and seen + count >= wanted:
            return 1000 * (low + (high - low) * (wanted - seen) / count)
        seen += count
        low = high
    return 1000 * LATENCY_BUCKETS_S[-1]


def plan_steps(window: Window, slots: Sequence[PlannedSlot]) -> tuple[PlanStep, ...]:
    """The plan at each step of the window and, live, beyond it as far as there is one."""
    known = [slot for slot in slots if slot.ends_at > window.since]
    end = min(window.ahead, max((slot.ends_at for slot in known), default=0))
    found = []
    for at in range(window.since, max(window.until, end), window.step):
        # Several slots may fall into one step: the one with the most units counts.
        own = [slot for slot in known if slot.starts_at < at + window.step and slot.ends_at > at]
        most = max(own, key=lambda slot: slot.units, default=None)
        found.append(
            PlanStep()
            if most is None
            else PlanStep(capacity_per_s=most.capacity_per_s, promised_per_s=most.promised_per_s, units=most.units)
        )
    return tuple(found)


def next_steps(slots: Sequence[PlannedSlot], now: Micros) -> tuple[NextStep, ...]:
    """The next changes of units that are planned."""
    found: list[NextStep] = []
    before = next((slot.units for slot in reversed(slots) if slot.starts_at <= now), 0)
    for slot in slots:
        if slot.starts_at > now and slot.units != before:
            found.append(NextStep(at=slot.starts_at, units=slot.units, change=slot.units - before, why=slot.why))
            before = slot.units
        if len(found) == NEXT_MAX:
            break
    return tuple(found)


def tenant_rows(
    window: Window, sums: Iterable[TenantSums], names: Mapping[int, str], settings: Mapping[int, TenantSettings]
) -> tuple[TenantRow, ...]:
    """Who asked for most, with why each gets what it gets: live, within the last minute or the last step."""
    since = window.until - max(MINUTE, window.step) if window.is_live else window.since
    seconds = (window.until - since) / SECOND
    totals: dict[int, list[int]] = {}
    for each in sums:
        if each.at < since:
            continue
        total = totals.setdefault(each.tenant_id, [0, 0, 0])
        for at, count in enumerate((each.offered, each.admitted, each.rejected)):
            total[at] += count
    largest = sorted(totals, key=lambda one: (-totals[one][0], one))[:TENANTS_MAX]
    found = []
    for tenant_id in largest:
        offered, admitted, rejected = (count / seconds for count in totals[tenant_id])
        terms = settings.get(tenant_id, TenantSettings())
        found.append(
            TenantRow(
                name=names[tenant_id],
                offered=offered,
                admitted=admitted,
                rejected=rejected,
                guarantee=terms.guarantee_per_s,
                cap=terms.burst_per_s,
                standing=_standing(offered, rejected, terms) if window.is_live else "past",
            )
        )
    return tuple(found)


def _standing(offered: float, rejected: float, terms: TenantSettings) -> str:
    if terms.burst_per_s is not None and rejected > 0 and offered > terms.burst_per_s:
        return "capped"
    if terms.guarantee_per_s > 0:
        if offered > terms.guarantee_per_s:
            return "over"
        return "overload" if rejected > 0 else "promise"
    return "refused" if rejected > 0 else "shared"
