"""Forecasts: better than yesterday where there is a season, honest where history is short, taught by past events."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from chuanliu.bench.capacity_days import DAY_START
from chuanliu.calendars import Event, Quantiles
from chuanliu.capacity import Trace, forecast
from chuanliu.clock import DAY, HOUR, MINUTE
from chuanliu.errors import Invalid

STEP = 5 * MINUTE
PER_DAY = DAY // STEP


def season(days: int, seed: int, noise: float = 0.1) -> Trace:
    chance = np.random.default_rng(seed)
    slots = np.arange(days * PER_DAY)
    wave = 100 * (1.2 + np.sin(slots * 2 * np.pi / PER_DAY))
    rates = np.stack([wave, wave[::-1] * 2]) * chance.lognormal(0, noise, (2, slots.size))
    return Trace(tenants=["a", "b"], start=DAY_START, step=STEP, rates=rates)


def event(day: int, p50: float = 100.0) -> Event:
    start = DAY_START + day * DAY + 20 * HOUR
    return Event(
        tenant="a", start=start, end=start + HOUR, duration=HOUR, shape="step",
        peak_per_s=Quantiles(p50=p50, p90=p50 * 2, p99=p50 * 4),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_a_season_is_forecast_better_than_by_the_day_before_and_covered_as_said(seed: int) -> None:
    found = forecast(season(8, seed), [], 6 * PER_DAY)
    assert not found.is_short
    for one in found.scores:
        assert one.pinball_loss < one.naive_pinball_loss
    p50, p90, p99 = (one.coverage for one in found.scores)
    assert 0.42 < p50 < 0.58 and 0.86 < p90 < 0.97 and p99 > 0.98
    assert (np.diff(found.quantiles, axis=0) >= 0).all()


def test_short_history_says_so_and_its_quantiles_are_wide() -> None:
    short, long = forecast(season(2, 1), [], PER_DAY // 2), forecast(season(8, 1), [], 7 * PER_DAY)
    assert short.is_short and short.days == 0.5 and not long.is_short
    widths = [float((one.quantiles[2] / one.quantiles[0]).mean()) for one in (short, long)]
    assert widths[0] > widths[1]


def test_what_comes_after_the_cut_does_not_change_the_forecast() -> None:
    trace, cut = season(4, 2), 3 * PER_DAY
    later = trace.rates.copy()
    later[:, cut:] *= 9
    events = [event(1), event(3)]
    other = forecast(msgspec.structs.replace(trace, rates=later), events, cut)
    assert (forecast(trace, events, cut).quantiles == other.quantiles).all()


def test_past_events_teach_how_much_of_a_declaration_comes() -> None:
    trace = season(10, 3)
    rates = trace.rates.copy()
    events = [event(day) for day in range(10)]
    for one in events:
        first = (one.start - DAY_START) // STEP
        rates[0, first : first + 12] += 300.0
    taught = forecast(msgspec.structs.replace(trace, rates=rates), events, 9 * PER_DAY)
    assert taught.events.count == 9
    # Three times what was declared, with some of the weight still on the declaration.
    assert 2.0 < taught.events.ratio < 3.2
    evening = slice(20 * 12, 21 * 12)
    untaught = forecast(msgspec.structs.replace(trace, rates=rates), events[9:], 9 * PER_DAY)
    assert untaught.events.count == 0 and untaught.events.ratio == 1
    seen = rates[0, 9 * PER_DAY :][evening].mean()
    assert abs(taught.quantiles[0, 0, evening].mean() / seen - 1) < 0.35
    # Usual times have not learned from events.
    assert taught.quantiles[0, 0, :60].max() < 260


def test_gaps_and_cuts_that_leave_nothing() -> None:
    trace = season(2, 1)
    for cut in (0, trace.slots):
        with pytest.raises(Invalid, match="the cut must leave"):
            forecast(trace, [], cut)
    silent = msgspec.structs.replace(trace, rates=np.zeros_like(trace.rates))
    assert (forecast(silent, [event(0), event(1)], PER_DAY).quantiles >= 0).all()
