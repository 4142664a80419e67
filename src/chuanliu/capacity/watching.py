"""Declared events as they are watched slot by slot: not yet seen, seen, over. One `Watch` a span of an event.

An event is seen when its tenant sends clearly more than before; it may come some minutes early or late, and it is over
when it has been seen to end, not when it was to end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chuanliu.calendars import Event
from chuanliu.capacity.trace import Floats, Trace
from chuanliu.capacity.uncertainty import Uncertain, uncertain
from chuanliu.clock import MINUTE, Micros

SEEN: Final = MINUTE
"""An event must have been seen so long before it is believed rather than its declaration."""
LATE: Final = 10 * MINUTE
"""An event of which nothing is seen may still come: its declaration stands so long, and half of its length at most."""
EARLY: Final = 10 * MINUTE
"""So long before its start an event is looked out for."""
TAIL: Final = MINUTE
"""So long after its end an event's units stay, where slots are no longer than that."""
CLEARLY: Final = 0.3
"""Of the declared median, or of the peak seen: what tells an event from what is usual."""
OVERTIME_MAX: Final = 30 * MINUTE
"""An event that lasts longer than that beyond its end is what is usual now."""


def slots_of(span: Micros, step: Micros) -> int:
    """How many slots a span takes, begun ones counted."""
    return -(-span // step)


class Train:
    """What the pulses of a train have in common: the largest rate on top of the usual ones so far, 0 when unseen."""

    def __init__(self) -> None:
        self.peak = 0.0


class Watch:
    """One span [first, last) in slots, of a tenant (a row of the trace), and what was seen of it so far.

    `coverage` is the part of the first slot that the span takes. `before` is the tenant's rate just before it.
    """

    def __init__(self, event: Event, row: int, span: tuple[Micros, Micros], trace: Trace, train: Train | None) -> None:
        step = trace.step
        begin = span[0] - trace.start
        self.event, self.row, self.train, self.step = event, row, train, step
        self.first = begin // step
        self.last = max(slots_of(span[1] - trace.start, step), self.first + 1)
        self.coverage = min((self.first + 1) * step - begin, span[1] - span[0]) / step
        self.is_ramp = event.shape == "ramp"
        self.is_window = event.unknown_time
        self.expected: Uncertain = uncertain(event.peak_per_s)
        length = span[1] - span[0]
        self.late = max(slots_of(min(LATE, max(length // 2, 2 * MINUTE)), step), 1)
        self.length = slots_of(event.duration if self.is_window else length, step)
        early = min(EARLY, event.every // 4) if event.every else EARLY
        self.opens = self.first - slots_of(early, step)
        self.before: float | None = None
        self._reference: float | None = None
        self.detected: int | None = None
        self.peak = 0.0
        self.is_on = False
        self.is_over = False
        self.rises: list[int] = []
        self.falls: list[int] = []

    @property
    def ends(self) -> int:
        """The slot in which it should have ended; who comes late ends late."""
        if self.detected is None:
            return self.last
        if self.is_window:
            return self.detected + self.length
        return self.last + max(self.detected - self.first, 0)

    def threshold(self) -> float:
        """The rate of the tenant above which this event is on."""
        usual = self.before or 0.0
        if self.detected is not None:
            return usual + CLEARLY * max(self.peak - usual, 0.0)
        usual = self._reference if self._reference is not None else usual
        declared = self.event.peak_per_s.p50
        if self.is_window and self.event.standby_per_s > 0:
            declared = min(declared, self.event.standby_per_s)
        if self.is_ramp:
            return max(usual * 1.1, usual + 0.05 * declared)
        return usual + CLEARLY * declared

    def look(self, at: int, rates: Floats, usual: float, window: int, tail: int, *, is_shared: bool) -> None:
        """Takes in the slot before `at`, of this tenant's `rates`. Called for each slot from `opens` on. `usual` is
        what the tenant sends outside of events; with `is_shared` another of its events is on, which hides an early
        start.
        """
        if self.before is None:
            self.before = usual
        if at < 1:
            return
        if is_shared and self.detected is None:
            if at <= self.first:
                return
            if self._reference is None:
                self._reference = float(rates[max(self.first - window, 0) : max(self.first, 1)].max())
        rate = float(rates[at - 1])
        was_on, self.is_on = self.is_on, rate > self.threshold()
        if self.detected is None and self.is_on:
            self.detected = at - 1
        if self.detected is not None:
            self._follow(at, rate, was_on=was_on)
        self.is_over = not self.is_on and at > (self.ends + tail if self.detected is not None else self.last - 1)

    def _follow(self, at: int, rate: float, *, was_on: bool) -> None:
        self.peak = max(self.peak, rate)
        if self.is_on and not was_on:
            self.rises.append(at - 1)
        elif was_on and not self.is_on:
            self.falls.append(at - 1)
        if self.train is not None:
            self.train.peak = max(self.train.peak, rate - (self.before or 0.0))

    def is_settled(self, at: int, seen: int) -> bool:
        """Whether it has been seen long enough to be believed."""
        return self.detected is not None and at >= self.detected + seen

    def is_expected(self, at: int) -> bool:
        """Whether its declaration stands although nothing is seen."""
        return self.detected is None and at < self.first + self.late

    def rhythm(self) -> tuple[int, int] | None:
        """Period and length of the pulses of one event, in slots, once two have come at equal distance or only one
        cycle is known; `None` when there is none, or it is not kept.
        """
        if self.event.shape != "pulse" or self.is_window or len(self.rises) < 2 or not self.falls:
            return None
        distances = [there - here for here, there in zip(self.rises, self.rises[1:], strict=False)]
        slack = max(1, distances[0] // 8)
        if max(distances) - min(distances) > slack:
            return None
        lengths = [fall - rise for rise, fall in zip(self.rises, self.falls, strict=False)]
        return distances[-1], max(lengths)

    def first_slot_share(self) -> float:
        """What to expect of the peak in a first slot that is not covered whole: rates may be averages, or samples."""
        return 0.5 + 0.5 * self.coverage


def watches_of(trace: Trace, events: Sequence[Event]) -> tuple[list[Watch], int]:
    """By time of opening; and how many tenants there are with those that the trace does not have."""
    rows = {tenant: row for row, tenant in enumerate(trace.tenants)}
    found = []
    for event in events:
        row = rows.setdefault(event.tenant, len(rows))
        # Pulses that slots cannot tell apart are one event.
        is_train = event.every >= 4 * trace.step
        train = Train() if is_train else None
        spans = event.spans() if is_train else [(event.start, event.end)]
        for span in spans:
            watch = Watch(event, row, span, trace, train)
            if watch.last > 0 and watch.first < trace.slots:
                found.append(watch)
    return sorted(found, key=lambda each: each.opens), len(rows)
