"""What came of a rehearsal's requests, held against what was promised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from chuanliu.bench import Histogram
from chuanliu.clock import iso_text
from chuanliu.rehearsal.guard import RealView
from chuanliu.rehearsal.messages import Books, Second, TenantSecond
from chuanliu.rehearsal.report import BooksResult, Finding, SecondResult, TenantResult
from chuanliu.rehearsal.script import Script

STRETCH_S: Final = 5
"""Promises are rates: they are held against so many seconds at once."""

LOST_MAX: Final = 0.001
"""A promise is kept when at most this part of what was within it is not served (and not more than `LOST_FEW`)."""

LOST_FEW: Final = 3


class Tally:
    """Requests by second and tenant, as they are settled."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._seconds: dict[int, dict[int, TenantSecond]] = {}
        self.books = Books()
        self.samples: list[str] = []

    def take(self, report: Second) -> None:
        """Add what the generator has settled."""
        self.books = report.books
        self.samples += report.samples[: max(0, 20 - len(self.samples))]
        for second, rows in report.settled.items():
            known = self._seconds.setdefault(second, {})
            for row in rows:
                known[row.row] = _added(known[row.row], row) if row.row in known else row

    @property
    def seconds(self) -> int:
        """From the start to the last second that has something."""
        return max(self._seconds, default=-1) + 1

    def tenants(self, merchants: Sequence[int], cost_units: Mapping[int, int]) -> list[TenantResult]:
        """Each tenant's figures over the whole run."""
        script = self._script
        found = []
        for row, tenant in enumerate(script.tenants):
            result = TenantResult(
                tenant=tenant,
                group=script.groups[row],
                merchant_id=str(merchants[row]),
                guarantee_max_per_s=round(float(script.guaranteed[row].max()), 3),
                cap_max_per_s=round(float(script.cap[row].max()), 3),
                cost_units=cost_units.get(merchants[row], 0),
            )
            histogram = Histogram()
            for second in sorted(self._seconds):
                one = self._seconds[second].get(row)
                if one is not None:
                    _count(result, one)
                    histogram.merge(Histogram(one.latency))
            for within, lost, _ in self._stretches(row):
                result.within_promise += within
                result.lost += lost
            result.admitted_share = round(1 - _turned_away(result) / result.offered, 4) if result.offered else 1.0
            result.p50_ms, result.p99_ms = histogram.percentile_ms(50), histogram.percentile_ms(99)
            found.append(result)
        return found

    def _stretches(self, row: int) -> Iterator[tuple[int, int, int]]:
        """(requests within the promise, those of them that were not served, second) of each stretch."""
        for begin in range(0, self.seconds, STRETCH_S):
            span = range(begin, min(begin + STRETCH_S, self.seconds))
            offered, lost = 0, 0
            for second in span:
                one = self._seconds.get(second, {}).get(row)
                if one is not None:
                    offered += one.offered
                    lost += one.over_share + one.overloaded + one.failed + one.unsent
            if offered and offered <= sum(self._script.promised(row, second) for second in span):
                yield offered, lost, begin

    def latency(self) -> Histogram:
        """Of all answers."""
        histogram = Histogram()
        for rows in self._seconds.values():
            for one in rows.values():
                histogram.merge(Histogram(one.latency))
        return histogram

    def timeline(self, real: Mapping[int, RealView]) -> list[SecondResult]:
        """Each second of the run."""
        script = self._script
        found = []
        for second in range(self.seconds):
            rows = self._seconds.get(second, {}).values()
            slot = script.slot_at(second)
            histogram = Histogram()
            groups: dict[str, int] = {}
            for one in rows:
                histogram.merge(Histogram(one.latency))
                group = script.groups[one.row]
                groups[group] = groups.get(group, 0) + one.answered
            found.append(
                SecondResult(
                    at_s=second,
                    time=iso_text(script.moment(second)),
                    offered=sum(one.offered for one in rows),
                    answered=sum(one.answered for one in rows),
                    turned_away=sum(one.over_share + one.overloaded for one in rows),
                    p99_ms=histogram.percentile_ms(99),
                    units=script.units[slot],
                    capacity_per_s=script.units[slot] * script.unit_rate,
                    promised_per_s=round(float(script.guaranteed[:, slot].sum()), 3),
                    by_group=groups,
                    real=real.get(second),
                )
            )
        return found

    def findings(self, latency_ms_max: float) -> list[Finding]:
        """What did not hold, in the order of time: each kind once, and broken promises once for each tenant."""
        return sorted(
            [*self._broken_promises(), *self._failures(), *self._slow(latency_ms_max)],
            key=lambda each: -1.0 if each.at_s is None else each.at_s,
        )

    def _finding(self, kind: str, second: int, text: str) -> Finding:
        return Finding(kind=kind, text=text, at_s=float(second), time=iso_text(self._script.moment(second)))

    def _broken_promises(self) -> list[Finding]:
        """All together are within what may be lost, or every tenant that lost something is named."""
        found = []
        whole = missing = 0
        for row, tenant in enumerate(self._script.tenants):
            stretches = list(self._stretches(row))
            whole += sum(within for within, _, _ in stretches)
            lost = sum(lost for _, lost, _ in stretches)
            missing += lost
            if lost:
                first = next(second for _, lost, second in stretches if lost)
                found.append(
                    self._finding("promise_broken", first, f"{tenant} kept to its promise and lost {lost} requests")
                )
        return found if missing > max(LOST_FEW, whole * LOST_MAX) else []

    def _failures(self) -> list[Finding]:
        found = []
        for kind, text in (("failed", "requests failed"), ("unsent", "requests found no free connection in 2 s")):
            counts = {
                second: sum(getattr(one, kind) for one in rows.values()) for second, rows in self._seconds.items()
            }
            first = min((second for second, count in counts.items() if count), default=None)
            if first is not None:
                found.append(self._finding(kind, first, f"{sum(counts.values())} {text}"))
        return found

    def _slow(self, latency_ms_max: float) -> list[Finding]:
        """Whether 99 of 100 answers of the run came in time; if not, since when."""
        p99_ms = self.latency().percentile_ms(99)
        if p99_ms is None or p99_ms <= latency_ms_max:
            return []
        for second in sorted(self._seconds):
            histogram = Histogram()
            for one in self._seconds[second].values():
                histogram.merge(Histogram(one.latency))
            worst = histogram.percentile_ms(99)
            if worst is not None and worst > latency_ms_max:
                return [self._finding("slow", second, f"1 of 100 answers took longer than {p99_ms:.0f} ms")]
        return []


def book_findings(books: BooksResult) -> list[Finding]:
    """Where merchants were told something else than what is stored, or shadow and real money met."""
    told, found = books.acknowledged, []
    if not told.payments <= books.stored_payments <= told.payments + told.unknown:
        found.append(
            f"{books.stored_payments} payments are stored, {told.payments} acknowledged, {told.unknown} unknown"
        )
    if not told.payments_minor <= books.stored_minor <= told.payments_minor + told.unknown_minor:
        found.append(f"{books.stored_minor} minor units are stored as paid, {told.payments_minor} were acknowledged")
    if not told.refunds <= books.stored_refunds <= told.refunds + told.refunds_unknown:
        found.append(
            f"{books.stored_refunds} refunds are stored, {told.refunds} acknowledged, {told.refunds_unknown} unknown"
        )
    if books.joined:
        found.append(f"{books.joined} postings join shadow and real accounts")
    left = {name: count for name, count in books.left_open.items() if count}
    if left:
        found.append(f"a minute after the end this is not done: {left}")
    return [Finding(kind="books", text=text) for text in found]


def _added(one: TenantSecond, other: TenantSecond) -> TenantSecond:
    latency = Histogram(one.latency)
    latency.merge(Histogram(other.latency))
    return TenantSecond(
        row=one.row,
        offered=one.offered + other.offered,
        answered=one.answered + other.answered,
        over_share=one.over_share + other.over_share,
        overloaded=one.overloaded + other.overloaded,
        declined=one.declined + other.declined,
        failed=one.failed + other.failed,
        unsent=one.unsent + other.unsent,
        latency=latency.counts,
    )


def _count(result: TenantResult, one: TenantSecond) -> None:
    for name in ("offered", "answered", "over_share", "overloaded", "declined", "failed", "unsent"):
        setattr(result, name, getattr(result, name) + getattr(one, name))


def _turned_away(result: TenantResult) -> int:
    return result.over_share + result.overloaded
