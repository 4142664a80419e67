"""What tenants will send: quantiles by time of day from history, and on top of them what declared events turn into.

Quantiles are of requests/s in a slot. Only slots before the cut are used; the rest tells how good the forecast was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from chuanliu.calendars import Event
from chuanliu.capacity.trace import Floats, Trace
from chuanliu.capacity.uncertainty import Z90, Z99, uncertain
from chuanliu.clock import DAY, HOUR, MINUTE, Micros
from chuanliu.errors import Invalid

PROBABILITIES: Final = (0.5, 0.9, 0.99)
BUCKET: Final = 15 * MINUTE
"""Times of day are told apart that finely, and a bucket takes its two neighbours in."""
DAYS_MIN: Final = 2
"""With fewer days there is no season to see: the last hours stand for all times."""
RECENT: Final = 6 * HOUR
COURSE_PARTS: Final = 20
PRIOR_EVENTS: Final = 3.0
"""A tenant's declarations are believed as they stand with the weight of so many events."""


class EventsLearned(msgspec.Struct, frozen=True, kw_only=True):
    """From events that ended before the cut. `ratio` is the geometric mean of peaks seen to declared medians, `spread`
    the standard deviation of the logarithm around it; `course[k]` the part of the peak in the k-th twentieth of the
    length.
    """

    count: int
    ratio: float
    spread: float
    course: list[float]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """Of one quantile over all tenants and slots after the cut: mean pinball loss in requests/s, that of taking the
    value one day before (or the last one) instead, and the share of slots at or below the quantile.
    """

    probability: float
    pinball_loss: float
    naive_pinball_loss: float
    coverage: float


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """`quantiles[probability, tenant, slot]` for the slots from `cut` on. `is_short`: too few days for a season."""

    cut: int
    days: float
    is_short: bool
    quantiles: Floats
    events: EventsLearned
    scores: list[Score]


def forecast(trace: Trace, events: Sequence[Event], cut: int) -> Forecast:
    """For the slots from `cut` on, 1 to the last. Raises `Invalid(invalid_parameter)` where there is no history or
    nothing to hold the forecast against.
    """
    if not 0 < cut < trace.slots:
        raise Invalid("invalid_parameter", "the cut must leave at least one slot before and after it", field="cut")
    rows = {tenant: row for row, tenant in enumerate(trace.tenants)}
    in_event = np.zeros(trace.rates.shape, dtype=bool)
    for event in events:
        if event.tenant in rows:
            in_event[rows[event.tenant], _slots(event.start, event.end, trace)] = True
    days = cut * trace.step / DAY
    is_short = days < DAYS_MIN
    quantiles = np.zeros((len(PROBABILITIES), len(trace.tenants), trace.slots - cut))
    for row in range(len(trace.tenants)):
        usual = np.where(in_event[row, :cut], np.nan, trace.rates[row, :cut])
        quantiles[:, row] = _recent(usual, trace, cut) if is_short else _seasonal(usual, trace, cut)
    learned = _learn(trace, events, rows, cut)
    for event in events:
        if event.tenant in rows and not event.unknown_time:
            _add_event(quantiles[:, rows[event.tenant]], event, learned, trace, cut)
    return Forecast(
        cut=cut,
        days=round(days, 3),
        is_short=is_short,
        quantiles=quantiles,
        events=learned,
        scores=[_score(at, quantiles[at], trace, cut) for at in range(len(PROBABILITIES))],
    )


def _slots(start: Micros, end: Micros, trace: Trace) -> slice:
    return slice(max((start - trace.start) // trace.step, 0), max(-(-(end - trace.start) // trace.step), 0))


def _quantiles(sample: Floats) -> Floats:
    """Quantiles of a sample, honest about its size: few values say little of what is rare, so the upper ones widen."""
    sample = sample[~np.isnan(sample)]
    if not sample.size:
        return np.zeros(len(PROBABILITIES))
    found = np.quantile(sample, PROBABILITIES)
    beyond = (sample.max() - found[0] + float(sample.std())) / math.sqrt(sample.size)
    return np.asarray(found + np.array([0.0, 0.5, 1.0]) * beyond)


def _recent(usual: Floats, trace: Trace, cut: int) -> Floats:
    known = usual[max(cut - max(RECENT // trace.step, 1), 0) :]
    found = _quantiles(known if not np.isnan(known).all() else usual)
    # Other times of day were not seen: twice the distance to the median, for what grows until then.
    found = found[0] + 2 * (found - found[0])
    return np.repeat(found[:, None], trace.slots - cut, axis=1)


def _seasonal(usual: Floats, trace: Trace, cut: int) -> Floats:
    of_day = (trace.start + np.arange(trace.slots) * trace.step) % DAY // BUCKET
    buckets = DAY // BUCKET
    everything = _quantiles(usual)
    table = np.zeros((len(PROBABILITIES), buckets))
    before = of_day[:cut]
    for bucket in range(buckets):
        near = (before - bucket + 1) % buckets <= 2
        sample = usual[near]
        table[:, bucket] = _quantiles(sample) if (~np.isnan(sample)).any() else everything
    return np.asarray(table[:, of_day[cut:]])


def _learn(trace: Trace, events: Sequence[Event], rows: dict[str, int], cut: int) -> EventsLearned:
    ratios: list[float] = []
    courses: list[Floats] = []
    for event in events:
        at = _slots(event.start, event.end, trace)
        if event.unknown_time or event.tenant not in rows or at.stop > cut or at.stop <= at.start:
            continue
        row = trace.rates[rows[event.tenant]]
        around = np.concatenate([row[max(at.start - (at.stop - at.start), 0) : at.start], [0.0]])
        extra = np.maximum(row[at] - float(np.median(around[:-1])) if around.size > 1 else row[at], 0.0)
        peak = float(extra.max())
        if peak > 0 and event.peak_per_s.p50 > 0:
            ratios.append(math.log(peak / event.peak_per_s.p50))
            parts = (np.arange(COURSE_PARTS) + 0.5) / COURSE_PARTS * extra.size
            courses.append(extra[np.minimum(parts.astype(int), extra.size - 1)] / peak)
    weight = len(ratios) / (len(ratios) + PRIOR_EVENTS)
    flat = np.ones(COURSE_PARTS)
    course = weight * np.mean(courses, axis=0) + (1 - weight) * flat if courses else flat
    return EventsLearned(
        count=len(ratios),
        ratio=round(math.exp(weight * float(np.mean(ratios))), 4) if ratios else 1.0,
        spread=round(float(np.std(ratios, ddof=1)), 4) if len(ratios) > 1 else 0.0,
        course=[round(float(part), 4) for part in course],
    )


def _add_event(quantiles: Floats, event: Event, learned: EventsLearned, trace: Trace, cut: int) -> None:
    """To a tenant's quantiles: medians add up, what is above them adds like independent deviations do."""
    expected = uncertain(event.peak_per_s)
    weight = learned.count / (learned.count + PRIOR_EVENTS) if learned.count > 1 else 0.0
    sigma = math.sqrt((1 - weight) * expected.sigma**2 + weight * learned.spread**2)
    median = event.peak_per_s.p50 * learned.ratio
    peaks = median * np.exp(sigma * np.array([0.0, Z90, Z99]))
    course = np.array(learned.course)
    for begin, end in event.spans():
        at = _slots(begin, end, trace)
        length = at.stop - at.start
        for slot in range(max(at.start, cut), min(at.stop, trace.slots)):
            part = course[(slot - at.start) * COURSE_PARTS // length]
            usual, mine = quantiles[:, slot - cut].copy(), peaks * part
            above = np.hypot(usual - usual[0], mine - mine[0])
            quantiles[:, slot - cut] = usual[0] + mine[0] + above


def _score(at: int, quantile: Floats, trace: Trace, cut: int) -> Score:
    probability = PROBABILITIES[at]
    seen = trace.rates[:, cut:]
    day = DAY // trace.step
    back = np.arange(cut, trace.slots) - day
    naive = trace.rates[:, np.where((back >= 0) & (back < cut), back, cut - 1)]
    return Score(
        probability=probability,
        pinball_loss=round(_pinball(seen, quantile, probability), 6),
        naive_pinball_loss=round(_pinball(seen, naive, probability), 6),
        coverage=round(float((seen <= quantile).mean()), 6),
    )


def _pinball(seen: Floats, said: Floats, probability: float) -> float:
    short = seen - said
    return float(np.maximum(probability * short, (probability - 1) * short).mean())
