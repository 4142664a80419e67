"""What the pool needs in a slot, from what came before and the calendar: the plan's rule for units, slot by slot.

Outside of declared events a tenant is followed like a reactive scaler does. For an event the declared p99 stands ready
one minute ahead; as soon as a minute of it is seen, what is seen replaces what was declared, and with its end its
units leave. Units take the lag to start; to leave they take none.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from chuanliu.capacity.calendar import Event
from chuanliu.capacity.trace import Floats, Trace
from chuanliu.clock import MINUTE, Micros

WINDOW: Final = 5 * MINUTE
"""How far back a reactive scaler looks for the largest rate."""
HEADROOM: Final = 1.5
"""What it takes that times."""
EVENT_HEADROOM: Final = 1.25
"""Times the largest rate seen in an event, once it is seen."""
MARGIN: Final = MINUTE
"""An event's units are there so long before its start and after its end, where slots are no longer than that."""
SEEN: Final = MINUTE
"""An event must have run so long before it is believed rather than its declaration."""
LATE: Final = 10 * MINUTE
"""An event of which little is seen may still come: so long its declaration stands."""


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of slots [first, last) in which a tenant (a row of the trace) has the same events."""

    tenant: int
    first: int
    last: int
    expected_p50: float
    expected_p99: float
    is_ramp: bool


def trailing_max(series: Floats, slots: int) -> Floats:
    """For each slot the largest of up to `slots` before it, itself not included; the first slot stands for what
    came before the trace.
    """
    padded = np.concatenate([np.full((*series.shape[:-1], slots), series[..., :1]), series], axis=-1)[..., :-1]
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, slots, axis=-1).max(axis=-1))


def slots_of(span: Micros, step: Micros) -> int:
    """How many slots a span takes, begun ones counted."""
    return -(-span // step)


def _margin_slots(step: Micros) -> int:
    """None for long slots: an event has all of the slots that it touches, which is margin enough."""
    return MARGIN // step


def phases_of(trace: Trace, events: Sequence[Event]) -> list[Phase]:
    """The events of known time as phases, with the margin around them, cut to the trace."""
    rows = {tenant: row for row, tenant in enumerate(trace.tenants)}
    spans: dict[int, list[tuple[int, int, Event]]] = {}
    margin = _margin_slots(trace.step) * trace.step
    for event in events:
        for begin, end in event.spans():
            first = max((begin - margin - trace.start) // trace.step, 0)
            last = min(slots_of(end + margin - trace.start, trace.step), trace.slots)
            # A tenant that the trace does not have gets a row beyond it: planned for, and seen to send nothing.
            row = rows.setdefault(event.tenant, len(rows))
            if first < last:
                spans.setdefault(row, []).append((first, last, event))
    found: list[Phase] = []
    for row, own in spans.items():
        edges = sorted({edge for first, last, _ in own for edge in (first, last)})
        for here, there in itertools.pairwise(edges):
            active = [event for first, last, event in own if first <= here < last]
            if active:
                found.append(
                    Phase(
                        tenant=row,
                        first=here,
                        last=there,
                        expected_p50=sum(event.peak_per_s.p50 for event in active),
                        expected_p99=sum(event.peak_per_s.p99 for event in active),
                        is_ramp=any(event.shape == "ramp" for event in active),
                    )
                )
    return found


def planned_units(trace: Trace, events: Sequence[Event], *, lag: Micros, unit_rate: float) -> npt.NDArray[np.int64]:
    """Units in each slot, decided with the slots before it and the calendar alone."""
    lag_slots = slots_of(lag, trace.step)
    phases = phases_of(trace, events)
    rates = trace.rates
    extra = max((phase.tenant for phase in phases), default=-1) + 1 - rates.shape[0]
    if extra > 0:
        rates = np.vstack([rates, np.zeros((extra, trace.slots))])
    window = max(slots_of(WINDOW, trace.step), 1)
    calm = _calm_rates(rates, phases, window)
    standby = _standby(trace, events)
    # Calm need follows the slot it is for: tenants that have an event then are counted by the event.
    ahead = _Need(trace, rates, calm, phases, standby, lag_slots, window)
    return _run(ahead, trace.slots, lag_slots, unit_rate)


def _calm_rates(rates: Floats, phases: Sequence[Phase], window: int) -> Floats:
    """Rates outside of events; within them, the largest of the last calm slots."""
    calm = rates.copy()
    for phase in sorted(phases, key=lambda each: each.first):
        before = calm[phase.tenant, max(phase.first - window, 0) : phase.first]
        calm[phase.tenant, phase.first : phase.last] = before.max() if before.size else 0.0
    return calm


def _standby(trace: Trace, events: Sequence[Event]) -> Floats:
    reserved = np.zeros(trace.slots)
    for event in events:
        if event.unknown_time:
            first = max((event.start - trace.start) // trace.step, 0)
            last = max(slots_of(event.end - trace.start, trace.step), 0)
            reserved[first:last] += event.standby_per_s
    return reserved


class _Need:
    """Requests/s to have capacity for in slot `of`, as known at the start of slot `at` (slots before it are seen)."""

    def __init__(
        self,
        trace: Trace,
        rates: Floats,
        calm: Floats,
        phases: Sequence[Phase],
        standby: Floats,
        lag_slots: int,
        window: int,
    ) -> None:
        self._rates, self._calm, self._standby = rates, calm, standby
        self._lag, self._window = lag_slots, window
        self._seen = slots_of(SEEN, trace.step)
        self._late = slots_of(LATE, trace.step)
        self._ramp_ahead = lag_slots
        self._slots = trace.slots
        self._by_slot: list[list[Phase]] = [[] for _ in range(trace.slots)]
        for phase in phases:
            for slot in range(phase.first, phase.last):
                self._by_slot[slot].append(phase)
        self._margin = _margin_slots(trace.step)
        self._calm_cache: dict[tuple[frozenset[int], int], float] = {}
        self._whole = trailing_max(calm.sum(axis=0), window) * HEADROOM
        self._level_cache: dict[tuple[int, int, int], float] = {}

    def known(self, at: int, of: int) -> float:
        """See the class; `of` is `at` or later."""
        active = self._by_slot[of]
        # Units for calm demand were asked for a lag before the slot, and stay for it.
        seen_until = max(of - self._lag, 0)
        need = self._calm_need(frozenset(phase.tenant for phase in active), min(seen_until, at))
        return need + float(self._standby[of]) + sum(self._level(phase, at, of) for phase in active)

    def _calm_need(self, busy: frozenset[int], at: int) -> float:
        if not busy:
            return float(self._whole[at])
        key = (busy, at)
        if key not in self._calm_cache:
            others = np.ones(self._calm.shape[0], dtype=bool)
            others[list(busy)] = False
            seen = self._calm[others, max(at - self._window, 0) : max(at, 1)]
            self._calm_cache[key] = HEADROOM * float(seen.sum(axis=0).max()) if seen.size else 0.0
        return self._calm_cache[key]

    def _level(self, phase: Phase, at: int, of: int) -> float:
        key = (phase.tenant, phase.first, at if not phase.is_ramp else at * self._slots + of)
        if key not in self._level_cache:
            self._level_cache[key] = self._fresh_level(phase, at, of)
        return self._level_cache[key]

    def _fresh_level(self, phase: Phase, at: int, of: int) -> float:
        before = min(at, phase.first)
        quiet = self._calm[phase.tenant, max(before - self._window, 0) : max(before, 1)]
        base = HEADROOM * float(quiet.max())
        declared = base + phase.expected_p99
        first = phase.first + self._margin
        run = min(at, phase.last) - first
        if run < 1:
            return declared
        peak = float(self._rates[phase.tenant, max(first, at - self._window) : min(at, phase.last)].max(initial=0.0))
        if run < self._seen or (run < self._late and peak < 0.3 * phase.expected_p50):
            return max(declared, peak * EVENT_HEADROOM)
        if not phase.is_ramp:
            return peak * EVENT_HEADROOM
        growth = (of - phase.first + 1) / max(at - phase.first, 1)
        return max(min(declared, peak * EVENT_HEADROOM * growth), peak * EVENT_HEADROOM)


def _run(need: _Need, slots: int, lag_slots: int, unit_rate: float) -> npt.NDArray[np.int64]:
    """Orders arrive a lag after they are placed; what nothing known needs until new units could come is let go."""

    def count(rate: float) -> int:
        return int(np.ceil(rate / unit_rate * (1 - 1e-12)))

    units = np.zeros(slots, dtype=np.int64)
    arrivals = np.zeros(slots + lag_slots + 1, dtype=np.int64)
    have = max((count(need.known(0, of)) for of in range(min(lag_slots + 1, slots))), default=0)
    for at in range(slots):
        have += int(arrivals[at])
        keep, coming = 0, 0
        for of in range(at, min(at + lag_slots, slots - 1) + 1):
            coming += int(arrivals[of]) if of > at else 0
            keep = max(keep, count(need.known(at, of)) - coming)
        target = at + lag_slots
        have_kept = min(have, max(keep, 0))
        if target < slots:
            short = count(need.known(at, target)) - (have_kept + int(arrivals[at + 1 : target + 1].sum()))
            if short > 0 and lag_slots == 0:
                have_kept += short
            elif short > 0:
                arrivals[target] += short
        have = have_kept
        units[at] = have
    return units
