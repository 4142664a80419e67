"""Events that tenants declare: when, in what shape, and how much is expected of them.

Rates are requests per second on top of what the tenant has otherwise. An event covers [start, end).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from chuanliu.clock import MINUTE, Micros, iso_text

Shape = Literal["step", "ramp", "pulse"]
SHAPES: Final[tuple[str, ...]] = ("step", "ramp", "pulse")
PULSES_MAX: Final = 10_000
"""The most pulses of one train."""
EARLY: Final[Micros] = MINUTE
"""So long before and after an event what it promises counts."""


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """An expected peak in requests/s: it stays below `p50` half of the time, and so on. Ascending, not negative."""

    p50: float
    p90: float
    p99: float


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event. With `unknown_time` a pulse of `duration` may come anywhere in [start, end), and `standby_per_s` is
    reserved all along; else start and end are when it happens. A pulse with `every` is a train: `duration` on,
    begun anew each `every`.
    """

    tenant: str
    start: Micros
    end: Micros
    shape: Shape
    peak_per_s: Quantiles
    duration: Micros
    every: Micros = 0
    unknown_time: bool = False
    standby_per_s: float = 0.0
    multiplies: str | None = None
    name: str = ""

    @property
    def pulses(self) -> int:
        """How many times it takes place: more than once in a train of pulses alone."""
        return -(-(self.end - self.start) // self.every) if self.every else 1

    def spans(self) -> list[tuple[Micros, Micros]]:
        """When it is known to take place, as [from, to): none for an unknown time, many for a train of pulses."""
        if self.unknown_time:
            return []
        if not self.every:
            return [(self.start, self.end)]
        return [(at, min(at + self.duration, self.end)) for at in range(self.start, self.end, self.every)]


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """Events that fall together in [start, end). `is_conflict`: of one tenant, so that it promises twice at once."""

    start: str
    end: str
    tenants: list[str]
    names: list[str]
    is_conflict: bool
    sum_p50_per_s: float
    sum_p99_per_s: float


def overlaps_of(events: Sequence[Event], most: int | None = None) -> list[Overlap]:
    """All maximal stretches of time in which the same two or more events fall together, in order of time; the first
    `most` of them.
    """
    spans = sorted((begin, end, at) for at, event in enumerate(events) for begin, end in _claims(event))
    edges = sorted({edge for begin, end, _ in spans for edge in (begin, end)})
    found: list[Overlap] = []
    alive: list[tuple[Micros, int]] = []
    coming = 0
    for here, there in itertools.pairwise(edges):
        if most is not None and len(found) >= most:
            break
        alive = [each for each in alive if each[0] > here]
        while coming < len(spans) and spans[coming][0] <= here:
            alive.append((spans[coming][1], spans[coming][2]))
            coming += 1
        together = [events[at] for at in sorted({at for _, at in alive})]
        if len(together) > 1:
            tenants = sorted({event.tenant for event in together})
            found.append(
                Overlap(
                    start=iso_text(here),
                    end=iso_text(there),
                    tenants=tenants,
                    names=[event.name for event in together],
                    is_conflict=len(tenants) < len(together),
                    sum_p50_per_s=sum(event.peak_per_s.p50 for event in together),
                    sum_p99_per_s=sum(event.peak_per_s.p99 for event in together),
                )
            )
    return found


def _claims(event: Event) -> list[tuple[Micros, Micros]]:
    return [(event.start, event.end)] if event.unknown_time else event.spans()


def promised_at(events: Sequence[Event], now: Micros) -> dict[str, float]:
    """What tenants are promised at an instant, in requests/s: the p99 of each event that is on, the stand-by of one
    whose time is not known. An event counts from a minute before to a minute after it, for it may come early or late.
    """
    promised: dict[str, float] = {}
    for event in events:
        rate = event.standby_per_s if event.unknown_time else event.peak_per_s.p99
        begin, end = event.start, event.end
        if event.every and not event.unknown_time:
            # The last pulse that has begun, or is about to.
            pulse = min(max(now + EARLY - begin, 0) // event.every, event.pulses - 1)
            begin += pulse * event.every
            end = min(begin + event.duration, end)
        if begin - EARLY <= now < end + EARLY:
            promised[event.tenant] = promised.get(event.tenant, 0.0) + rate
    return promised


def text_of(event: Event) -> str:
    """One line about an event, for people."""
    minutes = event.duration // MINUTE
    when = f"some time from {iso_text(event.start)} to {iso_text(event.end)}" if event.unknown_time else (
        f"at {iso_text(event.start)}"
    )  # fmt: skip
    peak = event.peak_per_s
    expected = f"{peak.p50:g} / {peak.p90:g} / {peak.p99:g} per s"
    return f"{event.tenant}: a {event.shape} of {minutes} min {when}, peak {expected}"
