"""What the pool needs in a slot, from what came before and the calendar: the plan's rule for units, slot by slot.

What is not declared is followed like a reactive scaler does. For declared events that are not yet seen, a quantile of
the sum of their peaks stands ready; what is seen replaces what was declared, and with the end its units leave. Units
take the lag to start; to leave they take none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from chuanliu.calendars import Event
from chuanliu.capacity.trace import Floats, Trace
from chuanliu.capacity.uncertainty import quantile_of_sum, z_of
from chuanliu.capacity.watching import OVERTIME_MAX, SEEN, TAIL, Watch, slots_of, watches_of
from chuanliu.clock import MINUTE, Micros

WINDOW: Final = 5 * MINUTE
"""How far back a reactive scaler looks for the largest rate."""
HEADROOM: Final = 1.5
"""What it takes that times."""
EVENT_HEADROOM: Final = 1.25
"""Times the largest rate seen in an event, once it is seen."""
AHEAD: Final = 3 * MINUTE
"""An event's units are there so long before its start, or a tenth of its length and at least one minute before it,
until starts are learned; in whole slots, so none with long ones.
"""
AHEAD_MAX: Final = 10 * MINUTE
COST_LIKE_REACTIVE: Final = 0.95
"""What stands ready for an event may make it cost this part of what a reactive scaler would pay for it."""
UNSEEN_MOST: Final = z_of(0.985)
"""The most that stands ready, as a quantile of the sum of peaks."""
RAMP_AHEAD: Final = 2.0
"""How much steeper than a line over its whole length a ramp may begin: it may stay up, or go down again."""
LEARNED_MIN: Final = 3
"""Fewer starts than that teach nothing."""


def trailing_max(series: Floats, slots: int) -> Floats:
    """For each slot the largest of up to `slots` before it, itself not included; the first slot stands for what
    came before the trace.
    """
    padded = np.concatenate([np.full((*series.shape[:-1], slots), series[..., :1]), series], axis=-1)[..., :-1]
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, slots, axis=-1).max(axis=-1))


def planned_units(trace: Trace, events: Sequence[Event], *, lag: Micros, unit_rate: float) -> npt.NDArray[np.int64]:
    """Units in each slot, decided with the slots before it and the calendar alone."""
    return _run(_Foresight(trace, events, lag), trace.slots, slots_of(lag, trace.step), unit_rate)


class _Foresight:
    """Asked for each slot in order: requests/s to have capacity for from then until a lag later."""

    def __init__(self, trace: Trace, events: Sequence[Event], lag: Micros) -> None:
        self._watches, tenants = watches_of(trace, events)
        missing = tenants - trace.rates.shape[0]
        self._rates = np.vstack([trace.rates, np.zeros((missing, trace.slots))]) if missing else trace.rates
        step = trace.step
        self._step, self._slots, self._lag = step, trace.slots, slots_of(lag, step)
        self._window = max(slots_of(WINDOW, step), 1)
        self._seen, self._tail = slots_of(SEEN, step), TAIL // step
        self._overtime = slots_of(OVERTIME_MAX, step)
        # Rates outside of events, of all tenants together; in events, what the tenant sent just before.
        self._calm_by_tenant = self._rates.copy()
        self._calm = self._rates.sum(axis=0)
        self._calm[1:] = 0.0
        self._calm_wanted = np.full(trace.slots + 1, self._calm[0] * HEADROOM)
        self._alive: list[Watch] = []
        self._coming = 0
        self._offsets: list[int] = []

    def needs(self, at: int) -> Floats:
        """For the slots from `at` to a lag later, of what is known at its start. Slots must be asked for in order."""
        self._take_in(at)
        known = self._calm_wanted[np.maximum(np.arange(at - self._lag, at + 1), 0)]
        if not self._alive:
            return known
        length = self._lag + 1
        unseen = np.zeros((5, length))
        observed: dict[int, Floats] = {}
        for watch in self._alive:
            self._unseen(watch, at, unseen)
            level = self._observed(watch, at)
            if level is not None:
                mine = observed.get(watch.row)
                observed[watch.row] = level if mine is None else np.maximum(mine, level)
        means, variances, deviations, affordable, standby = unseen
        need = known + standby + np.minimum(quantile_of_sum(means, variances, deviations, UNSEEN_MOST), affordable)
        for level in observed.values():
            need += level
        return need

    def _take_in(self, at: int) -> None:
        # Units are asked for a lag before they are to be there, and that may be well before the start.
        horizon = at + self._lag + AHEAD_MAX // self._step
        while self._coming < len(self._watches) and self._watches[self._coming].opens <= horizon:
            self._alive.append(self._watches[self._coming])
            self._coming += 1
        frozen: dict[int, float] = {}
        on = Counter(watch.row for watch in self._alive if watch.detected is not None or watch.first < at)
        since = max(at - self._window, 0)
        for watch in self._alive:
            if at < watch.opens:
                continue
            was_unseen = watch.detected is None
            usual = float(self._calm_by_tenant[watch.row, since : max(at, 1)].max()) if was_unseen else 0.0
            others = on[watch.row] - (not was_unseen or watch.first < at)
            rates = self._rates[watch.row]
            watch.look(at, rates, usual, self._window, self._tail, is_shared=others > 0)
            if watch.detected is None:
                continue
            if was_unseen and not others and not watch.is_window and watch.train is None:
                self._offsets.append(watch.detected - watch.first)
                if self._early() > 0:
                    # Times are not kept to the slot: what starts within a slot ends within one.
                    self._tail = max(self._tail, 1)
            if at > watch.ends + self._overtime:
                watch.is_over = True
                self._calm[since:at] += rates[since:at] - self._calm_by_tenant[watch.row, since:at]
                self._calm_by_tenant[watch.row, since:at] = rates[since:at]
            elif not watch.is_over:
                frozen[watch.row] = min(frozen.get(watch.row, np.inf), watch.before or 0.0)
        self._alive = [watch for watch in self._alive if not watch.is_over]
        if at > 0:
            for row, before in frozen.items():
                self._calm_by_tenant[row, at - 1] = min(self._rates[row, at - 1], before)
            self._calm[at - 1] = self._calm_by_tenant[:, at - 1].sum()
            self._calm_wanted[at] = HEADROOM * self._calm[since:at].max()

    def _ahead(self, watch: Watch) -> int:
        """Slots before its start from which an event's units are there: as starts so far were early."""
        ahead = max(min(AHEAD, watch.length * self._step // 10), MINUTE) // self._step
        return max(ahead, min(self._early(), AHEAD_MAX // self._step, max(watch.length // 4, 1)))

    def _early(self) -> int:
        """By how many slots events come early, but for the earliest few; 0 when they are on time, or unknown yet."""
        if len(self._offsets) < LEARNED_MIN:
            return 0
        return -int(np.quantile(self._offsets[-20:], 0.15, method="lower"))

    def _affordable(self, watch: Watch, ahead: int) -> float:
        """How many times its mean an event may have ready until it is seen."""
        length = watch.length * (0.5 if watch.is_ramp else 1.0)
        reactive = HEADROOM * (length + self._window - 1)
        then = EVENT_HEADROOM * max(length - self._seen, 0)
        return max((COST_LIKE_REACTIVE * reactive - then) / (ahead + self._seen), 1.0)

    def _unseen(self, watch: Watch, at: int, unseen: Floats) -> None:
        """Adds what is expected of an event that is not yet, or hardly, seen: rows of means, variances, deviations,
        what is affordable, and stand-by.
        """
        if watch.is_window:
            if watch.detected is None:
                unseen[4, max(watch.first - at, 0) : max(watch.last - at, 0)] += watch.event.standby_per_s
            return
        if not watch.is_expected(at) and (watch.detected is None or watch.is_settled(at, self._seen)):
            return
        ahead = self._ahead(watch)
        first = watch.first - ahead
        here, there = max(first - at, 0), min(max(watch.ends - at, 1), self._lag + 1)
        if here >= there:
            return
        mean, deviation = watch.expected.mean, watch.expected.deviation
        if watch.train is not None and watch.train.peak > 0:
            mean, deviation = watch.train.peak * 1.05, watch.train.peak * 0.1
        share: Floats | float = 1.0
        if watch.is_ramp:
            share = np.clip(RAMP_AHEAD * (np.arange(here, there) + at + 1 - watch.first) / watch.length, 0.0, 1.0)
        elif watch.coverage < 1:
            share = np.where(np.arange(here, there) + at <= watch.first, watch.first_slot_share(), 1.0)
        affordable = mean * self._affordable(watch, ahead)
        for row, value in enumerate((mean * share, (deviation * share) ** 2, deviation * share, affordable * share)):
            unseen[row, here:there] += value

    def _observed(self, watch: Watch, at: int) -> Floats | None:
        """What a tenant needs on top of what is usual, by what was seen of its event; `None` while nothing was."""
        if watch.detected is None:
            return None
        usual = HEADROOM * (watch.before or 0.0)
        until = watch.ends + self._tail
        if watch.is_on and at > watch.ends:
            until = max(until, at + 1)
        length = self._lag + 1
        level = np.zeros(length)
        there = min(until - at, length)
        if there <= 0:
            return level
        rates = self._rates[watch.row]
        begin = max(at - self._window, watch.detected)
        peak = watch.peak if watch.event.shape == "pulse" else float(rates[begin:at].max())
        if at - 1 == watch.detected == watch.first and watch.coverage < 1:
            # Rates are means over a slot, and only a part of this one was in the event.
            before = watch.before or 0.0
            whole = before + (peak - before) / max(watch.coverage, 0.25)
            peak = max(peak, min(whole, before + watch.event.peak_per_s.p90))
        level[:there] = max(peak * EVENT_HEADROOM - usual, 0.0)
        if watch.is_ramp:
            level[:there] = np.maximum(self._climb(watch, at, there) * EVENT_HEADROOM - usual, 0.0)
        elif not watch.is_settled(at, self._seen):
            # Still expected as declared: only what is beyond that is added.
            level = np.maximum(level - watch.expected.mean, 0.0)
        rhythm = watch.rhythm()
        if rhythm is not None:
            level = self._rhythmic(watch, rhythm, at, level)
        if watch.is_window:
            level = np.maximum(level, watch.event.standby_per_s)
        return level

    def _rhythmic(self, watch: Watch, rhythm: tuple[int, int], at: int, level: Floats) -> Floats:
        """A level for the pulses alone, as long as they come and go when they should."""
        period, pulse = rhythm
        margin = 2 * (TAIL // self._step)
        since = at - watch.rises[-1]
        if since > (pulse + margin if watch.is_on else period + margin):
            return level
        after = (np.arange(since, since + level.size) + margin) % period
        return np.where(after < pulse + 2 * margin, level, 0.0)

    def _climb(self, watch: Watch, at: int, slots: int) -> Floats:
        """A ramp carried on as a line, from the last five minutes, or with few slots from its start; up to its p99."""
        rates = self._rates[watch.row]
        detected = watch.detected if watch.detected is not None else watch.first
        run = at - min(detected, max(watch.first, 0))
        recent = rates[max(at - max(self._window, 3), detected) : at]
        usual = watch.before or 0.0
        steps = np.arange(1, slots + 1)
        if recent.size >= 3:
            half = recent.size // 2
            slope = (float(recent[-half:].mean()) - float(recent[:half].mean())) / (recent.size - half)
            line = float(recent[-half:].max()) + max(slope, 0.0) * (steps + (half - 1) / 2)
        else:
            last = float(recent[-1])
            line = usual + (last - usual) * (run + steps) / max(run, 1)
        most = max(usual + watch.event.peak_per_s.p99, float(recent.max()))
        return np.asarray(np.minimum(line, most))


def _run(foresight: _Foresight, slots: int, lag_slots: int, unit_rate: float) -> npt.NDArray[np.int64]:
    """Orders arrive a lag after they are placed; what nothing known needs until new units could come is let go."""
    units = np.zeros(slots, dtype=np.int64)
    arrivals = np.zeros(slots + 2 * lag_slots + 1, dtype=np.int64)
    have = None
    for at in range(slots):
        need = np.ceil(foresight.needs(at) / unit_rate * (1 - 1e-12)).astype(np.int64)
        if have is None:
            have = int(need[: slots - at].max())
        have += int(arrivals[at])
        coming = arrivals[at : at + lag_slots + 1].copy()
        coming[0] = 0
        coming = coming.cumsum()
        have = min(have, max(int((need - coming)[: slots - at].max()), 0))
        short = int(need[lag_slots]) - (have + int(coming[lag_slots]))
        if short > 0 and lag_slots == 0:
            have += short
        elif short > 0:
            arrivals[at + lag_slots] += short
        units[at] = have
    return units
