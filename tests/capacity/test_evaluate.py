"""Policies over generated traces, and the rules of replaying."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chuanliu.bench.capacity_days import DAY_START, KINDS, day_of, smooth, steps
from chuanliu.capacity import Trace, evaluate, read_trace
from chuanliu.capacity.foresight import planned_units
from chuanliu.clock import MINUTE, SECOND
from chuanliu.errors import Invalid


@pytest.mark.parametrize("step_s", [10, 60])
@pytest.mark.parametrize("seed", range(4))
def test_declared_steps_cost_less_and_lose_less_than_following_them(seed: int, step_s: int) -> None:
    found = evaluate(*steps(seed, step_s=step_s))
    assert found.reactive.over_share > 0
    assert found.plan.over_share <= found.reactive.over_share / 5
    assert found.plan.unit_minutes <= found.reactive.unit_minutes
    assert found.plan.unit_minutes <= 0.4 * found.static.unit_minutes


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_events_of_every_kind_lose_little_at_no_more_cost(kind: str) -> None:
    days = [evaluate(*day_of(KINDS[kind], seed)) for seed in range(3)]
    over = [sum(getattr(one, policy).over_share for one in days) for policy in ("plan", "reactive")]
    units = [sum(getattr(one, policy).unit_minutes for one in days) for policy in ("plan", "reactive")]
    assert over[0] <= over[1] / 4
    assert units[0] <= 1.03 * units[1]


@pytest.mark.parametrize("kind", ["steps", "steps short", "steps together", "steps very wide", "pulses"])
def test_slots_of_five_minutes_tell_enough(kind: str) -> None:
    for seed in range(3):
        found = evaluate(*day_of(KINDS[kind], seed, step_s=300))
        assert found.plan.over_share <= found.reactive.over_share / 4
        assert found.plan.unit_minutes <= 1.1 * found.reactive.unit_minutes


def test_a_train_is_served_whose_pauses_are_no_longer_than_the_lag() -> None:
    found = evaluate(*day_of(KINDS["pulse trains"], 0), lag=10 * MINUTE)
    assert found.plan.over_share <= found.reactive.over_share / 5
    assert found.plan.unit_minutes <= 1.15 * found.reactive.unit_minutes


def test_who_starts_late_is_served_to_the_end_and_one_that_never_comes_is_given_up() -> None:
    trace, (event, *_) = steps(0, tenants=1)
    late = np.roll(trace.rates, 8, axis=1)
    found = evaluate(Trace(tenants=trace.tenants, start=trace.start, step=trace.step, rates=late), [event])
    assert found.plan.over_share <= found.reactive.over_share / 4
    nothing = np.full_like(trace.rates, 1.0)
    never = Trace(tenants=trace.tenants, start=trace.start, step=trace.step, rates=nothing)
    units = planned_units(never, [event], lag=5 * MINUTE, unit_rate=10)
    assert units.max() > event.peak_per_s.p50 / 10
    assert 2 <= (units > units.min()).sum() <= 14


@pytest.mark.parametrize("step_s", [10, 60])
@pytest.mark.parametrize("seed", range(3))
def test_without_a_calendar_a_smooth_day_is_followed_like_a_reactive_scaler_does(seed: int, step_s: int) -> None:
    found = evaluate(smooth(seed, step_s=step_s))
    assert abs(found.plan.unit_minutes / found.reactive.unit_minutes - 1) <= 0.05
    assert found.plan.over_share <= found.reactive.over_share


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.floats(0, 5000), min_size=30, max_size=30), min_size=1, max_size=4),
    st.integers(0, 12).map(lambda n: n * MINUTE),
    st.floats(1, 500),
)
def test_policies_are_ordered(rates: list[list[float]], lag: int, unit_rate: float) -> None:
    trace = Trace(
        tenants=[f"t{n}" for n in range(len(rates))], start=DAY_START, step=MINUTE, rates=np.array(rates, dtype=float)
    )
    found = evaluate(trace, lag=lag, unit_rate=unit_rate)
    assert found.oracle.unit_minutes <= found.static.unit_minutes
    assert found.oracle.over_share == found.static.over_share == 0
    assert found.plan.over_share <= found.reactive.over_share
    for one in (found.static, found.reactive, found.plan, found.oracle):
        assert 0 <= one.over_share <= one.worst_tenant_over_share + 1e-6 <= 1 + 2e-6


@pytest.mark.parametrize("slots", [300, 400, 555, 700, 1000])
def test_what_comes_later_changes_nothing_before(slots: int) -> None:
    whole, events = steps(5)
    later = whole.rates.copy()
    later[:, slots:] = later[:, slots:] * 7 + 1000
    other = Trace(tenants=whole.tenants, start=whole.start, step=whole.step, rates=later)
    units = [planned_units(each, events, lag=5 * MINUTE, unit_rate=10) for each in (whole, other)]
    assert (units[0][: slots + 1] == units[1][: slots + 1]).all()


def test_rows_in_any_order_with_offsets_and_gaps() -> None:
    trace = read_trace(
        "tenant,requests_per_s,time,note\n"
        "b,30,2026-11-11T20:02:00+08:00,\n"
        "a,10,2026-11-11T12:00:00Z,x\n"
        "\n"
        "a,20,2026-11-11T13:01:00+01:00,\n"
        "a,40,2026-11-11T12:04:00Z,\n"
    )
    assert (trace.tenants, trace.step) == (["a", "b"], 60 * SECOND)
    assert trace.rates.tolist() == [[10, 20, 0, 0, 40], [0, 0, 30, 0, 0]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: the header must name"),
        ("time,tenant\n", "missing: requests_per_s"),
        ("time,tenant,requests_per_s\n", "no rows"),
        ("time,tenant,requests_per_s\n2026-11-11,a,x\n", "line 2: time has no zone"),
        ("time,tenant,requests_per_s\nnoon,a,1\n", "line 2: time must be ISO 8601"),
        ("time,tenant,requests_per_s\n2026-11-11T00:00:00Z,,1\n", "line 2: tenant is empty"),
        ("time,tenant,requests_per_s\n2026-11-11T00:00:00Z,a,-1\n", "line 2: requests_per_s"),
        ("time,tenant,requests_per_s\n2026-11-11T00:00:00Z,a,nan\n", "line 2: requests_per_s"),
        ("time,tenant,requests_per_s\n2026-11-11T00:00:00Z,a,1\n2026-11-11T00:00:00Z,a,2\n", "line 3: tenant a at"),
    ],
)
def test_what_is_wrong_with_a_trace_is_said_with_its_line(text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read_trace(text)
